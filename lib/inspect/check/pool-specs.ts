/** Pools and networks that are invalid, overlap or no longer cover what they gave. */

import type { Range } from '../../address/range.ts';
import { compareRanges, RangeSet } from '../../address/range-set.ts';
import { plainJson } from '../../json.ts';
import { labelValue } from '../../kubernetes/label-value.ts';
import { MAY_OVERLAP_ANNOTATION, NETWORK_LABEL } from '../../kubernetes/names.ts';
import type { KubernetesObject } from '../../kubernetes/object.ts';
import { titleOf } from '../../kubernetes/object.ts';
import { poolKind } from '../../kubernetes/pool-kinds.ts';
import { formatProblem } from '../../kubernetes/problem.ts';
import { networkLabelOf } from '../../pod-network/network-label.ts';
import { blockOf } from '../../pool/block.ts';
import { holderOf, summarize } from '../../pool/plan.ts';
import { isPrefixPool, type Pool, readPool } from '../../pool/pool.ts';
import { subnetOf } from '../../pool/ranges.ts';
import { poolTitleOf } from '../../pool/reference.ts';
import { conflictsOf } from '../../pool/reservation.ts';
import { plural } from '../../text.ts';
import { brokenRules } from '../../validation/rules.ts';
import type { Inventory } from '../inventory.ts';
import { unmeantOverlaps } from '../overlap.ts';
import type { Overview } from '../overview.ts';
import { blockLengthOf, rangesOf } from '../space.ts';
import { type Finding, kubectl, namespacesOf } from './finding.ts';

export function* invalidObjects(objects: Iterable<KubernetesObject>): Generator<Finding> {
  for (const object of objects) {
    const problems = brokenRules(plainJson(object) as KubernetesObject);
    if (problems.length === 0) continue;
    yield {
      check: 'invalid-object',
      severity: 'error',
      object: titleOf(object),
      namespaces: namespacesOf(object.metadata),
      message: problems.map(formatProblem).join('; '),
      fix: object.kind === 'ClusterCIDR' ? madeAnew(object, '') : kubectl('edit', object),
    };
  }
}

/** @param how it is to differ: ` without …` */
function madeAnew(clusterCIDR: KubernetesObject, how: string): string {
  return `${kubectl('delete', clusterCIDR)}  # and make it anew${how}: its spec cannot be changed`;
}

export function* missingNetworks({ networks, clusterCIDRs }: Inventory): Generator<Finding> {
  const known = new Set(networks.map(({ metadata }) => labelValue(metadata.name)));
  for (const clusterCIDR of clusterCIDRs) {
    const network = networkLabelOf(clusterCIDR);
    if (known.has(network)) continue;
    yield {
      check: 'missing-pool',
      severity: 'error',
      object: titleOf(clusterCIDR),
      namespaces: namespacesOf(clusterCIDR.metadata),
      message: `there is no PodNetwork ${network}: it serves no node`,
      fix: `${kubectl('label', clusterCIDR)} --overwrite ${NETWORK_LABEL}=NAME  # or create the PodNetwork`,
    };
  }
}

/** What pools gave and would not give again. */
export function* outOfRange({ pools }: Overview, inventory: Inventory): Generator<Finding> {
  const concerned = pools.filter(
    ({ outOfRange, state }) => outOfRange > 0n && state.reason !== 'InvalidSpec',
  );
  for (const { pool, title, space, outOfRange: count } of concerned) {
    const outside = RangeSet.of(rangesOf(space, 'outOfRange'));
    const [first] = outside.ranges;
    const holders = holdersOfAny(outside, pool, inventory);
    const holder = holders[0]?.title;
    const { one, many } = poolKind(pool.kind).unit;
    const ranges = first && summarize(outside, blockLengthOf(space, first.family));
    yield {
      check: 'out-of-range',
      severity: 'warning',
      object: title,
      namespaces: namespacesOf(pool.metadata, ...holders),
      message: `${plural(Number(count), one, many)} in use ${count === 1n ? 'is' : 'are'} not in the pool: ${ranges}${holder === undefined ? '' : ` (the first by ${holder})`}`,
      fix: `${kubectl('edit', pool)}  # list ${count === 1n ? 'it' : 'them'} again, or replace what uses ${count === 1n ? 'it' : 'them'}`,
    };
  }
}

/** Reservations that those whom they are for cannot have. */
export function* reservationConflicts({ pools }: Overview, inventory: Inventory): Generator<Finding> {
  for (const { pool, title, reservations } of pools) {
    for (const state of reservations) {
      const { reservation } = state;
      for (const message of conflictsOf([state])) {
        const holders = holdersOfAny(RangeSet.of([reservation.block]), pool, inventory);
        yield {
          check: 'reservation-conflict',
          severity: 'warning',
          object: title,
          namespaces: namespacesOf(pool.metadata, reservation, ...holders),
          message,
          fix: `${kubectl('edit', pool)}  # change spec.reservations, or replace what is in the way`,
        };
      }
    }
  }
}

interface Holder {
  readonly title: string;
  readonly namespace?: string;
  readonly block: Range;
}

/** Who has any of these addresses of a pool, in their order; slices before what they say nothing of. */
function holdersOfAny(set: RangeSet, pool: Pool, { allocations, addresses }: Inventory): Holder[] {
  const listed = allocations
    .filter(({ slice }) => slice.spec.poolRef.uid === pool.metadata.uid)
    .map(({ entry, block }) => ({ ...entry, title: holderOf(entry), block }));
  const title = titleOf(pool);
  const shown = addresses
    .filter((each) => poolTitleOf(each) === title)
    .flatMap((each) => {
      const block = blockOf(each);
      return block === undefined ? [] : [{ ...each.metadata, title: titleOf(each), block }];
    });
  return [...listed, ...shown]
    .filter(({ block }) => set.overlaps(block))
    .sort((a, b) => compareRanges(a.block, b.block));
}

/** IPAddresses that say another prefix or gateway than their pool does now: its machines disagree about one subnet. */
export function* otherSubnets({ pools, addresses }: Inventory): Generator<Finding> {
  const byPool = Map.groupBy(addresses, poolTitleOf);
  for (const pool of pools) {
    const { ranges } = readPool(pool);
    if (ranges === undefined) continue;
    const others = (byPool.get(titleOf(pool)) ?? []).flatMap((address) => {
      const { spec } = address;
      const block = blockOf(address);
      const subnet = block && subnetOf(ranges, block);
      const differs =
        subnet !== undefined &&
        ((spec.prefix !== subnet.prefix && !isPrefixPool(pool)) ||
          (spec.gateway || undefined) !== (subnet.gateway || undefined));
      return differs ? [{ address, subnet }] : [];
    });
    const [other] = others;
    if (other === undefined) continue;
    const now = subnetText(other.subnet);
    const namespaces = namespacesOf(pool.metadata, ...others.map(({ address }) => address.metadata));
    const { address: first } = other;
    yield {
      check: 'other-subnet',
      severity: 'warning',
      object: titleOf(pool),
      namespaces,
      message: `${plural(others.length, 'address', 'addresses')} in use ${others.length === 1 ? 'differs' : 'differ'} from ${now}: ${first.spec.address} (${titleOf(first)}) has ${subnetText(first.spec)}`,
      fix: `replace what uses ${others.length === 1 ? 'it' : 'them'}: an IPAddress never changes`,
    };
  }
}

/** `prefix 24 and gateway 10.0.0.1`. */
export function subnetText({ prefix, gateway }: { prefix?: number; gateway?: string }): string {
  return `prefix ${prefix ?? 'unknown'} and ${gateway ? `gateway ${gateway}` : 'no gateway'}`;
}

/** Pools that overlap and do not say that they may, and ClusterCIDRs of different networks that do; once a pair. */
export function* overlappingPools(inventory: Inventory, installNamespace: string): Generator<Finding> {
  for (const { object, other, message } of unmeantOverlaps(inventory, installNamespace)) {
    const fix =
      object.kind === 'ClusterCIDR'
        ? madeAnew(object, ' without these addresses')
        : `${kubectl('edit', object)}  # take it out of ${listField(object as Pool)}, or annotate ${MAY_OVERLAP_ANNOTATION}`;
    yield {
      check: 'overlapping-pools',
      severity: 'warning',
      object: titleOf(object),
      namespaces: namespacesOf(object.metadata, other.metadata),
      message,
      fix,
    };
  }
}

/** The field in which the pool says what it gives out. */
function listField({ spec }: Pool): string {
  const fields = ['prefixes', 'subnets', 'addresses', 'subnet', 'start'];
  return `spec.${fields.find((field) => field in spec) ?? 'addresses'}`;
}
