/** podCIDRs and blocks of nodes that get in each other's way, and claims of nodes that are gone. */
import { type Block, formatBlock, formatPrefix, overlaps, parsePrefix } from '../../address/range.ts';
import { compareRanges } from '../../address/range-set.ts';
import { secondsSince } from '../../allocation/hold.ts';
import type { Allocation } from '../../allocation/slice.ts';
import { labelValue } from '../../kubernetes/label-value.ts';
import { DEFAULT_NETWORK } from '../../kubernetes/names.ts';
import { compareAge, type KubernetesObject, titleOf } from '../../kubernetes/object.ts';
import type { HookContext } from '../../metacontroller/hook.ts';
import { serviceRanges } from '../../pod-network/network-view.ts';
import { nodeAnnotationKey } from '../../pod-network/node-annotation-key.ts';
import { podCIDRsOf } from '../../pod-network/pod-cidr.ts';
import type { Inventory } from '../inventory.ts';
import { networkOf } from '../network-overview.ts';
import type { Overview } from '../overview.ts';
import {
  entryTitle,
  type Finding,
  kubectl,
  namespacesOf,
  PATIENCE_SECONDS,
  quote,
  releaseCommand,
} from './finding.ts';

interface Holder {
  readonly uid: string;
  /** The Node, or the slice that lists the block. */
  readonly object: KubernetesObject;
  readonly title: string;
  readonly block: Block;
  /** Undefined where the block is on its Node. */
  readonly allocation?: Allocation;
}

/** Overlaps within each network; a node's own podCIDRs and the entries of them are one holder. */
export function* duplicateCIDRs(inventory: Inventory, { now }: HookContext): Generator<Finding> {
  for (const group of Map.groupBy(holdersOf(inventory), ({ network }) => network).values())
    yield* overlapsAmong(group, now);
}

/** Nodes with blocks of what their network, or the cluster, says are ranges of services, as it may say after they got them. */
export function* nodesAmongServices(inventory: Inventory): Generator<Finding> {
  const services = new Map(
    inventory.networks.map((network) => [
      labelValue(network.metadata.name),
      serviceRanges(network, inventory.serviceCIDRs),
    ]),
  );
  const known = new Set<string>();
  for (const { uid, object, title, block, network } of holdersOf(inventory)) {
    const range = services.get(network)?.find((each) => overlaps(each, block));
    if (range === undefined || known.has(`${uid} ${formatBlock(block)}`)) continue;
    known.add(`${uid} ${formatBlock(block)}`);
    yield {
      check: 'service-range',
      severity: 'error',
      object: title,
      namespaces: namespacesOf(object.metadata),
      message: `${formatBlock(block)} lies among the addresses of services, ${formatPrefix(range)}`,
      fix: `kubectl edit podnetwork  # mend its serviceCIDRs; or make the Node anew, which then gets other blocks`,
    };
  }
}

/** Networks of which nodes show nothing, for another was there first. */
export function* sharedAnnotations({ networks }: Inventory): Generator<Finding> {
  const secondary = networks
    .filter(({ metadata: { name } }) => name !== DEFAULT_NETWORK)
    .toSorted(compareAge);
  const keys = Map.groupBy(secondary, ({ metadata, spec }) =>
    nodeAnnotationKey(metadata.name, spec?.annotation),
  );
  for (const [key, [first, ...others]] of keys) {
    for (const network of others) {
      const name = quote(network.metadata.name);
      yield {
        check: 'shared-annotation',
        severity: 'error',
        object: titleOf(network),
        namespaces: namespacesOf(network.metadata),
        message: `nodes show PodNetwork ${first!.metadata.name} in the annotation ${key}, and not this one`,
        fix: `kubectl delete podnetwork ${name}  # and make it anew with another spec.annotation, which cannot be changed`,
      };
    }
  }
}

/** Nodes that came before their network went dual-stack, or back, or has another family first. */
export function* nodeFamilies({ networks }: Overview): Generator<Finding> {
  for (const { name, differing } of networks) {
    for (const { name: node, reason } of differing) {
      yield {
        check: 'node-families',
        severity: 'warning',
        object: `Node ${node}`,
        namespaces: [],
        message: `${reason}, other than new nodes of PodNetwork ${name}`,
        fix: replaceNode(node),
      };
    }
  }
}

function holdersOf({ nodes, allocations }: Inventory): (Holder & { network: string })[] {
  const holders: (Holder & { network: string })[] = [];
  for (const node of nodes) {
    for (const text of podCIDRsOf(node)) {
      const block = parsePrefix(text);
      const title = titleOf(node);
      const { uid = title } = node.metadata;
      if (block !== undefined) holders.push({ uid, object: node, title, block, network: DEFAULT_NETWORK });
    }
  }
  for (const allocation of allocations) {
    const { slice, block, entry } = allocation;
    const network = networkOf(slice);
    if (network === undefined || entry.released !== undefined) continue;
    const title = entryTitle(allocation);
    holders.push({ uid: entry.uid, object: slice, title, block, network, allocation });
  }
  return holders;
}

/** Each holder is compared with the one that reaches furthest so far: enough to find every holder in trouble. */
function* overlapsAmong(holders: Holder[], now: number): Generator<Finding> {
  holders.sort((a, b) => compareRanges(a.block, b.block) || Number(a.block.last - b.block.last));
  let furthest: Holder | undefined;
  for (const holder of holders) {
    if (furthest !== undefined && furthest.uid !== holder.uid && overlaps(furthest.block, holder.block)) {
      const [older, younger] = [furthest, holder].sort(
        (a, b) => rank(a) - rank(b) || compareAge(a.object, b.object),
      );
      yield {
        check: 'duplicate-cidr',
        severity: 'error',
        object: younger!.title,
        namespaces: namespacesOf(younger!.object.metadata, older!.object.metadata),
        message: `${formatBlock(younger!.block)} overlaps ${formatBlock(older!.block)} of ${older!.title}`,
        fix: mend(younger!, now),
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

/** podCIDRs of a node are facts; what is only listed goes first. */
function rank({ allocation }: Holder): number {
  return allocation === undefined ? 0 : 1;
}

function mend({ object, allocation }: Holder, now: number): string {
  if (allocation !== undefined) return releaseCommand(allocation, now);
  return replaceNode(object.metadata.name);
}

function replaceNode(node: string): string {
  const name = quote(node);
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
      namespaces: namespacesOf(claim.metadata),
      message: `there is no Node ${claim.metadata.name} of uid ${claim.spec.nodeUID}: its blocks stay in use`,
      fix: `${kubectl('delete', claim)}  # the garbage collector of kube-controller-manager should have`,
    };
  }
}
