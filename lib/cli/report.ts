/** A human account of the objects of a cluster: pools and their use, claims, ClusterCIDRs, nodes. */

import { formatBlock } from '../address/range.ts';
import { type Inventory, readInventory } from '../inspect/inventory.ts';
import type { ClusterCIDROverview } from '../inspect/network-overview.ts';
import { type Overview, overviewOfInventory, type PoolOverview } from '../inspect/overview.ts';
import { countPending, type ObjectState, type State, type Waiting } from '../inspect/state.ts';
import type { Usage } from '../inspect/usage.ts';
import { isIPAMClaim } from '../ipam-claim/definition.ts';
import type { IPAMClaim, Node } from '../kubernetes/core-types.ts';
import { DEFAULT_NETWORK, NETWORK_LABEL } from '../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { nodeAnnotationKey } from '../pod-network/node-annotation-key.ts';
import { shownBlocks } from '../pod-network/node-ranges.ts';
import { plural } from '../text.ts';
import type { Paint } from './paint.ts';
import { legend, picture } from './picture.ts';
import { columns, hang } from './table.ts';
import { pictureWidth } from './terminal.ts';

const INDENT = '  ';

/** What is told of a cluster. */
interface Report {
  readonly inventory: Inventory;
  readonly ipamClaims: readonly IPAMClaim[];
  readonly overview: Overview;
}

export function reportOf(objects: readonly KubernetesObject[], context: HookContext): Report {
  const inventory = readInventory(objects);
  return {
    inventory,
    ipamClaims: objects.filter(isIPAMClaim),
    overview: overviewOfInventory(inventory, context),
  };
}

/**
 * The account as text. Says nothing about kinds of which there is no object.
 *
 * @param width of the terminal
 */
export function renderReport(
  { inventory, ipamClaims, overview }: Report,
  paint: Paint,
  width = Number.POSITIVE_INFINITY,
): string {
  const room = width - INDENT.length;
  const rows = (cells: string[][]) => columns(cells, [], room);
  const { pools, networks, waitingForNoPool } = overview;
  const addresses = new Map(
    inventory.addresses.map((address) => [qualifiedName(address.metadata), address.spec]),
  );
  const byName = (lists: readonly { readonly waiting: readonly Waiting[] }[]) =>
    new Map(lists.flatMap(({ waiting }) => waiting).map((each) => [each.name, each]));
  const waiting = byName(networks);
  const waitingClaims = byName([...pools, { waiting: waitingForNoPool }]);
  const clusterCIDRs = networks.flatMap(({ name, clusterCIDRs }) =>
    clusterCIDRs.flatMap((each) => describeClusterCIDR(name, each, paint, room)),
  );
  const sections: [title: string, lines: string[]][] = [
    ['Pools', pools.flatMap((pool) => describePool(pool, paint, room))],
    ['Claims', rows(inventory.claims.map((claim) => describeClaim(claim, addresses, waitingClaims, paint)))],
    ['IPAMClaims', rows(ipamClaims.map((claim) => describeIPAMClaim(claim, paint)))],
    ['ClusterCIDRs', clusterCIDRs],
    ['Nodes', rows(inventory.nodes.map((node) => describeNode(node, inventory, waiting, paint)))],
  ];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  if (shown.length === 0) return 'No pools, claims, ClusterCIDRs or nodes.\n';
  const text = shown.map(([title, lines]) =>
    [paint('bold', title), ...lines.map((line) => INDENT + line), ''].join('\n'),
  );
  const drawn = pools.length + clusterCIDRs.length > 0;
  return `${text.join('\n')}${drawn ? `\n${legend(width)}\n` : ''}`;
}

function describePool(
  { title, state, waiting, space, ...usage }: PoolOverview,
  paint: Paint,
  width: number,
): string[] {
  const counts = `${usageText(usage)}, waiting ${countPending(waiting)}`;
  return [
    ...hang('', `${title}  ${counts}  ${readiness(state, paint)}`, width, 2 * INDENT.length),
    ...columns(picture(space, paint, 4, pictureWidth(width)), [], width - 2).map((row) => `  ${row}`),
  ];
}

function describeClaim(
  claim: IPAddressClaim,
  addresses: ReadonlyMap<string, { address: string; prefix: number; gateway?: string }>,
  waiting: ReadonlyMap<string, State>,
  paint: Paint,
): string[] {
  const { metadata, spec, status } = claim;
  const name = status?.addressRef?.name;
  const given = name === undefined ? undefined : addresses.get(qualifiedName({ ...metadata, name }));
  const pool = `${spec.poolRef.kind} ${spec.poolRef.name}`;
  if (given === undefined) {
    const why = waiting.get(qualifiedName(metadata));
    const isLeaving = metadata.deletionTimestamp !== undefined;
    const said = isLeaving ? paint('grey', 'is being deleted') : why ? waits(why, paint) : '';
    return [qualifiedName(metadata), pool, said];
  }
  const gateway = given.gateway ? `, gateway ${given.gateway}` : '';
  return [qualifiedName(metadata), pool, `${paint('green', `${given.address}/${given.prefix}`)}${gateway}`];
}

function describeIPAMClaim({ metadata, spec, status }: IPAMClaim, paint: Paint): string[] {
  const { ips = [], conditions } = status ?? {};
  const ready = conditions?.find(({ type }) => type === 'Ready');
  const isServed = metadata.labels?.[NETWORK_LABEL] !== undefined;
  const said = [
    ...(ips.length > 0 ? [paint('green', ips.join(', '))] : []),
    ...(ready !== undefined && ready.status !== 'True' ? [waits(ready, paint)] : []),
    ...(ips.length === 0 && !isServed ? [paint('grey', 'no pool serves its network')] : []),
  ];
  return [qualifiedName(metadata), `network ${spec?.network}`, said.join('; ')];
}

function describeClusterCIDR(
  network: string,
  { clusterCIDR, state, nodes, ranges }: ClusterCIDROverview,
  paint: Paint,
  width: number,
): string[] {
  const name = `${clusterCIDR.metadata.name}${network === DEFAULT_NETWORK ? '' : ` (network ${network})`}`;
  return [
    ...hang('', `${name}  nodes ${nodes}  ${readiness(state, paint)}`, width, 2 * INDENT.length),
    ...ranges.flatMap(({ cidr, blocks, space, ...usage }) => [
      ...hang(
        INDENT,
        `${cidr} in blocks of ${blocks}, blocks: ${usageText(usage)}`,
        width,
        3 * INDENT.length,
      ),
      ...columns(picture(space, paint, 4, pictureWidth(width)), [], width - 4).map((row) => `    ${row}`),
    ]),
  ];
}

function describeNode(
  { metadata, spec }: Node,
  { networks }: Inventory,
  waiting: ReadonlyMap<string, State>,
  paint: Paint,
): string[] {
  const podCIDRs = spec?.podCIDRs ?? [];
  const annotations = networks
    .map(({ metadata: { name }, spec }) => nodeAnnotationKey(name, spec.annotation))
    .filter((key) => metadata.annotations?.[key] !== undefined)
    .map((key) => `${key}: ${blocksText(metadata.annotations![key]!)}`);
  const why = waiting.get(metadata.name);
  return [
    metadata.name,
    podCIDRs.length > 0 ? paint('green', podCIDRs.join(', ')) : paint('grey', 'no podCIDRs'),
    [...annotations, ...(why ? [waits(why, paint)] : [])].join('; '),
  ];
}

/** Without what their network says of them besides; an annotation of another form as it is. */
function blocksText(annotation: string): string {
  return shownBlocks(annotation)?.map(formatBlock).join(', ') ?? annotation;
}

/** `1 pool; 3 claims, 1 of them waiting; 2 nodes`, and how many claims and nodes wait. */
export function summaryOf({ inventory, overview }: Report): {
  readonly text: string;
  readonly waiting: number;
} {
  const { claims, nodes } = inventory;
  const { pools, networks, waitingForNoPool } = overview;
  const sum = (parts: readonly { readonly waiting: readonly unknown[] }[]) =>
    parts.reduce((count, { waiting }) => count + waiting.length, 0);
  const [ofClaims, ofNodes] = [sum(pools) + waitingForNoPool.length, sum(networks)];
  const part = (count: number, one: string, waiting = 0) =>
    count === 0 ? [] : [`${plural(count, one)}${waiting > 0 ? `, ${waiting} of them waiting` : ''}`];
  const parts = [
    ...part(pools.length, 'pool'),
    ...part(claims.length, 'claim', ofClaims),
    ...part(nodes.length, 'node', ofNodes),
  ];
  return { text: parts.join('; '), waiting: ofClaims + ofNodes };
}

function usageText({ total, used, free, outOfRange }: Omit<Usage, 'space'>): string {
  return `total ${total}, used ${used}, free ${free}${outOfRange > 0n ? `, out of range ${outOfRange}` : ''}`;
}

function readiness(state: ObjectState, paint: Paint): string {
  if (!state.isReady) return paint('red', `not ready: ${sentence(state)}`);
  return state.reason === 'Ready' ? paint('green', 'Ready') : paint('yellow', `ready, ${sentence(state)}`);
}

function waits(verdict: State, paint: Paint): string {
  return paint('yellow', `waits: ${sentence(verdict)}`);
}

function sentence({ reason, message }: State): string {
  return [reason, message].filter(Boolean).join(': ');
}
