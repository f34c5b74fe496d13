/** What a claim gets to see. Never its pool, which changes with every other claim. */
import { type Allocation, allocationsIn, bellOf, isMisnamed } from '../allocation/slice.ts';
import {
  ADDRESS_ANNOTATION,
  CAPI_IPAM_GROUP,
  CLAIM_UID_LABEL,
  ENDING,
  LEAVING,
  OPEN,
  POOL_UID_LABEL,
  RELEASE_ADDRESS_FINALIZER,
  SETTLED_LABEL,
} from '../kubernetes/names.ts';
import { controllerOf } from '../kubernetes/object.ts';
import { poolKind } from '../kubernetes/pool-kinds.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim, SliceAnswer } from '../kubernetes/types.ts';
import { clusterApiVersion, ipamApiVersion } from '../metacontroller/api-version.ts';
import { addressGroup, SLICES } from '../metacontroller/groups.ts';
import {
  type CustomizeResponse,
  type DecoratorRequest,
  type HookConfig,
  objectsOf,
  type RelatedResourceRule,
} from '../metacontroller/hook.ts';
import { slicesWith } from '../metacontroller/slice-rule.ts';
import { isRecordedHere } from '../pool/address-record.ts';
import { type ClusterView, clusterName, clusterOf } from './cluster.ts';
import { isAttached } from './ip-address.ts';

export interface ClaimView {
  readonly claim: IPAddressClaim;
  /** What its label says: `open`, `leaving`, or the uid of a pool; undefined before it is admitted. */
  readonly settled: string | undefined;
  /** Its IPAddress, whoever made it. */
  readonly address: IPAddress | undefined;
  /** Whether `address` is Metacontroller's to keep or to delete: it is an attachment of the claim. */
  readonly isOwn: boolean;
  /** Whether it sees an IPAddress of its name that is not its own. */
  readonly isNameTaken: boolean;
  /** What its pool keeps for it, as far as it is told. */
  readonly kept: readonly Allocation[];
  /** Whether its pool tells it anything. */
  readonly isAnswered: boolean;
  readonly answer: SliceAnswer | undefined;
  readonly cluster: ClusterView | undefined;
}

/**
 * A claim sees the slices that are to tell it something, and its Cluster; and the IPAddress of its name where that may
 * not be its attachment. (Each rule by name costs Metacontroller a look at its claim whenever any IPAddress changes.)
 */
export function claimRelated(claim: IPAddressClaim, config: HookConfig): CustomizeResponse {
  const { namespace = '', name, uid = '' } = claim.metadata;
  const { isGlobal } = poolKind(claim.spec.poolRef.kind);
  const rules: RelatedResourceRule[] = [
    slicesWith(isGlobal ? config.installNamespace : namespace, bellOf(uid)),
  ];
  if (mayHaveForeignAddress(claim)) {
    rules.push({ apiVersion: ipamApiVersion(config), resource: 'ipaddresses', namespace, names: [name] });
  }
  const cluster = clusterName(claim);
  if (cluster !== undefined && config.watchClusters) {
    rules.push({
      apiVersion: clusterApiVersion(config),
      resource: 'clusters',
      namespace,
      names: [cluster],
    });
  }
  return { relatedResources: rules };
}

/**
 * Whether there may be an IPAddress of the claim that it does not control: where it had one before it was seen here,
 * and at its end. (Deletion counts as a new generation, so Metacontroller asks again.)
 */
function mayHaveForeignAddress(claim: IPAddressClaim): boolean {
  const { metadata, status } = claim;
  if (metadata.deletionTimestamp !== undefined) return true;
  const hadOne =
    status?.addressRef !== undefined ||
    metadata.annotations?.[ADDRESS_ANNOTATION] !== undefined ||
    metadata.finalizers?.includes(RELEASE_ADDRESS_FINALIZER) === true;
  return hadOne && !isSettledHere(claim);
}

/** Whether a claim's label says that it is settled, and no other cluster has written that. */
export function isSettledHere(claim: IPAddressClaim): boolean {
  return isPoolUid(claim.metadata.labels?.[SETTLED_LABEL]) && isRecordedHere(claim);
}

/** Whether a claim's label says that it is settled with a pool. */
export function isPoolUid(settled: string | undefined): boolean {
  return ![undefined, OPEN, LEAVING, ENDING].includes(settled);
}

/** Throws MissingObjects. */
export function readClaimRequest(request: DecoratorRequest<IPAddressClaim>, config: HookConfig): ClaimView {
  const claim = request.object;
  const { name, uid = '', labels } = claim.metadata;
  const key = addressGroup(config);
  const named = ({ metadata }: IPAddress) => metadata.name === name;
  const own = objectsOf<IPAddress>(request, 'attachments', key).find(named);
  const isLeaving = claim.metadata.deletionTimestamp !== undefined;
  const isAsked = isLeaving || request.related[key] !== undefined;
  const found = own ?? (isAsked ? objectsOf<IPAddress>(request, 'related', key).find(named) : undefined);
  const isMine = found !== undefined && isFor(found, claim);
  // Those of another pool have names of their own: they list what others of its claims have.
  const { kind, name: pool } = claim.spec.poolRef;
  const slices = objectsOf<AllocationSlice>(request, 'related', SLICES).filter(
    (slice) => slice.spec.poolRef.kind === kind && slice.spec.poolRef.name === pool && !isMisnamed(slice),
  );
  return {
    claim,
    settled: labels?.[SETTLED_LABEL],
    address: isMine ? found : undefined,
    isOwn: found !== undefined && (found === own || isAttached(found, claim)),
    isNameTaken: found !== undefined && !isMine,
    kept: slices
      .flatMap((slice) => allocationsIn(slice, uid))
      .filter(({ entry }) => entry.released === undefined),
    isAnswered: slices.length > 0,
    answer: slices.map((slice) => answerIn(slice, uid)).find((answer) => answer !== undefined),
    cluster: clusterOf(request, config),
  };
}

/** What a slice says to the claim. A pool that has gone, and left its slices behind, is paused no more. */
function answerIn(slice: AllocationSlice, uid: string): SliceAnswer | undefined {
  const answer = slice.spec.answers?.[uid];
  return answer?.reason === 'Paused' && controllerOf(slice) === undefined ? undefined : answer;
}

/**
 * Whether an IPAddress is the claim's: one that it controls, one that was made for it and lost its owner, or one of
 * another provider or from elsewhere that refers to it and its pool.
 */
function isFor(address: IPAddress, claim: IPAddressClaim): boolean {
  const { metadata, spec } = address;
  const { [CLAIM_UID_LABEL]: madeFor, [POOL_UID_LABEL]: pool } = metadata.labels ?? {};
  const controller = controllerOf(address);
  if (controller !== undefined) return controller.uid === claim.metadata.uid;
  if (madeFor === claim.metadata.uid) return true;
  const { poolRef } = claim.spec;
  const isAbandoned = pool !== undefined && (metadata.ownerReferences?.length ?? 0) > 0;
  return (
    !isAbandoned &&
    spec.claimRef?.name === claim.metadata.name &&
    spec.poolRef?.kind === poolRef.kind &&
    spec.poolRef.name === poolRef.name &&
    spec.poolRef.apiGroup === CAPI_IPAM_GROUP
  );
}
