/**
 * Searches for worlds in which an invariant breaks, or replays one.
 *
 *     npm run sim -- --time 10m            worlds from a random seed on
 *     npm run sim -- --worlds 1000 --from 1
 *     npm run sim -- --seed 42 --steps 300 one world, and what went wrong in it
 *     npm run sim -- fuzz                  requests that nobody would think of, one controller at a time
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { controllers } from '../hooks/index.ts';
import { endOnClosedOutput } from '../lib/closed-output.ts';
import { fuzz, readScenes } from './fuzz.ts';
import { DOMAINS, type Domain, FAULTS, type FaultName, type LayoutOptions } from './layout.ts';
import { play } from './play.ts';
import { type FailedWorld, type Search, searchInThreads, searchPart } from './search.ts';
import { shrink } from './shrink.ts';
import { trace } from './trace.ts';

const HELP = `Usage: npm run sim -- [options]
       npm run sim -- fuzz [options]

  --seed N      replay this world and, if it fails, show the few steps that matter
  --steps M     steps of chaos before the world comes to rest (default 300)
  --time T      search for so long: 30s, 10m, 2h
  --worlds N    search so many worlds (default 1000, without --time)
  --from N      the first seed of a search (default: random)
  --jobs J      threads of a search (default: one for each core)
  --faults F    only these, by commas: ${FAULTS.join(', ')}
  --domain D    only one of these: ${DOMAINS.join(', ')}
  --beyond      go beyond what docs/correctness.md assumes
  --help

fuzz leaves fixtures of hooks, changed at random, each to its controller alone:

  --requests N  so many (default 20000)
  --from N      the first seed (default: random)
  --seed N      this one, with its objects
`;

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

const subject = { hooks: controllers };

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'fuzz') return fuzzHooks(argv.slice(1));
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: 'string' },
      steps: { type: 'string', default: '300' },
      time: { type: 'string' },
      worlds: { type: 'string' },
      from: { type: 'string' },
      jobs: { type: 'string' },
      faults: { type: 'string' },
      domain: { type: 'string' },
      beyond: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const options: LayoutOptions = {
    ...(values.faults !== undefined && { faults: values.faults.split(',').map(faultOf) }),
    ...(values.domain !== undefined && { domain: domainOf(values.domain) }),
    beyond: values.beyond ?? false,
  };
  const steps = numberOf(values.steps);
  if (values.seed !== undefined) return show(numberOf(values.seed), steps, options);
  const from = values.from === undefined ? Math.floor(Math.random() * 2 ** 31) : numberOf(values.from);
  const milliseconds = values.time === undefined ? Number.POSITIVE_INFINITY : durationOf(values.time);
  const worlds =
    values.worlds !== undefined
      ? numberOf(values.worlds)
      : values.time === undefined
        ? 1000
        : Number.MAX_VALUE;
  const jobs = values.jobs === undefined ? availableParallelism() : numberOf(values.jobs);
  if (jobs === 0) throw new Error('--jobs 0: there is at least one');
  return search({ from, stride: 1, end: from + worlds, milliseconds, steps, options }, jobs);
}

/** Tells of every request that leads to trouble. */
function fuzzHooks(argv: readonly string[]): number {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      requests: { type: 'string', default: '20000' },
      from: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const from = numberOf(values.seed ?? values.from ?? String(Math.floor(Math.random() * 2 ** 31)));
  const end = from + (values.seed === undefined ? numberOf(values.requests) : 1);
  const scenes = readScenes();
  let failed = 0;
  for (let seed = from; seed < end; seed++) {
    const trouble = fuzz(scenes, seed, controllers);
    if (trouble === undefined) continue;
    failed++;
    console.log(`seed ${seed}, ${trouble.scene} breaks "${trouble.rule}": ${trouble.message.slice(0, 500)}`);
    if (values.seed !== undefined) for (const object of trouble.objects) console.log(JSON.stringify(object));
  }
  console.log(`${end - from} requests from ${from} on, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Plays one world, and tells what went wrong in as few steps as can be found in a minute. */
function show(seed: number, steps: number, options: LayoutOptions): number {
  const story = play(seed, steps, subject, options);
  if (story.violation === undefined) {
    console.log(`world ${seed}: every invariant held in ${story.ops.length} steps and the rest after them`);
    return 0;
  }
  const short = shrink(story, subject);
  for (const line of trace(short, subject)) console.log(line);
  const { rule, message } = short.violation ?? story.violation;
  console.log(`\nworld ${seed} breaks "${rule}": ${message}`);
  console.log(`${short.ops.length} of ${story.ops.length} steps matter`);
  return 1;
}

/** Plays worlds until there were enough or time is up, and tells of each that fails. */
async function search(search: Search, jobs: number): Promise<number> {
  const began = performance.now();
  const tell = ({ seed, rule, message }: FailedWorld) =>
    console.log(`world ${seed} breaks "${rule}": ${message.slice(0, 200)}`);
  const tally = jobs === 1 ? searchPart(search, tell) : await searchInThreads(search, jobs, tell);
  const seconds = (performance.now() - began) / 1000;
  const { worlds, steps, syncs, calls, troubles, failures } = tally;
  console.log(
    `${worlds} worlds from ${search.from} on, ${steps} steps, ${syncs} syncs, ${calls} hook calls ` +
      `in ${seconds.toFixed(0)} s on ${jobs} threads`,
  );
  const rate = (count: number) => Math.round(count / seconds);
  console.log(
    `${rate(60 * worlds)} worlds a minute, ${rate(syncs)} syncs and ${rate(calls)} hook calls a second`,
  );
  console.log([...troubles].map(([trouble, count]) => `${trouble}: ${count}`).join(', '));
  const first = failures[0];
  if (first === undefined) return 0;
  const how = [`--seed ${first.seed}`, `--steps ${search.steps}`, ...process.argv.slice(2).filter(isOption)];
  console.log(`${failures.length} failed; npm run sim -- ${how.join(' ')} shows the first`);
  return 1;
}

/** Whether a replay needs it too. */
function isOption(argument: string, index: number, all: readonly string[]): boolean {
  const needed = (text: string | undefined) => /^--(faults|domain|beyond)/.test(text ?? '');
  return needed(argument) || (needed(all[index - 1]) && !argument.startsWith('--'));
}

function faultOf(text: string): FaultName {
  const fault = FAULTS.find((name) => name === text);
  if (fault === undefined) throw new Error(`no fault "${text}": there are ${FAULTS.join(', ')}`);
  return fault;
}

function domainOf(text: string): Domain {
  const domain = DOMAINS.find((name) => name === text);
  if (domain === undefined) throw new Error(`no domain "${text}": there are ${DOMAINS.join(', ')}`);
  return domain;
}

function numberOf(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`"${text}" is not a number`);
  return Number(text);
}

function durationOf(text: string): number {
  const [, count, unit] = /^(\d+)([smh])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) throw new Error(`"${text}" is not a time such as 10m`);
  return Number(count) * UNITS[unit]!;
}

endOnClosedOutput();
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`sim: ${(error as Error).message}`);
  process.exitCode = 1;
}
