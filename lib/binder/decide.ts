import { UsedRanges } from '../address/blocks.ts';
import { parsePrefix, type Range } from '../address/range.ts';
import type { Node } from '../kubernetes/core-types.ts';
import { compareResourceVersions } from '../kubernetes/object.ts';
import type { IPAllocation } from '../kubernetes/types.ts';

/** What the binder does about one node that has no podCIDRs yet. */
export interface Decision {
  readonly node: Node;
  /** The blocks allocated to the node, IPv4 first. */
  readonly podCIDRs: readonly string[];
  /** Set when the blocks must not be written, with the reason. */
  readonly refusal?: string;
}

/**
 * Decides which nodes get which podCIDRs: those whose allocations are complete, each node by its oldest ones.
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
): Decision[] {
  const byNode = groupByNode(allocations);
  const used = new UsedRanges(nodes.flatMap((node) => rangesOf(node.spec?.podCIDRs)));
  for (const podCIDRs of written.values()) for (const range of rangesOf(podCIDRs)) used.add(range);

  const candidates: { node: Node; chosen: IPAllocation }[] = [];
  for (const node of nodes) {
    const uid = node.metadata.uid ?? '';
    if (node.spec?.podCIDRs?.length || node.metadata.deletionTimestamp || written.has(uid)) continue;
    const chosen = oldestComplete(byNode.get(uid) ?? []);
    if (chosen !== undefined) candidates.push({ node, chosen });
  }
  candidates.sort((a, b) => byAge(a.chosen, b.chosen));

  return candidates.map(({ node, chosen }) => {
    const podCIDRs = chosen.spec.blocks ?? [];
    const ranges = rangesOf(podCIDRs);
    if (ranges.some((range) => used.overlaps(range))) {
      const taken = podCIDRs.filter((cidr) => rangesOf([cidr]).some((range) => used.overlaps(range)));
      return { node, podCIDRs, refusal: `${taken.join(', ')} overlaps the podCIDRs of another node` };
    }
    for (const range of ranges) used.add(range);
    return { node, podCIDRs };
  });
}

/** Of the decisions made for one node the oldest, if every block of it has its allocation. */
function oldestComplete(allocations: readonly IPAllocation[]): IPAllocation | undefined {
  const chosen = [...allocations].sort(byAge)[0];
  const held = new Set(allocations.map(({ spec }) => spec.cidr));
  return chosen?.spec.blocks?.every((block) => held.has(block)) ? chosen : undefined;
}

function groupByNode(allocations: readonly IPAllocation[]): Map<string, IPAllocation[]> {
  const groups = new Map<string, IPAllocation[]>();
  for (const allocation of allocations) {
    const { spec, metadata } = allocation;
    if (spec.cidr === undefined || metadata.deletionTimestamp !== undefined) continue;
    const group = groups.get(spec.claimRef.uid);
    if (group === undefined) groups.set(spec.claimRef.uid, [allocation]);
    else group.push(allocation);
  }
  return groups;
}

function byAge(a: IPAllocation, b: IPAllocation): number {
  return compareResourceVersions(a.metadata.resourceVersion, b.metadata.resourceVersion);
}

function rangesOf(cidrs: readonly string[] = []): Range[] {
  return cidrs.map(parsePrefix).filter((range) => range !== undefined);
}
