/** Reads Kubernetes manifests from files, folders and stdin. */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readBytes, readFileBytes } from '../file-bytes.ts';
import { isObject } from '../json.ts';
import { compareText, type KubernetesObject } from '../kubernetes/object.ts';
import { PROGRAM } from '../program.ts';
import { adviseTemplate, asText } from '../validation/advice.ts';
import { fileFault, type Io, isFileFault } from './command.ts';
import type { Diagnostic } from './diagnostic.ts';
import { fileText } from './file-text.ts';
import { parseYaml, type YamlDocument } from './yaml.ts';

/** An object and where it was written. */
export interface LoadedObject {
  readonly file: string;
  /** Counted from 1; only where the file has several. */
  readonly document?: number;
  readonly object: KubernetesObject;
  /** The line of a field, or of what is nearest around it. */
  readonly lineOf: (field: string) => number;
  /** See `YamlDocument`. */
  readonly octalAt?: (field: string) => string | undefined;
}

export interface Manifests {
  readonly objects: readonly LoadedObject[];
  readonly problems: readonly Diagnostic[];
  /** How many documents are not empty, and how many of them are no manifests but belong beside them. */
  readonly documents: number;
  readonly skipped: number;
}

/**
 * Loads every document of every path, in order; folders recursively, files by name; `-` is stdin.
 *
 * Empty documents are skipped and lists are expanded; compressed files are read. In folders, a kustomization, its
 * patches and documents without apiVersion and kind, such as values.yaml, are counted and left out. A problem stops nothing:
 * all are reported. Objects of namespaced kinds may come without a namespace.
 */
export async function loadManifests(
  paths: readonly string[],
  stdin: Io['stdin'],
  tick?: () => void,
): Promise<Manifests> {
  const read: Manifests[] = [];
  const fail = (file: string, message: string, fix?: string) => read.push(unreadable(file, message, fix));
  /** What `get` comes to; undefined, and reported for the path, if that cannot be read. */
  async function tryTo<T>(path: string, get: () => Promise<T>): Promise<T | undefined> {
    try {
      return await get();
    } catch (error) {
      if (!isFileFault(error)) throw error;
      if (!/^https?:\/\//.test(path)) fail(path || '""', fileFault(error), commas(path));
      else fail(path, 'is a URL, and nothing is fetched', `curl -L ${path} | ${PROGRAM} … -f -`);
      return undefined;
    }
  }
  async function readFrom(file: string, isOfFolder: boolean): Promise<void> {
    const name = file === '-' ? '<stdin>' : file;
    const bytes = await tryTo(name, async () => (file === '-' ? readBytes(stdin) : readFileBytes(file)));
    if (bytes === undefined) return;
    const text = fileText(bytes);
    if (typeof text === 'object') fail(name, text.problem, text.fix);
    else read.push(parseManifests(text, name, isOfFolder, tick));
  }
  /** By its path: no object by itself, though it may look like one. */
  const patches = new Set<string>();
  /** How many files there are; what cannot be listed counts as one. Links to folders may lead back: none is followed. */
  async function readFolder(folder: string): Promise<number> {
    const entries = await tryTo(folder, () => readdir(folder, { withFileTypes: true }));
    if (entries === undefined) return 1;
    const names = entries.map(({ name }) => name);
    if (names.includes(CHART)) {
      fail(
        folder,
        'is a chart of Helm, which metaipam does not render',
        `helm template ${folder} | ${PROGRAM} … -f -`,
      );
      return 1;
    }
    for (const name of entries.filter(isReadable).map((each) => each.name)) {
      if (!KUSTOMIZATION.test(name)) continue;
      for (const patch of patchesIn(textOf(join(folder, name)))) patches.add(join(folder, patch));
    }
    let count = 0;
    for (const entry of entries.sort((a, b) => compareText(a.name, b.name))) {
      const path = join(folder, entry.name);
      if (/^(\.|node_modules$)/.test(entry.name)) continue;
      if (entry.isDirectory()) count += await readFolder(path);
      else if (isReadable(entry) && /\.(ya?ml|json)(\.gz)?$/.test(entry.name)) {
        count++;
        if (patches.has(path)) read.push({ objects: [], problems: [], documents: 1, skipped: 1 });
        else await readFrom(path, true);
      }
    }
    return count;
  }
  for (const path of paths) {
    const found = path === '-' ? undefined : await tryTo(path, () => stat(path));
    if (path === '-' || found?.isDirectory() === false) await readFrom(path, false);
    else if (found?.isDirectory() && (await readFolder(path)) === 0)
      fail(path, 'no .yaml, .yml or .json file in this folder');
  }
  const count = (of: 'documents' | 'skipped') => read.reduce((sum, { [of]: number }) => sum + number, 0);
  return {
    objects: read.flatMap(({ objects }) => objects),
    problems: read.flatMap(({ problems }) => problems),
    documents: count('documents'),
    skipped: count('skipped'),
  };
}

function unreadable(file: string, message: string, fix?: string): Manifests {
  const problem: Diagnostic = { rule: 'unreadable', severity: 'error', file, message, ...(fix && { fix }) };
  return { objects: [], problems: [problem], documents: 0, skipped: 0 };
}

/** kubectl takes several paths in one word. */
function commas(path: string): string | undefined {
  return path.includes(',')
    ? `write a space for a comma between paths: -f ${path.replaceAll(',', ' ')}`
    : undefined;
}

/** A pipe would be waited for. */
function isReadable(entry: Dirent): boolean {
  return entry.isFile() || entry.isSymbolicLink();
}

const KUSTOMIZATION = /^kustomization(\.ya?ml)?$/i;
const CHART = 'Chart.yaml';

/** Empty where it cannot be read, which is said of the file itself. */
function textOf(path: string): string {
  try {
    return readFileBytes(path).toString();
  } catch {
    return '';
  }
}

/** The files that a kustomization takes for patches. */
function patchesIn(text: string): string[] {
  const values = parseYaml(text).documents.map(({ value }) => value);
  const patches = values
    .filter(isObject)
    .flatMap((value) => [value.patches, value.patchesStrategicMerge, value.patchesJson6902]);
  return patches.flat().flatMap((patch) => {
    const path = isObject(patch) ? patch.path : patch;
    return typeof path === 'string' ? [path] : [];
  });
}

/**
 * The objects of one file's text.
 *
 * @param isOfFolder whether nobody has named the file itself
 * @param tick is called for each document, and each object of a list
 */
export function parseManifests(text: string, file: string, isOfFolder = false, tick?: () => void): Manifests {
  const { documents, problems, count } = parseYaml(text, tick);
  const objects: LoadedObject[] = [];
  const found: Diagnostic[] = problems.map(({ number, line, message }) => ({
    rule: 'unreadable',
    severity: 'error',
    file,
    ...(count > 1 && { document: number }),
    ...(line !== undefined && { line }),
    message,
  }));
  let skipped = 0;
  for (const document of documents) {
    const place = { file, ...(count > 1 && { document: document.number }) };
    if (isKustomization(document.value, file) && !isOfFolder) {
      const fix = `give its folder, or kubectl kustomize FOLDER | ${PROGRAM} … -f -`;
      found.push({
        ...place,
        rule: 'no-object',
        severity: 'error',
        line: document.lineOf(''),
        message: 'is a kustomization, which metaipam does not build',
        fix,
      });
    } else if (isOfFolder && (isKustomization(document.value, file) || isUntyped(document.value))) skipped++;
    else collect({ place, document, objects, problems: found, tick }, document.value, '');
  }
  return { objects, problems: found, documents: documents.length, skipped };
}

function isKustomization(value: unknown, file: string): boolean {
  if (!isObject(value)) return false;
  const { apiVersion } = value;
  if (apiVersion === undefined) return KUSTOMIZATION.test(basename(file));
  return typeof apiVersion === 'string' && apiVersion.startsWith('kustomize.config.k8s.io/');
}

function isUntyped(value: unknown): boolean {
  return !isObject(value) || (value.apiVersion === undefined && value.kind === undefined);
}

interface Collection {
  readonly place: Pick<Diagnostic, 'file' | 'document'>;
  readonly document: YamlDocument;
  readonly objects: LoadedObject[];
  readonly problems: Diagnostic[];
  readonly tick: (() => void) | undefined;
}

/** @param path of `value` in its document: empty, or `items[0].` */
function collect(collection: Collection, value: unknown, path: string): void {
  const { place, document, objects, problems } = collection;
  const { octalAt } = document;
  const lineOf = (field: string) => document.lineOf(path + field);
  const refuse = (fault: Fault) => {
    const line = document.lineOf(fault.field);
    problems.push({ ...place, rule: 'no-object', severity: 'error', line, ...fault });
  };
  if (!isObject(value)) {
    const text = JSON.stringify(value);
    const field = path === '' ? 'document' : path.slice(0, -1);
    const message = `must be an object, found ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`;
    const fix =
      Array.isArray(value) && path === ''
        ? 'write objects one after another, as jq -c .[] does'
        : adviseTemplate(value);
    refuse({ field, message, ...(fix !== undefined && { fix }) });
    return;
  }
  const { apiVersion, kind, items } = value;
  const fault = faultOf(value);
  if (fault !== undefined) refuse({ ...fault, field: path + fault.field });
  else if (Array.isArray(items) && String(kind).endsWith('List')) {
    // The items of a typed list carry no type of their own.
    const type = kind === 'List' ? {} : { apiVersion, kind: String(kind).slice(0, -'List'.length) };
    for (const [index, item] of items.entries()) {
      collection.tick?.();
      collect(collection, isObject(item) ? { ...type, ...item } : item, `${path}items[${index}].`);
    }
  } else
    objects.push({
      ...place,
      object: value as unknown as KubernetesObject,
      lineOf,
      ...(octalAt && { octalAt: (field) => octalAt(path + field) }),
    });
}

type Fault = Required<Pick<Diagnostic, 'field' | 'message'>> & Pick<Diagnostic, 'value' | 'fix'>;

/** The first thing that keeps a mapping from being an object, or a list of objects. */
function faultOf({ apiVersion, kind, metadata, items }: Record<string, unknown>): Fault | undefined {
  const type =
    textFault(
      'apiVersion',
      apiVersion,
      'write a group and a version, such as ipam.cluster.x-k8s.io/v1alpha2',
    ) ?? textFault('kind', kind, 'write the name of a kind, such as InClusterIPPool');
  if (type !== undefined) return type;
  if (Array.isArray(items) && String(kind).endsWith('List')) return undefined;
  const isNameless = !isObject(metadata) || metadata.name === undefined;
  if (kind === 'List' || (String(kind).endsWith('List') && isNameless))
    return typeFault('items', items, 'must be a list', 'write each object behind a dash');
  if (!isObject(metadata))
    return typeFault('metadata', metadata, 'must be a mapping', 'write name: below it, indented');
  const { name, generateName, namespace } = metadata;
  if (name === undefined && generateName !== undefined) {
    const message = 'is required: the name that comes of generateName is not known yet';
    return { field: 'metadata.name', message };
  }
  return (
    textFault('metadata.name', name) ??
    (namespace === undefined || namespace === '' ? undefined : textFault('metadata.namespace', namespace))
  );
}

/** @param fix unless quotes are all that is missing */
function textFault(field: string, value: unknown, fix?: string): Fault | undefined {
  if (typeof value === 'string' && value !== '') return undefined;
  return typeFault(field, value, 'must be a string', fix ?? asText(value));
}

function typeFault(field: string, value: unknown, message: string, fix: string): Fault {
  return value === undefined || value === ''
    ? { field, message: 'is required' }
    : { field, value, message, fix };
}
