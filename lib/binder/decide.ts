import { UsedRanges } from '../address/blocks.ts';
import { parsePrefix, type Range } from '../address/range.ts';
import type { Node } from '../kubernetes/core-types.ts';
import type { IPAllocation } from '../kubernetes/types.ts';
import { decisionsOf, readBlockAllocation } from '../pod-network/decision.ts';

/** What the binder does about one node that has no podCIDRs yet. */
export interface Binding {
  readonly node: Node;
  /** The blocks allocated to the node, IPv4 first. */
  readonly podCIDRs: readonly string[];
  /** Set when the blocks must not be written, with the reason. */
  readonly refusal?: string;
}

/**
 * Decides which nodes get which podCIDRs: each node those of its oldest decision, once it is complete. Nodes
 * whose decision is older come first.
 *
 * This is the last gate before `node.spec.podCIDRs`, which can never be changed again: a block that overlaps
 * what any other node has, or what this process wrote without having seen it come back, is refused.
 *
 * @param allocations those of the network that targets node.spec.podCIDRs
 * @param written podCIDRs this process sent, by node uid; also those whose fate is unknown
 */
export function decideBindings(
  nodes: readonly Node[],
  allocations: readonly IPAllocation[],
  written: ReadonlyMap<string, readonly string[]>,
): Binding[] {
  const used = new UsedRanges(
    [...nodes.map(({ spec }) => spec?.podCIDRs), ...written.values()].flatMap(rangesOf),
  );
  const unbound = new Map<string, Node>();
  for (const node of nodes) {
    const { uid = '', deletionTimestamp } = node.metadata;
    if (node.spec?.podCIDRs?.length || deletionTimestamp !== undefined || written.has(uid)) continue;
    unbound.set(uid, node);
  }
  const readable = allocations
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((allocation) => readBlockAllocation(allocation))
    .filter((allocation) => allocation !== undefined);

  const bindings: Binding[] = [];
  for (const { nodeUID, blocks: podCIDRs, isComplete } of decisionsOf(readable)) {
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

function rangesOf(cidrs: readonly string[] = []): Range[] {
  return cidrs.map(parsePrefix).filter((range) => range !== undefined);
}
