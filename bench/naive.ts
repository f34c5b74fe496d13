/**
 * The obvious way, to compare with: each claim by itself.
 *
 * For every claim the set of all that is in use is built anew from the objects, and the pool is walked from its
 * start to the first free place. Both yield what they give out, in turn, so that whoever compares can stop.
 */
import { blocksIn } from '../lib/address/blocks.ts';
import { asBlock, formatBlock, parseRange } from '../lib/address/range.ts';
import { keyOf } from '../lib/allocation/slice.ts';
import { CAPI_IPAM_GROUP, CLUSTER_CIDR_API_VERSION, METAIPAM_API_VERSION } from '../lib/kubernetes/names.ts';
import { compareAge } from '../lib/kubernetes/object.ts';
import type {
  AllocationSlice,
  ClusterCIDR,
  IPAddressClaim,
  PodCIDRClaim,
  PodNetwork,
  SliceEntry,
} from '../lib/kubernetes/types.ts';
import type { CompositeRequest, ObjectMap } from '../lib/metacontroller/hook.ts';
import { readBlockPool } from '../lib/pod-network/block-pool.ts';
import { comparePools } from '../lib/pod-network/priority.ts';
import type { Pool } from '../lib/pool/pool.ts';
import { readPool } from '../lib/pool/pool.ts';

/** Something given out: the uid of the claim or node, and its address or block. */
export type Grant = readonly [uid: string, text: string];

export function* naivePool({ parent, children, related }: CompositeRequest<Pool>): Generator<Grant> {
  const entries = entriesOf(children);
  const served = new Set(entries.map(([, { uid }]) => uid));
  const claims = all<IPAddressClaim>(related, `IPAddressClaim.${CAPI_IPAM_GROUP}/v1beta2`);
  const texts = entries.map(([text]) => text);
  for (const { metadata } of claims.sort(compareAge)) {
    const uid = metadata.uid ?? '';
    if (served.has(uid)) continue;
    const { allocatable, blockLength: length } = readPool(parent).ranges!;
    const inUse = new Set(texts);
    for (const block of blocksIn(allocatable, length)) {
      const text = keyOf(block);
      if (inUse.has(text)) continue;
      texts.push(text);
      yield [uid, text];
      break;
    }
  }
}

/** For ClusterCIDRs that do not overlap: a block is in use if one that starts there is. */
export function* naiveNetwork({ children, related }: CompositeRequest<PodNetwork>): Generator<Grant> {
  const clusterCIDRs = all<ClusterCIDR>(related, `ClusterCIDR.${CLUSTER_CIDR_API_VERSION}`);
  const claims = all<PodCIDRClaim>(related, `PodCIDRClaim.${METAIPAM_API_VERSION}`);
  const texts = entriesOf(children).map(([text]) => text);
  for (const { metadata, spec } of claims.sort(compareAge)) {
    if (spec.podCIDRs?.length) continue;
    const node = { name: metadata.name, labels: spec.nodeLabels ?? {} };
    const pools = clusterCIDRs.map((object) => readBlockPool(object).pool!).sort(comparePools);
    const pool =
      pools.find(({ selector }) => selector && selector.matchCount(node) > 0) ??
      pools.find(({ selector }) => selector === undefined)!;
    const inUse = new Set(texts.map((text) => parseRange(text)?.first));
    for (const range of pool.ranges) {
      const size = pool.sizes[range.family];
      let { first } = range;
      while (inUse.has(first)) first += size;
      const text = formatBlock(asBlock({ family: range.family, first, last: first + size - 1n }));
      texts.push(text);
      yield [spec.nodeUID, text];
    }
  }
}

function entriesOf(children: ObjectMap): [text: string, entry: SliceEntry][] {
  const slices = all<AllocationSlice>(children, `AllocationSlice.${METAIPAM_API_VERSION}`);
  return slices.flatMap(({ spec }) => Object.entries(spec.entries ?? {}));
}

function all<T>(objects: ObjectMap, key: string): T[] {
  return Object.values(objects[key] ?? {}) as unknown as T[];
}
