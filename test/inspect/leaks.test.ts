import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseRange } from '../../lib/address/range.ts';
import { leakDeeds } from '../../lib/inspect/leaks.ts';
import type { AllocationSlice } from '../../lib/kubernetes/types.ts';
import {
  address,
  allocation,
  block,
  CONTEXT,
  claim,
  clusterCIDR,
  merged,
  node,
  podNetwork,
  pool,
  served,
} from './objects.ts';

const MADE_FOR_GONE = {
  labels: { 'metaipam.io/claim-uid': 'uid-of-IPAddressClaim-gone', 'metaipam.io/pool-uid': 'uid-of-p' },
};
const OBJECTS = merged([
  pool('p', { addresses: ['10.0.0.0/24'], prefix: 24 }),
  claim('a', 'p', {}, served('a')),
  allocation('p', '10.0.0.1', 'a'),
  address('a', 'p', '10.0.0.1'),
  allocation('p', '10.0.0.2', 'gone'),
  address('gone', 'p', '10.0.0.2', MADE_FOR_GONE),
  allocation('p', '10.0.0.3', 'left', { released: '2026-01-01T00:00:00Z' }),
  podNetwork(),
  clusterCIDR('workers', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' }),
  node('n', ['10.244.0.0/24']),
  block('10.244.0.0/24', 'workers', 'n'),
  block('10.244.1.0/24', 'workers', 'gone'),
]);
const found = (...ranges: string[]) =>
  leakDeeds(OBJECTS, ranges.length === 0 ? undefined : ranges.map((text) => parseRange(text)!), CONTEXT);

test('what is kept for a claim or a node that is gone, an IPAddress before its entry', () => {
  assert.equal(
    found().map(({ why }) => why),
    [
      'IPAddress default/gone: its claim is gone',
      'AllocationSlice default/p.10.0.0.2-32.shared: 10.0.0.2 had claims that are gone',
      'AllocationSlice metaipam-system/default.10.244.0.0-19.24: 10.244.1.0/24 had nodes that are gone',
    ],
  );
});

test('nothing that moved here with its claim, and bears uids of another cluster', () => {
  const owner = {
    apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
    kind: 'IPAddressClaim',
    name: 'a',
    controller: true,
  };
  const moved = address('a', 'p', '10.0.0.1', {
    labels: { 'metaipam.io/claim-uid': 'of-there', 'metaipam.io/pool-uid': 'of-there' },
    ownerReferences: [{ ...owner, uid: 'uid-of-IPAddressClaim-a' }],
  });
  const objects = [
    pool('p', { addresses: ['10.0.0.0/24'], prefix: 24 }),
    claim('a', 'p', {}, served('a')),
    moved,
  ];
  assert.equal(leakDeeds([...objects, allocation('p', '10.0.0.1', 'a')], undefined, CONTEXT), []);
});

test('only what lies in the ranges', () => {
  assert.equal(
    found('10.244.1.7', '10.0.0.0/31').map(({ why }) => why),
    ['AllocationSlice metaipam-system/default.10.244.0.0-19.24: 10.244.1.0/24 had nodes that are gone'],
  );
  assert.equal(found('10.0.0.1'), []);
});

test('that they are gone is looked up; nothing but the mark is changed', () => {
  const [ofAddress, ofEntry, ofNode] = found();
  const gone = { apiVersion: 'ipam.cluster.x-k8s.io/v1beta2', namespace: 'default', name: 'gone' };
  const uid = 'uid-of-IPAddressClaim-gone';
  assert.equal(ofAddress!.checks, [{ is: 'gone', path: { ...gone, resource: 'ipaddressclaims' }, uid }]);
  assert.equal(ofEntry!.checks, [
    { is: 'gone', path: { ...gone, resource: 'ipaddressclaims' }, uid },
    { is: 'without address', path: { ...gone, resource: 'ipaddresses' }, claim: uid },
  ]);
  assert.equal(ofNode!.checks, [
    { is: 'gone', path: { apiVersion: 'v1', resource: 'nodes', name: 'gone' }, uid: 'uid-of-Node-gone' },
  ]);
  const { act } = ofEntry!;
  assert.is(act.verb, 'update');
  const { entries } = (act as object as { object: AllocationSlice }).object.spec;
  assert.equal(entries, {
    '10.0.0.2': { uid, namespace: 'default', name: 'gone', released: '2026-01-02T00:00:00Z' },
  });
});

test.run();
