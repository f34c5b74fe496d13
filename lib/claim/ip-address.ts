import {
  ADDRESS_SPACE_LABEL,
  CLUSTER_NAME_LABEL,
  POOL_API_VERSION,
  POOL_LABEL,
  POOL_UID_LABEL,
} from '../kubernetes/names.ts';
import type { OwnerReference } from '../kubernetes/object.ts';
import type { IPAddress, IPAddressClaim, IPAllocation } from '../kubernetes/types.ts';
import type { DesiredObject, HookConfig } from '../metacontroller/hook.ts';
import { poolLabel } from '../pool/label.ts';
import { ipamApiVersion } from './api-version.ts';

/** The IPAddress of Cluster API's contract, named like its claim. Metacontroller makes the claim its owner. */
export function addressOf(
  claim: IPAddressClaim,
  { metadata, spec }: IPAllocation,
  config: HookConfig,
): DesiredObject {
  const { name, namespace, labels } = claim.metadata;
  const { apiGroup, kind, name: pool, uid: poolUid } = spec.poolRef;
  const cluster = labels?.[CLUSTER_NAME_LABEL];
  const space = metadata.labels?.[ADDRESS_SPACE_LABEL];
  return {
    apiVersion: ipamApiVersion(config),
    kind: 'IPAddress',
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: {
        ...(cluster !== undefined && { [CLUSTER_NAME_LABEL]: cluster }),
        [POOL_LABEL]: poolLabel(kind, pool),
        [POOL_UID_LABEL]: poolUid,
        ...(space !== undefined && { [ADDRESS_SPACE_LABEL]: space }),
      },
    },
    spec: {
      claimRef: { name },
      poolRef: { apiGroup, kind, name: pool },
      address: spec.address,
      prefix: spec.prefix,
      ...(spec.gateway && { gateway: spec.gateway }),
    },
  };
}

/**
 * With the pool as an owner beside the claim, as the contract has it. Only an IPAddress that a sync has seen gets
 * it: one that nobody knows of when its claim goes is the garbage collector's, which spares what has an owner.
 */
export function withOwners(
  address: DesiredObject,
  claim: IPAddressClaim,
  { spec }: IPAllocation,
): DesiredObject {
  const { kind, name, uid } = spec.poolRef;
  const ownerReferences = [
    ownerReference(claim.apiVersion, claim.kind, claim.metadata.name, claim.metadata.uid ?? '', true),
  ];
  // Metacontroller merges owner references by name: of a claim and a pool of one name it would keep one.
  if (name !== claim.metadata.name) {
    ownerReferences.push(ownerReference(POOL_API_VERSION, kind, name, uid, false));
  }
  return { ...address, metadata: { ...address.metadata, ownerReferences } };
}

function ownerReference(
  apiVersion: string,
  kind: string,
  name: string,
  uid: string,
  controller: boolean,
): OwnerReference {
  return { apiVersion, kind, name, uid, controller, blockOwnerDeletion: true };
}

/** Owner references, as far as Metacontroller can merge them: no two of one name. */
function mergeable(ownerReferences: readonly OwnerReference[] = []): {
  ownerReferences?: readonly OwnerReference[];
} {
  const names = new Set(ownerReferences.map(({ name }) => name));
  return ownerReferences.length > 0 && names.size === ownerReferences.length ? { ownerReferences } : {};
}

/** An IPAddress that is to stay just as it is: what is left out here, Metacontroller would take away. */
export function keptAddress({ apiVersion, kind, metadata, spec }: IPAddress): DesiredObject {
  const { name, namespace, labels, ownerReferences } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
      ...mergeable(ownerReferences),
    },
    spec,
  };
}
