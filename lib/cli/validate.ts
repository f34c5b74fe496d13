import type { KubernetesObject } from '../kubernetes/object.ts';
import { formatProblem, type Problem } from '../validation/problem.ts';
import { type Command, defineCommand, type Io } from './command.ts';
import { defineOptions, type Parsed, UsageError } from './options.ts';

/** Everything that is wrong with one object. */
export type ValidateObject = (object: KubernetesObject) => readonly Problem[];

export const MANIFEST_OPTIONS = defineOptions({
  filename: {
    type: 'list',
    short: 'f',
    placeholder: 'path...',
    help: 'Files, or folders of .yaml, .yml and .json files; - reads stdin. Repeatable; several paths may follow.',
  },
});

async function validate(
  load: () => Promise<ValidateObject>,
  { values, positionals }: Parsed<typeof MANIFEST_OPTIONS>,
  io: Io,
): Promise<number> {
  const paths = manifestPaths(values.filename, positionals);
  const [validateObject, { loadManifests }] = await Promise.all([load(), import('./manifests.ts')]);
  const { objects, problems } = await loadManifests(paths, io.stdin);
  const invalid = objects.flatMap(({ source, object }) =>
    validateObject(object).map(
      (problem) => `${source} ${object.kind}/${object.metadata.name}: ${formatProblem(problem)}`,
    ),
  );
  for (const line of [...problems, ...invalid]) io.stderr.write(`${line}\n`);
  if (problems.length + invalid.length > 0) return 1;
  io.stdout.write(`${objects.length} ${objects.length === 1 ? 'object' : 'objects'} valid\n`);
  return 0;
}

/** The paths of `-f`. Throws UsageError when there is none, or when a path stands elsewhere. */
export function manifestPaths(
  filenames: readonly string[],
  positionals: readonly string[],
): readonly string[] {
  if (positionals.length > 0) throw new UsageError(`unexpected ${positionals.join(' ')}; paths follow -f`);
  if (filenames.length === 0) throw new UsageError('-f PATH is required');
  return filenames;
}

/** `validate`, with the rules of `load`. */
export function validateCommand(load: () => Promise<ValidateObject>): Command {
  return defineCommand({
    name: 'validate',
    summary: 'Check manifests against the schemas, without a cluster',
    usage: '-f PATH...',
    description: `
Reports everything that an API server with metaipam's resources would refuse, one line per problem.

Exit codes: 0 all valid, 1 at least one problem.`,
    options: MANIFEST_OPTIONS,
    main: (parsed, io) => validate(load, parsed, io),
  });
}

/** What the schemas of the CustomResourceDefinitions say. */
async function loadSchemas(): Promise<ValidateObject> {
  const { CustomResources, readCustomResourceDefinitions } = await import('../kubernetes/schema.ts');
  const resources = new CustomResources(readCustomResourceDefinitions());
  return (object) => resources.ofKind(object.apiVersion, object.kind)?.validate(object) ?? [];
}

export default validateCommand(loadSchemas);
