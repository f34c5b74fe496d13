#!/usr/bin/env node
import { endOnClosedOutput } from '../closed-output.ts';
import { PROGRAM } from '../program.ts';
import { suggestion } from '../text.ts';
import type { Command, Io } from './command.ts';
import { printable } from './table.ts';

/** Not for people: shells ask with it. */
const COMPLETE = '__complete';

/** Each by its name, loaded when it is called. */
export const COMMANDS: Readonly<Record<string, () => Promise<{ readonly default: Command }>>> = {
  serve: () => import('./serve.ts'),
  simulate: () => import('./simulate.ts'),
  validate: () => import('./validate.ts'),
  hook: () => import('./hook.ts'),
  import: () => import('./import.ts'),
  adopt: () => import('./adopt.ts'),
  doctor: () => import('./doctor.ts'),
  show: () => import('./show.ts'),
  check: () => import('./check.ts'),
  release: () => import('./release.ts'),
  plan: () => import('./plan.ts'),
  completion: () => import('./completion.ts'),
  version: () => import('./version.ts'),
};

/** Runs `metaipam <argv>`. Resolves to the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version') return main(['version', ...rest], io);
  if (name === 'help' || name === '--help' || name === '-h') {
    if (rest[0]?.startsWith('-') === false) return main([...rest, '--help'], io);
    io.stdout.write(await overview());
    return 0;
  }
  if (name === COMPLETE) {
    io.stdout.write(await completionOf(rest));
    return 0;
  }
  if (name === undefined) {
    io.stderr.write(await overview());
    return 1;
  }
  if (name.startsWith('-')) {
    io.stderr.write(
      `${PROGRAM}: ${printable(name)}: flags follow the command, as in ${PROGRAM} show -n default\n`,
    );
    return 1;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    const known = [...Object.keys(COMMANDS), 'help'];
    io.stderr.write(
      `${PROGRAM}: unknown command ${printable(name)}${suggestion(name, known)}\nKnown: ${known.join(', ')}\n`,
    );
    return 1;
  }
  const command = await COMMANDS[name]!();
  return command.default.run(rest, io);
}

/** What the scripts of `completion` print for the words so far. */
async function completionOf(words: readonly string[]): Promise<string> {
  const { complete, formatCompletion } = await import('./complete.ts');
  const [name = '', ...rest] = words;
  if (words.length < 2 || name === 'help') {
    const names = [...Object.keys(COMMANDS), ...(name === 'help' && rest.length > 0 ? [] : ['help'])];
    const [start = ''] = words.slice(-1);
    const candidates = names.filter((each) => each.startsWith(start)).map((text) => ({ text }));
    return formatCompletion({ candidates, files: false });
  }
  if (!Object.hasOwn(COMMANDS, name)) return '';
  return formatCompletion(await complete(rest, (await COMMANDS[name]!()).default));
}

async function overview(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const lines = commands.map(({ default: { name, summary } }) => `  ${name.padEnd(10)} ${summary}`);
  return `Usage: ${PROGRAM} <command> [options]

IP address management for Kubernetes, as Metacontroller hooks.

Commands:
${lines.join('\n')}
  ${'help'.padEnd(10)} This text, or that of a command: ${PROGRAM} help serve

Every command explains itself: ${PROGRAM} <command> --help
`;
}

/** Runs the command line of this process. */
export async function runProcess(): Promise<void> {
  const { stdin, stdout, stderr, env } = process;
  endOnClosedOutput();
  process.exitCode = await main(process.argv.slice(2), { stdin, stdout, stderr, env });
}

if (import.meta.main) await runProcess();
