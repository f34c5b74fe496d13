/** What a person sees of pools of prefixes: show, check, plan, the page and adopt. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseRange } from '../../lib/address/range.ts';
import { planAdoption } from '../../lib/inspect/adoption.ts';
import { check } from '../../lib/inspect/check/check.ts';
import { holdingsIn } from '../../lib/inspect/holding.ts';
import { readInventory } from '../../lib/inspect/inventory.ts';
import { overviewOf } from '../../lib/inspect/overview.ts';
import { effectsOf } from '../../lib/inspect/preview/preview.ts';
import { surveyOf } from '../../lib/inspect/survey.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { InClusterPrefixPool, InClusterPrefixPoolSpec, IPAddress } from '../../lib/kubernetes/types.ts';
import { parseQuery } from '../../lib/page/query.ts';
import { render } from '../../lib/page/render.ts';
import {
  boundClaim,
  claim,
  contextAt,
  ipAddress,
  ipPool,
  labelsOf,
  prefixPool,
  slicesOf,
} from '../hooks/objects.ts';

const SMALL = { prefixes: ['fd00::/61'] };
const CONTEXT = contextAt();

function pool(spec: InClusterPrefixPoolSpec = SMALL): InClusterPrefixPool {
  const condition = { type: 'Ready', status: 'True' as const, reason: 'PoolReady', message: '' };
  const conditions = [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }];
  return { ...prefixPool(spec), status: { conditions } };
}

/** A claim that has a prefix, with its IPAddress and its slice. */
function served(parent: InClusterPrefixPool, ...given: [name: string, prefix: string][]): KubernetesObject[] {
  const claims = given.map(([name, prefix]) =>
    boundClaim(claim(name, parent, { labels: labelsOf(parent, parent.metadata.uid) }), prefix),
  );
  const addresses = given.map(([name, prefix]) => made(parent, name, prefix));
  return [
    ...claims,
    ...addresses,
    ...slicesOf(parent, ...given.map(([, prefix], i) => [claims[i]!, prefix] as const)),
  ];
}

function made(parent: InClusterPrefixPool, name: string, prefix: string): IPAddress {
  return ipAddress(parent, name, prefix, {
    labels: {
      'metaipam.io/pool': 'InClusterPrefixPool.pool',
      'metaipam.io/pool-uid': parent.metadata.uid!,
      'metaipam.io/claim-uid': `uid-${name}`,
    },
  });
}

const findings = (...objects: KubernetesObject[]) =>
  check(objects, CONTEXT).map(({ check: name, object, message }) => `${name} ${object}: ${message}`);
const effects = (before: KubernetesObject[], after: KubernetesObject[]) =>
  effectsOf(before, after, CONTEXT).map(({ effect, object, message }) => `${effect} ${object}: ${message}`);

test('show: prefixes have one state each, and are counted, not their addresses', () => {
  const parent = pool({ ...SMALL, excludedPrefixes: ['fd00:0:0:7::5'] });
  const slices = slicesOf(parent, [claim('a', parent), 'fd00::/64'], [claim('b', parent), 'fd00:0:0:2::/63']);
  const [shown] = overviewOf([parent, ...slices], CONTEXT).pools;
  const { total, used, free, outOfRange, space, counts } = shown!;
  assert.equal({ total, used, free, outOfRange }, { total: 7n, used: 2n, free: 4n, outOfRange: 1n });
  assert.is(space.unit, 2n ** 64n);
  assert.equal(
    space.segments.map(({ state, first, last }) => [state, (last - first + 1n) / space.unit]),
    [
      ['used', 1n],
      ['free', 1n],
      ['used', 2n],
      ['free', 3n],
      ['excluded', 1n],
    ],
  );
  assert.is(counts.used, 3n);
});

test('show: counts beyond int64 are exact', () => {
  const parent = pool({ prefixes: ['::/0'], allocationPrefixLength: 128 });
  const [shown] = overviewOf([parent, ...slicesOf(parent, [claim('a', parent), '::'])], CONTEXT).pools;
  assert.is(shown!.total, 2n ** 128n);
  assert.is(shown!.free, 2n ** 128n - 1n);
});

test('show: who has a prefix, and who has an address in it', () => {
  const parent = pool();
  const objects = [parent, ...served(parent, ['a', 'fd00:0:0:1::/64'])];
  for (const asked of ['fd00:0:0:1::/64', 'fd00:0:0:1::7']) {
    const [holding] = holdingsIn(parseRange(asked)!, surveyOf(objects, CONTEXT));
    assert.is(holding?.addresses, 'fd00:0:0:1::/64');
    assert.is(holding?.holder, 'IPAddressClaim default/a');
  }
  const [free] = holdingsIn(parseRange('fd00::7')!, surveyOf(objects, CONTEXT));
  assert.is(free?.note, 'free');
});

const page = (...objects: KubernetesObject[]) => {
  const query = parseQuery('?pool=InClusterPrefixPool/default/pool');
  const visit = { query, nonce: '', of: 'test', problems: [], isLive: false };
  return render(visit, surveyOf(objects, CONTEXT)).text;
};

test('the page: a map of prefixes, and who has which', () => {
  const parent = pool();
  const text = page(parent, ...served(parent, ['a', 'fd00:0:0:1::/64'], ['b', 'fd00::/64']));
  assert.match(text, '<b>Prefixes</b>');
  assert.match(text, 'a cell is one prefix');
  assert.match(text, /2 <small>of 8, 25%/);
  assert.match(text, /fd00:0:0:1::\/64[\s\S]*IPAddressClaim default\/a</);
});

test('the page keeps every digit of a count', () => {
  const parent = pool({ prefixes: ['8000::/1'], allocationPrefixLength: 63 });
  assert.match(page(parent, ...served(parent, ['a', '8000::/63'])), '4,611,686,018,427,387,903');
});

test('check: a cluster in which all is well', () => {
  const parent = pool();
  assert.equal(findings(parent, ...served(parent, ['a', 'fd00::/64'], ['b', 'fd00:0:0:1::/64'])), []);
});

test('check: prefixes that overlap, whatever their lengths', () => {
  const parent = pool();
  const found = findings(
    parent,
    ...served(parent, ['a', 'fd00::/64'], ['b', 'fd00::/63'], ['c', 'fd00:0:0:4::/64']),
  );
  const duplicates = found.filter((line) => line.startsWith('duplicate-address'));
  assert.is(duplicates.length, 1, found.join('\n'));
  assert.match(
    duplicates[0]!,
    /fd00::\/6\d of InClusterPrefixPool default\/pool is also held by default\/\w \(fd00::\/6\d, by /,
  );
});

test('check: an IPAddress that says no prefix', () => {
  const parent = pool();
  const { spec, ...rest } = ipAddress(parent, 'a', 'fd00::/64');
  const bad = { ...rest, spec: { ...spec, prefix: undefined } } as object as IPAddress;
  const found = findings(parent, bad, claim('a', parent));
  assert.ok(
    found.includes(
      'invalid-object IPAddress default/a: says no prefix that can be read: nobody knows what default/a has',
    ),
    found.join('\n'),
  );
});

test('check: what a pool does not give any more', () => {
  const before = pool();
  const objects = served(before, ['a', 'fd00::/64'], ['b', 'fd00:0:0:1::/64']);
  const found = findings(pool({ prefixes: ['fd00:0:0:4::/62'] }), ...objects);
  assert.equal(found, [
    'out-of-range InClusterPrefixPool default/pool: 2 prefixes in use are not in the pool: fd00::/63 (the first by IPAddressClaim default/a)',
  ]);
});

test('check: a pool of prefixes that overlaps a pool of addresses', () => {
  const addresses = ipPool({ addresses: ['fd00::10-fd00::20'], prefix: 64 }, { name: 'other', uid: 'other' });
  const found = findings(pool(), addresses);
  assert.is(found.length, 1, found.join('\n'));
  assert.match(found[0]!, 'overlapping-pools');
  assert.match(found[0]!, 'in fd00::10-fd00::20');
});

test('plan: what falls out of a pool that shrinks, and what growing brings', () => {
  const before = pool();
  const after = pool({ prefixes: ['fd00:0:0:1::/64', 'fd00:0:0:2::/63'] });
  const objects = served(before, ['a', 'fd00::/64'], ['b', 'fd00:0:0:1::/64']);
  assert.equal(effects([before, ...objects], [after, ...objects]), [
    'capacity InClusterPrefixPool default/pool: total 8 becomes 3, free 6 becomes 2',
    'out-of-range InClusterPrefixPool default/pool: 1 prefix in use falls out of range: fd00::/64 (IPAddressClaim default/a)',
  ]);
  assert.equal(effects([after, ...objects], [before, ...objects]), [
    'capacity InClusterPrefixPool default/pool: total 3 becomes 8, free 2 becomes 6',
    'back-in-range InClusterPrefixPool default/pool: 1 prefix in use is in range again: fd00::/64',
  ]);
});

test('plan: a pool that runs out of prefixes', () => {
  const parent = pool({ prefixes: ['fd00::/64'] });
  const objects = served(parent, ['a', 'fd00::/64']);
  assert.equal(effects([parent], [parent, ...objects]), [
    'runs-out InClusterPrefixPool default/pool: has no free prefix left',
    'claim-served IPAddressClaim default/a: gets fd00::/64',
  ]);
});

test('adopt: an IPAddress of another provider becomes its claim’s once the pool lists it', () => {
  const parent = pool();
  const holder = claim('a', parent);
  const theirs = ipAddress(parent, 'a', 'fd00::1/63', {
    finalizers: ['ipam.cluster.x-k8s.io/ProtectAddress'],
  });
  const before = planAdoption(readInventory([parent, holder, theirs]));
  assert.equal(
    before.waiting.map(({ metadata }) => metadata.name),
    ['a'],
  );
  const listed = slicesOf(parent, [holder, 'fd00::/63', { adopted: true }]);
  const { adoptions, waiting } = planAdoption(readInventory([parent, holder, theirs, ...listed]));
  assert.equal(waiting, []);
  assert.equal(
    adoptions.map(({ object, effects }) => `${object.kind}: ${effects.join(', ')}`),
    [
      "IPAddress: freed of finalizer ipam.cluster.x-k8s.io/ProtectAddress, owned by IPAddressClaim a and InClusterPrefixPool pool, labelled with its pool, marked as the claims controller's",
    ],
  );
});

test.run();
