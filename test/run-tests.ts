import { spawn } from 'node:child_process';
import { dirname, relative } from 'node:path';

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly output: string;
}

const root = dirname(import.meta.dirname);
/** Milliseconds after which a file counts as hanging. */
const PATIENCE = 20 * 60_000;

/**
 * Runs uvu test files, each in a process of its own, and sets the exit code.
 *
 * uvu exits 0 for a file that never calls `test.run()`, so a file whose output carries no total fails here. Of a
 * file that passes, the lines that begin with `#` are shown.
 *
 * @param filters only files that contain one of these, if there are any
 * @param parallel how many files at a time
 * @param tries how often a file is run before it counts as failed; each failure is printed
 */
export async function runTests(
  files: readonly string[],
  filters: readonly string[],
  parallel: number,
  tries = 1,
): Promise<void> {
  const queue = files.filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)));
  const outcomes: Outcome[] = [];
  async function work(): Promise<void> {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      let outcome = await runAndReport(file);
      for (let left = tries - 1; outcome.failed > 0 && left > 0; left--) {
        console.log(`${relative('test', file)} is run again`);
        outcome = await runAndReport(file);
      }
      outcomes.push(outcome);
    }
  }
  await Promise.all(Array.from({ length: parallel }, work));
  const sum = (key: 'passed' | 'failed' | 'skipped') => outcomes.reduce((n, outcome) => n + outcome[key], 0);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  process.exitCode = sum('failed') > 0 || outcomes.length === 0 ? 1 : 0;
}

async function runAndReport(file: string): Promise<Outcome> {
  const startedAt = performance.now();
  const outcome = await runFile(file);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const verdict = outcome.failed === 0 ? 'ok  ' : 'FAIL';
  console.log(`${verdict} ${relative('test', file)}: ${outcome.passed} passed in ${seconds} s`);
  if (outcome.failed > 0) console.log(outcome.output);
  else for (const [line] of outcome.output.matchAll(/^#.*/gm)) console.log(line);
  return outcome;
}

async function runFile(file: string): Promise<Outcome> {
  const child = spawn(process.execPath, [file], { cwd: root, env: { ...process.env, NO_COLOR: '1' } });
  let output = '';
  const gather = (data: Buffer) => {
    output += data;
  };
  child.stdout.on('data', gather);
  child.stderr.on('data', gather);
  // SIGTERM lets a test end the programs that it started.
  const timers = [
    setTimeout(() => child.kill('SIGTERM'), PATIENCE),
    setTimeout(() => child.kill('SIGKILL'), PATIENCE + 5000),
  ];
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  for (const timer of timers) clearTimeout(timer);
  const count = (label: string) => Number(new RegExp(`${label}:\\s+(\\d+)`).exec(output)?.[1] ?? 0);
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')];
  // uvu's total has no skipped tests.
  const isEmpty = total + skipped === 0;
  if (isEmpty) output += `\n${file}: no test ran (exit ${code}); does it end with test.run()?\n`;
  const failed = total - passed;
  return { passed, skipped, failed: isEmpty || (code !== 0 && failed === 0) ? 1 : failed, output };
}
