/** Nodes whose IP families are not what their network gives now: it went dual-stack, or back, after they came. */
import type { Family } from '../address/address.ts';
import { type Block, parseBlock } from '../address/range.ts';
import type { Condition } from '../kubernetes/conditions.ts';
import { listSome, plural } from '../text.ts';
import type { NetworkView, NodeRemark, Plan } from './plan.ts';
import { byPrimary } from './primary-family.ts';
import { candidateFinder } from './priority.ts';

/** The condition of a network that has such nodes. */
export const FAMILIES_DIFFER = 'FamiliesDiffer';

/** The nodes, with what they lack, have besides or have in another order than a new node in their place would. */
export function familyRemarks(view: NetworkView, plan: Plan): NodeRemark[] {
  const pools = view.pools.filter(({ isTerminating }) => !isTerminating);
  const order = byPrimary(view.primaryFamily);
  const given = new Map(pools.map((pool) => [pool, familiesOf(pool.ranges.toSorted(order))]));
  const usual = new Set([...given.values()].map(String));
  const listed = view.isDefault ? new Map<string, Block[]>() : blocksByNode(plan);
  const candidatesFor = candidateFinder(pools);
  return view.nodes.flatMap((node): NodeRemark[] => {
    const has = familiesOf(view.isDefault ? node.blocks : (listed.get(node.uid) ?? []));
    // Most networks give the same to all.
    if (has.length === 0 || !node.knowsLabels || (usual.size === 1 && usual.has(String(has)))) return [];
    const [best] = candidatesFor(node);
    const reason = best && difference(has, given.get(best)!);
    return reason === undefined ? [] : [{ name: node.name, reason }];
  });
}

/** Nothing where no node ever differed. */
export function familiesDiffer(
  remarks: readonly NodeRemark[],
  known: readonly Condition[] | undefined,
): Omit<Condition, 'lastTransitionTime'>[] {
  const type = FAMILIES_DIFFER;
  if (remarks.length > 0) {
    const names = listSome(remarks.map(({ name, reason }) => `${name} (${reason})`));
    const message = `${plural(remarks.length, 'node')} with other families than new ones: ${names}`;
    return [{ type, status: 'True', reason: 'NodesDiffer', message }];
  }
  const isKnown = known?.some((condition) => condition.type === type);
  return isKnown ? [{ type, status: 'False', reason: 'NodesAlike', message: '' }] : [];
}

function familiesOf(ranges: readonly { readonly family: Family }[]): Family[] {
  return ranges.map(({ family }) => family);
}

/** What a secondary network keeps for each node, by its uid. */
function blocksByNode({ kept, added }: Plan): Map<string, Block[]> {
  const held = [...kept, ...added].filter(({ entry }) => entry.released === undefined);
  return new Map(
    held.map(({ entry }) => [entry.uid, (entry.blocks ?? []).flatMap((cidr) => parseBlock(cidr) ?? [])]),
  );
}

function difference(has: readonly Family[], wanted: readonly Family[]): string | undefined {
  const names = (families: readonly Family[]) => families.map((family) => `IPv${family}`).join(' and ');
  const lacking = wanted.filter((family) => !has.includes(family));
  if (lacking.length > 0) return `lacks ${names(lacking)}`;
  const besides = has.filter((family) => !wanted.includes(family));
  if (besides.length > 0) return `has ${names(besides)} besides`;
  return has[0] === wanted[0] ? undefined : `has ${names(has.slice(0, 1))} first`;
}
