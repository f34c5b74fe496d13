import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { networkDeeds } from '../../lib/janitor/network-deeds.ts';
import type { AllocationSlice, PodNetwork } from '../../lib/kubernetes/types.ts';
import { context, network, slice } from '../pod-network/objects.ts';

const NAME = 'default.10.0.0.0-18.24';
const OWNER = { apiVersion: 'metaipam.io/v1alpha1', kind: 'PodNetwork', name: 'default', uid: 'uid-default' };
const owned = { ownerReferences: [{ ...OWNER, controller: true }] };
const of = (name: string, metadata: Partial<AllocationSlice['metadata']> = owned) =>
  slice(NAME, name, { cidr: '10.0.0.0/18', blockLength: 24, entries: {} }, metadata);

function missingSince(
  lastTransitionTime: string,
  metadata: Partial<PodNetwork['metadata']> = {},
): PodNetwork {
  const condition = { type: 'SlicesMissing', status: 'True' as const, reason: 'SlicesLost', message: '' };
  return {
    ...network('default', {}, metadata),
    status: { slices: [NAME], conditions: [{ ...condition, lastTransitionTime }] },
  };
}

const deeds = (networks: PodNetwork[], slices: AllocationSlice[] = []) =>
  networkDeeds({ networks, slices }, context);
const DELETED = { deletionTimestamp: '2026-06-01T11:00:00Z' };
const LONG_AGO = '2026-06-01T11:59:30Z';

test('a slice that has been missing for long enough is made again, empty', () => {
  assert.equal(deeds([missingSince('2026-06-01T11:59:31Z')]), []);
  const [deed, ...others] = deeds([missingSince(LONG_AGO)]);
  assert.equal(others, []);
  const path = {
    apiVersion: 'metaipam.io/v1alpha1',
    resource: 'allocationslices',
    namespace: 'metaipam-system',
    name: NAME,
  };
  assert.equal(deed!.checks, [
    { is: 'absent', path },
    {
      is: 'alive',
      path: { apiVersion: 'metaipam.io/v1alpha1', resource: 'podnetworks', name: 'default' },
      uid: 'uid-default',
    },
  ]);
  assert.equal(deed!.act, {
    verb: 'create',
    path,
    object: {
      apiVersion: 'metaipam.io/v1alpha1',
      kind: 'AllocationSlice',
      metadata: {
        name: NAME,
        namespace: 'metaipam-system',
        labels: { 'metaipam.io/network': 'default', 'controller-uid': 'uid-default' },
        ownerReferences: [{ ...OWNER, controller: true, blockOwnerDeletion: true }],
      },
      spec: {
        poolRef: { apiGroup: 'metaipam.io', kind: 'PodNetwork', name: 'default', uid: 'uid-default' },
        cidr: '10.0.0.0/18',
        blockLength: 24,
        entries: {},
      },
    },
  });
});

test('a slice that is there, or whose network is being deleted, is not made again', () => {
  assert.equal(deeds([missingSince(LONG_AGO)], [of('default')]), []);
  assert.equal(deeds([missingSince(LONG_AGO, DELETED)]), []);
});

test('slices of a network that is gone go, and those that one which goes has left without an owner', () => {
  const goes = (networks: PodNetwork[], one: AllocationSlice) =>
    deeds(networks, [one]).map(({ act, checks }) => [act.verb, checks.map(({ is }) => is)]);
  assert.equal(goes([network('other')], of('default')), [['delete', ['gone']]]);
  assert.equal(goes([network('default', {}, { uid: 'new' })], of('default')), [['delete', ['gone']]]);
  assert.equal(goes([network()], of('default')), []);
  assert.equal(goes([network()], of('default', {})), []);
  assert.equal(goes([network('default', {}, DELETED)], of('default')), []);
  assert.equal(goes([network('default', {}, DELETED)], of('default', {})), [['delete', []]]);
  assert.equal(goes([], of('default', DELETED)), []);
});

test('slices of pools are no business of networks', () => {
  const { metadata, spec } = of('default');
  const ofPool = {
    ...of('default'),
    metadata,
    spec: { ...spec, poolRef: { ...spec.poolRef, apiGroup: 'ipam.cluster.x-k8s.io' } },
  };
  assert.equal(deeds([], [ofPool]), []);
});

test.run();
