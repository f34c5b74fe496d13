/** What the page keeps of a sync of a pool. */
import { formatAddress } from '../address/address.ts';
import { formatRange, parseRange } from '../address/range.ts';
import { lostPieces } from '../allocation/lost.ts';
import { type Allocation, allocationsOf, pieceOfSlice } from '../allocation/slice.ts';
import { setOf } from '../inspect/space.ts';
import { describeWaiting, isWaiting, type ObjectState, type State, stateOf } from '../inspect/state.ts';
import { cellsSvg, shareOf, stripSvg } from '../inspect/svg.ts';
import { type Usage, usageOfPool } from '../inspect/usage.ts';
import { ADDRESS_SPACE_ANNOTATION, PAUSED_ANNOTATION } from '../kubernetes/names.ts';
import { type KubernetesObject, type ObjectMeta, qualifiedName } from '../kubernetes/object.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import type { CompositeRequest, CompositeResponse, HookConfig, ObjectMap } from '../metacontroller/hook.ts';
import { blockText } from '../pool/block.ts';
import { poolKind } from '../pool/kinds.ts';
import type { Pool } from '../pool/pool.ts';
import { readPoolRequest } from '../pool/view.ts';
import { formatCount } from './format.ts';

/** Claims or nodes that wait for the same reason. */
export interface WaitingGroup extends State {
  readonly count: number;
  /** One a line: an eighth of the memory of as many strings. */
  readonly names: string;
}

/** A pool, its status as the sync answered, and about 20 bytes an address. */
export interface SeenPool {
  readonly kind: 'pool';
  readonly pool: Pool;
  readonly state: ObjectState;
  /** As the pool's status says; nothing of a pool that cannot be read. */
  readonly counts: PoolCounts;
  /** Texts of addresses with a space between. */
  readonly used: string;
  readonly adopted: string;
  /** These may be ranges. */
  readonly taken: string;
  /** The length of the blocks of a pool that cannot be read. */
  readonly blockLength: number;
  readonly waiting: readonly WaitingGroup[];
  /** How many claims that are. */
  readonly waitingCount: number;
}

export interface PoolCounts {
  readonly total: bigint;
  readonly used: bigint;
  readonly free: bigint;
  readonly outOfRange: bigint;
}

/** Reasons that are kept apart; what exceeds them is one. */
const MOST_GROUPS = 100;

const KEPT_ANNOTATIONS = [PAUSED_ANNOTATION, ADDRESS_SPACE_ANNOTATION];

/** The few things of a request and its answer that the page shows. Looks at every object once. */
export function seePool(
  request: CompositeRequest<Pool>,
  { status, children }: CompositeResponse,
  config: HookConfig,
): SeenPool {
  const view = readPoolRequest(request, config);
  const slices = children as object[] as AllocationSlice[];
  const allocations = allocationsOf(slices);
  const listed = new Set(allocations.map(({ entry }) => entry.uid));
  const answers = new Map(slices.flatMap(({ spec }) => Object.entries(spec.answers ?? {})));
  const waiting = view.claims
    .filter((claim) => isWaiting(claim) && !isOnItsWay(claim, listed))
    .map((claim) => describeWaiting(claim, answers));
  const { spec } = request.parent;
  const pool = { ...slim(request.parent), spec, status: status ?? {} } as Pool;
  const used = [...keysOf(allocations), ...textsOf(view.foreign)];
  const adopted = keysOf(allocations.filter(({ entry }) => entry.adopted));
  const unknown = [...lostPieces(view.lost), ...view.leftovers.map(pieceOfSlice)];
  const taken = [
    ...keysOf(allocationsOf(view.neighbours)),
    ...textsOf(view.neighbourAddresses),
    ...unknown.flatMap((piece) => piece ?? []).map(formatRange),
  ];
  return {
    kind: 'pool',
    pool,
    state: stateOf(pool.status?.conditions),
    counts: countsOf(pool),
    used: used.join(' '),
    adopted: adopted.join(' '),
    taken: taken.join(' '),
    blockLength: allocations.reduce((most, { block }) => Math.max(most, block.length), 0),
    waiting: groupWaiting(waiting),
    waitingCount: waiting.length,
  };
}

function keysOf(allocations: readonly Allocation[]): string[] {
  return allocations.map(({ key }) => key);
}

function textsOf(addresses: readonly IPAddress[]): string[] {
  return addresses.map(blockText);
}

function countsOf({ status }: Pool): PoolCounts {
  const { total, used, free, outOfRange } = status?.ipAddresses ?? {};
  const [a, b, c, d] = [total, used, free, outOfRange].map((count) => BigInt(JSON.stringify(count ?? 0)));
  return { total: a!, used: b!, free: c!, outOfRange: d! };
}

/** Whether a claim has its address and only its own hook has not said so yet, which takes a moment. */
function isOnItsWay({ metadata, status }: IPAddressClaim, allocated: ReadonlySet<string>): boolean {
  return allocated.has(metadata.uid ?? '') && !status?.conditions?.some(({ type }) => type === 'Ready');
}

/** Objects of the groups whose name begins so. */
export function objectsOfGroup<T extends KubernetesObject>(objects: ObjectMap, prefix: string): T[] {
  return Object.entries(objects).flatMap(([group, byName]) =>
    group.startsWith(prefix) ? (Object.values(byName) as T[]) : [],
  );
}

/** An object without what makes it large: managed fields, applied configurations. */
export function slim<T extends KubernetesObject>({ apiVersion, kind, metadata }: T): KubernetesObject {
  const { name, namespace, uid, generation, creationTimestamp, deletionTimestamp, labels, annotations } =
    metadata;
  const kept = KEPT_ANNOTATIONS.flatMap((key) => {
    const value = annotations?.[key];
    return value === undefined ? [] : [[key, value]];
  });
  const all: Record<keyof ObjectMeta, unknown> | object = {
    name,
    namespace,
    uid,
    generation,
    creationTimestamp,
    deletionTimestamp,
    labels,
    annotations: Object.fromEntries(kept),
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return { apiVersion, kind, metadata: Object.fromEntries(given) as unknown as ObjectMeta };
}

/** Those with most names first. */
export function groupWaiting(
  waiting: readonly (State & { readonly name: string })[],
): readonly WaitingGroup[] {
  const byReason = Map.groupBy(waiting, ({ reason, message }) => `${reason}\n${message}`);
  const groups = [...byReason.values()].sort((a, b) => b.length - a.length);
  const rest = groups.splice(MOST_GROUPS).flat();
  const other = { reason: 'Other', message: 'various reasons: see the conditions of these claims' };
  return [...groups, ...(rest.length > 0 ? [rest.map((each) => ({ ...each, ...other }))] : [])].map(
    (group) => ({
      reason: group[0]!.reason,
      message: group[0]!.message,
      count: group.length,
      names: group.map(({ name }) => name).join('\n'),
    }),
  );
}

/** How the addresses of a pool lie. */
export function usageOf({ pool, used, adopted, taken, blockLength }: SeenPool): Usage {
  const read = (texts: string) => setOf(texts.split(' '), parseRange);
  return usageOfPool(pool, {
    used: read(used),
    adopted: read(adopted),
    taken: read(taken),
    blockLength,
  });
}

/** A pool as one row of cells; empty if it has no addresses. Up to ten kilobytes of SVG. */
export function drawStrip(seen: SeenPool): string {
  const { space, used, total } = usageOf(seen);
  const label = `Use of ${seen.pool.metadata.name}: ${formatCount(used)} of ${formatCount(total)}`;
  return space.segments.length === 0 ? '' : stripSvg(space, label);
}

export interface PoolPicture extends Omit<Usage, 'space'> {
  /** Up to a quarter of a megabyte of SVG. */
  readonly cells: string;
  /** How many addresses a cell stands for. */
  readonly share: bigint;
  /** From the first to the last address. */
  readonly span: string;
}

export function picturePool(seen: SeenPool): PoolPicture {
  const { space, ...usage } = usageOf(seen);
  const { many } = poolKind(seen.pool.kind).unit;
  const label = `How the ${many} of ${qualifiedName(seen.pool.metadata)} are used`;
  const { segments } = space;
  const [first, last] = [segments.at(0), segments.at(-1)];
  const span =
    first === undefined || last === undefined
      ? `no ${many}`
      : `${formatAddress({ family: first.family, value: first.first })} – ${formatAddress({ family: last.family, value: last.last })}`;
  return { ...usage, cells: cellsSvg(space, `${label}: ${span}`), share: shareOf(space), span };
}
