import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { networkDeeds } from '../../lib/janitor/network-deeds.ts';
import type { AllocationSlice, PodCIDRClaim, PodNetwork } from '../../lib/kubernetes/types.ts';
import { network, slice } from '../pod-network/objects.ts';

const NAME = 'default.10.0.0.0-19.24';
const OWNER = { apiVersion: 'metaipam.io/v1alpha1', kind: 'PodNetwork', name: 'default', uid: 'uid-default' };
const owned = { ownerReferences: [{ ...OWNER, controller: true }] };
const of = (name: string, metadata: Partial<AllocationSlice['metadata']> = owned) =>
  slice(NAME, name, { cidr: '10.0.0.0/19', blockLength: 24, entries: {} }, metadata);

const deeds = (networks: PodNetwork[], slices: AllocationSlice[], podCIDRClaims: PodCIDRClaim[] = []) =>
  networkDeeds({ networks, slices, podCIDRClaims });
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

const NODE = { apiVersion: 'v1', resource: 'nodes', name: 'n0' };
const NODE_OWNER = {
  apiVersion: 'v1',
  kind: 'Node',
  name: 'n0',
  uid: 'u0',
  controller: true,
  blockOwnerDeletion: true,
};
const MARK = { 'metacontroller.k8s.io/decorator-controller': 'nodes' };
const podCIDRClaim = (metadata: Partial<PodCIDRClaim['metadata']>, nodeUID = 'u0'): PodCIDRClaim => ({
  apiVersion: 'metaipam.io/v1alpha1',
  kind: 'PodCIDRClaim',
  metadata: { name: 'n0', uid: 'c0', resourceVersion: '7', ...metadata },
  spec: { nodeUID },
});
const PATH = { apiVersion: 'metaipam.io/v1alpha1', resource: 'podcidrclaims', name: 'n0' };

test('a PodCIDRClaim that Metacontroller does not know gets its Node back, and goes if there is none', () => {
  const verbs = (claim: PodCIDRClaim) =>
    deeds([], [], [claim]).map(({ act, checks }) => `${act.verb} if ${checks.map(({ is }) => is)}`);
  const known = { annotations: MARK, ownerReferences: [NODE_OWNER] };
  assert.equal(verbs(podCIDRClaim(known)), []);
  assert.equal(verbs(podCIDRClaim({ ownerReferences: [NODE_OWNER] })), ['update if alive']);
  assert.equal(verbs(podCIDRClaim({ annotations: MARK })), ['update if alive', 'delete if gone']);
  assert.equal(verbs(podCIDRClaim({})), ['update if alive', 'delete if gone']);
  assert.equal(verbs(podCIDRClaim(DELETED)), []);
  // The garbage collector takes what is of another Node.
  assert.equal(verbs(podCIDRClaim(known, 'u1')), []);
  assert.equal(verbs({ ...podCIDRClaim({}), spec: undefined } as object as PodCIDRClaim), []);
});

test('it is changed or deleted as it was, and keeps what else it has', () => {
  const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' };
  const own = { ...NODE_OWNER, controller: false };
  const claim = podCIDRClaim({ annotations: { note: 'a' }, ownerReferences: [other, own] });
  const [mended, deleted] = deeds([], [], [claim]);
  assert.equal(mended?.checks, [{ is: 'alive', path: NODE, uid: 'u0' }]);
  const metadata = {
    ...claim.metadata,
    annotations: { note: 'a', ...MARK },
    ownerReferences: [other, NODE_OWNER],
  };
  assert.equal(mended?.act, { verb: 'update', path: PATH, object: { ...claim, metadata } });
  assert.equal(deleted?.checks, [{ is: 'gone', path: NODE, uid: 'u0' }]);
  assert.equal(deleted?.act, { verb: 'delete', path: PATH, uid: 'c0', resourceVersion: '7' });
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
