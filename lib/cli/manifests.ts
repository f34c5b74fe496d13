/** Reads Kubernetes manifests from files, folders and stdin. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CORE_SCHEMA,
  DUMP_SCHEMA,
  defineScalarTag,
  dump,
  intCoreTag,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  YAMLException,
} from 'js-yaml';
import { exactInteger, parseJson } from '../json.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { type Io, readAll } from './command.ts';

/** An object and where it was written: `FILE#DOC`, documents counted from 1. */
export interface LoadedObject {
  readonly source: string;
  readonly object: KubernetesObject;
}

export interface Manifests {
  readonly objects: readonly LoadedObject[];
  /** Sentences that begin with `FILE#DOC:`. */
  readonly problems: readonly string[];
}

/** Integers keep every digit, as Kubernetes' int64 does. */
const exactIntTag = defineScalarTag<unknown>(intCoreTag.tagName, {
  implicit: true,
  implicitFirstChars: intCoreTag.implicitFirstChars,
  identify: (value) => Number.isInteger(value) || JSON.isRawJSON(value),
  represent: (value) => JSON.stringify(value),
  resolve(source, isExplicit, tagName) {
    const value = intCoreTag.resolve(source, isExplicit, tagName);
    if (value === NOT_RESOLVED || Number.isSafeInteger(value)) return value;
    return exactInteger(BigInt(source.replace(/^\+/, '')));
  },
});

/** YAML 1.2, where a date is a string, with the merge key that kubectl accepts. Duplicate keys are errors. */
const SCHEMA = CORE_SCHEMA.withTags(exactIntTag, mergeTag);

/** `value` as YAML, integers with every digit. */
export function formatYaml(value: object): string {
  return dump(value, { schema: DUMP_SCHEMA.withTags(exactIntTag), noRefs: true, lineWidth: -1 });
}

/**
 * Loads every document of every path, in order; folders recursively, files by name; `-` is stdin.
 *
 * Empty documents are skipped and lists are expanded. A problem stops nothing: all are reported. Objects of
 * namespaced kinds may come without a namespace.
 */
export async function loadManifests(paths: readonly string[], stdin: Io['stdin']): Promise<Manifests> {
  const objects: LoadedObject[] = [];
  const problems: string[] = [];
  for (const path of paths) {
    try {
      const files = path === '-' ? [path] : await filesIn(path);
      if (files.length === 0) problems.push(`${path}: no .yaml, .yml or .json file in this folder`);
      for (const file of files) {
        const text = file === '-' ? await readAll(stdin) : await readFile(file, 'utf8');
        const loaded = parseManifests(text, file === '-' ? '<stdin>' : file);
        objects.push(...loaded.objects);
        problems.push(...loaded.problems);
      }
    } catch (error) {
      const { code, syscall, message } = error as NodeJS.ErrnoException;
      if (syscall === undefined) throw error;
      problems.push(`${path}: ${code === 'ENOENT' ? 'no such file or folder' : message}`);
    }
  }
  return { objects, problems };
}

async function filesIn(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true });
  return entries
    .filter((entry) => /\.(ya?ml|json)$/.test(entry))
    .sort()
    .map((entry) => join(path, entry));
}

/** The objects of one file's text. */
export function parseManifests(text: string, file: string): Manifests {
  const objects: LoadedObject[] = [];
  const problems: string[] = [];
  let line = 0;
  for (const [index, chunk] of splitDocuments(text).entries()) {
    const source = `${file}#${index + 1}`;
    try {
      for (const document of loadAll(chunk, { schema: SCHEMA })) {
        // As JSON, which is what an API server would be sent: no shared or circular parts.
        if (document !== null) collect(parseJson(JSON.stringify(document)), source, '', objects, problems);
      }
    } catch (error) {
      problems.push(`${source}: ${yamlProblem(error, line)}`);
    }
    line += chunk.split('\n').length - 1;
  }
  return { objects, problems };
}

/** `firstLine` is how many lines of the file stand above the document. */
function yamlProblem(error: unknown, firstLine: number): string {
  if (error instanceof YAMLException) {
    return error.mark === undefined
      ? error.reason
      : `line ${firstLine + error.mark.line + 1}: ${error.reason}`;
  }
  // JSON.stringify refuses nothing else that YAML can say.
  if (error instanceof TypeError) return 'an alias refers to what contains it';
  throw error;
}

/** Cuts at `---`. Comments and directives above the first one belong to the document below it. */
function splitDocuments(text: string): string[] {
  const [head = '', ...tail] = text.split(/^(?=---(?:\s|$))/m);
  const [next = '', ...rest] = tail;
  return /^[^#%\s]/m.test(head) ? [head, ...tail] : [head + next, ...rest];
}

function collect(
  value: unknown,
  source: string,
  path: string,
  objects: LoadedObject[],
  problems: string[],
): void {
  const problem = (field: string, message: string) => problems.push(`${source}: ${field}: ${message}`);
  if (!isMapping(value)) {
    problem(
      path === '' ? 'document' : path.slice(0, -1),
      `must be an object, found ${JSON.stringify(value)}`,
    );
    return;
  }
  const { apiVersion, kind, metadata, items } = value;
  if (typeof apiVersion !== 'string' || apiVersion === '') problem(`${path}apiVersion`, 'is required');
  else if (typeof kind !== 'string' || kind === '') problem(`${path}kind`, 'is required');
  else if (kind.endsWith('List') && Array.isArray(items)) {
    // The items of a typed list carry no type of their own.
    const type = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
    for (const [index, item] of items.entries()) {
      const typed = isMapping(item) ? { ...type, ...item } : item;
      collect(typed, source, `${path}items[${index}].`, objects, problems);
    }
  } else if (!isMapping(metadata)) problem(`${path}metadata`, 'is required');
  else if (typeof metadata.name !== 'string' || metadata.name === '') {
    const text =
      metadata.name === undefined
        ? 'is required'
        : `must be a string, found ${JSON.stringify(metadata.name)}`;
    problem(`${path}metadata.name`, text);
  } else objects.push({ source, object: value as unknown as KubernetesObject });
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
