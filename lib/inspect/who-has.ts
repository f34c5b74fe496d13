/** Who has an address, or what of a range: by the slices, and by what pools and networks keep back. */
import { formatRange, overlaps, type Range } from '../address/range.ts';
import { type Allocation, keyOf } from '../allocation/slice.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import { formatTime } from '../kubernetes/time.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { blockOf } from '../pool/block.ts';
import { poolTitle, readPool } from '../pool/pool.ts';
import { isOurs, poolTitleOf } from '../pool/reference.ts';
import { holderTitle } from './check/finding.ts';
import { type Inventory, readInventory } from './inventory.ts';
import { networkOverviews } from './network-overview.ts';
import { overviewOf } from './overview.ts';
import { type SegmentState, type Space, STATE_NAMES } from './space.ts';

export interface Holding {
  /** `10.0.0.7`, `10.244.3.0/24` or `10.0.0.8-10.0.0.254`. */
  readonly addresses: string;
  /** `InClusterIPPool default/pool-a`, `ClusterCIDR workers`. */
  readonly pool: string;
  /** `IPAddressClaim default/web-0`, `Node worker-1`; undefined if nobody has it. */
  readonly holder?: string;
  /** The rest as a sentence: what it was made for and since when, or why nobody has it. */
  readonly note: string;
}

/** States in which somebody has an address; slices say who. */
const HELD: readonly SegmentState[] = ['used', 'adopted', 'outOfRange'];

/** Everything there is to say of a range, pool by pool; nothing if it lies outside of all of them. */
export function whoHas(range: Range, objects: Iterable<KubernetesObject>, context: HookContext): Holding[] {
  const list = [...objects];
  const inventory = readInventory(list);
  return [...inPools(range, list, inventory, context), ...inNetworks(range, inventory, context)];
}

function* inPools(
  range: Range,
  objects: readonly KubernetesObject[],
  inventory: Inventory,
  context: HookContext,
): Generator<Holding> {
  const claims = new Map(inventory.claims.map((claim) => [claim.metadata.uid, claim]));
  const addresses = inventory.addresses.filter(isOurs);
  const byName = new Map(addresses.map((address) => [qualifiedName(address.metadata), address]));
  for (const { pool, space } of overviewOf(objects, context).pools) {
    const title = poolTitle(pool);
    const { uid } = pool.metadata;
    const listed = inventory.allocations.filter(
      ({ slice, block }) => slice.spec.poolRef.uid === uid && overlaps(block, range),
    );
    const grace = readPool(pool).ranges?.reuseGracePeriodSeconds ?? 0;
    for (const allocation of listed) {
      const { key, entry } = allocation;
      if (entry.released !== undefined) {
        yield { addresses: key, pool: title, note: heldBack(allocation, grace) };
        continue;
      }
      const claim = claims.get(entry.uid);
      const bound = byName.get(qualifiedName(entry));
      const owner = claim?.metadata.ownerReferences?.[0];
      const facts = [
        ...(owner === undefined ? [] : [`of ${owner.kind} ${owner.name}`]),
        claim === undefined ? 'which is gone' : undefined,
        bound === undefined
          ? 'without an IPAddress'
          : `IPAddress ${qualifiedName(bound.metadata)}${sinceText(bound.metadata.creationTimestamp)}`,
        entry.adopted === true ? 'adopted' : undefined,
      ];
      yield { addresses: key, pool: title, holder: holderTitle(allocation), note: sentence(facts) };
    }
    const known = new Set(listed.map(({ key }) => key));
    for (const address of addresses.filter((each) => poolTitleOf(each) === title)) {
      const own = blockOf(address);
      if (own === undefined || !overlaps(own, range) || known.has(keyOf(own))) continue;
      yield {
        addresses: keyOf(own),
        pool: title,
        holder: `IPAddress ${qualifiedName(address.metadata)}`,
        note: 'which its pool has not listed',
      };
    }
    yield* unheld(title, space, range);
  }
}

function* inNetworks(range: Range, inventory: Inventory, context: HookContext): Generator<Holding> {
  for (const { network, clusterCIDRs } of networkOverviews(inventory, context)) {
    for (const { clusterCIDR, ranges } of clusterCIDRs) {
      const title = `ClusterCIDR ${clusterCIDR.metadata.name}`;
      const listed = inventory.allocations.filter(
        ({ slice, block, entry }) =>
          slice.spec.poolRef.uid === network?.metadata.uid &&
          entry.clusterCIDR === clusterCIDR.metadata.name &&
          overlaps(block, range),
      );
      for (const allocation of listed) {
        const { key, entry } = allocation;
        const isReleased = entry.released !== undefined;
        yield {
          addresses: key,
          pool: title,
          ...(!isReleased && { holder: holderTitle(allocation) }),
          note: isReleased
            ? heldBack(allocation, network?.spec.reuseGracePeriodSeconds ?? 0)
            : `given${sinceText(entry.since)}`,
        };
      }
      for (const { space } of ranges) yield* unheld(title, space, range);
    }
  }
}

/** What of a space nobody has, and why. */
function* unheld(pool: string, space: Space, range: Range): Generator<Holding> {
  for (const { addresses, state } of segmentsIn(space, range)) {
    if (!HELD.includes(state)) yield { addresses, pool, note: STATE_NAMES[state] };
  }
}

function segmentsIn({ segments }: Space, range: Range): { addresses: string; state: SegmentState }[] {
  return segments
    .filter((segment) => overlaps(segment, range))
    .map(({ family, first, last, state }) => ({
      state,
      addresses: formatRange({
        family,
        first: first < range.first ? range.first : first,
        last: last > range.last ? range.last : last,
      }),
    }));
}

function heldBack(allocation: Allocation, graceSeconds: number): string {
  const { released = '' } = allocation.entry;
  const until = formatTime(Date.parse(released) + graceSeconds * 1000);
  return `held back until ${until}: ${holderTitle(allocation)} gave it up at ${released}`;
}

function sinceText(time: string | undefined): string {
  return time === undefined ? '' : ` since ${time}`;
}

function sentence(facts: readonly (string | undefined)[]): string {
  return facts.filter((fact) => fact !== undefined).join(', ');
}
