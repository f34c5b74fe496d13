import { spawn } from 'node:child_process';
import { dirname, relative } from 'node:path';
import { endOnClosedOutput } from '../lib/closed-output.ts';
import { endWith } from '../lib/script.ts';

interface Outcome {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly output: string;
  /** What the run before said, which failed. */
  readonly flaky?: string;
}

/** What one of those who run files at the same time gives to each of its files. */
export interface Worker {
  /** Environment variables for a file. */
  env(file: string): Promise<NodeJS.ProcessEnv>;
  /** Hears how a file ended. */
  done(failed: boolean): Promise<void>;
  /** Hears that no file is left. */
  end(): Promise<void>;
}

export interface RunOptions {
  /** How many files at a time. */
  readonly parallel: number;
  /** Whether a file that fails is run once more. If it passes then, it is said to be flaky. */
  readonly again?: boolean;
  /** Makes each of those who run files. */
  readonly worker?: () => Worker;
  /** Whether to end with a table of what took how long. */
  readonly table?: boolean;
}

const root = dirname(import.meta.dirname);
/** In CI the properties are tried with the same values every time: what a change broke fails there, not what chance found. */
const FIXED_SEED = new URL('fixed-seed.ts', import.meta.url).href;
/** Milliseconds after which a file counts as hanging. */
const PATIENCE_MS = 20 * 60_000;

const IDLE: Worker = { env: async () => ({}), done: async () => {}, end: async () => {} };

/**
 * Runs uvu test files, each in a process of its own, and sets the exit code.
 *
 * uvu exits 0 for a file that never calls `test.run()`, so a file whose output carries no total fails here. Of a
 * file that passes, the lines that begin with `#` are shown.
 *
 * @param filters only files that contain one of these, if there are any
 */
export async function runTests(
  files: readonly string[],
  filters: readonly string[],
  { parallel, again = false, worker = () => IDLE, table = false }: RunOptions,
): Promise<void> {
  endOnClosedOutput();
  const idle = filters.filter((part) => !files.some((file) => file.includes(part)));
  if (idle.length > 0) endWith(`no test file has a name with ${idle.join(' or ')}`);
  const queue = files.filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)));
  const outcomes: Outcome[] = [];
  async function work(): Promise<void> {
    const { env, done, end } = worker();
    try {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        let outcome = await runAndReport(file, await env(file));
        await done(outcome.failed > 0);
        if (outcome.failed > 0 && again) {
          console.log(`${outcome.file} is run once more`);
          const { output } = outcome;
          outcome = await runAndReport(file, await env(file));
          await done(outcome.failed > 0);
          if (outcome.failed === 0) outcome = { ...outcome, flaky: output };
        }
        outcomes.push(outcome);
      }
    } finally {
      await end();
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, queue.length) }, work));
  if (table) printTable(outcomes);
  const sum = (key: 'passed' | 'failed' | 'skipped') => outcomes.reduce((n, outcome) => n + outcome[key], 0);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  for (const { file, flaky } of outcomes) {
    if (flaky !== undefined)
      console.log(`\nFLAKY ${file}: it failed, and passed when it was run once more.\n${flaky}`);
  }
  process.exitCode = sum('failed') > 0 || outcomes.length === 0 ? 1 : 0;
}

function printTable(outcomes: readonly Outcome[]): void {
  console.log('\nseconds  file');
  for (const { seconds, file } of [...outcomes].sort((a, b) => b.seconds - a.seconds)) {
    console.log(`${seconds.toFixed(0).padStart(7)}  ${file}`);
  }
}

async function runAndReport(path: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const outcome = await runFile(path, env);
  const { file, passed, failed, seconds, output } = outcome;
  const verdict = failed === 0 ? 'ok  ' : 'FAIL';
  console.log(`${verdict} ${file}: ${passed} passed in ${seconds.toFixed(1)} s`);
  if (failed > 0) console.log(output);
  else for (const [line] of output.matchAll(/^#.*/gm)) console.log(line);
  return outcome;
}

async function runFile(path: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [...(process.env.CI ? [`--import=${FIXED_SEED}`] : []), path], {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1', ...env },
  });
  let output = '';
  const gather = (data: Buffer) => {
    output += data;
  };
  child.stdout.on('data', gather);
  child.stderr.on('data', gather);
  // SIGTERM lets a test end the programs that it started.
  const timers = [
    setTimeout(() => child.kill('SIGTERM'), PATIENCE_MS),
    setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS + 5000),
  ];
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  for (const timer of timers) clearTimeout(timer);
  const count = (label: string) => Number(new RegExp(`${label}:\\s+(\\d+)`).exec(output)?.[1] ?? 0);
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')];
  // uvu's total has no skipped tests.
  const isEmpty = total + skipped === 0;
  const file = relative('test', path);
  if (isEmpty) output += `\n${path}: no test ran (exit ${code}); does it end with test.run()?\n`;
  const failed = total - passed;
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    file,
    passed,
    skipped,
    failed: isEmpty || (code !== 0 && failed === 0) ? 1 : failed,
    seconds,
    output,
  };
}
