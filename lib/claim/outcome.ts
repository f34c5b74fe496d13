/** What becomes of a claim, from what it sees. */
import { askAgainIn, secondsSince, secondsUntilSeen } from '../allocation/hold.ts';
import { looksAgainIn } from '../allocation/look-again.ts';
import type { Allocation } from '../allocation/slice.ts';
import {
  ADDRESS_ANNOTATION,
  ADDRESS_OF_ANNOTATION,
  ENDING,
  LEAVING,
  OPEN,
  SETTLED_LABEL,
} from '../kubernetes/names.ts';
import { isPaused, qualifiedName } from '../kubernetes/object.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type { DecoratorResponse, DesiredObject, HookContext } from '../metacontroller/hook.ts';
import { blockText } from '../pool/block.ts';
import { isWatched, poolTitleOf } from '../pool/reference.ts';
import { addressOf, isComplete, keptAddress } from './ip-address.ts';
import { type ClaimOutcome, claimStatus, readyCondition } from './status.ts';
import { type ClaimView, isPoolUid, isSettledHere } from './view.ts';

/**
 * How soon to look again for what has not appeared yet, or for a write that Metacontroller may have dropped: one that meets
 * a conflict is followed by no sync where that was a change of the status alone.
 */
export const RESYNC_SECONDS = 30;
/** How long a claim waits before it says that its pool has not answered: a busy pool answers late. */
const UNANSWERED_SECONDS = 30;
/** How long a claim that names an IPAddress waits for it to be seen before it lets go of the name. */
const LOST_ADDRESS_SECONDS = 60;
/**
 * How long a claim that leaves waits for its pool to hear of it; longer if it had an address. In a namespace that is
 * being deleted nobody can answer.
 */
const FAREWELL_SECONDS = 5;
const LONG_FAREWELL_SECONDS = 30;
/** How long it waits for the janitor to take away an IPAddress that it does not control. */
const FOREIGN_ADDRESS_SECONDS = 120;

/** What a living claim of ours wants. */
export function serveClaim(view: ClaimView, context: HookContext): DecoratorResponse {
  const { claim, address, kept } = view;
  if (!isWatched(claim, context.config)) return leaveToOthers(view);
  const unseen = secondsUntilAddressIsSeen(view, context);
  if (unseen > 0) return { attachments: [], resyncAfterSeconds: askAgainIn(unseen) };
  const obstacle = obstacleOf(view);
  if (obstacle !== undefined) return waitForOthers(view, obstacle, context);
  if (address !== undefined) return bind(view, context);
  const allocation = choose(claim, kept);
  return allocation === undefined ? wait(view, context) : create(view, allocation, context);
}

/**
 * What a claim of ours that is being deleted wants: its IPAddress goes first, then its pool hears of it, then it goes
 * itself. What its pool keeps for it is given to nobody else before the pool has heard, so a claim that gets no answer
 * may go all the same.
 */
export function endClaim(view: ClaimView, { now, config }: HookContext): DecoratorResponse {
  const { claim, settled, address, isOwn, kept, isAnswered, answer, cluster } = view;
  const { deletionTimestamp, annotations } = claim.metadata;
  const attachments = address !== undefined && isOwn ? [keptAddress(address)] : [];
  const holdsNothing = address === undefined && kept.length === 0 && !isPoolUid(settled);
  // One that is said to leave may have been released: its IPAddress is not to outlast that.
  const isGone = address !== undefined && settled === LEAVING && !isPaused(claim);
  const resyncAfterSeconds = looksAgainIn(deletionTimestamp, now);
  if ((isPaused(claim) || cluster?.paused) && !isGone)
    return { attachments, finalized: holdsNothing, ...(!holdsNothing && { resyncAfterSeconds }) };
  const age = secondsSince(deletionTimestamp, now);
  if (address !== undefined) {
    // One that the claim does not control is the janitor's to delete. Until then the pool keeps the address.
    if (!isOwn && age >= FOREIGN_ADDRESS_SECONDS) return { attachments: [], finalized: true };
    const labels = isOwn && isPoolUid(settled) ? {} : { labels: { [SETTLED_LABEL]: ENDING } };
    return { ...labels, attachments: [], finalized: false, resyncAfterSeconds: RESYNC_SECONDS };
  }
  // A claim that never saw its IPAddress may have made it a moment ago.
  const isOver = isPoolUid(settled) || settled === ENDING || settled === LEAVING || kept.length === 0;
  if (!isOver && age < config.cacheLagSeconds) {
    return {
      attachments: [],
      finalized: false,
      resyncAfterSeconds: askAgainIn(config.cacheLagSeconds - age),
    };
  }
  if (settled === undefined && holdsNothing) return { attachments: [], finalized: true };
  if (settled !== LEAVING) {
    return {
      labels: { [SETTLED_LABEL]: LEAVING },
      attachments: [],
      finalized: false,
      resyncAfterSeconds: FAREWELL_SECONDS,
    };
  }
  // A paused pool takes nothing back.
  if (answer?.reason === 'Paused') return { attachments: [], finalized: false, resyncAfterSeconds };
  if (kept.length === 0 && isAnswered) return { attachments: [], finalized: true };
  const patience = annotations?.[ADDRESS_ANNOTATION] === undefined ? FAREWELL_SECONDS : LONG_FAREWELL_SECONDS;
  if (age >= patience) return { attachments: [], finalized: true };
  return { attachments: [], finalized: false, resyncAfterSeconds: askAgainIn(patience - age) };
}

/**
 * Seconds until the IPAddress of a claim that was settled a moment ago, perhaps by another Metacontroller, is in every view.
 * Who said before that it is gone, and met an error then, might not look again: changes of the status alone wake nobody.
 */
function secondsUntilAddressIsSeen({ claim, address }: ClaimView, context: HookContext): number {
  const ready = readyCondition(claim);
  if (address !== undefined || !isSettledHere(claim) || ready?.status !== 'True') return 0;
  return secondsUntilSeen({ since: ready.lastTransitionTime }, context);
}

/** What keeps a claim from being served that is not its pool: a pause, or a cluster that is not there. */
function obstacleOf({ claim, cluster }: ClaimView): ClaimOutcome | undefined {
  const obstacle = (reason: string, message: string): ClaimOutcome => ({
    ready: 'False',
    reason,
    message,
    addressName: null,
  });
  if (isPaused(claim)) return obstacle('Paused', 'the claim is paused');
  if (cluster === undefined) return undefined;
  if (!cluster.exists) return obstacle('ClusterNotFound', `Cluster ${cluster.title} does not exist`);
  return cluster.paused ? obstacle('Paused', `Cluster ${cluster.title} is paused`) : undefined;
}

/** All stays as it is, and its pool does not look at it. Its status is the business of who serves it. */
function leaveToOthers({ address, isOwn, settled, kept }: ClaimView): DecoratorResponse {
  const isOpen = settled === OPEN && address === undefined && kept.length === 0;
  return {
    ...(isOpen && { labels: { [SETTLED_LABEL]: null } }),
    attachments: address !== undefined && isOwn ? [keptAddress(address)] : [],
  };
}

/** All stays as it is. A claim that has nothing says why it gets nothing, or that it has lost what it had. */
function waitForOthers(view: ClaimView, obstacle: ClaimOutcome, context: HookContext): DecoratorResponse {
  const { claim, address, isOwn, settled, kept } = view;
  const attachments = address !== undefined && isOwn ? [keptAddress(address)] : [];
  const addressName = claim.status?.addressRef?.name;
  const isLost = addressName !== undefined && address === undefined;
  // Only the claim itself knows its address if the slice is lost too: its pool has to see it.
  const labels = isLost && isPoolUid(settled) ? opened(settled) : {};
  if (isLost && obstacle.reason !== 'Paused') return { ...labels, ...lose(view, addressName, context) };
  if (addressName !== undefined || address !== undefined) {
    const resyncAfterSeconds = looksAgainIn(claim.metadata.creationTimestamp, context.now);
    return { ...labels, attachments, ...(!isPoolUid(settled) && { resyncAfterSeconds }) };
  }
  // It was open before, here or in the cluster that it came from.
  const isOpen = settled === OPEN && kept.length === 0;
  return {
    ...(isOpen && { labels: { [SETTLED_LABEL]: null } }),
    attachments,
    ...said(claim, obstacle, context),
  };
}

/** The status of a claim, written until it is seen; and it looks again whether that is still so. */
function said(
  claim: IPAddressClaim,
  outcome: ClaimOutcome,
  context: HookContext,
): Pick<DecoratorResponse, 'status' | 'resyncAfterSeconds'> {
  const ready = readyCondition(claim);
  const isSaid = ready?.reason === outcome.reason && ready.message === outcome.message;
  return {
    status: claimStatus(claim, outcome, context),
    resyncAfterSeconds: isSaid ? looksAgainIn(ready.lastTransitionTime, context.now) : RESYNC_SECONDS,
  };
}

/**
 * The claim has its IPAddress. It is settled once it controls that, and it is seen to be the only thing that its pool
 * keeps for it.
 */
function bind(view: ClaimView, context: HookContext): DecoratorResponse {
  const { claim, settled, isOwn, kept } = view;
  const address = view.address!;
  const text = blockText(address);
  const pool = kept[0]?.slice.spec.poolRef.uid;
  const isAlone = isOwn && kept.length === 1 && kept[0]!.key === text;
  const isSettled = isOwn && kept.length === 0 && isSettledHere(claim);
  const next = (isAlone ? pool : isSettled ? settled : undefined) ?? OPEN;
  // A sync whose status write met a conflict is not followed by another, as changes of the status alone are ignored.
  const isQuiet = settled === next && readyCondition(claim)?.status === 'True';
  const outcome: ClaimOutcome = {
    ready: 'True',
    reason: 'AddressAllocated',
    message: '',
    addressName: claim.metadata.name,
  };
  const isLeaving = address.metadata.deletionTimestamp !== undefined;
  return {
    ...(settled !== next && { labels: { [SETTLED_LABEL]: next } }),
    annotations: { [ADDRESS_ANNOTATION]: text, [ADDRESS_OF_ANNOTATION]: claim.metadata.uid ?? '' },
    status: claimStatus(claim, isLeaving ? missing(claim) : outcome, context),
    attachments: isOwn ? [keptAddress(address)] : [],
    ...(!isQuiet && { resyncAfterSeconds: RESYNC_SECONDS }),
  };
}

/** Makes the IPAddress of what the pool keeps for the claim. */
function create(view: ClaimView, allocation: Allocation, context: HookContext): DecoratorResponse {
  const { claim, isNameTaken, settled } = view;
  const { entry, slice } = allocation;
  // One from elsewhere may be on its way into view. Server-side apply would take it over.
  const seconds = entry.adopted ? secondsUntilSeen(entry, context) : 0;
  const isMade = seconds === 0 && isComplete(allocation);
  const response = {
    ...opened(settled),
    attachments: isMade ? [addressOf(claim, allocation, context.config)] : [],
    resyncAfterSeconds: seconds > 0 ? askAgainIn(seconds) : RESYNC_SECONDS,
  };
  const say = (outcome: ClaimOutcome) => ({ status: claimStatus(claim, outcome, context) });
  if (claim.status?.addressRef !== undefined) return { ...response, ...say(missing(claim)) };
  // An entry is no older than its slice: claims that have waited for long are served in new ones.
  const isYoung = [claim, slice].some(
    ({ metadata }) => secondsSince(metadata.creationTimestamp, context.now) < LOST_ADDRESS_SECONDS,
  );
  // What is in the way may be that of an earlier claim of the name, about to go. Server-side apply would take it over.
  const attachments = isNameTaken ? [] : response.attachments;
  return { ...response, attachments, ...(!isYoung && say(unseen(claim, allocation))) };
}

/** Made a moment ago, or it cannot be made: Metacontroller does not tell, and not every hook sees what is in the way. */
function unseen({ metadata }: IPAddressClaim, { key }: Allocation): ClaimOutcome {
  const message = `${key} is allocated; waits for IPAddress ${qualifiedName(metadata)}, unless there is one that is not this claim's: delete that, or this claim`;
  return { ready: 'False', reason: 'AddressMissing', message, addressName: null };
}

function missing({ metadata, status }: IPAddressClaim): ClaimOutcome {
  return {
    ready: 'False',
    reason: 'AddressMissing',
    message: `IPAddress ${metadata.name} is gone and is made again`,
    addressName: status?.addressRef?.name ?? null,
  };
}

/** Neither IPAddress nor allocation is in view: says why, once that is known. */
function wait(view: ClaimView, context: HookContext): DecoratorResponse {
  const { claim, answer, settled } = view;
  const attachments: DesiredObject[] = [];
  const response = { ...opened(settled), attachments };
  const say = (outcome: ClaimOutcome) => ({ ...response, ...said(claim, outcome, context) });
  const addressName = claim.status?.addressRef?.name ?? null;
  if (addressName !== null) return { ...lose(view, addressName, context), ...opened(settled) };
  if (answer !== undefined && answer.reason !== 'NothingHeld') {
    const { reason, message = '' } = answer;
    return say({ ready: 'False', reason, message, addressName });
  }
  const unanswered = { ...response, resyncAfterSeconds: RESYNC_SECONDS };
  if (secondsSince(claim.metadata.creationTimestamp, context.now) < UNANSWERED_SECONDS) return unanswered;
  const message = `no answer from ${poolTitleOf(claim)}: does it exist?`;
  return say({ ready: 'False', reason: 'PoolNotReady', message, addressName });
}

/** The claim names an IPAddress that is not there. Its pool may know the address; if not, the name goes in a while. */
function lose(
  { claim, answer }: ClaimView,
  addressName: string,
  context: HookContext,
): Pick<DecoratorResponse, 'attachments' | 'status' | 'resyncAfterSeconds'> {
  const ready = readyCondition(claim);
  const isLost =
    ready?.reason === 'AddressLost' &&
    secondsSince(ready.lastTransitionTime, context.now) >= LOST_ADDRESS_SECONDS;
  const why = answer?.message ? `: ${answer.message}` : '';
  const outcome: ClaimOutcome = {
    // Not False, as other troubles are: so the time of this one's transition is that of the loss.
    ready: 'Unknown',
    reason: 'AddressLost',
    message: `IPAddress ${addressName} is gone${why}`,
    addressName: isLost ? null : addressName,
  };
  return {
    attachments: [],
    status: claimStatus(claim, outcome, context),
    resyncAfterSeconds: RESYNC_SECONDS,
  };
}

/** Has the pool look at the claim. */
function opened(settled: string | undefined): Pick<DecoratorResponse, 'labels'> {
  return settled === OPEN ? {} : { labels: { [SETTLED_LABEL]: OPEN } };
}

/** Of several: that of the address that the claim says it has, else the lowest. */
function choose({ metadata }: IPAddressClaim, kept: readonly Allocation[]): Allocation | undefined {
  const has = metadata.annotations?.[ADDRESS_ANNOTATION];
  const lowest = kept.toSorted(({ block: a }, { block: b }) => (a.first < b.first ? -1 : 1))[0];
  return kept.find(({ key }) => key === has) ?? lowest;
}
