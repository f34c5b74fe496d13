/** podCIDRs and blocks of nodes that get in each other's way, and claims of nodes that are gone. */
import { formatPrefix, overlaps, type Prefix, parsePrefix } from '../../address/range.ts';
import { compareRanges } from '../../address/range-set.ts';
import { secondsSince } from '../../allocation/release.ts';
import { DEFAULT_NETWORK, NETWORK_LABEL } from '../../kubernetes/names.ts';
import { compareAge, type KubernetesObject } from '../../kubernetes/object.ts';
import type { HookContext } from '../../metacontroller/hook.ts';
import { readBlockAllocation } from '../../pod-network/decision.ts';
import type { Inventory } from '../inventory.ts';
import { podCIDRsOf } from '../overview.ts';
import { type Finding, kubectl, PATIENCE_SECONDS, quote, titleOf } from './finding.ts';

interface Holder {
  readonly uid: string;
  readonly object: KubernetesObject;
  readonly block: Prefix;
}

/** Overlaps within each network; a node's own podCIDRs and the allocations of them are one holder. */
export function* duplicateCIDRs({ nodes, allocations }: Inventory): Generator<Finding> {
  const holders: (Holder & { network: string })[] = [];
  for (const node of nodes) {
    for (const text of podCIDRsOf(node)) {
      const block = parsePrefix(text);
      const { uid = titleOf(node) } = node.metadata;
      if (block !== undefined) holders.push({ uid, object: node, block, network: DEFAULT_NETWORK });
    }
  }
  for (const allocation of allocations) {
    const read = readBlockAllocation(allocation);
    const network = allocation.metadata.labels?.[NETWORK_LABEL];
    if (read === undefined || network === undefined) continue;
    holders.push({ uid: read.nodeUID, object: allocation, block: read.block, network });
  }
  for (const group of Map.groupBy(holders, ({ network }) => network).values()) yield* overlapsAmong(group);
}

/** Each holder is compared with the one that reaches furthest so far: enough to find every holder in trouble. */
function* overlapsAmong(holders: Holder[]): Generator<Finding> {
  holders.sort((a, b) => compareRanges(a.block, b.block) || b.block.length - a.block.length);
  let furthest: Holder | undefined;
  for (const holder of holders) {
    if (furthest !== undefined && furthest.uid !== holder.uid && overlaps(furthest.block, holder.block)) {
      const [older, younger] = [furthest, holder].sort(
        (a, b) => rank(a) - rank(b) || compareAge(a.object, b.object),
      );
      yield {
        check: 'duplicate-cidr',
        severity: 'error',
        object: titleOf(younger!.object),
        message: `${formatPrefix(younger!.block)} overlaps ${formatPrefix(older!.block)} of ${titleOf(older!.object)}`,
        fix: mend(younger!),
      };
    }
    if (
      furthest === undefined ||
      holder.block.family !== furthest.block.family ||
      holder.block.last > furthest.block.last
    ) {
      furthest = holder;
    }
  }
}

/** podCIDRs of a node are facts; what is only allocated goes first. */
function rank({ object }: Holder): number {
  return object.kind === 'Node' ? 0 : 1;
}

function mend({ object }: Holder): string {
  if (object.kind !== 'Node') return kubectl('delete', object);
  const name = quote(object.metadata.name);
  return `kubectl drain --ignore-daemonsets ${name} && kubectl delete node ${name}  # podCIDRs cannot be changed: let it register again`;
}

export function* orphanedPodCIDRClaims(
  { nodes, podCIDRClaims }: Inventory,
  { now }: HookContext,
): Generator<Finding> {
  const uids = new Set(nodes.map(({ metadata }) => metadata.uid));
  for (const claim of podCIDRClaims) {
    if (uids.has(claim.spec.nodeUID)) continue;
    if (secondsSince(claim.metadata.creationTimestamp, now) < PATIENCE_SECONDS) continue;
    yield {
      check: 'orphaned-pod-cidr-claim',
      severity: 'warning',
      object: titleOf(claim),
      message: `there is no Node ${claim.metadata.name} of uid ${claim.spec.nodeUID}: its blocks stay in use`,
      fix: `${kubectl('delete', claim)}  # the garbage collector of kube-controller-manager should have`,
    };
  }
}
