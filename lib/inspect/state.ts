/** How pools, networks and ClusterCIDRs are, and why claims and nodes wait. */
import { SLICES_MISSING } from '../allocation/lost.ts';
import { SLICES_MISNAMED } from '../allocation/misnamed.ts';
import { isOwnTrouble } from '../claim/status.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type { Condition, IPAddressClaim, SliceAnswer } from '../kubernetes/types.ts';
import { FAMILIES_DIFFER } from '../pod-network/families.ts';
import { AMONG_SERVICES } from '../pod-network/network-status.ts';
import { OVERLAPPING } from '../pool/overlap.ts';
import { EXHAUSTED, RESERVATION_CONFLICT } from '../pool/status.ts';

/** Why something is as it is, in the form of a condition. */
export interface State {
  /** `Ready`, or one CamelCase word for what is the matter. */
  readonly reason: string;
  /** Empty when there is nothing to add. */
  readonly message: string;
}

/** The state of a pool, network or ClusterCIDR. */
export interface ObjectState extends State {
  /** What its condition Ready says. A pool is ready too when it is full. */
  readonly isReady: boolean;
}

/** A claim or a node that has not got what it asks for. */
export interface Waiting extends State {
  /** `namespace/name` of the IPAddressClaim, name of the Node. */
  readonly name: string;
  /** It waits for something else than its pool or network, whose status does not count it. */
  readonly isHeldUp?: true;
}

/** How many wait for their pool or network: what its status says is pending. */
export function countPending(waiting: readonly Waiting[]): number {
  return waiting.filter(({ isHeldUp }) => !isHeldUp).length;
}

const NOT_SYNCED = 'NotSynced';
const INVALID_SPEC = 'InvalidSpec';

type SaidCondition = Omit<Condition, 'lastTransitionTime'>;

type StatefulObject = Pick<KubernetesObject, 'metadata'> & {
  readonly status?: { readonly conditions?: readonly SaidCondition[] };
};

/** Conditions of what is ready that are worth a word, the weightiest first. */
const REMARKS = [
  ...[SLICES_MISSING, SLICES_MISNAMED, EXHAUSTED],
  ...[RESERVATION_CONFLICT, OVERLAPPING, AMONG_SERVICES, FAMILIES_DIFFER],
];

/**
 * What the conditions come to that its hook would write now. Without Ready among those that it has, no controller has
 * looked at it, which is all that there is to say of a good spec unless it is being deleted.
 */
export function stateOf(
  { metadata, status: said }: StatefulObject,
  conditions: readonly SaidCondition[] | undefined = said?.conditions,
): ObjectState {
  const isSynced = find(said?.conditions, 'Ready') !== undefined;
  const { status, reason = 'NotReady', message = '' } = find(conditions, 'Ready') ?? {};
  if (!isSynced && metadata.deletionTimestamp === undefined) {
    const fault = reason === INVALID_SPEC ? `; ${reason}: ${message}` : '';
    return { reason: NOT_SYNCED, message: `no controller has looked at it yet${fault}`, isReady: false };
  }
  if (status !== 'True') return { reason, message, isReady: false };
  for (const type of REMARKS) {
    const said = find(conditions, type, 'True');
    const reason = type === EXHAUSTED ? 'PoolExhausted' : type;
    if (said !== undefined) return { reason, message: said.message ?? '', isReady: true };
  }
  return { reason: 'Ready', message, isReady: true };
}

function find(
  conditions: readonly Partial<SaidCondition>[] | undefined,
  type: string,
  status?: string,
): Partial<SaidCondition> | undefined {
  if (!Array.isArray(conditions)) return undefined;
  return conditions.find((each) => each?.type === type && (status === undefined || each.status === status));
}

/** What there is to say of something free whose pool, network or ClusterCIDR gives nothing of it. */
export function freeInVain(what: string, { isReady, reason, message }: ObjectState): string | undefined {
  if (isReady || reason === NOT_SYNCED) return undefined;
  return `free, but its ${what} gives out nothing: ${reason}: ${message}`;
}

/** Whether a claim has no address, or not all that comes with it. */
export function isWaiting(claim: IPAddressClaim): boolean {
  if (claim.metadata.deletionTimestamp !== undefined) return false;
  const status = readyOf(claim)?.status;
  return claim.status?.addressRef === undefined || (status !== undefined && status !== 'True');
}

/** Why a claim waits of which nobody has said anything. */
export const UNANSWERED = 'Unanswered';

/**
 * @param answers of its pool to those that it cannot serve, by the uids of claims
 * @param silence what is to be said where nobody has said anything
 */
export function describeWaiting(
  claim: IPAddressClaim,
  answers: ReadonlyMap<string | undefined, SliceAnswer> = new Map(),
  silence = 'its pool has not answered yet',
): Waiting {
  const name = qualifiedName(claim.metadata);
  const ready = readyOf(claim);
  const answer = answers.get(claim.metadata.uid);
  const said = ready !== undefined && ready.status !== 'True' ? ready : answer;
  const { reason = UNANSWERED, message = silence } = said ?? {};
  return { name, reason, message, ...(answer === undefined && isOwnTrouble(reason) && { isHeldUp: true }) };
}

function readyOf({ status }: IPAddressClaim): Partial<SaidCondition> | undefined {
  return find(status?.conditions, 'Ready');
}
