/** IPAddressClaim → its IPAddress, once its pool has allocated an address; and why not, until then. */
import { canonicalAddress } from '../lib/address/address.ts';
import { secondsSince } from '../lib/allocation/release.ts';
import { clusterApiVersion, ipamApiVersion } from '../lib/claim/api-version.ts';
import { clusterName, clusterOf } from '../lib/claim/cluster.ts';
import { addressOf, keptAddress, withOwners } from '../lib/claim/ip-address.ts';
import { type ClaimOutcome, claimStatus, readyCondition } from '../lib/claim/status.ts';
import {
  ADDRESS_ANNOTATION,
  CLAIM_UID_LABEL,
  METAIPAM_API_VERSION,
  POOL_LABEL,
} from '../lib/kubernetes/names.ts';
import { isPaused } from '../lib/kubernetes/object.ts';
import type { IPAddress, IPAddressClaim, IPAllocation } from '../lib/kubernetes/types.ts';
import {
  type CustomizeRequest,
  type CustomizeResponse,
  type DecoratorRequest,
  type DecoratorResponse,
  type DesiredObject,
  type HookConfig,
  type HookContext,
  objectsOf,
} from '../lib/metacontroller/hook.ts';
import { poolLabel } from '../lib/pool/label.ts';
import { oldest } from '../lib/pool/plan.ts';
import { isOurs } from '../lib/pool/reference.ts';

type Request = DecoratorRequest<IPAddressClaim>;

/** How soon to look again for what has not appeared yet. */
const RESYNC_SECONDS = 10;
/** How long a claim waits before it says that its pool has not answered: a busy pool answers late. */
const UNANSWERED_SECONDS = 30;
/** How long a claim waits for an IPAddress that is nowhere to be seen: then another is given, or the trouble named. */
const LOST_ADDRESS_SECONDS = 60;

/** A claim sees its allocations and, where Cluster API runs, its cluster. Never its pool: see the design. */
export function customize(
  { parent }: CustomizeRequest<IPAddressClaim>,
  { config }: HookContext,
): CustomizeResponse {
  if (!isOurs(parent)) return { relatedResources: [] };
  const { namespace = '', uid = '' } = parent.metadata;
  const isGlobal = parent.spec.poolRef.kind === 'GlobalInClusterIPPool';
  const allocations = {
    apiVersion: METAIPAM_API_VERSION,
    resource: 'ipallocations',
    namespace: isGlobal ? config.installNamespace : namespace,
    labelSelector: { matchLabels: { [CLAIM_UID_LABEL]: uid } },
  };
  const cluster = clusterName(parent);
  if (cluster === undefined || !config.watchClusters) return { relatedResources: [allocations] };
  const clusters = {
    apiVersion: clusterApiVersion(config),
    resource: 'clusters',
    namespace,
    names: [cluster],
  };
  return { relatedResources: [allocations, clusters] };
}

/** Binds the claim to the address of its allocation, which it then keeps whatever else appears. */
export function sync(request: Request, context: HookContext): DecoratorResponse {
  const claim = request.object;
  if (!isOurs(claim)) return { attachments: [] };
  const observed = observedAddress(request, context.config);
  const allocations = allocationsOf(request);
  const obstacle = clusterObstacle(request, context.config);
  if (obstacle !== undefined) {
    const attachments = observed === undefined ? [] : [keptAddress(observed)];
    const { addressRef } = claim.status ?? {};
    if (addressRef === undefined) return { attachments, status: claimStatus(claim, obstacle, context) };
    // Nobody may ever make the cluster again, and the pool waits for an address that it does not know.
    const isLost =
      obstacle.reason === 'ClusterNotFound' && observed === undefined && allocations.length === 0;
    return isLost ? recover(claim, addressRef.name, context) : { attachments };
  }

  if (observed !== undefined) return bindTo(observed, allocations, claim, context);
  const allocation = allocationToBind(claim, allocations);
  if (allocation !== undefined) return create(allocation, claim, context);
  return wait(claim, allocations.find(({ spec }) => spec.refusal !== undefined)?.spec.refusal, context);
}

/**
 * Takes the IPAddress away first, then lets the claim go.
 *
 * Metacontroller also calls this for a living claim that lost its pool label: that one gets it back.
 */
export function finalize(request: Request, { config }: HookContext): DecoratorResponse {
  const claim = request.object;
  if (!isOurs(claim)) return { attachments: [], finalized: true };
  const observed = observedAddress(request, config);
  const kept = observed === undefined ? [] : [keptAddress(observed)];
  if (claim.metadata.deletionTimestamp === undefined) {
    const { kind, name } = claim.spec.poolRef;
    return { labels: { [POOL_LABEL]: poolLabel(kind, name) }, attachments: kept, finalized: false };
  }
  if (isPaused(claim) || clusterOf(request, config)?.paused) return { attachments: kept, finalized: false };
  return { attachments: [], finalized: observed === undefined };
}

function bindTo(
  observed: IPAddress,
  allocations: readonly IPAllocation[],
  claim: IPAddressClaim,
  context: HookContext,
): DecoratorResponse {
  const allocation = allocations.find(
    ({ spec }) => spec.address !== undefined && spec.address === canonicalAddress(observed.spec.address),
  );
  const response = bound(claim, observed.spec.address, context);
  if (allocation === undefined) return { ...response, attachments: [keptAddress(observed)] };
  const wait = secondsUntilOwned(observed, allocation, claim, context);
  if (wait > 0) return { ...response, attachments: [keptAddress(observed)], resyncAfterSeconds: wait };
  const address = { ...addressOf(claim, allocation, context.config), spec: observed.spec };
  return { ...response, attachments: [withOwners(address, claim, allocation)] };
}

/**
 * Seconds until the pool may become an owner of an IPAddress that was made again: it is younger than the claim's
 * Ready condition.
 *
 * The claim in view may be gone. Where this sync writes to it, that fails and the sync ends there. Where it does
 * not, the IPAddress must stay the garbage collector's until the end of the claim is in view.
 */
function secondsUntilOwned(
  { metadata }: IPAddress,
  { spec }: IPAllocation,
  claim: IPAddressClaim,
  { now, config }: HookContext,
): number {
  const isOwned = metadata.ownerReferences?.some(({ uid }) => uid === spec.poolRef.uid) ?? false;
  const ready = readyCondition(claim);
  if (isOwned || ready?.status !== 'True') return 0;
  const isYounger = Date.parse(metadata.creationTimestamp ?? '') > Date.parse(ready.lastTransitionTime);
  if (!isYounger) return 0;
  return Math.max(0, config.cacheLagSeconds - secondsSince(metadata.creationTimestamp, now));
}

function create(allocation: IPAllocation, claim: IPAddressClaim, context: HookContext): DecoratorResponse {
  const attachments = [addressOf(claim, allocation, context.config)];
  // An IPAddress that was there before is not Metacontroller's and will not show up among the attachments.
  if (allocation.spec.adopted)
    return { ...bound(claim, allocation.spec.address ?? '', context), attachments };
  const { name } = claim.metadata;
  const { addressRef } = claim.status ?? {};
  const response = { attachments, resyncAfterSeconds: RESYNC_SECONDS };
  if (addressRef !== undefined) {
    const message = `IPAddress ${name} is gone and is made again`;
    const outcome: ClaimOutcome = {
      ready: 'False',
      reason: 'AddressMissing',
      message,
      addressName: addressRef.name,
    };
    return { ...response, status: claimStatus(claim, outcome, context) };
  }
  const age = secondsSince(allocation.metadata.creationTimestamp, context.now);
  if (age < LOST_ADDRESS_SECONDS) return response;
  const message = `${allocation.spec.address} is allocated, but IPAddress ${name} does not appear: is there one of another pool?`;
  const outcome: ClaimOutcome = { ready: 'False', reason: 'AllocationFailed', message, addressName: null };
  return { ...response, status: claimStatus(claim, outcome, context) };
}

/** No address yet: says why, once that is known. */
function wait(
  claim: IPAddressClaim,
  refusal: IPAllocation['spec']['refusal'],
  context: HookContext,
): DecoratorResponse {
  const addressName = claim.status?.addressRef?.name ?? null;
  if (refusal !== undefined) {
    return {
      attachments: [],
      status: claimStatus(claim, { ready: 'False', ...refusal, addressName }, context),
    };
  }
  if (addressName !== null) return recover(claim, addressName, context);
  const unanswered = { attachments: [], resyncAfterSeconds: RESYNC_SECONDS };
  if (secondsSince(claim.metadata.creationTimestamp, context.now) < UNANSWERED_SECONDS) return unanswered;
  const outcome: ClaimOutcome = {
    ready: 'False',
    reason: 'PoolNotReady',
    message: `no answer from ${poolTitle(claim)}: does it exist?`,
    addressName,
  };
  return { ...unanswered, status: claimStatus(claim, outcome, context) };
}

/**
 * The claim names an IPAddress, but neither that nor an allocation is in view.
 *
 * Where the claim's annotation says which address it was, the pool reserves it again. Otherwise nobody knows,
 * and the pool gives out nothing until the claim lets go of it.
 */
function recover(claim: IPAddressClaim, addressName: string, context: HookContext): DecoratorResponse {
  const attachments: DesiredObject[] = [];
  if (canonicalAddress(claim.metadata.annotations?.[ADDRESS_ANNOTATION] ?? '') !== undefined) {
    return { attachments, resyncAfterSeconds: RESYNC_SECONDS };
  }
  const ready = readyCondition(claim);
  const isLost =
    ready?.reason === 'AddressLost' &&
    secondsSince(ready.lastTransitionTime, context.now) >= LOST_ADDRESS_SECONDS;
  const outcome: ClaimOutcome = {
    // Not False, as other troubles are: so the time of this one's transition is that of the loss.
    ready: 'Unknown',
    reason: 'AddressLost',
    message: `IPAddress ${addressName} and its allocation are gone`,
    addressName: isLost ? null : addressName,
  };
  return { attachments, status: claimStatus(claim, outcome, context), resyncAfterSeconds: RESYNC_SECONDS };
}

/** Records the address on the claim, where the pool finds it should the allocation ever be lost. */
function bound(
  claim: IPAddressClaim,
  address: string,
  context: HookContext,
): Pick<DecoratorResponse, 'annotations' | 'status'> {
  const outcome: ClaimOutcome = {
    ready: 'True',
    reason: 'AddressAllocated',
    message: `the address is ${address}`,
    addressName: claim.metadata.name,
  };
  return {
    annotations: { [ADDRESS_ANNOTATION]: canonicalAddress(address) ?? address },
    status: claimStatus(claim, outcome, context),
  };
}

/** Of several allocations: the one of the address that the claim holds, else the one made first. */
function allocationToBind(
  { metadata, status }: IPAddressClaim,
  allocations: readonly IPAllocation[],
): IPAllocation | undefined {
  const addressed = allocations.filter(({ spec }) => spec.address !== undefined);
  const held = status?.addressRef && canonicalAddress(metadata.annotations?.[ADDRESS_ANNOTATION] ?? '');
  if (held !== undefined) return addressed.find(({ spec }) => spec.address === held);
  return oldest(addressed);
}

function allocationsOf(request: Request): IPAllocation[] {
  return objectsOf<IPAllocation>(request, 'related', `IPAllocation.${METAIPAM_API_VERSION}`).filter(
    ({ spec }) => spec.claimRef.uid === request.object.metadata.uid,
  );
}

function observedAddress(request: Request, config: HookConfig): IPAddress | undefined {
  return objectsOf<IPAddress>(request, 'attachments', `IPAddress.${ipamApiVersion(config)}`).find(
    ({ metadata }) => metadata.name === request.object.metadata.name,
  );
}

/** What keeps a claim from being served that is not its pool: a pause, or a cluster that is not there. */
function clusterObstacle(request: Request, config: HookConfig): ClaimOutcome | undefined {
  const obstacle = (reason: string, message: string): ClaimOutcome => ({
    ready: 'False',
    reason,
    message,
    addressName: null,
  });
  if (isPaused(request.object)) return obstacle('Paused', 'the claim is paused');
  const cluster = clusterOf(request, config);
  if (cluster === undefined) return undefined;
  if (!cluster.exists) return obstacle('ClusterNotFound', `Cluster ${cluster.title} does not exist`);
  return cluster.paused ? obstacle('Paused', `Cluster ${cluster.title} is paused`) : undefined;
}

function poolTitle({ metadata, spec }: IPAddressClaim): string {
  const { kind, name } = spec.poolRef;
  return kind === 'GlobalInClusterIPPool' ? `${kind} ${name}` : `${kind} ${metadata.namespace}/${name}`;
}
