/** A pool with as many claims as it has addresses, as a cluster has them once they are served. */
import { formatAddress } from '../../lib/address/address.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { labelsOfClaim, pool, served, slice } from '../inspect/objects.ts';

const BASE = 0x0a010000;
const GROUP = 'ipam.cluster.x-k8s.io';

/** The pool `many` of 10.1.0.0/16, of whose 65 534 addresses the first so many are used. */
export function manyServed(count: number): KubernetesObject[] {
  const objects = [pool('many', { addresses: ['10.1.0.0/16'], prefix: 16 })];
  const creationTimestamp = '2026-01-01T00:00:00Z';
  const poolRef = { apiGroup: GROUP, kind: 'InClusterIPPool', name: 'many' };
  let entries: Record<string, object> = {};
  for (let index = 1; index <= count; index++) {
    const name = `m-${index}`;
    const address = formatAddress({ family: 4, value: BigInt(BASE + index) });
    const uid = `uid-${index}`;
    entries[address] = { uid, namespace: 'default', name };
    const metadata = { name, namespace: 'default', creationTimestamp };
    const labels = labelsOfClaim('many', 'uid-of-InClusterIPPool-many');
    objects.push(
      {
        apiVersion: `${GROUP}/v1beta2`,
        kind: 'IPAddressClaim',
        metadata: { ...metadata, uid, labels },
        spec: { poolRef },
        status: served(name),
      } as KubernetesObject,
      {
        apiVersion: `${GROUP}/v1beta2`,
        kind: 'IPAddress',
        metadata: { ...metadata, uid: `address-${index}`, labels: { 'metaipam.io/claim-uid': uid } },
        spec: { poolRef, claimRef: { name }, address, prefix: 16 },
      } as KubernetesObject,
    );
    if (index % 32 !== 31 && index !== count) continue;
    const first = formatAddress({ family: 4, value: BigInt(BASE + index - (index % 32)) });
    objects.push(slice('many', { cidr: `${first}/27`, prefix: 16, entries }, { name: `many.${first}-27` }));
    entries = {};
  }
  return objects;
}
