/** What a change does to a cluster, from its objects before and after: who gets what, who loses what. */
import { blocksIn, formatSpan } from '../../address/blocks.ts';
import { formatRange, type Range, sizeOf } from '../../address/range.ts';
import { RangeSet } from '../../address/range-set.ts';
import { keyOf } from '../../allocation/slice.ts';
import { labelValue } from '../../kubernetes/label-value.ts';
import { DEFAULT_NETWORK } from '../../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName } from '../../kubernetes/object.ts';
import { poolKind, type Unit } from '../../kubernetes/pool-kinds.ts';
import type { PodNetwork } from '../../kubernetes/types.ts';
import type { HookContext } from '../../metacontroller/hook.ts';
import { type BlockPool, readBlockPool } from '../../pod-network/block-pool.ts';
import { FAMILIES_DIFFER } from '../../pod-network/families.ts';
import { AMONG_SERVICES } from '../../pod-network/network-status.ts';
import { readAdditionalBlocks } from '../../pod-network/network-view.ts';
import { podCIDRsOf } from '../../pod-network/pod-cidr.ts';
import { candidateFinder, comparePools } from '../../pod-network/priority.ts';
import { blockText } from '../../pool/block.ts';
import { BlocksInUse } from '../../pool/in-use.ts';
import { OVERLAPPING } from '../../pool/overlap.ts';
import { holderOf } from '../../pool/plan.ts';
import { readPool } from '../../pool/pool.ts';
import type { PoolRanges } from '../../pool/ranges.ts';
import { isOurs } from '../../pool/reference.ts';
import { conflictsOf } from '../../pool/reservation.ts';
import { RESERVATION_CONFLICT } from '../../pool/status.ts';
import { listSome, plural } from '../../text.ts';
import type { Finding } from '../check/finding.ts';
import { nodeFamilies, nodesAmongServices } from '../check/node-blocks.ts';
import { unusableBlocks } from '../check/pod-ranges.ts';
import { overlappingPools, subnetText } from '../check/pool-specs.ts';
import { type Inventory, readInventory } from '../inventory.ts';
import { type NetworkOverview, networkOf } from '../network-overview.ts';
import { routeText } from '../network-terms.ts';
import { type Overview, overviewOfInventory, type PoolOverview } from '../overview.ts';
import { type PodRanges, podRangesOf } from '../pod-ranges.ts';
import { blockLengthOf, rangesOf, type Space } from '../space.ts';
import type { State } from '../state.ts';
import type { Usage } from '../usage.ts';

type EffectName =
  | 'claim-served'
  | 'claim-waits'
  | 'claim-changes'
  | 'claim-released'
  | 'subnet'
  | 'service-range'
  | 'pod-ranges'
  | 'additional-blocks'
  | 'unusable-block'
  | 'node-families'
  | 'out-of-range'
  | 'back-in-range'
  | 'over-quota'
  | 'reservation'
  | 'runs-out'
  | 'capacity'
  | 'state'
  | 'overlap'
  | 'node-served'
  | 'node-waits'
  | 'node-changes'
  | 'node-released'
  | 'new-nodes';

export interface Effect {
  readonly effect: EffectName;
  /** `bad`: somebody gets nothing, or is left with what should not be. */
  readonly kind: 'good' | 'bad' | 'neutral';
  /** `IPAddressClaim default/web-0`. */
  readonly object: string;
  readonly message: string;
}

const BLOCK = { one: 'block', many: 'blocks' };

interface Side {
  readonly inventory: Inventory;
  readonly overview: Overview;
}

function sideOf(objects: readonly KubernetesObject[], context: HookContext): Side {
  const inventory = readInventory(objects);
  return { inventory, overview: overviewOfInventory(inventory, context) };
}

/** The effects of a change on everybody, in the order of kinds and names. Both sides are clusters at rest. */
export function effectsOf(
  before: readonly KubernetesObject[],
  after: readonly KubernetesObject[],
  context: HookContext,
): Effect[] {
  const from = sideOf(before, context);
  const to = sideOf(after, context);
  return [
    ...poolEffects(from, to),
    ...newFindings('overlap', from, to, ({ inventory }) =>
      overlappingPools(inventory, context.config.installNamespace),
    ),
    ...holderEffects('claim', claimsOf(from), claimsOf(to)),
    ...clusterCIDREffects(from, to),
    ...newFindings('service-range', from, to, ({ inventory }) => nodesAmongServices(inventory)),
    ...newFindings('node-families', from, to, ({ overview }) => nodeFamilies(overview)),
    ...newFindings('unusable-block', from, to, ({ inventory }) => unusableBlocks(inventory)),
    ...networkNames(from, to).flatMap((network) => [
      ...podRangeEffects(from, to, network),
      ...holderEffects(
        'node',
        nodesOf(from, network),
        nodesOf(to, network),
        network === DEFAULT_NETWORK ? '' : `PodNetwork ${network}: `,
      ),
      ...newNodeEffects(from, to, network),
    ]),
  ];
}

/** What a claim or node has, or why it has nothing. */
interface Holding {
  readonly has?: readonly string[];
  readonly waits?: State;
}

function claimsOf({ inventory, overview }: Side): Map<string, Holding> {
  const addresses = new Map(
    inventory.addresses.map((address) => [qualifiedName(address.metadata), blockText(address)]),
  );
  const waitingClaims = [...overview.pools.flatMap(({ waiting }) => waiting), ...overview.waitingForNoPool];
  const waiting = new Map(waitingClaims.map((each) => [each.name, each]));
  return new Map(
    inventory.claims.filter(isOurs).map(({ metadata, status }): [string, Holding] => {
      const name = qualifiedName(metadata);
      const waits = waiting.get(name);
      const address = qualifiedName({ ...metadata, name: status?.addressRef?.name ?? metadata.name });
      const has = addresses.get(address);
      return [name, waits ? { waits } : { ...(has !== undefined && { has: [has] }) }];
    }),
  );
}

function networkNames(...sides: Side[]): string[] {
  return [...new Set(sides.flatMap(({ overview }) => overview.networks.map(({ name }) => name)))].sort();
}

function networkNamed({ overview }: Side, name: string): NetworkOverview | undefined {
  return overview.networks.find((network) => network.name === name);
}

function nodesOf(side: Side, network: string): Map<string, Holding> {
  const { nodes, allocations } = side.inventory;
  const overview = networkNamed(side, network);
  const waiting = new Map(overview?.waiting.map((each) => [each.name, each]));
  const blocks = Map.groupBy(
    allocations.filter(
      ({ slice, entry }) => networkOf(slice) === labelValue(network) && entry.released === undefined,
    ),
    ({ entry }) => entry.uid,
  );
  return new Map(
    nodes.map((node): [string, Holding] => {
      const waits = waiting.get(node.metadata.name);
      const own =
        network === DEFAULT_NETWORK
          ? podCIDRsOf(node)
          : (blocks.get(node.metadata.uid ?? '') ?? []).map(({ key }) => key).sort();
      return [node.metadata.name, { ...(waits && { waits }), ...(own.length > 0 && { has: own }) }];
    }),
  );
}

const TITLES = { claim: 'IPAddressClaim', node: 'Node' } as const;

/** Claims and nodes alike: what each has before and after. */
function holderEffects(
  what: keyof typeof TITLES,
  from: ReadonlyMap<string, Holding>,
  to: ReadonlyMap<string, Holding>,
  prefix = '',
): Effect[] {
  const effects: Effect[] = [];
  for (const name of [...new Set([...from.keys(), ...to.keys()])].sort()) {
    const [a = {}, b = {}] = [from.get(name), to.get(name)];
    const object = `${TITLES[what]} ${name}`;
    const add = (
      effect: 'served' | 'waits' | 'changes' | 'released',
      kind: Effect['kind'],
      message: string,
    ) => effects.push({ effect: `${what}-${effect}`, kind, object, message: prefix + message });
    const why = b.waits && `${b.waits.reason}: ${b.waits.message}`;
    const [had, has] = [a.has?.join(', '), b.has?.join(', ')];
    if (a.has !== undefined && b.has !== undefined) {
      const more = b.has.filter((each) => !a.has!.includes(each));
      if (a.has.every((each) => b.has!.includes(each))) {
        if (more.length > 0) add('served', 'good', `gets ${more.join(', ')} besides ${had}`);
      } else add('changes', 'bad', `has ${has} instead of ${had}`);
    } else if (b.has !== undefined) {
      add('served', 'good', a.waits === undefined ? `gets ${has}` : `waits no longer: gets ${has}`);
    } else if (a.has !== undefined) {
      if (b.waits === undefined) add('released', 'neutral', `lets go of ${had}`);
      else add('waits', 'bad', `loses ${had}: ${why}`);
    } else if (b.waits !== undefined && a.waits?.reason !== b.waits.reason) {
      add('waits', 'bad', a.waits === undefined ? `waits: ${why}` : `still waits, now for ${why}`);
    }
  }
  return effects;
}

function poolEffects(from: Side, to: Side): Effect[] {
  const before = new Map(from.overview.pools.map((pool) => [pool.title, pool]));
  return to.overview.pools.flatMap((pool) => {
    const old = before.get(pool.title);
    const { unit } = poolKind(pool.pool.kind);
    const holders = new BlocksInUse();
    for (const { slice, block, entry } of to.inventory.allocations) {
      if (slice.spec.poolRef.uid === pool.pool.metadata.uid) holders.add(block, holderOf(entry));
    }
    return [
      ...stateEffects(pool.title, old?.state, pool.state),
      ...usageEffects(pool.title, old, pool, unit),
      ...subnetEffects(pool.title, old, pool),
      ...rangeEffects(pool.title, old, pool, unit, holders),
      ...reservationEffects(pool.title, old, pool),
      ...quotaEffects(pool.title, old, pool),
    ];
  });
}

/** Some are told as `runs-out`, `reservation`, `overlap`, `service-range` and `node-families`. */
function stateEffects(object: string, from: State | undefined, to: State): Effect[] {
  const told = ['Ready', 'PoolExhausted', RESERVATION_CONFLICT, OVERLAPPING, AMONG_SERVICES, FAMILIES_DIFFER];
  const isFine = (reason: string) => told.includes(reason);
  const was = from?.reason ?? 'Ready';
  if (was === to.reason || (isFine(was) && isFine(to.reason))) return [];
  const kind = isFine(to.reason) ? 'good' : 'bad';
  const change = from === undefined ? 'is' : `${was} becomes`;
  const message = `${change} ${[to.reason, to.message].filter(Boolean).join(': ')}`;
  return [{ effect: 'state', kind, object, message }];
}

function usageEffects(
  object: string,
  from: Usage | undefined,
  to: Usage,
  { one, many }: Pick<Unit, 'one' | 'many'>,
): Effect[] {
  const effects: Effect[] = [];
  const isOut = (usage: Usage | undefined) => usage !== undefined && usage.free === 0n && usage.total > 0n;
  if (from !== undefined && from.total !== to.total) {
    const message = `total ${from.total} becomes ${to.total}, free ${from.free} becomes ${to.free}`;
    effects.push({ effect: 'capacity', kind: 'neutral', object, message });
  }
  if (isOut(to) && !isOut(from))
    effects.push({ effect: 'runs-out', kind: 'bad', object, message: `has no free ${one} left` });
  if (isOut(from) && to.free > 0n) {
    const message = `has ${plural(Number(to.free), one, many)} free again`;
    effects.push({ effect: 'runs-out', kind: 'good', object, message });
  }
  return effects;
}

/** What new addresses come with, while those in use keep what they have. */
function subnetEffects(object: string, from: PoolOverview | undefined, to: PoolOverview): Effect[] {
  const [old, now] = [from, to].map((each) => each && readPool(each.pool).ranges);
  if (old === undefined || now === undefined || from === undefined) return [];
  const { one, many } = poolKind(to.pool.kind).unit;
  const inUse = usedIn(from.space).intersection(usedIn(to.space));
  const effects = old.subnets.flatMap((was) =>
    now.subnets.flatMap((is): Effect[] => {
      if (subnetText(was) === subnetText(is)) return [];
      const kept = inUse.intersection(was.listed).intersection(is.listed);
      if (kept.isEmpty) return [];
      const count = Number(kept.count / to.space.unit);
      const message = `${plural(count, one, many)} in use ${count === 1 ? 'keeps' : 'keep'} ${subnetText(was)}; new ones get ${subnetText(is)}`;
      return [{ effect: 'subnet', kind: 'bad', object, message }];
    }),
  );
  return [...effects, ...newSubnetEffects(object, old, now, to)];
}

/** Subnets that come to a pool, and which is used first from now on. */
function newSubnetEffects(object: string, old: PoolRanges, now: PoolRanges, to: PoolOverview): Effect[] {
  const { one, many } = poolKind(to.pool.kind).unit;
  const { unit } = to.space;
  const effects: Effect[] = [];
  const add = (message: string) => effects.push({ effect: 'subnet', kind: 'neutral', object, message });
  const free = RangeSet.of(rangesOf(to.space, 'free'));
  const freeIn = now.subnets.map(({ listed }) => free.intersection(listed));
  for (const [index, subnet] of now.subnets.entries()) {
    const isNew = old.subnets.every(({ listed }) => subnet.listed.intersection(listed).isEmpty);
    if (!isNew) continue;
    const adds = freeIn[index]!;
    const before = freeIn.slice(0, index).reduce((sum, set) => sum + set.count, 0n) / unit;
    const turn = before === 0n ? 'used from now on' : `used after the ${before} that are free before`;
    const spans = listSome(adds.ranges.map((range) => formatSpan(range, now.blockLength)));
    const what = `${plural(Number(adds.count / unit), one, many)}${spans && `, ${spans}`}`;
    add(`a new subnet of ${subnetText(subnet)} has ${what} free, ${turn}`);
  }
  const next = now.subnets[freeIn.findIndex((set) => !set.isEmpty)];
  const wasNext = next && old.subnets.find(({ listed }) => !free.intersection(listed).isEmpty);
  if (next !== undefined && wasNext !== undefined && next.listed.intersection(wasNext.listed).isEmpty) {
    add(`the next claims get ${many} with ${subnetText(next)} instead of ${subnetText(wasNext)}`);
  }
  return effects;
}

/** States of what is in use and in its pool. */
const IN_RANGE = ['used', 'adopted'] as const;

function usedIn(space: Space): RangeSet {
  return RangeSet.of(([...IN_RANGE, 'outOfRange'] as const).flatMap((state) => rangesOf(space, state)));
}

function rangeEffects(
  object: string,
  from: Usage | undefined,
  to: Usage,
  { one, many }: Unit,
  holders: BlocksInUse,
): Effect[] {
  const { unit } = to.space;
  const outside = (usage: Usage | undefined) =>
    RangeSet.of(usage === undefined ? [] : rangesOf(usage.space, 'outOfRange'));
  const [was, is] = [outside(from), outside(to)];
  const inUse = (set: RangeSet, is: string, are: string) => {
    const count = Number(set.count / unit);
    return `${plural(count, one, many)} in use ${count === 1 ? is : are}`;
  };
  const effects: Effect[] = [];
  const lost = is.difference(was);
  if (!lost.isEmpty) {
    const whose = lost.ranges.flatMap((range) => describeHolders(range, to.space, holders));
    const message = `${inUse(lost, 'falls', 'fall')} out of range: ${listSome(whose, 5)}`;
    effects.push({ effect: 'out-of-range', kind: 'bad', object, message });
  }
  const inRange = RangeSet.of(IN_RANGE.flatMap((state) => rangesOf(to.space, state)));
  const back = was.difference(is).intersection(inRange);
  if (!back.isEmpty) {
    const spans = back.ranges.map((range) => formatSpan(range, blockLengthOf(to.space, range.family)));
    const message = `${inUse(back, 'is', 'are')} in range again: ${listSome(spans)}`;
    effects.push({ effect: 'back-in-range', kind: 'good', object, message });
  }
  return effects;
}

function reservationEffects(object: string, from: PoolOverview | undefined, to: PoolOverview): Effect[] {
  const known = new Set(conflictsOf(from?.reservations ?? []));
  return conflictsOf(to.reservations)
    .filter((conflict) => !known.has(conflict))
    .map((message) => ({ effect: 'reservation', kind: 'bad', object, message }));
}

function quotaEffects(object: string, from: PoolOverview | undefined, to: PoolOverview): Effect[] {
  const { one, many } = poolKind(to.pool.kind).unit;
  return [...to.overQuota]
    .filter(([namespace]) => !from?.overQuota.has(namespace))
    .map(([namespace, count]) => ({
      effect: 'over-quota',
      kind: 'bad',
      object,
      message: `namespace ${namespace} has ${plural(count, one, many)}, more than it may: it keeps them and gets no more`,
    }));
}

/** `10.0.0.7 (IPAddressClaim default/web-0)`; a long range by its ends. */
function describeHolders(range: Range, space: Space, holders: BlocksInUse): string[] {
  const length = blockLengthOf(space, range.family);
  if (sizeOf(range) / space.unit > 5n) return [formatSpan(range, length)];
  return [...blocksIn(RangeSet.of([range]), length)].map((block) => {
    const holder = holders.holderOf(block);
    return `${keyOf(block)}${holder === undefined ? '' : ` (${holder})`}`;
  });
}

/** What `check` finds after and not before. */
function newFindings(
  effect: EffectName,
  from: Side,
  to: Side,
  find: (side: Side) => Iterable<Finding>,
): Effect[] {
  const known = new Set([...find(from)].map(({ object, message }) => `${object} ${message}`));
  return [...find(to)]
    .filter(({ object, message }) => !known.has(`${object} ${message}`))
    .map(({ object, message }) => ({ effect, kind: 'bad', object, message }));
}

function clusterCIDREffects(from: Side, to: Side): Effect[] {
  const ranges = ({ overview }: Side) => overview.networks.flatMap(({ clusterCIDRs }) => clusterCIDRs);
  const before = new Map(ranges(from).map((each) => [each.clusterCIDR.metadata.name, each]));
  return ranges(to).flatMap(({ clusterCIDR, state, ranges }) => {
    const { name } = clusterCIDR.metadata;
    const old = before.get(name);
    const title = `ClusterCIDR ${name}`;
    return [
      ...stateEffects(title, old?.state, state),
      ...ranges.flatMap((range) => {
        const same = old?.ranges.find(({ cidr }) => cidr === range.cidr);
        return usageEffects(`${title} ${range.cidr}`, same, range, BLOCK);
      }),
    ];
  });
}

/** What new pods come with, on nodes that keep their blocks, while those that are there keep what they have. */
function podRangeEffects(from: Side, to: Side, name: string): Effect[] {
  const [old, now] = [from, to].map((side) => networkNamed(side, name)?.network);
  if (old === undefined || now === undefined) return [];
  const object = `PodNetwork ${name}`;
  const before = new Map(from.inventory.nodes.map((node) => [node.metadata.name, podRangesOf(node, old)]));
  const changes = to.inventory.nodes.flatMap((node) => {
    const was = before.get(node.metadata.name);
    const is = podRangesOf(node, now);
    return was === undefined || is === undefined ? [] : changesOfPods(node.metadata.name, was, is);
  });
  const effects = fewerBlocks(old, now, to.inventory);
  for (const [what, all] of Map.groupBy(changes, (change) => change.what)) {
    const nodes = plural(new Set(all.map(({ node }) => node)).size, 'node');
    const texts = [...new Set(all.map(({ text }) => text))];
    const kind = what === 'subnet' ? 'bad' : 'neutral';
    const message = `${POD_CHANGES[what](nodes)}: ${listSome(texts, 3)}`;
    effects.push({ effect: 'pod-ranges', kind, object, message });
  }
  return effects;
}

/** Nodes that have more blocks than their network would give them now. */
function fewerBlocks(from: PodNetwork, to: PodNetwork, { nodes }: Inventory): Effect[] {
  const [old, now] = [readAdditionalBlocks(from.spec), readAdditionalBlocks(to.spec)];
  return nodes.flatMap(({ metadata: { name } }): Effect[] => {
    const [was, is] = [old.get(name) ?? 0, now.get(name) ?? 0];
    if (is >= was) return [];
    const message = `PodNetwork ${to.metadata.name}: keeps the blocks that it has; made anew, it gets ${is} of ${was} additional ones`;
    return [{ effect: 'additional-blocks', kind: 'neutral', object: `Node ${name}`, message }];
  });
}

const POD_CHANGES = {
  subnet: (nodes: string) => `pods keep what they have, and new ones of ${nodes} get another subnet`,
  fewer: (nodes: string) => `new pods of ${nodes} do not get some addresses any more`,
  more: (nodes: string) => `new pods of ${nodes} may get more addresses`,
  routes: (nodes: string) => `pods keep their routes, and new ones of ${nodes} get others`,
} as const;

interface PodChange {
  readonly what: keyof typeof POD_CHANGES;
  readonly node: string;
  readonly text: string;
}

function changesOfPods(node: string, from: PodRanges, to: PodRanges): PodChange[] {
  const changes: PodChange[] = [];
  const add = (what: PodChange['what'], text: string) => changes.push({ what, node, text });
  const blocks = new Map(from.ranges.map((range) => [formatRange(range.block), range]));
  for (const is of to.ranges) {
    const was = blocks.get(formatRange(is.block));
    if (was === undefined) continue;
    const [before, now] = [was, is].map(({ subnet, gateway }) =>
      subnetText({ prefix: subnet.length, ...(gateway !== undefined && { gateway }) }),
    );
    if (before !== now) add('subnet', `in ${formatRange(is.block)} ${now} instead of ${before}`);
    for (const range of was.addresses.difference(is.addresses).ranges) add('fewer', formatRange(range));
    for (const range of is.addresses.difference(was.addresses).ranges) add('more', formatRange(range));
  }
  const [before, now] = [from, to].map(({ routes }) => routes.map(routeText).join(', ') || 'none');
  if (before !== now) add('routes', `${now} instead of ${before}`);
  return changes;
}

/** Where a new node would get its blocks that looks like one that is there, if that changes. */
function newNodeEffects(from: Side, to: Side, network: string): Effect[] {
  const homeBefore = homeFinder(networkNamed(from, network));
  const homeAfter = homeFinder(networkNamed(to, network));
  const nodes = to.inventory.nodes.map(({ metadata: { name, labels = {} } }) => ({ name, labels }));
  const moves = Map.groupBy(nodes, (node) => JSON.stringify([homeBefore(node), homeAfter(node)]));
  return [...moves].flatMap(([key, group]): Effect[] => {
    const [before, after] = JSON.parse(key) as [string | null, string | null];
    if (before === after) return [];
    const source = (name: string | null) => (name === null ? 'no ClusterCIDR' : `ClusterCIDR ${name}`);
    const others = group.length === 1 ? '' : ` (and ${group.length - 1} more)`;
    const kind = after === null ? 'bad' : 'neutral';
    const message = `a new node like ${group[0]!.name}${others} would be served by ${source(after)} instead of ${source(before)}`;
    return [{ effect: 'new-nodes', kind, object: `PodNetwork ${network}`, message }];
  });
}

/** The ClusterCIDR that would serve a new node: the best one that has a block free in each of its ranges. */
function homeFinder(overview: NetworkOverview | undefined) {
  const pools = (overview?.clusterCIDRs ?? []).flatMap(({ clusterCIDR, ranges }): BlockPool[] => {
    const { pool } = readBlockPool(clusterCIDR);
    const isOpen = pool !== undefined && !pool.isTerminating && ranges.every(({ free }) => free > 0n);
    return isOpen ? [pool] : [];
  });
  const candidates = candidateFinder(pools.sort(comparePools));
  return (node: Parameters<typeof candidates>[0]): string | null => candidates(node)[0]?.name ?? null;
}
