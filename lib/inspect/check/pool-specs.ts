/** Pools and networks that are invalid, overlap or no longer cover what they gave. */
import { formatRange, overlaps, type Range, rangeOf } from '../../address/range.ts';
import { compareRanges, RangeSet } from '../../address/range-set.ts';
import type { Allocation } from '../../allocation/slice.ts';
import { labelValue } from '../../kubernetes/label-value.ts';
import { DEFAULT_NETWORK, NETWORK_LABEL } from '../../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName } from '../../kubernetes/object.ts';
import { formatProblem } from '../../kubernetes/problem.ts';
import { plainJson } from '../../kubernetes/schema.ts';
import type { IPAddress } from '../../kubernetes/types.ts';
import { readBlockPool } from '../../pod-network/block-pool.ts';
import { sharedAddressSpace } from '../../pool/address-space.ts';
import { blockOf } from '../../pool/block.ts';
import { poolKind } from '../../pool/kinds.ts';
import { holderOf, summarize } from '../../pool/plan.ts';
import { type Pool, readPool } from '../../pool/pool.ts';
import { poolTitleOf } from '../../pool/reference.ts';
import { conflictsOf } from '../../pool/reservation.ts';
import { listSome, plural } from '../../text.ts';
import { brokenRules } from '../../validation/rules.ts';
import type { Inventory } from '../inventory.ts';
import type { Overview } from '../overview.ts';
import { blockLengthOf, rangesOf } from '../space.ts';
import { type Finding, kubectl, titleOf } from './finding.ts';

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
    const network = clusterCIDR.metadata.labels?.[NETWORK_LABEL] ?? DEFAULT_NETWORK;
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

interface Extent {
  readonly object: KubernetesObject;
  /** Pools of one group never give out the same address. */
  readonly group: string;
  readonly range: Range;
}

/** Pools that overlap, and ClusterCIDRs of different networks that do; once a pair. */
export function* overlappingPools({ pools, clusterCIDRs }: Inventory): Generator<Finding> {
  const ofPools = pools.flatMap((pool) => {
    const shared = sharedAddressSpace(pool);
    const group =
      shared === undefined ? titleOf(pool) : `shared ${qualifiedName({ ...pool.metadata, name: shared })}`;
    const ranges = readPool(pool).ranges?.allocatable.ranges ?? [];
    return ranges.map((range) => ({ object: pool as KubernetesObject, group, range }));
  });
  const ofNetworks = clusterCIDRs.flatMap((object) => {
    const group = object.metadata.labels?.[NETWORK_LABEL] ?? DEFAULT_NETWORK;
    return (readBlockPool(object).pool?.ranges ?? []).map((range) => ({ object, group, range }));
  });
  yield* overlapsAmong(ofPools, 'spec.addresses');
  yield* overlapsAmong(ofNetworks, 'its ranges');
}

function* overlapsAmong(extents: Extent[], field: string): Generator<Finding> {
  const sorted = extents.sort((a, b) => compareRanges(a.range, b.range));
  const seen = new Set<string>();
  let open: Extent[] = [];
  for (const extent of sorted) {
    const { family, first, last } = extent.range;
    open = open.filter(({ range }) => range.family === family && range.last >= first);
    const pairs = Map.groupBy(
      open.filter(({ group }) => group !== extent.group),
      ({ object }) => titleOf(object),
    );
    for (const [title, others] of pairs) {
      const pair = [titleOf(extent.object), title].sort().join(' ');
      if (seen.has(pair)) continue;
      seen.add(pair);
      const shared = others.map(({ range }) =>
        formatRange({ family, first, last: range.last < last ? range.last : last }),
      );
      yield {
        check: 'overlapping-pools',
        severity: 'warning',
        object: titleOf(extent.object),
        message: `overlaps ${title} in ${listSome(shared)}: fine for networks that are apart, else one address is given out twice`,
        fix: `${kubectl('edit', extent.object)}  # take it out of ${field}`,
      };
    }
    open.push(extent);
  }
}
