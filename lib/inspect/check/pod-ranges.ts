/** Blocks of secondary networks that pods cannot use as their network says. */

import { type Address, FAMILY_BITS, parseAddress } from '../../address/address.ts';
import { covers, parsePrefix, rangeOf } from '../../address/range.ts';
import { titleOf } from '../../kubernetes/object.ts';
import { listSome, plural } from '../../text.ts';
import type { Inventory } from '../inventory.ts';
import { type PodRange, podRangesOf } from '../pod-ranges.ts';
import { type Finding, namespacesOf, quote } from './finding.ts';

/** What new pods of nodes lack, or would fail for; once a network. */
export function* unusableBlocks({ nodes, networks }: Inventory): Generator<Finding> {
  for (const network of networks) {
    const problems: { readonly what: string; readonly node: string }[] = [];
    for (const node of nodes) {
      const { ranges = [], routes = [] } = podRangesOf(node, network) ?? {};
      const add = (what: string) => problems.push({ what, node: node.metadata.name });
      const ofFamily = Map.groupBy(ranges, ({ subnet }) => subnet.family);
      for (const [family, some] of ofFamily) {
        if (some.every(({ addresses }) => addresses.isEmpty)) add(`no IPv${family} address for pods`);
      }
      if (ranges.some(isGatewayOfNobody)) add('a gateway that is first or last of its subnet');
      for (const { dst, gw } of routes) {
        const next = gw === undefined ? undefined : parseAddress(gw);
        const own = ofFamily.get(parsePrefix(dst)!.family) ?? [];
        if (next === undefined || own.every(({ subnet }) => isOnLink(next, subnet))) continue;
        add(`a route to ${dst} by ${gw}, which is not in the subnet of each pod`);
      }
    }
    for (const [what, all] of Map.groupBy(problems, (problem) => problem.what)) {
      const names = all.map(({ node }) => node);
      yield {
        check: 'unusable-block',
        severity: 'error',
        object: titleOf(network),
        namespaces: namespacesOf(network.metadata),
        message: `${plural(names.length, 'node')} with ${what}: ${listSome(names)}`,
        fix: `kubectl edit podnetwork ${quote(network.metadata.name)}`,
      };
    }
  }
}

/** The address of the subnet itself, or of its broadcast, which no host can be. */
function isGatewayOfNobody({ gateway, subnet: { family, first, last, length } }: PodRange): boolean {
  const value = gateway === undefined ? undefined : parseAddress(gateway)?.value;
  return family === 4 && length <= FAMILY_BITS[family] - 2 && (value === first || value === last);
}

const LINK_LOCAL = parsePrefix('fe80::/10')!;

function isOnLink(address: Address, subnet: PodRange['subnet']): boolean {
  return covers(subnet, rangeOf(address)) || covers(LINK_LOCAL, rangeOf(address));
}
