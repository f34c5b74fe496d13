import { FAMILY_BITS, formatAddress } from '../address/address.ts';
import { type Allocation, subnetOfEntry } from '../allocation/slice.ts';
import {
  ADDRESS_SPACE_LABEL,
  CLAIM_UID_LABEL,
  CLAIMS_CONTROLLER,
  CLUSTER_NAME_LABEL,
  DECORATOR_ANNOTATION,
  POOL_API_VERSION,
  POOL_LABEL,
  POOL_UID_LABEL,
} from '../kubernetes/names.ts';
import { controllerOf, controllerReference, type OwnerReference } from '../kubernetes/object.ts';
import { PREFIX, poolKind } from '../kubernetes/pool-kinds.ts';
import type { IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import { ipamApiVersion } from '../metacontroller/api-version.ts';
import { isAttachment } from '../metacontroller/attachment.ts';
import type { DesiredObject, HookConfig } from '../metacontroller/hook.ts';
import { poolLabel } from '../pool/label.ts';

/** Whether its slice says what an IPAddress of it has to say. Its pool mends one that was edited by hand. */
export function isComplete(allocation: Allocation): boolean {
  const { slice, block } = allocation;
  if (poolKind(slice.spec.poolRef.kind).unit === PREFIX) return true;
  const subnet = subnetOfEntry(allocation);
  return subnet !== undefined && subnet.prefix <= FAMILY_BITS[block.family];
}

/**
 * The IPAddress of Cluster API's contract, named like its claim, with the pool as an owner. Metacontroller makes the
 * claim the other, and its controller. It is made whole and never changed.
 */
export function addressOf(claim: IPAddressClaim, allocation: Allocation, config: HookConfig): DesiredObject {
  const { slice, block } = allocation;
  const { name, namespace } = claim.metadata;
  const { apiGroup, kind, name: pool } = slice.spec.poolRef;
  const { prefix, gateway } = subnetOfEntry(allocation) ?? {};
  const isPrefix = poolKind(kind).unit === PREFIX;
  return {
    apiVersion: ipamApiVersion(config),
    kind: 'IPAddress',
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: addressLabels(claim, slice),
      ownerReferences: [poolOwner(slice)],
    },
    spec: {
      claimRef: { name },
      poolRef: { apiGroup, kind, name: pool },
      address: formatAddress({ family: block.family, value: block.first }),
      prefix: isPrefix ? block.length : prefix,
      ...(gateway && { gateway }),
    },
  };
}

/** What our IPAddresses are found by, beside the label of the claim's cluster. */
function addressLabels(
  { metadata }: IPAddressClaim,
  { metadata: slice, spec }: Allocation['slice'],
): Record<string, string> {
  const { kind, name, uid } = spec.poolRef;
  const cluster = metadata.labels?.[CLUSTER_NAME_LABEL];
  const space = slice.labels?.[ADDRESS_SPACE_LABEL];
  return {
    ...(cluster !== undefined && { [CLUSTER_NAME_LABEL]: cluster }),
    [POOL_LABEL]: poolLabel(kind, name),
    [POOL_UID_LABEL]: uid,
    [CLAIM_UID_LABEL]: metadata.uid ?? '',
    ...(space !== undefined && { [ADDRESS_SPACE_LABEL]: space }),
  };
}

/**
 * uids of the claims whose IPAddress it may be: the one that it was made for, and the one that controls it. Both are one,
 * but where it came from another cluster with its owners, as by `clusterctl move`.
 */
export function claimUids(address: IPAddress): string[] {
  const uids = [address.metadata.labels?.[CLAIM_UID_LABEL], controllerOf(address)?.uid];
  return [...new Set(uids.filter((uid) => uid !== undefined))];
}

/** Whether an IPAddress of ours bears uids of another cluster than the one where the slice of its claim is. */
export function isFromElsewhere({ metadata: { labels } }: IPAddress, { entry, slice }: Allocation): boolean {
  const madeFor = labels?.[CLAIM_UID_LABEL];
  if (madeFor === undefined) return false;
  return madeFor !== entry.uid || labels?.[POOL_UID_LABEL] !== slice.spec.poolRef.uid;
}

function poolOwner({ spec }: Allocation['slice']): OwnerReference {
  const { kind, name, uid } = spec.poolRef;
  return { apiVersion: POOL_API_VERSION, kind, name, uid, controller: false, blockOwnerDeletion: true };
}

/**
 * Whether Metacontroller counts an IPAddress among the attachments of its claim: it has the mark, and the claim controls
 * it. One that another provider made has the claim for a controller too, and no mark.
 */
export function isAttached(address: IPAddress, claim: IPAddressClaim): boolean {
  return isAttachment(address, CLAIMS_CONTROLLER, claim.metadata.uid);
}

/** By what an IPAddress from elsewhere becomes the claim's, as if it had been made for it here. */
export function ownership({ metadata }: IPAddress, claim: IPAddressClaim, slice: Allocation['slice']) {
  const owners = [controllerReference(claim), poolOwner(slice)];
  const others = (metadata.ownerReferences ?? []).filter(
    ({ uid, kind, name }) =>
      !owners.some((owner) => owner.uid === uid || (owner.kind === kind && owner.name === name)),
  );
  return {
    labels: addressLabels(claim, slice),
    annotations: { [DECORATOR_ANNOTATION]: CLAIMS_CONTROLLER },
    ownerReferences: [...others, ...owners],
  };
}

/**
 * An IPAddress that is to stay: Metacontroller would delete what is not asked for, and changes nothing of it.
 *
 * It makes one that the hook has seen and its own list of children had not: applied on the server's side, an owner that
 * is not named here would go.
 */
export function keptAddress({ apiVersion, kind, metadata, spec }: IPAddress): DesiredObject {
  const { name, namespace, labels, ownerReferences = [] } = metadata;
  const others = ownerReferences.filter(({ controller }) => !controller);
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
      ...(others.length > 0 && { ownerReferences: others }),
    },
    spec,
  };
}
