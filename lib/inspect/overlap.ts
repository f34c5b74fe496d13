/** What may be given out twice: by pools that overlap and do not say that they may, by ClusterCIDRs of two networks. */
import { overlapsAmong } from '../address/overlaps.ts';
import { formatRange, overlaps, type Range } from '../address/range.ts';
import { type KubernetesObject, titleOf } from '../kubernetes/object.ts';
import type { ClusterCIDR } from '../kubernetes/types.ts';
import { readBlockPool } from '../pod-network/block-pool.ts';
import { networkLabelOf } from '../pod-network/network-label.ts';
import { describeOverlap, mayOverlap, overlapsOfPools } from '../pool/overlap.ts';
import { type Pool, readPool } from '../pool/pool.ts';
import { listSome } from '../text.ts';
import type { Inventory } from './inventory.ts';

interface UnmeantOverlap {
  /** The one that has to give way. */
  readonly object: KubernetesObject;
  readonly other: KubernetesObject;
  readonly ranges: readonly Range[];
  /** `overlaps InClusterIPPool b/lan in 10.0.0.0-10.0.0.9: …`. */
  readonly message: string;
}

type Givers = Pick<Inventory, 'pools' | 'clusterCIDRs'>;

/** Once for each two. What is being deleted gives nothing more. */
export function unmeantOverlaps({ pools, clusterCIDRs }: Givers, installNamespace: string): UnmeantOverlap[] {
  const ofPools = overlapsOfPools(pools, installNamespace).flatMap(({ first, second, ranges }) => {
    const [object, other] = mayOverlap(second) ? [first, second] : [second, first];
    return mayOverlap(object)
      ? []
      : [{ object, other, ranges, overlap: describeOverlap(object, { other, ranges }) }];
  });
  const ofNetworks = overlapsAmong(
    clusterCIDRs.flatMap((owner) =>
      rangesOfClusterCIDR(owner).map((range) => ({ owner, group: networkLabelOf(owner), range })),
    ),
  ).map(({ first, second, ranges }) => ({
    object: second,
    other: first,
    ranges,
    overlap: `overlaps ${titleOf(first)} in ${listSome(ranges.map(formatRange))}`,
  }));
  return [...ofPools, ...ofNetworks].map(({ overlap, ...rest }) => ({
    ...rest,
    message: `${overlap}: fine for networks that are apart, else one address is given out twice`,
  }));
}

/** `InClusterIPPool a/lan overlaps …`: of those that meet in the range. */
export function unmeantOverlapsIn(
  range: Range,
  { pools, clusterCIDRs }: Givers,
  installNamespace: string,
): string[] {
  const isIn = (each: Range) => overlaps(each, range);
  const near = {
    pools: pools.filter((pool) => rangesOfPool(pool).some(isIn)),
    clusterCIDRs: clusterCIDRs.filter((each) => rangesOfClusterCIDR(each).some(isIn)),
  };
  return unmeantOverlaps(near, installNamespace)
    .filter(({ ranges }) => ranges.some(isIn))
    .map(({ object, message }) => `${titleOf(object)} ${message}`);
}

function rangesOfPool(pool: Pool): readonly Range[] {
  return readPool(pool).ranges?.allocatable.ranges ?? [];
}

function rangesOfClusterCIDR(clusterCIDR: ClusterCIDR): readonly Range[] {
  const { pool } = readBlockPool(clusterCIDR);
  return pool === undefined || pool.isTerminating ? [] : pool.ranges;
}
