import { setTimeout as delay } from 'node:timers/promises';
import { CHECKS, type CheckName, type Finding } from '../inspect/check/finding.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { notNegative } from '../options/hook-options.ts';
import { defineOptions, outputOption, type Parsed, UsageError } from '../options/options.ts';
import { plural } from '../text.ts';
import { defineCommand, type Io, refuseArguments } from './command.ts';
import { kindsRead } from './input.ts';
import { LIVE_RIGHTS } from './live-objects.ts';
import { openSource, SOURCE_OPTIONS } from './object-source.ts';
import type { Paint } from './paint.ts';
import { hang, printable } from './table.ts';
import { terminalWidth, writeText } from './terminal.ts';

const OPTIONS = defineOptions({
  ...SOURCE_OPTIONS,
  namespace: {
    ...SOURCE_OPTIONS.namespace,
    help: 'Only what is found of objects of this namespace, which are compared with all others all the same; without it everything.',
  },
  skip: {
    type: 'list',
    placeholder: 'check...',
    choices: Object.keys(CHECKS),
    help: 'Checks to leave out, such as overlapping-pools where networks are apart. Repeatable.',
  },
  recheck: {
    type: 'duration',
    default: '5s',
    help: 'What is found in a live cluster is looked for again after this long, and only what is still there counts.',
    check: notNegative,
    excludes: { filename: 'files do not change' },
  },
  output: outputOption(
    ['text', 'json'],
    'json has every finding with its check, severity, object, the namespaces of all it concerns, message and fix.',
  ),
});

async function run({ values, positionals }: Parsed<typeof OPTIONS>, io: Io): Promise<number> {
  refuseArguments(positionals, '; paths follow -f');
  for (const name of values.skip) {
    if (!Object.hasOwn(CHECKS, name)) {
      const advice = name.includes(',') ? '; write a space for a comma' : '';
      throw new UsageError(
        `--skip: there is no check ${name}, but ${Object.keys(CHECKS).join(', ')}${advice}`,
      );
    }
  }
  const [
    { check },
    { CustomResources, readCustomResourceDefinitions },
    { isMalformed },
    { has },
    { objectFindings },
    { paintFor },
  ] = await Promise.all([
    import('../inspect/check/check.ts'),
    import('../kubernetes/schema.ts'),
    import('../validation/index.ts'),
    kindsRead(),
    import('./object-findings.ts'),
    import('./paint.ts'),
  ]);
  const resources = new CustomResources(readCustomResourceDefinitions());
  const config = { ...DEFAULT_CONFIG, installNamespace: values['install-namespace'] };
  const namespace = values['all-namespaces'] ? '' : values.namespace;
  const source = await openSource({ ...values, namespace: '' }, io);
  const examine = async () => {
    const objects = await source.read();
    const isOfFiles = values.filename.length > 0;
    // Of what no API server can have returned, nothing more can be told.
    const sound = isOfFiles ? objects.filter((object) => !isMalformed(object, resources)) : objects;
    const found = check(sound, { now: Date.now(), config });
    const all = [...found, ...objectFindings(objects, found, resources, isOfFiles)];
    const findings = all
      .filter(({ check, namespaces }) => {
        const isOfNamespace = namespace === '' || namespaces.includes(namespace);
        return isOfNamespace && !values.skip.includes(check);
      })
      .sort(bySeverity);
    return { objects: objects.filter(has), findings };
  };
  let { objects, findings } = await examine();
  if (values.filename.length === 0 && findings.length > 0) {
    // Lists of a cluster at work are not of one moment: a claim may have gone between one and the next.
    await delay(values.recheck);
    const before = new Set(findings.map(identify));
    ({ objects, findings } = await examine());
    findings = findings.filter((finding) => before.has(identify(finding)));
  }
  if (values.output === 'json') io.stdout.write(`${JSON.stringify({ findings }, null, 2)}\n`);
  else writeText(io, render(findings, seenIn(objects, namespace), terminalWidth(io), paintFor(io)));
  return findings.length > 0 ? 2 : 0;
}

/** Errors first. */
function bySeverity(a: Finding, b: Finding): number {
  return Number(a.severity !== 'error') - Number(b.severity !== 'error');
}

function identify({ check, object }: Finding): string {
  return `${check} ${object}`;
}

/** Says whether a namespace has anything, as a misspelt one has not. */
function seenIn(objects: readonly KubernetesObject[], namespace: string): string {
  const all = `in ${plural(objects.length, 'object')}`;
  if (namespace === '') return all;
  const own = objects.filter(({ metadata }) => metadata.namespace === namespace);
  return `of namespace ${namespace} ${all}, ${own.length} of them there`;
}

function render(findings: readonly Finding[], seen: string, width: number, paint: Paint): string {
  if (findings.length === 0) return `${paint('green', 'ok')}  nothing found ${seen}\n`;
  const lines = findings.map(({ check, severity, object, message, fix }) => {
    const colour = severity === 'error' ? 'red' : 'yellow';
    return [
      ...hang(
        `${paint(colour, severity.padEnd(7))}  `,
        `${paint('bold', printable(object))}: ${printable(message)}  ${paint('grey', `[${check}]`)}`,
        width,
      ),
      `         ${paint('grey', `→ ${printable(fix)}`)}\n`,
    ].join('\n');
  });
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const counts = `${plural(errors, 'error')}, ${plural(findings.length - errors, 'warning')} ${seen}`;
  return `${lines.join('')}\n${counts}\n`;
}

const LIST = (Object.entries(CHECKS) as [CheckName, string][])
  .map(([name, finds]) => `  ${name.padEnd(24)} ${finds}`)
  .join('\n');

export default defineCommand({
  name: 'check',
  summary: 'Look for duplicates, leaks, orphans and what else is wrong among addresses',
  usage: '[-n NAMESPACE | -A] [-f PATH...] [--skip CHECK...] [-o text|json]',
  description: `
Compares all objects of a cluster (or of files, which must then hold all of them) with each other, says what is
wrong, what it means, and the command that mends it. What metaipam mends by itself within two minutes is left out. It always looks at
everything: -n chooses what is said of it, and takes the same rights.

Checks:
${LIST}

${LIVE_RIGHTS}

Exit codes: 0 nothing found, 2 something found, 1 on any error.`,
  options: OPTIONS,
  main: run,
});
