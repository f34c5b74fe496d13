/** Runs in a process of its own: measures one scenario, or serves it, and nothing else is in its memory. */
import { constants } from 'node:buffer';
import { buffer } from 'node:stream/consumers';
import { controllers } from '../hooks/index.ts';
import { allocationsOf } from '../lib/allocation/slice.ts';
import type { AllocationSlice } from '../lib/kubernetes/types.ts';
import { DEFAULT_CONFIG, type DesiredObject } from '../lib/metacontroller/hook.ts';
import { createLogger } from '../lib/server/log.ts';
import { startServer } from '../lib/server/server.ts';
import { rounds, runGarbageCollector } from './rounds.ts';
import { naive, type Scenario } from './scenarios.ts';
import { LATER } from './stored.ts';

export interface SyncResult {
  readonly parseMilliseconds: number;
  readonly syncMilliseconds: number;
  readonly stringifyMilliseconds: number;
  readonly responseBytes: number;
  readonly peakBytes: number;
  /** What request and response take as objects. */
  readonly heapBytes: number;
  readonly naive?: NaiveResult;
}

interface NaiveResult {
  readonly milliseconds: number;
  /** How many claims it came to, before its time was up. */
  readonly grants: number;
  readonly isComplete: boolean;
}

const NAIVE_MILLISECONDS = 2_000;

const [mode, controller] = process.argv.slice(2) as ['sync' | 'serve', Scenario['controller']];
if (mode === 'sync') process.send!(await measureSync());
else await serve();

async function measureSync(): Promise<SyncResult> {
  const text = (await buffer(process.stdin)).toString();
  const context = { now: LATER, config: DEFAULT_CONFIG };
  const { sync } = controllers[controller]!;
  runGarbageCollector();
  const heapBefore = process.memoryUsage().heapUsed;
  let request = undefined as never;
  let response: object = {};
  let answer = '';
  const [parseMilliseconds, syncMilliseconds, stringifyMilliseconds] = await rounds(async () => {
    request = undefined as never;
    response = {};
    answer = '';
    runGarbageCollector();
    const start = performance.now();
    request = JSON.parse(text) as never;
    const parsed = performance.now();
    response = sync(request, context);
    const answered = performance.now();
    answer = JSON.stringify(response);
    return [parsed - start, answered - parsed, performance.now() - answered];
  });
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const responseBytes = Buffer.byteLength(answer);
  answer = '';
  runGarbageCollector();
  const heapBytes = process.memoryUsage().heapUsed - heapBefore;
  const compared = measureNaive(request, (response as { children: DesiredObject[] }).children);
  return {
    parseMilliseconds: parseMilliseconds!,
    syncMilliseconds: syncMilliseconds!,
    stringifyMilliseconds: stringifyMilliseconds!,
    responseBytes,
    peakBytes,
    heapBytes,
    ...(compared && { naive: compared }),
  };
}

/** Throws if the naive way comes to another result: then one of the two is wrong, and its time worth nothing. */
function measureNaive(request: never, children: readonly DesiredObject[]): NaiveResult | undefined {
  const slices = children as AllocationSlice[];
  const given = new Set(allocationsOf(slices).map(({ key, entry }) => `${entry.uid} ${key}`));
  const start = performance.now();
  const deadline = start + NAIVE_MILLISECONDS;
  let count = 0;
  for (const grant of naive(controller, request)) {
    if (!given.has(grant.join(' '))) throw new Error(`only the naive way gives out ${grant.join(' ')}`);
    count++;
    if (performance.now() > deadline)
      return { milliseconds: performance.now() - start, grants: count, isComplete: false };
  }
  if (count === 0) return undefined;
  return { milliseconds: performance.now() - start, grants: count, isComplete: true };
}

/** The server of `metaipam serve`, with the highest limit of its bodies, until the parent process goes. */
async function serve(): Promise<void> {
  const loopback = { host: '127.0.0.1', port: 0 };
  const { hooksAddress } = await startServer({
    controllers,
    config: DEFAULT_CONFIG,
    bodyLimit: constants.MAX_STRING_LENGTH,
    logger: createLogger({ level: 'info', format: 'json' }, { write: () => undefined }),
    hooksAddress: loopback,
    webserver: { address: loopback, option: 'webserver-bind-address' },
  });
  process.on('message', () => {
    const { maxRSS } = process.resourceUsage();
    runGarbageCollector();
    process.send!(maxRSS * 1024);
  });
  process.on('disconnect', () => process.exit());
  process.send!(hooksAddress);
}
