import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { networkDeeds } from '../../lib/janitor/network-deeds.ts';
import type { AllocationSlice, PodNetwork } from '../../lib/kubernetes/types.ts';
import { network, slice } from '../pod-network/objects.ts';

const NAME = 'default.10.0.0.0-19.24';
const OWNER = { apiVersion: 'metaipam.io/v1alpha1', kind: 'PodNetwork', name: 'default', uid: 'uid-default' };
const owned = { ownerReferences: [{ ...OWNER, controller: true }] };
const of = (name: string, metadata: Partial<AllocationSlice['metadata']> = owned) =>
  slice(NAME, name, { cidr: '10.0.0.0/19', blockLength: 24, entries: {} }, metadata);

const deeds = (networks: PodNetwork[], slices: AllocationSlice[]) => [...networkDeeds({ networks, slices })];
const DELETED = { deletionTimestamp: '2026-06-01T11:00:00Z' };

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

test('a slice is deleted as it was, and only if its network is gone indeed', () => {
  const [deed] = deeds([], [of('default')]);
  const { namespace, uid, resourceVersion } = of('default').metadata;
  const apiVersion = 'metaipam.io/v1alpha1';
  assert.equal(deed?.checks, [
    { is: 'gone', path: { apiVersion, resource: 'podnetworks', name: 'default' }, uid: 'uid-default' },
  ]);
  const path = { apiVersion, resource: 'allocationslices', namespace, name: NAME };
  assert.equal(deed?.act, { verb: 'delete', path, uid, resourceVersion });
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
