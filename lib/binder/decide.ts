import { UsedRanges } from '../address/blocks.ts';
import type { Range } from '../address/range.ts';
import { allocationsOf } from '../allocation/slice.ts';
import type { Node } from '../kubernetes/core-types.ts';
import { DEFAULT_NETWORK } from '../kubernetes/names.ts';
import type { AllocationSlice } from '../kubernetes/types.ts';
import { decisionsOf } from '../pod-network/decision.ts';
import { parsePodCIDR, podCIDRsOf } from '../pod-network/pod-cidr.ts';

/** What the binder does about one node that has no podCIDRs yet. */
export interface Binding {
  readonly node: Node;
  /** The blocks allocated to the node, in the order in which it gets them. */
  readonly podCIDRs: readonly string[];
  /** Set when the blocks must not be written, with the reason. */
  readonly refusal?: string;
}

/**
 * Decides which nodes get which podCIDRs: each node those of the decision that counts, once it is complete. Nodes
 * whose decision is older come first. What is released, or in a slice that is going away, decides nothing.
 *
 * This is the last gate before `node.spec.podCIDRs`, which can never be changed again: a block that overlaps
 * what any other node has, or what this process wrote without having seen it come back, is refused.
 *
 * @param slices those of the network that targets node.spec.podCIDRs
 * @param written podCIDRs this process sent, by node uid; also those whose fate is unknown
 */
export function decideBindings(
  nodes: readonly Node[],
  slices: readonly AllocationSlice[],
  written: ReadonlyMap<string, readonly string[]>,
): Binding[] {
  const used = new UsedRanges([...nodes.map(podCIDRsOf), ...written.values()].flatMap(rangesOf));
  const unbound = new Map<string, Node>();
  for (const node of nodes) {
    const { uid = '', deletionTimestamp } = node.metadata;
    if (podCIDRsOf(node).length > 0 || deletionTimestamp !== undefined || written.has(uid)) continue;
    unbound.set(uid, node);
  }
  const living = slices.filter(
    ({ metadata, spec }) =>
      metadata.deletionTimestamp === undefined &&
      spec.poolRef.kind === 'PodNetwork' &&
      spec.poolRef.name === DEFAULT_NETWORK,
  );
  const allocations = allocationsOf(living).filter(({ entry }) => entry.released === undefined);

  const bindings: Binding[] = [];
  for (const { nodeUID, blocks: podCIDRs, isComplete } of decisionsOf(allocations)) {
    const node = unbound.get(nodeUID);
    unbound.delete(nodeUID);
    if (node === undefined || !isComplete) continue;
    const taken = podCIDRs.filter((cidr) => rangesOf([cidr]).some((range) => used.overlaps(range)));
    if (taken.length > 0) {
      const refusal = `${taken.join(', ')} overlaps the podCIDRs of another node`;
      bindings.push({ node, podCIDRs, refusal });
      continue;
    }
    for (const range of rangesOf(podCIDRs)) used.add(range);
    bindings.push({ node, podCIDRs });
  }
  return bindings;
}

function rangesOf(cidrs: readonly string[]): Range[] {
  return cidrs.map(parsePodCIDR).filter((range) => range !== undefined);
}
