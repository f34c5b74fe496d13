/**
 * What an infrastructure provider makes of the conditions of its machines' claims: the aggregates of Cluster API 1.14.0, of
 * v1beta2 and of v1beta1, called as the vSphere provider calls them. `test/conformance/claim-conditions.json` records what
 * they gave for claims in these states.
 */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { customize, sync } from '../../hooks/claims.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import {
  ago,
  boundClaim,
  claim,
  contextAt,
  ipAddress,
  ipPool,
  objectMap,
  SLICES,
  slicesOf,
} from './objects.ts';

interface Row {
  /** The states of a machine's claims. */
  readonly claims: readonly string[];
  readonly IPAddressClaimed: { readonly status: string };
  readonly IPAddressClaimsFulfilled: { readonly status: string };
}

const { states, rows }: { states: Record<string, object>; rows: readonly Row[] } = JSON.parse(
  readFileSync(new URL('../conformance/claim-conditions.json', import.meta.url), 'utf8'),
);
const POOL = ipPool({ addresses: ['10.0.0.1-10.0.0.9'] });
const A = claim('a', POOL);
const BOUND = boundClaim(A, '10.0.0.1');
const OWN = { controller: true, uid: 'uid-a', name: 'a', kind: 'IPAddressClaim', apiVersion: A.apiVersion };
const ADDRESS = ipAddress(POOL, 'a', '10.0.0.1', { ownerReferences: [OWN] });
const ENDING = { ...ADDRESS, metadata: { ...ADDRESS.metadata, deletionTimestamp: ago(1) } };
const IN_A_CLUSTER = { ...A, spec: { ...A.spec, clusterName: 'east' } };

/** By the name of the state: what the hook says of the claim in it. */
const STATES: Record<string, () => object | undefined> = {
  new: () => statusOf(claim('a', POOL, { creationTimestamp: ago(0) })),
  unanswered: () => statusOf(A),
  exhausted: () => statusOf(A, [answer('PoolExhausted', 'the pool is full')]),
  refused: () => statusOf(A, [answer('AllocationFailed', 'the requested address is in use')]),
  paused: () => statusOf(claim('a', POOL, { annotations: { 'cluster.x-k8s.io/paused': '' } })),
  'without its Cluster': () => statusOf(IN_A_CLUSTER),
  bound: () => statusOf(BOUND, slicesOf(POOL, [A, '10.0.0.1']), [ADDRESS]),
  missing: () => statusOf(BOUND, slicesOf(POOL, [A, '10.0.0.1'])),
  terminating: () => statusOf(BOUND, slicesOf(POOL, [A, '10.0.0.1']), [ENDING]),
  lost: () => statusOf(BOUND),
  'lost for good': () => statusOf({ ...BOUND, status: statusOf(BOUND)! } as IPAddressClaim, [], [], 60),
};

function statusOf(
  object: IPAddressClaim,
  related: readonly KubernetesObject[] = [],
  attachments: readonly IPAddress[] = [],
  seconds = 0,
): object | undefined {
  const { apiVersion } = object;
  const context = contextAt(seconds);
  const asks = customize({ parent: object }, context).relatedResources.map(({ resource }) => resource);
  const groups = {
    [SLICES]: {},
    [`IPAddress.${apiVersion}`]: {},
    ...(asks.includes('clusters') && { 'Cluster.cluster.x-k8s.io/v1beta2': {} }),
  };
  const request = {
    object,
    attachments: { ...groups, ...objectMap(...attachments) },
    related: { ...groups, ...objectMap(...related) },
  };
  return sync(request, context).status ?? undefined;
}

function answer(reason: string, message: string): AllocationSlice {
  return {
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'AllocationSlice',
    metadata: { name: 'pool.answers-0', namespace: 'default', labels: { 'claim.metaipam.io/uid-a': '' } },
    spec: {
      poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: POOL.kind, name: 'pool', uid: 'pool-uid' },
      answers: { 'uid-a': { reason, message } },
    },
  };
}

test('every state is recorded', () => {
  assert.equal(Object.keys(states), Object.keys(STATES));
  for (const state of Object.keys(STATES)) {
    assert.ok(
      rows.some(({ claims }) => claims.join() === state),
      `a machine with a claim that is ${state}`,
    );
    assert.ok(
      rows.some(({ claims }) => claims.join() === `bound,${state}`),
      `one with another beside it`,
    );
  }
});

for (const [state, status] of Object.entries(STATES)) {
  test(`a claim that is ${state} says what was aggregated`, () => {
    assert.equal(JSON.parse(JSON.stringify(status() ?? {})), states[state]);
  });
}

for (const { claims, IPAddressClaimed, IPAddressClaimsFulfilled } of rows) {
  test(`a machine with claims that are ${claims.join(' and ')}: both aggregates are True, or neither`, () => {
    const expected = claims.every((state) => state === 'bound');
    assert.is(IPAddressClaimed.status === 'True', expected, JSON.stringify(IPAddressClaimed));
    assert.is(IPAddressClaimsFulfilled.status === 'True', expected, JSON.stringify(IPAddressClaimsFulfilled));
  });
}

test.run();
