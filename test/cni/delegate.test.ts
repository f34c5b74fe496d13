/** What the plugins make of what another plugin does, on a machine that is made up. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CniError } from '../../lib/cni/cni-error.ts';
import { delegate } from '../../lib/cni/delegate.ts';
import { fragmentJson } from '../../lib/cni/fragment.ts';
import { type Ended, type Host, LARGEST_INPUT } from '../../lib/cni/host.ts';
import { parseNetworkConfig } from '../../lib/cni/network-config.ts';
import { ofOwnNode } from '../../lib/cni/own-node.ts';

const ERROR = '{\n    "code": 8,\n    "msg": "m",\n    "details": "d {}"\n}';
const BUSY: Ended = { status: -1, output: '', problem: 'Text file busy', isBusy: true };

/** Calls a plugin that ends in these ways, one after the other. */
function call(ends: readonly Ended[], cniVersion = '1.0.0') {
  const calls: string[] = [];
  const slept: number[] = [];
  const host = {
    env: {},
    run(_: string, __: object, input: string) {
      calls.push(input);
      return ends[calls.length - 1] ?? ends.at(-1)!;
    },
    sleep: (milliseconds: number) => slept.push(milliseconds),
  } as object as Host;
  try {
    return { output: delegate(host, '/bin/host-local', JSON.stringify({ cniVersion })), calls, slept };
  } catch (error) {
    return { error: error as CniError, calls, slept };
  }
}

for (const [what, ended, wanted] of [
  ['an error', { status: 1, output: ERROR }, [8, 'm', 'd {}']],
  ['a result and then an error', { status: 1, output: `{\n    "ips": []\n}${ERROR}` }, [8, 'm', 'd {}']],
  [
    'something else',
    { status: 3, output: ' boom ' },
    [100, 'Invoke host-local ipam', '/bin/host-local: exit 3, no error object: boom'],
  ],
  [
    'nothing, because a signal ends it',
    { status: -9, output: '' },
    [100, 'Invoke host-local ipam', '/bin/host-local: ended by signal 9'],
  ],
  [
    'nothing, because it cannot be run',
    { status: -1, output: '', problem: 'Permission denied' },
    [100, 'Invoke host-local ipam', '/bin/host-local: Permission denied'],
  ],
] as [string, Ended, [number, string, string]][]) {
  test(`A plugin that says ${what}`, () => {
    const { error } = call([ended]);
    assert.instance(error, CniError);
    assert.equal([error!.code, error!.message, error!.details], wanted);
  });
}

test('A plugin that is being written at the moment is called again, as often as libcni would', () => {
  const { output, slept } = call([BUSY, BUSY, { status: 0, output: 'x' }]);
  assert.is(output, 'x');
  assert.equal(slept, [1000, 1000]);
  const never = call([BUSY]);
  assert.match(never.error!.details, 'Text file busy');
  assert.is(never.calls.length, 5);
});

test('A plugin that does not know 1.1.0 is called with 1.0.0, once', () => {
  const tooNew = { status: 1, output: '{"code": 1, "msg": "incompatible CNI versions"}' };
  const { output, calls } = call(
    [tooNew, { status: 0, output: '{"cniVersion": "1.0.0", "ips": []}' }],
    '1.1.0',
  );
  assert.equal(JSON.parse(output!), { cniVersion: '1.1.0', ips: [] });
  assert.equal(calls, ['{"cniVersion":"1.1.0"}', '{"cniVersion":"1.0.0"}']);
  assert.is(call([tooNew], '1.1.0').calls.length, 2);
  assert.is(call([tooNew], '1.0.0').calls.length, 1);
});

test('An input that has no end is refused', () => {
  const code = (text: string) => {
    try {
      parseNetworkConfig(text);
    } catch (error) {
      return (error as CniError).code;
    }
  };
  const config = '{"name": "net", "ipam": {}}';
  assert.is(code(config.padEnd(LARGEST_INPUT)), undefined);
  assert.is(code(config.padEnd(LARGEST_INPUT + 1)), 6);
});

test('An annotation that was made to be slow is read in time that grows with its length alone', () => {
  for (const text of ['a', 'a ', 'a:', '"', ', ', '"\\', '[']) {
    assert.throws(() => fragmentJson(text.repeat(256 << 10)), SyntaxError);
  }
});

test('Facts are asked for again when they are old, or when the clock was set back', () => {
  const isRefreshed = (seenAt: number, markedAt?: number) => {
    let isStarted = false;
    const facts = { version: 1, name: 'a', podCIDRs: [], annotations: {}, seenAt };
    const host = {
      env: {},
      folder: '/bin',
      now: () => 1_000_000,
      readFile: (path: string) => (path.endsWith('.refresh') ? markedAt?.toString() : JSON.stringify(facts)),
      isFile: () => true,
      replaceFile() {},
      start() {
        isStarted = true;
      },
    } as object as Host;
    assert.is(
      ofOwnNode(host, undefined, ({ name }) => name),
      'a',
    );
    return isStarted;
  };
  assert.not(isRefreshed(1_000_000));
  assert.not(isRefreshed(700_001));
  assert.ok(isRefreshed(700_000));
  assert.ok(isRefreshed(1_000_001));
  assert.not(isRefreshed(1, 990_000), 'someone else does it');
  assert.ok(isRefreshed(1, 980_000));
  assert.ok(isRefreshed(1, 1_000_001));
});

test.run();
