/** Who has an address or a block, or why nobody has: by the slices, and by what pools and networks keep back. */
import { formatRange, intersection, overlaps, type Prefix, type Range } from '../address/range.ts';
import { compareRanges, RangeSet } from '../address/range-set.ts';
import { heldUntil } from '../allocation/hold.ts';
import { type Allocation, keyOf } from '../allocation/slice.ts';
import type { Node } from '../kubernetes/core-types.ts';
import { type KubernetesObject, qualifiedName, titleOf } from '../kubernetes/object.ts';
import { formatTime } from '../kubernetes/time.ts';
import type { IPAddress, PodNetwork } from '../kubernetes/types.ts';
import { blockOf } from '../pool/block.ts';
import { isPrefixPool, readPool } from '../pool/pool.ts';
import { poolTitleOf } from '../pool/reference.ts';
import { beneficiaryOf, type ReservationState } from '../pool/reservation.ts';
import { holderTitle } from './check/finding.ts';
import { subnetText } from './check/pool-specs.ts';
import type { ClusterCIDROverview, NetworkOverview } from './network-overview.ts';
import { networkTerms } from './network-terms.ts';
import type { Overview, PoolOverview } from './overview.ts';
import { podRangesOf } from './pod-ranges.ts';
import { rangesOf, type Segment, type SegmentState, type Space, STATE_NAMES } from './space.ts';
import { freeInVain } from './state.ts';
import { ownersOf, type Survey } from './survey.ts';

export interface Holding {
  /** `10.0.0.7`, `10.244.3.0/24` or `10.0.0.8-10.0.0.254`. */
  readonly addresses: string;
  /** `InClusterIPPool default/pool-a`, `ClusterCIDR workers`. */
  readonly pool: string;
  /** `held`: given up, and not free before the end of the grace period. */
  readonly state: SegmentState | 'held';
  /** `IPAddressClaim default/web-0`, `Node worker-1`; undefined if nobody has it. */
  readonly holder?: string;
  /** Whose the claim is, up to its Cluster: `Machine default/web-0`, `Cluster default/prod`. */
  readonly owners?: readonly string[];
  /** The IPAddress that shows it: `default/web-0`. */
  readonly ipAddress?: string;
  /** RFC 3339: when it was given, as far as anybody remembers. */
  readonly since?: string;
  /** RFC 3339: the end of the grace period. */
  readonly until?: string;
  /** All of this as a sentence, or why nobody has it. */
  readonly note: string;
}

/** What there is to say of some addresses: cheap to sort and to count, described only when somebody looks. */
export interface Place {
  readonly range: Range;
  /** Who has it, or had it while it is held back; undefined if nobody. */
  readonly holder: string | undefined;
  readonly describe: () => Holding;
}

/** States in which somebody has an address; slices say who. */
const HELD: readonly SegmentState[] = ['used', 'adopted', 'outOfRange'];

/** Of a pool or a ClusterCIDR, which many may ask about. */
const known = new WeakMap<object, readonly Place[]>();

function remembered(of: object, list: () => Place[]): readonly Place[] {
  const places = known.get(of) ?? list();
  known.set(of, places);
  return places;
}

/** Everything of a pool's space, in the order of addresses. */
export function placesOfPool(survey: Survey, pool: PoolOverview): readonly Place[] {
  return remembered(pool, () => listPool(survey, pool));
}

/** Everything of the ranges of a ClusterCIDR, in the order of addresses. */
export function placesOfClusterCIDR(
  survey: Survey,
  network: NetworkOverview,
  clusterCIDR: ClusterCIDROverview,
): readonly Place[] {
  return remembered(clusterCIDR, () => listClusterCIDR(survey, network, clusterCIDR));
}

/** Those of the pools and networks, one after another, each in the order of its addresses. */
export function placesOf({ pools, networks }: Pick<Overview, 'pools' | 'networks'>, survey: Survey): Place[] {
  return [
    ...pools.map((pool) => placesOfPool(survey, pool)),
    ...networks.flatMap((network) =>
      network.clusterCIDRs.map((clusterCIDR) => placesOfClusterCIDR(survey, network, clusterCIDR)),
    ),
  ].flat();
}

function listPool(survey: Survey, overview: PoolOverview): Place[] {
  const { pool, title, space, reservations, past, state, withheld } = overview;
  const listed = (survey.listed.get(pool.metadata.uid ?? '') ?? []).filter(({ key }) => !past.has(key));
  const grace = readPool(pool).ranges?.reuseGracePeriodSeconds ?? 0;
  const byKey = new Map(listed.map((allocation) => [allocation.key, allocation]));
  const strays = (addressesOf(survey).get(title) ?? []).flatMap((address) => {
    const range = blockOf(address);
    if (range === undefined) return [];
    const allocation = byKey.get(keyOf(range));
    if (allocation !== undefined && holderTitle(allocation) === claimTitle(address)) return [];
    const isHeld = allocation !== undefined && allocation.entry.released === undefined;
    const why = isHeld
      ? `held twice: its pool has listed it for ${holderTitle(allocation)}`
      : 'which its pool has not listed';
    return [{ address, range, why }];
  });
  const unknown = RangeSet.of(rangesOf(space, 'taken')).difference(
    RangeSet.of(strays.map(({ range }) => range)),
  );
  const outside = RangeSet.of(rangesOf(space, 'outOfRange'));
  const markedIfOutside = (holding: Holding, range: Range): Holding =>
    outside.overlaps(range)
      ? { ...holding, state: 'outOfRange', note: `${holding.note}, ${STATE_NAMES.outOfRange}` }
      : holding;
  const notes: Notes = {
    free: freeInVain('pool', state),
    excluded: `excluded by ${isPrefixPool(pool) ? 'excludedPrefixes' : 'excludedAddresses'} of its pool`,
    reserved: 'reserved, unless allocateReservedIPAddresses of its pool is true',
  };
  return [
    ...listed.map((allocation) => ({
      range: allocation.block,
      holder: holderTitle(allocation),
      describe: () =>
        heldBack(allocation, title, grace, survey) ??
        markedIfOutside(claimHolding(allocation, title, survey), allocation.block),
    })),
    ...strays.map(({ address, range, why }) => ({
      range,
      holder: strayHolder(address, survey),
      describe: () => markedIfOutside(unlisted(address, range, title, survey, why), range),
    })),
    ...unheld(
      space.segments.filter(({ state }) => state !== 'kept' && state !== 'taken'),
      title,
      notes,
    ),
    ...takenFrom(unknown, withheld, title),
    ...keptFor(space, reservations, title),
  ].sort(byAddress);
}

function listClusterCIDR(
  survey: Survey,
  { network }: NetworkOverview,
  { clusterCIDR, ranges, state }: ClusterCIDROverview,
): Place[] {
  const { name } = clusterCIDR.metadata;
  const title = titleOf(clusterCIDR);
  const grace = network?.spec.reuseGracePeriodSeconds ?? 0;
  const listed = survey.listed.get(network?.metadata.uid ?? '') ?? [];
  return [
    ...listed
      .filter(({ entry }) => entry.clusterCIDR === name)
      .map((allocation) => ({
        range: allocation.block,
        holder: holderTitle(allocation),
        describe: () =>
          heldBack(allocation, title, grace, survey) ?? nodeHolding(allocation, title, network, survey),
      })),
    ...ranges.flatMap(({ space }) =>
      unheld(space.segments, title, { free: freeInVain('ClusterCIDR', state) }),
    ),
  ].sort(byAddress);
}

/** IPAddresses of pools that are not among the objects, whose addresses are in no space. */
function placesOfNoPool(survey: Survey): Place[] {
  const titles = new Set(survey.overview.pools.map(({ title }) => title));
  return [...addressesOf(survey)].flatMap(([title, addresses]) =>
    titles.has(title)
      ? []
      : addresses.flatMap((address): Place[] => {
          const range = blockOf(address);
          if (range === undefined) return [];
          const describe = () => unlisted(address, range, title, survey, 'of a pool that is not there');
          return [{ range, holder: strayHolder(address, survey), describe }];
        }),
  );
}

/** The places that share an address with the range, cut to it where nobody has more of them. */
export function placesIn(places: readonly Place[], range: Range): Place[] {
  return places
    .filter((place) => overlaps(place.range, range))
    .map((place) => {
      if (place.holder !== undefined) return place;
      const cut = intersection(place.range, range);
      return { ...place, range: cut, describe: () => ({ ...place.describe(), addresses: formatRange(cut) }) };
    });
}

/** All that there is. */
export function allPlaces(survey: Survey): Place[] {
  return [...placesOf(survey.overview, survey), ...placesOfNoPool(survey)];
}

/** Everything there is to say of a range, pool by pool; nothing if it is nobody's and outside of all pools. */
export function holdingsIn(range: Range, survey: Survey): Holding[] {
  return placesIn(allPlaces(survey), range).map(({ describe }) => describe());
}

/** By the title of the pool that each names. */
function addressesOf({ addresses }: Survey): Map<string, IPAddress[]> {
  return Map.groupBy(addresses.values(), poolTitleOf);
}

function claimHolding(allocation: Allocation, pool: string, survey: Survey): Holding {
  const { key, entry } = allocation;
  const claim = survey.claims.get(entry.uid);
  const bound = survey.addresses.get(qualifiedName(entry));
  const owners = claim === undefined ? [] : ownersOf(claim, survey);
  const since = bound?.metadata.creationTimestamp;
  const facts = [
    ...(owners.length === 0 ? [] : [`of ${owners.join(' of ')}`]),
    claim === undefined ? 'which is gone' : undefined,
    bound === undefined
      ? 'without an IPAddress'
      : `IPAddress ${qualifiedName(bound.metadata)}${sinceText(since)}`,
    entry.adopted === true ? 'adopted' : undefined,
  ];
  return {
    addresses: key,
    pool,
    state: entry.adopted === true ? 'adopted' : 'used',
    holder: holderTitle(allocation),
    ...(owners.length > 0 && { owners }),
    ...(bound !== undefined && { ipAddress: qualifiedName(bound.metadata) }),
    ...(since !== undefined && { since }),
    note: sentence(facts),
  };
}

function nodeHolding(
  allocation: Allocation,
  pool: string,
  network: PodNetwork | undefined,
  survey: Survey,
): Holding {
  const { key, entry } = allocation;
  const { since, adopted } = entry;
  const holder = holderTitle(allocation);
  const facts = [
    `given${sinceText(since)}`,
    adopted === true ? 'adopted' : undefined,
    network && forPods(allocation, network, survey.titles().get(holder)),
  ];
  return {
    addresses: key,
    pool,
    state: adopted === true ? 'adopted' : 'used',
    holder,
    ...(since !== undefined && { since }),
    note: sentence(facts),
  };
}

/** What pods get of a block, where its network says more than which it is. */
function forPods(
  { block, entry }: Allocation,
  network: PodNetwork,
  node: KubernetesObject | undefined,
): string | undefined {
  if (networkTerms(network).length === 0 || node?.metadata.uid !== entry.uid) return undefined;
  const found = podRangesOf(node as Node, network)?.ranges.find(
    (range) => formatRange(range.block) === formatRange(block),
  );
  if (found === undefined) return 'not on the node yet';
  const { addresses, gateway, subnet } = found;
  const terms = subnetText({ prefix: subnet.length, ...(gateway !== undefined && { gateway }) });
  return `pods get ${addresses.count} of it with ${terms}`;
}

function heldBack(
  allocation: Allocation,
  pool: string,
  graceSeconds: number,
  { context: { now } }: Survey,
): Holding | undefined {
  const { key, entry } = allocation;
  if (entry.released === undefined) return undefined;
  const end = heldUntil(entry.released, graceSeconds, now);
  const until = formatTime(end);
  const what = end > now ? `held back until ${until}` : 'free as soon as its controller has run';
  const note = `${what}: ${holderTitle(allocation)} gave it up at ${entry.released}`;
  return { addresses: key, pool, state: 'held', until, note };
}

function claimTitle({ metadata, spec }: IPAddress): string {
  return titleOf({ kind: 'IPAddressClaim', metadata: { ...metadata, name: spec.claimRef.name } });
}

/** Its claim, if that is there. */
function strayHolder(address: IPAddress, { titles }: Survey): string {
  const claim = claimTitle(address);
  return titles().has(claim) ? claim : titleOf(address);
}

function unlisted(address: IPAddress, range: Prefix, pool: string, survey: Survey, ofPool: string): Holding {
  const name = qualifiedName(address.metadata);
  const since = address.metadata.creationTimestamp;
  const claim = claimTitle(address);
  const isClaimed = survey.titles().has(claim);
  return {
    addresses: keyOf(range),
    pool,
    state: 'used',
    holder: strayHolder(address, survey),
    ipAddress: name,
    ...(since !== undefined && { since }),
    note: sentence([
      ofPool,
      isClaimed ? undefined : `${claim} does not exist: in use until the IPAddress is deleted`,
    ]),
  };
}

type Notes = Partial<Record<SegmentState, string | undefined>>;

/** What nobody has, and why: the notes, or the names of the states. */
function unheld(segments: readonly Segment[], pool: string, notes: Notes = {}): Place[] {
  return segments
    .filter(({ state }) => !HELD.includes(state))
    .map((segment) => ({
      range: segment,
      holder: undefined,
      describe: () => ({
        addresses: formatRange(segment),
        pool,
        state: segment.state,
        note: notes[segment.state] ?? STATE_NAMES[segment.state],
      }),
    }));
}

/** What is taken from a pool, by slices that it cannot go by and by others. */
function takenFrom(taken: RangeSet, withheld: PoolOverview['withheld'], pool: string): Place[] {
  let rest = taken;
  const places: Place[] = [];
  for (const { range, why } of withheld) {
    const part = rest.intersection(RangeSet.of([range]));
    rest = rest.difference(part);
    for (const range of part.ranges) {
      const describe = () => ({ addresses: formatRange(range), pool, state: 'taken' as const, note: why });
      places.push({ range, holder: undefined, describe });
    }
  }
  return [
    ...places,
    ...unheld(
      rest.ranges.map((range) => ({ ...range, state: 'taken' })),
      pool,
    ),
  ];
}

/** What nobody but certain claims gets, which do not have it. */
function keptFor({ segments }: Space, reservations: readonly ReservationState[], pool: string): Place[] {
  const kept = segments.filter(({ state }) => state === 'kept');
  return reservations
    .filter(({ reservation: { block } }) => kept.some((segment) => overlaps(segment, block)))
    .map(({ reservation, conflict }) => ({
      range: reservation.block,
      holder: undefined,
      describe: () => {
        const what = `${STATE_NAMES.kept}: ${beneficiaryOf(reservation)}`;
        const note = sentence([what, reservation.note, conflict && `which ${conflict}`]);
        return { addresses: keyOf(reservation.block), pool, state: 'kept', note };
      },
    }));
}

function byAddress(a: Place, b: Place): number {
  return compareRanges(a.range, b.range);
}

function sinceText(time: string | undefined): string {
  return time === undefined ? '' : ` since ${time}`;
}

function sentence(facts: readonly (string | undefined)[]): string {
  return facts.filter((fact) => fact !== undefined).join(', ');
}
