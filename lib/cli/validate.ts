import { formatProblem } from '../kubernetes/problem.ts';
import { defineOptions, type Parsed, UsageError } from '../options/options.ts';
import type { SourcedProblem } from '../validation/index.ts';
import { type Command, defineCommand, type Io } from './command.ts';
import type { LoadedObject } from './manifests.ts';

/** Everything that is wrong with some objects, in their order. */
export type ValidateObjects = (objects: readonly LoadedObject[]) => readonly SourcedProblem[];

export const MANIFEST_OPTIONS = defineOptions({
  filename: {
    type: 'list',
    short: 'f',
    placeholder: 'path...',
    help: 'Files, or folders of .yaml, .yml and .json files; - reads stdin. Repeatable; several paths may follow.',
  },
});

async function validate(
  load: () => Promise<ValidateObjects>,
  { values, positionals }: Parsed<typeof MANIFEST_OPTIONS>,
  io: Io,
): Promise<number> {
  const paths = manifestPaths(values.filename, positionals);
  const [validateObjects, { loadManifests }] = await Promise.all([load(), import('./manifests.ts')]);
  const { objects, problems } = await loadManifests(paths, io.stdin);
  const refused = [...problems, ...validateObjects(objects).map(problemLine)];
  for (const line of refused) io.stderr.write(`${line}\n`);
  if (refused.length > 0) return 1;
  io.stdout.write(`${objects.length} ${objects.length === 1 ? 'object' : 'objects'} valid\n`);
  return 0;
}

/** `FILE#DOC Kind/name: spec.field: Invalid value: …: message`. */
export function problemLine({ source, object, problem }: SourcedProblem): string {
  return `${source} ${object.kind}/${object.metadata.name}: ${formatProblem(problem)}`;
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
export function validateCommand(load: () => Promise<ValidateObjects>): Command {
  return defineCommand({
    name: 'validate',
    summary: 'Check manifests against the schemas and rules, without a cluster',
    usage: '-f PATH...',
    description: `
Reports everything that metaipam's resources would be refused for, or could not be used for, one line per problem.
Objects of other kinds pass.

Exit codes: 0 all valid, 1 at least one problem.`,
    options: MANIFEST_OPTIONS,
    main: (parsed, io) => validate(load, parsed, io),
  });
}

/** The rules of the CRDs of this version. */
export async function loadRules(): Promise<ValidateObjects> {
  const [{ CustomResources, readCustomResourceDefinitions }, { validateObjects }] = await Promise.all([
    import('../kubernetes/schema.ts'),
    import('../validation/index.ts'),
  ]);
  const resources = new CustomResources(readCustomResourceDefinitions());
  return (objects) => validateObjects(objects, resources);
}

export default validateCommand(loadRules);
