import { defineOptions, type Parsed } from '../options/options.ts';
import { shippedVersion } from '../shipped.ts';
import { plural } from '../text.ts';
import { type Command, defineCommand, type Io } from './command.ts';
import type { Diagnose } from './diagnose.ts';
import { isError, plainDiagnostic } from './diagnostic.ts';
import { leftOut, MANIFEST_OPTIONS, manifestPaths, readInput, writeDiagnostics } from './input.ts';
import { showProgress } from './terminal.ts';

const OPTIONS = defineOptions({
  ...MANIFEST_OPTIONS,
  strict: { type: 'boolean', default: 'false', help: 'Take warnings for problems.' },
  output: {
    type: 'enum',
    values: ['text', 'json', 'sarif'],
    short: 'o',
    default: 'text',
    help: 'json has every problem with its rule, place, object, field and fix; sarif is SARIF 2.1.0, for CI.',
  },
});

async function validate(
  load: typeof loadRules,
  { values, positionals }: Parsed<typeof OPTIONS>,
  io: Io,
): Promise<number> {
  const paths = manifestPaths(values.filename, positionals);
  const [diagnose, input] = await Promise.all([load(io), readInput(paths, io, values.namespace)]);
  const found = [...input.problems, ...diagnose(input.objects)];
  const errors = found.filter((each) => values.strict || isError(each));
  const code = errors.length > 0 ? 1 : 0;
  const warnings = found.length - errors.length;
  if (values.output === 'json') {
    const diagnostics = found.map(plainDiagnostic);
    const counts = { objects: input.objects.length, errors: errors.length, warnings };
    io.stdout.write(`${JSON.stringify({ diagnostics, counts }, null, 2)}\n`);
    return code;
  }
  if (values.output === 'sarif') {
    const { sarifLog } = await import('./sarif.ts');
    io.stdout.write(`${JSON.stringify(sarifLog(found, shippedVersion()), null, 2)}\n`);
    return code;
  }
  writeDiagnostics(found, io);
  if (code === 0) {
    const doubts = warnings > 0 ? `, ${plural(warnings, 'warning')}` : '';
    const { ours, foreign, skipped } = input;
    io.stdout.write(`${plural(ours.length, 'object')} valid${doubts}${leftOut(foreign, skipped)}\n`);
  } else {
    const counts = [plural(errors.length, 'problem'), ...(warnings > 0 ? [plural(warnings, 'warning')] : [])];
    io.stderr.write(`${counts.join(' and ')} in ${plural(input.objects.length, 'object')}\n`);
  }
  return code;
}

/** `validate`, with the rules of `load`. */
export function validateCommand(load: typeof loadRules): Command {
  return defineCommand({
    name: 'validate',
    summary: 'Check manifests against the schemas and rules, without a cluster',
    usage: '-f PATH... [-n NAMESPACE] [--strict] [-o text|json|sarif]',
    description: `
Reports everything that metaipam's resources would be refused for, or could not be used for, one line per problem:
file, line, document, object, field, value, what is wrong, and what to write instead. Warnings are for what is
legal and most likely not meant. Objects of other kinds pass.

Exit codes: 0 all valid, 1 at least one problem, or with --strict a warning.`,
    options: OPTIONS,
    main: (parsed, io) => validate(load, parsed, io),
  });
}

/** The rules of this version, which say how far they are. Imported late: `--help` needs none of them. */
export async function loadRules(io: Pick<Io, 'stderr'>): Promise<Diagnose> {
  const { loadDiagnose } = await import('./diagnose.ts');
  const diagnose = loadDiagnose();
  return (objects) => {
    const progress = showProgress(io, (count) => `checking: ${count.toLocaleString('en')} objects so far`);
    const found = diagnose(objects, progress.tick);
    progress.done();
    return found;
  };
}

export default validateCommand(loadRules);
