import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatPrefix } from '../../lib/address/range.ts';
import { POOL_KINDS } from '../../lib/kubernetes/pool-kinds.ts';
import type { IPAddress } from '../../lib/kubernetes/types.ts';
import { blockText, requestedBlock } from '../../lib/pool/block.ts';
import { ipAddress, ipPool, prefixPool } from '../hooks/objects.ts';

const SAID: [address: string, prefix: unknown, text: string][] = [
  ['FD00::', 64, 'fd00::/64'],
  ['fd00::1', 64, 'fd00::/64'],
  ['fd00::', 0, '::/0'],
  ['fd00::1', 128, 'fd00::1'],
  ...[-1, 129, 63.5, '64', null, undefined].map((prefix): [string, unknown, string] => [
    'FD00::',
    prefix,
    'FD00::',
  ]),
  ['zz', 64, 'zz'],
];
for (const [address, prefix, text] of SAID) {
  test(`an IPAddress ${address} with the prefix ${JSON.stringify(prefix)}`, () => {
    const { spec, ...rest } = ipAddress(prefixPool({}), 'a', 'fd00::/64');
    assert.is(blockText({ ...rest, spec: { ...spec, address, prefix } } as IPAddress), text);
  });
}

test('the prefix of an address is that of its subnet', () => {
  assert.is(blockText(ipAddress(ipPool({}), 'a', 'FD00::1')), 'fd00::1');
});

const ASKED: [kind: string, text: string, length: number, block: string | undefined][] = [
  ['InClusterIPPool', '10.0.0.5', 32, '10.0.0.5/32'],
  ['InClusterIPPool', '10.0.0.5/32', 32, undefined],
  ['InClusterPrefixPool', 'fd00::/63', 64, 'fd00::/63'],
  ['InClusterPrefixPool', 'fd00::', 64, 'fd00::/64'],
  ['InClusterPrefixPool', 'fd00::5', 64, 'fd00::5/128'],
  ['InClusterPrefixPool', '10.0.0.5', 64, '10.0.0.5/32'],
  ['InClusterPrefixPool', 'x/64', 64, undefined],
];
for (const [kind, text, length, block] of ASKED) {
  test(`${text} asked of an ${kind} of /${length}`, () => {
    const asked = requestedBlock(text, POOL_KINDS[kind]!.unit, length);
    assert.is(asked && formatPrefix(asked), block);
  });
}

test.run();
