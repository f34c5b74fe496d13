/** Pools and networks that are invalid, overlap or no longer cover what they gave. */

import { overlaps, type Range, rangeOf } from '../../address/range.ts';
import { RangeSet } from '../../address/range-set.ts';
import type { Allocation } from '../../allocation/slice.ts';
import { plainJson } from '../../json.ts';
import { labelValue } from '../../kubernetes/label-value.ts';
import { MAY_OVERLAP_ANNOTATION, NETWORK_LABEL } from '../../kubernetes/names.ts';
import type { KubernetesObject } from '../../kubernetes/object.ts';
import { titleOf } from '../../kubernetes/object.ts';
import { poolKind } from '../../kubernetes/pool-kinds.ts';
import { formatProblem } from '../../kubernetes/problem.ts';
import type { IPAddress } from '../../kubernetes/types.ts';
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
import { type Finding, kubectl } from './finding.ts';

export function* invalidObjects(objects: Iterable<KubernetesObject>): Generator<Finding> {
  for (const object of objects) {
    const problems = brokenRules(plainJson(object) as KubernetesObject);
    if (problems.length === 0) continue;
    yield {
      check: 'invalid-object',
      severity: 'error',
      object: titleOf(object),
      message: problems.map(formatProblem).join('; '),
      fix: kubectl('edit', object),
    };
  }
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
      message: `there is no PodNetwork ${network}: it serves no node`,
      fix: `${kubectl('label', clusterCIDR)} --overwrite ${NETWORK_LABEL}=NAME  # or create the PodNetwork`,
    };
  }
}

/** What pools gave and would not give again. */
export function* outOfRange({ pools }: Overview, { allocations, addresses }: Inventory): Generator<Finding> {
  const concerned = pools.filter(
    ({ outOfRange, state }) => outOfRange > 0n && state.reason !== 'InvalidSpec',
  );
  if (concerned.length === 0) return;
  for (const { pool, title, space, outOfRange: count } of concerned) {
    const [first] = rangesOf(space, 'outOfRange');
    const holder = first && firstHolder(pool, first, allocations, addresses);
    const { one, many } = poolKind(pool.kind).unit;
    const ranges =
      first && summarize(RangeSet.of(rangesOf(space, 'outOfRange')), blockLengthOf(space, first.family));
    yield {
      check: 'out-of-range',
      severity: 'warning',
      object: title,
      message: `${plural(Number(count), one, many)} in use ${count === 1n ? 'is' : 'are'} not in the pool: ${ranges}${holder === undefined ? '' : ` (the first by ${holder})`}`,
      fix: `${kubectl('edit', pool)}  # list ${count === 1n ? 'it' : 'them'} again, or replace what uses ${count === 1n ? 'it' : 'them'}`,
    };
  }
}

/** Reservations that those whom they are for cannot have. */
export function* reservationConflicts({ pools }: Overview): Generator<Finding> {
  for (const { pool, title, reservations } of pools) {
    for (const message of conflictsOf(reservations)) {
      const fix = `${kubectl('edit', pool)}  # change spec.reservations, or replace what is in the way`;
      yield { check: 'reservation-conflict', severity: 'warning', object: title, message, fix };
    }
  }
}

function firstHolder(
  pool: Pool,
  { family, first }: Range,
  allocations: readonly Allocation[],
  addresses: readonly IPAddress[],
): string | undefined {
  const isIn = (block: Range | undefined) =>
    block !== undefined && overlaps(block, rangeOf({ family, value: first }));
  const listed = allocations.find(
    ({ slice, block }) => slice.spec.poolRef.uid === pool.metadata.uid && isIn(block),
  );
  if (listed !== undefined) return holderOf(listed.entry);
  const title = titleOf(pool);
  const address = addresses.find((each) => poolTitleOf(each) === title && isIn(blockOf(each)));
  return address && titleOf(address);
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
    const { address: first } = other;
    yield {
      check: 'other-subnet',
      severity: 'warning',
      object: titleOf(pool),
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
  for (const { object, message } of unmeantOverlaps(inventory, installNamespace)) {
    const remark =
      object.kind === 'ClusterCIDR'
        ? 'take it out of its ranges'
        : `take it out of spec.addresses, or annotate ${MAY_OVERLAP_ANNOTATION}`;
    const fix = `${kubectl('edit', object)}  # ${remark}`;
    yield { check: 'overlapping-pools', severity: 'warning', object: titleOf(object), message, fix };
  }
}
