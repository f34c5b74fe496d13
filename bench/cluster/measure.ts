import { setTimeout as delay } from 'node:timers/promises';
import {
  type RequestCounts,
  type RequestsAnObject,
  requestCounts,
  requestsAnObject,
} from '../../test/e2e/requests.ts';
import { succeeded } from '../../test/e2e/sandbox.ts';
import { callsBetween, type HookCalls } from './hook-calls.ts';
import { Served } from './served.ts';
import { assertRunning, type System } from './system.ts';
import { type ProcessUsage, usageOf } from './usage.ts';
import type { BenchWorkload } from './workload.ts';

export interface Measurement {
  readonly system: string;
  /** From the first request until the last object was seen served. */
  readonly seconds: number;
  /** From the first request until the controllers rested. */
  readonly quietSeconds: number;
  readonly requests: RequestsAnObject;
  /** CPU time until all was quiet; peak memory since each process started. */
  readonly controllers: Readonly<Record<string, ProcessUsage>>;
  readonly controlPlane: Readonly<Record<string, ProcessUsage>>;
  /** By `controller/hook`; empty for a system that has none. */
  readonly hooks: Readonly<Record<string, HookCalls>>;
  /** How long one more object took, each time when all was quiet. */
  readonly oneMoreMilliseconds: readonly number[];
}

interface MeasureOptions {
  readonly count: number;
  readonly timeoutMilliseconds: number;
  /** Is told what goes on. */
  readonly progress: (text: string) => void;
}

/** How many requests a user has under way. */
const USERS = 16;
const ONE_MORE = 5;
/** The controllers rest when they use less than a twentieth of a core, twice in a row. */
const REST_MILLISECONDS = 2000;
const REST_SHARE = 0.05;

/** Throws if not all are served in time, or something is given out twice. */
export async function measure(
  system: System,
  workload: BenchWorkload,
  { count, timeoutMilliseconds, progress }: MeasureOptions,
): Promise<Measurement> {
  const { plane } = system;
  const say = (text: string) => progress(`${system.name}: ${text}`);
  await workload.prepare(plane);
  const served = new Served(plane.kubeconfig, workload.path, workload.isServed);
  const serve = async (prefix: string, number: number) =>
    served.all(await makeAll(workload, system, prefix, number), timeoutMilliseconds, () =>
      assertRunning(system),
    );
  const quiet = () => rest(system, timeoutMilliseconds);
  try {
    say('warming up');
    await serve('warm-up', workload.warmUp);
    await quiet();

    const before = await read(system);
    const known = served.count;
    const showing = setInterval(() => say(`${served.count - known} of ${count} ${workload.noun}`), 250);
    const startedAt = performance.now();
    const servedAt = await serve('bench', count).finally(() => clearInterval(showing));
    say('until all is quiet');
    const quietAt = await quiet();
    const after = await read(system);

    const oneMoreMilliseconds: number[] = [];
    for (let round = 0; round < ONE_MORE; round++) {
      say(`one more, ${round + 1} of ${ONE_MORE}`);
      const madeAt = performance.now();
      oneMoreMilliseconds.push((await serve(`one-more-${round}`, 1)) - madeAt);
      await quiet();
    }
    await assertNothingTwice(workload, system);
    return {
      system: system.name,
      seconds: (servedAt - startedAt) / 1000,
      quietSeconds: (quietAt - startedAt) / 1000,
      requests: requestsAnObject(before.requests, after.requests, count, workload.made),
      controllers: usedBetween(before, after, (name) => isController(system, name)),
      controlPlane: usedBetween(before, after, (name) => !isController(system, name)),
      hooks: callsBetween(before.hooks, after.hooks),
      oneMoreMilliseconds,
    };
  } finally {
    served.stop();
  }
}

async function makeAll(
  workload: BenchWorkload,
  { plane }: System,
  prefix: string,
  count: number,
): Promise<string[]> {
  const keys: string[] = [];
  let next = 0;
  const user = async () => {
    while (next < count) keys.push(await workload.make(plane, prefix, next++));
  };
  await Promise.all(Array.from({ length: Math.min(USERS, count) }, user));
  return keys;
}

interface Reading {
  readonly requests: RequestCounts;
  readonly usage: ReadonlyMap<string, ProcessUsage>;
  readonly hooks: Readonly<Record<string, HookCalls>>;
}

async function read(system: System): Promise<Reading> {
  const metrics = succeeded(await system.plane.api('GET', '/metrics'));
  const hooks = await system.hookCalls();
  const usage = new Map(system.plane.programs.map(({ name, pid }) => [name, usageOf(pid!)]));
  return { requests: requestCounts(metrics), usage, hooks };
}

function usedBetween(
  before: Reading,
  after: Reading,
  isWanted: (name: string) => boolean,
): Record<string, ProcessUsage> {
  return Object.fromEntries(
    [...after.usage]
      .filter(([name]) => isWanted(name))
      .map(([name, { cpuSeconds, peakBytes }]) => [
        // Of several programs of a kind the harness numbers the names; here is one of each.
        name.replace(/-1$/, ''),
        { cpuSeconds: toTicks(cpuSeconds - (before.usage.get(name)?.cpuSeconds ?? 0)), peakBytes },
      ]),
  );
}

/** A difference of floating-point numbers as the hundredths of a second that it is. */
function toTicks(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

function isController({ controllers }: System, name: string): boolean {
  return controllers.some((program) => program.name === name);
}

/**
 * Resolves, to the time as of `performance.now()` at which it began, when the controllers rest. CPU time shows that
 * for any controller, and on a machine that others use too.
 */
async function rest(system: System, timeoutMilliseconds: number): Promise<number> {
  const used = () => {
    assertRunning(system);
    return system.controllers.reduce((sum, { pid }) => sum + usageOf(pid!).cpuSeconds, 0);
  };
  const deadline = performance.now() + timeoutMilliseconds;
  let since = performance.now();
  let before = used();
  for (let calm = 0; calm < 2; ) {
    if (performance.now() > deadline)
      throw new Error(`the controllers are not at rest after ${timeoutMilliseconds / 1000} s`);
    const from = performance.now();
    await delay(REST_MILLISECONDS);
    const now = used();
    const share = ((now - before) * 1000) / (performance.now() - from);
    before = now;
    if (share >= REST_SHARE) calm = 0;
    else if (calm++ === 0) since = from;
  }
  return since;
}

async function assertNothingTwice(workload: BenchWorkload, { plane }: System): Promise<void> {
  const given = await workload.given(plane);
  const twice = given.length - new Set(given).size;
  if (twice > 0) throw new Error(`${twice} of ${given.length} were given out twice`);
}
