/** What the janitor does for pools of prefixes, beside what it does for all. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { type JanitorView, poolDeeds } from '../../lib/janitor/decide.ts';
import type { Deed } from '../../lib/janitor/deed.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { AllocationSlice } from '../../lib/kubernetes/types.ts';
import {
  ago,
  claim,
  contextAt,
  globalPrefixPool,
  ipAddress,
  type Pool,
  prefixPool,
  slicesOf,
} from '../hooks/objects.ts';

const admission = crdAdmission(readCustomResourceDefinitions());
const POOL = prefixPool({ prefixes: ['fd00::/48'], gateway: 'fe80::1' });
const A = claim('a', POOL);

function deeds(view: Partial<Omit<JanitorView, 'networks'>>): Deed[] {
  return poolDeeds({ claims: [], addresses: [], slices: [], pools: [POOL], ...view }, contextAt());
}

function written({ act }: Deed): AllocationSlice {
  if (!('object' in act)) throw new Error('nothing is written');
  return act.object as object as AllocationSlice;
}

/** The pool, which misses slices for long enough. */
function missing(pool: Pool, ...slices: string[]): Pool {
  const condition = { type: 'SlicesMissing', status: 'True' as const, reason: 'SlicesLost', message: '' };
  return { ...pool, status: { slices, conditions: [{ ...condition, lastTransitionTime: ago(60) }] } };
}

const RESTORED: [name: string, pool: Pool, spec: object][] = [
  [
    'pool.fd00-0-0-0-0-0-0-0-59.64.prefix',
    POOL,
    { cidr: 'fd00::/59', blockLength: 64, prefix: 64, gateway: 'fe80::1' },
  ],
  [
    'pool.fd00-0-0-0-0-0-0-0-58.63.prefix',
    POOL,
    { cidr: 'fd00::/58', blockLength: 63, prefix: 64, gateway: 'fe80::1' },
  ],
  [
    'pool.fd00-0-0-0-0-0-0-0-59.64.global-prefix',
    globalPrefixPool({ prefixes: ['fd00::/48'] }),
    { cidr: 'fd00::/59', blockLength: 64, prefix: 64 },
  ],
];
for (const [name, pool, spec] of RESTORED) {
  test(`slice ${name} is made again with prefixes of its length, and the API server agrees`, () => {
    const holders = ['a', 'b', 'far'].map((each) => claim(each, pool));
    const addresses = [
      ipAddress(pool, 'a', 'fd00::/64'),
      ipAddress(pool, 'b', 'fd00:0:0:2::/63'),
      ipAddress(pool, 'far', 'fd00:0:1::/64'),
      ipAddress(pool, 'none', 'zz/64'),
    ];
    const [deed] = deeds({ pools: [missing(pool, name)], claims: holders, addresses });
    assert.is(deed?.act.verb, 'create');
    const object = written(deed!);
    const { poolRef: _, entries, ...rest } = object.spec;
    assert.equal(rest, spec);
    assert.equal(Object.keys(entries!), name.includes('.63.') ? ['fd00:0:0:2::/63'] : ['fd00::/64']);
    assert.match(deed!.why, 'made again with 1 prefix');
    assert.equal(admission.validate!(object as object as Unstructured, undefined), []);
  });
}

for (const [text, since, isOwned] of [
  ['fd00::/64', undefined, true],
  ['fd00::/64', ago(0), true],
  ['fd00::/63', ago(10), false],
  ['fd00::/63', ago(40), true],
] as const) {
  test(`an IPAddress ${text} that was listed ${since ?? 'whenever'} ${isOwned ? 'becomes' : 'is not yet'} its claim's`, () => {
    const slices = slicesOf(POOL, [A, text, { adopted: true, ...(since && { since }) }]);
    const found = deeds({ claims: [A], addresses: [ipAddress(POOL, 'a', text)], slices });
    assert.equal(
      found.map(({ act }) => `${act.verb} ${act.path.resource}/${act.path.name}`),
      isOwned ? ['update ipaddresses/a'] : [],
    );
  });
}

test('slices of a pool that is gone are deleted, and entries of claims that are gone released', () => {
  const slices = slicesOf(POOL, [claim('gone', POOL), 'fd00::/64']);
  const [release] = deeds({ slices });
  assert.is(release?.act.verb, 'update');
  const { entries } = written(release!).spec;
  assert.type(entries!['fd00::/64']!.released, 'string');
  const [leftover] = deeds({ slices, pools: [] }).filter(({ act }) => act.verb === 'delete');
  assert.equal(leftover?.checks, [
    {
      is: 'gone',
      path: {
        apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
        resource: 'inclusterprefixpools',
        namespace: 'default',
        name: 'pool',
      },
      uid: 'pool-uid',
    },
  ]);
});

test.run();
