/** How long calls wait for an API server, on a machine and by a clock that are made up. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CniError } from '../../lib/cni/cni-error.ts';
import { type FetchRequest, fetchNode } from '../../lib/cni/fetch-node.ts';
import type { Host } from '../../lib/cni/host.ts';
import { writeFacts } from '../../lib/cni/node-facts.ts';
import { ofOwnNode } from '../../lib/cni/own-node.ts';

const FOLDER = '/run/metaipam/cni';
const NODE = { name: 'a', podCIDRs: ['10.1.0.0/24'], annotations: {} };
const KUBECONFIG =
  'current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "https://a"}}]';

type Mood = 'hangs' | 'is well' | 'forbids' | 'is slow';

/** A machine with an API server in some mood, where the time passes that somebody waits. */
class Machine {
  mood: Mood = 'hangs';
  time = 1_000_000;
  /** Deadlines of the calls that waited for their answer. */
  readonly asked: number[] = [];
  readonly started: number[] = [];
  readonly files = new Map<string, string>([['/k', KUBECONFIG]]);
  /** What was started behind the back of a call, and ends once somebody looks. */
  #background: (() => void)[] = [];

  readonly host = {
    env: { NODE_NAME: 'a' },
    folder: '/bin',
    now: () => this.time,
    isFile: () => true,
    readFile: (path: string) => this.files.get(path),
    replaceFile: (path: string, text: string) => void this.files.set(path, text),
    removeFile: (path: string) => void this.files.delete(path),
    sleep: (milliseconds: number) => {
      this.time += milliseconds;
      for (const end of this.#background.splice(0)) end();
    },
    run: (_: string, __: object, input: string) => {
      const request: FetchRequest = JSON.parse(input);
      this.asked.push(request.deadline);
      return { status: 0, output: JSON.stringify(this.#fetch(request)) };
    },
    start: (_: string, input: string) => {
      this.started.push(this.time);
      this.#background.push(() => this.#fetch(JSON.parse(input), true));
    },
  } as object as Host;

  /** As `fetchNode` does it, which promises what it answers. */
  #fetch(request: FetchRequest, isBehindBack = false): object {
    const takes = { hangs: request.deadline, 'is slow': 3_000, 'is well': 10, forbids: 10 }[this.mood];
    if (!isBehindBack) this.time += takes;
    if (takes < 500 || this.mood === 'is slow') this.host.removeFile(`${request.file}.asked`);
    if (this.mood === 'hangs' || this.mood === 'forbids') return { problem: this.mood };
    this.host.replaceFile(request.file!, writeFacts(NODE, this.time));
    return { node: NODE };
  }

  /** What a call came to, and the milliseconds that it took. */
  call(kubeconfig = '/k'): [found: string, milliseconds: number] {
    const startedAt = this.time;
    const found = () => {
      try {
        return ofOwnNode(this.host, kubeconfig, ({ podCIDRs }) => podCIDRs.join());
      } catch (error) {
        return error instanceof CniError && error.code === 11 ? error.details : String(error);
      }
    };
    return [found(), this.time - startedAt];
  }
}

test('An API server that hangs costs one deadline, not one for each call', () => {
  const machine = new Machine();
  assert.equal(machine.call(), ['hangs', 15_000]);
  for (let calls = 0; calls < 10; calls++) {
    const [found, milliseconds] = machine.call();
    assert.match(found, 'has not answered since 1970-01-01T00:16:40');
    assert.ok(milliseconds <= 1_000, String(milliseconds));
    machine.time += 5_000;
  }
  assert.equal(machine.asked, [15_000]);
  assert.ok(machine.started.length >= 3, 'it is asked again behind the back of the calls');
});

test('Calls that come while one waits wait for the rest of its deadline', () => {
  const machine = new Machine();
  machine.call();
  machine.time -= 5_000;
  assert.equal(machine.call(), ['hangs', 5_000]);
  machine.time -= 100;
  assert.equal(machine.call(), ['hangs', 1_000]);
});

test('Once it is well again, the next call is served', () => {
  const machine = new Machine();
  machine.call();
  machine.mood = 'is well';
  const [found, milliseconds] = machine.call();
  assert.is(found, '10.1.0.0/24');
  assert.ok(milliseconds < 1_000, String(milliseconds));
  assert.equal([...machine.files.keys()].sort(), [
    '/k',
    `${FOLDER}/node.json`,
    `${FOLDER}/node.json.refresh`,
  ]);
});

test('Once it is well again, it is heard what it says', () => {
  const machine = new Machine();
  machine.call();
  machine.mood = 'forbids';
  assert.is(machine.call()[0], 'forbids');
  assert.is(machine.call()[0], 'forbids');
});

test('One that answers late, or refuses soon, is asked each time', () => {
  const machine = new Machine();
  machine.mood = 'forbids';
  for (let calls = 0; calls < 3; calls++) assert.equal(machine.call(), ['forbids', 10]);
  machine.mood = 'is slow';
  assert.equal(machine.call(), ['10.1.0.0/24', 3_000]);
  assert.equal(machine.asked, [15_000, 15_000, 15_000, 15_000]);
});

test('Another way to the API server, another clock and a torn marker are no reason to give up', () => {
  const machine = new Machine();
  machine.call();
  machine.mood = 'is well';
  assert.is(machine.call('/other')[1], 10);
  for (const text of ['', '{"half', 'null', '{"question":"[\\"a\\",\\"/k\\"]","since":"x"}']) {
    const torn = new Machine();
    torn.files.set(`${FOLDER}/node.json.asked`, text);
    torn.mood = 'is well';
    assert.equal(torn.call(), ['10.1.0.0/24', 10], text);
  }
  const back = new Machine();
  back.call();
  back.time = 5;
  assert.equal(back.call(), ['hangs', 15_000]);
});

for (const [milliseconds, isKept] of [
  [10, false],
  [900, true],
] as const) {
  test(`A problem that the fetcher has after ${milliseconds} ms is ${isKept ? 'no' : 'an'} answer`, async () => {
    const removed: string[] = [];
    let time = 0;
    const host = {
      env: {},
      now: () => time,
      readFile: () => KUBECONFIG,
      replaceFile() {},
      removeFile: (path: string) => void removed.push(path),
      async get() {
        time += milliseconds;
        throw new Error('no answer');
      },
    };
    const request = { deadline: 1000, name: 'a', kubeconfig: '/k', file: '/f' };
    assert.equal(await fetchNode(host, request), { problem: 'no answer' });
    assert.equal(removed, isKept ? [] : ['/f.asked']);
  });
}

test.run();
