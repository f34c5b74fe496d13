/**
 * Runs every `*.test.ts` below this folder, each in a process of its own, and counts.
 *
 * uvu exits 0 for a file that never calls `test.run()`, so a file whose output carries no total fails here.
 * Arguments filter the files by substring: `npm run unit -- range-set`.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, relative } from 'node:path';

interface Outcome {
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  output: string;
}

const root = dirname(import.meta.dirname);
const filters = process.argv.slice(2);
const files = globSync('test/**/*.test.ts', { cwd: root })
  .filter((file) => !file.startsWith('test/e2e'))
  .filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)))
  .sort();

async function runFile(file: string): Promise<Outcome> {
  const child = spawn(process.execPath, [file], { cwd: root, env: { ...process.env, NO_COLOR: '1' } });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const count = (label: string) => Number(new RegExp(`${label}:\\s+(\\d+)`).exec(output)?.[1] ?? Number.NaN);
  const total = count('Total');
  const passed = count('Passed');
  const ran = total > 0 && code !== null;
  if (!ran) output += `\n${file}: no test ran (exit ${code}); does it end with test.run()?\n`;
  const failed = ran ? total - passed || (code === 0 ? 0 : 1) : 1;
  return { file, passed: passed || 0, failed, skipped: count('Skipped') || 0, output };
}

const queue = [...files];
const outcomes: Outcome[] = [];
async function worker(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const outcome = await runFile(file);
    outcomes.push(outcome);
    console.log(`${outcome.failed === 0 ? 'ok  ' : 'FAIL'} ${relative('test', file)} (${outcome.passed})`);
    if (outcome.failed > 0) console.log(outcome.output);
  }
}
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));

const sum = (key: 'passed' | 'failed' | 'skipped') => outcomes.reduce((n, outcome) => n + outcome[key], 0);
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
process.exitCode = sum('failed') > 0 || outcomes.length === 0 || sum('skipped') > 0 ? 1 : 0;
