/** A human account of the objects of a cluster: pools and their use, claims, ClusterCIDRs, nodes. */
import { stripVTControlCharacters } from 'node:util';
import { type Address, FAMILY_BITS, formatAddress, parseAddress } from '../address/address.ts';
import { type Prefix, parsePrefix, parseRange, type Range } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { Node } from '../kubernetes/core-types.ts';
import { CLUSTER_CIDR_LABEL, DEFAULT_NETWORK, NETWORK_LABEL } from '../kubernetes/names.ts';
import { compareText, type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type {
  ClusterCIDR,
  GlobalInClusterIPPool,
  InClusterIPPool,
  IPAddress,
  IPAddressClaim,
  IPAllocation,
  PodNetwork,
} from '../kubernetes/types.ts';
import { nodeAnnotationKey } from '../pod-network/node-annotation-key.ts';
import { readPool } from '../pool/read-pool.ts';
import type { Paint } from './paint.ts';
import { LEGEND, type Mark, picture } from './picture.ts';

type Pool = InClusterIPPool | GlobalInClusterIPPool;

interface World {
  readonly pools: readonly Pool[];
  readonly claims: readonly IPAddressClaim[];
  /** By namespace and name. */
  readonly addresses: ReadonlyMap<string, IPAddress>;
  readonly allocations: readonly IPAllocation[];
  /** Allocations without an address, by the uid of their claim. */
  readonly refusals: ReadonlyMap<string, readonly IPAllocation[]>;
  readonly networks: readonly PodNetwork[];
  readonly clusterCIDRs: readonly ClusterCIDR[];
  readonly nodes: readonly Node[];
}

/** The account as text. Says nothing about kinds of which there is no object. */
export function renderReport(objects: readonly KubernetesObject[], paint: Paint): string {
  const ofKind = <T>(...kinds: string[]) =>
    objects
      .filter(({ kind }) => kinds.includes(kind))
      .sort(
        (a, b) =>
          compareText(a.kind, b.kind) || compareText(qualifiedName(a.metadata), qualifiedName(b.metadata)),
      ) as T[];
  const allocations = ofKind<IPAllocation>('IPAllocation');
  const refusals = allocations.filter(({ spec }) => spec.refusal !== undefined);
  const world: World = {
    pools: ofKind('InClusterIPPool', 'GlobalInClusterIPPool'),
    claims: ofKind('IPAddressClaim'),
    addresses: new Map(
      ofKind<IPAddress>('IPAddress').map((address) => [qualifiedName(address.metadata), address]),
    ),
    allocations,
    refusals: Map.groupBy(refusals, ({ spec }) => spec.claimRef.uid),
    networks: ofKind('PodNetwork'),
    clusterCIDRs: ofKind('ClusterCIDR'),
    nodes: ofKind('Node'),
  };
  const sections: [title: string, lines: string[]][] = [
    ['Pools', world.pools.flatMap((pool) => describePool(pool, world, paint))],
    ['Claims', columns(world.claims.map((claim) => describeClaim(claim, world, paint)))],
    ['ClusterCIDRs', world.clusterCIDRs.flatMap((pool) => describeClusterCIDR(pool, world, paint))],
    ['Nodes', columns(world.nodes.map((node) => describeNode(node, world, paint)))],
  ];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  if (shown.length === 0) return 'No pools, claims, ClusterCIDRs or nodes.\n';
  const text = shown.map(([title, lines]) =>
    [paint('bold', title), ...lines.map((line) => `  ${line}`), ''].join('\n'),
  );
  const drawn = world.pools.length + world.clusterCIDRs.length > 0;
  return `${text.join('\n')}${drawn ? `\n${LEGEND}\n` : ''}`;
}

function describePool(pool: Pool, world: World, paint: Paint): string[] {
  const { kind, metadata, spec, status } = pool;
  const counts = status?.ipAddresses;
  const numbers =
    counts &&
    count({ total: counts.total, used: counts.used, free: counts.free, pending: counts.pending ?? 0 });
  const title = [`${kind} ${qualifiedName(metadata)}`, numbers ?? 'no status', readiness(pool, paint)].join(
    '  ',
  );
  const { ranges } = readPool(spec);
  if (ranges === undefined) return [title];

  const listed = RangeSet.of(spec.addresses.map((text) => parseRange(text)!));
  const withheld = listed
    .difference(ranges.allocatable)
    .ranges.map((range) => markOf(listed, range, 'withheld'));
  const taken = world.allocations
    .filter(({ spec: { poolRef } }) => poolRef.uid === metadata.uid)
    .map(({ spec: { address, adopted } }) => {
      const { family, value } = parseAddress(address ?? '') ?? { family: 4, value: -1n };
      return markOf(listed, { family, first: value, last: value }, adopted ? 'adopted' : 'used');
    });
  const marks = [...withheld, ...taken].filter((mark) => mark !== undefined);
  const label = (place: bigint) => formatAddress(listed.nth(place) as Address);
  return [title, ...picture(listed.count, marks, label, paint).map((row) => `  ${row}`)];
}

/** Where `range` stands among the addresses of `set`, counted from 0; undefined if it is not one of its parts. */
function markOf(set: RangeSet, range: Range, state: Mark['state']): Mark | undefined {
  let below = 0n;
  for (const { family, first, last } of set.ranges) {
    if (family === range.family && first <= range.first && range.last <= last) {
      return { first: below + range.first - first, last: below + range.last - first, state };
    }
    below += last - first + 1n;
  }
  return undefined;
}

function describeClaim(claim: IPAddressClaim, world: World, paint: Paint): string[] {
  const { metadata, spec, status } = claim;
  const name = status?.addressRef?.name;
  const address = name === undefined ? undefined : world.addresses.get(qualifiedName({ ...metadata, name }));
  const pool = `${spec.poolRef.kind} ${spec.poolRef.name}`;
  if (address === undefined) return [qualifiedName(metadata), pool, waits(readyCondition(claim), paint)];
  const gateway = address.spec.gateway ? `, gateway ${address.spec.gateway}` : '';
  return [
    qualifiedName(metadata),
    pool,
    `${paint('green', `${address.spec.address}/${address.spec.prefix}`)}${gateway}`,
  ];
}

function describeClusterCIDR(clusterCIDR: ClusterCIDR, world: World, paint: Paint): string[] {
  const { metadata, spec, status } = clusterCIDR;
  const network = metadata.labels?.[NETWORK_LABEL] ?? DEFAULT_NETWORK;
  const title = [
    `${metadata.name}${network === DEFAULT_NETWORK ? '' : ` (network ${network})`}`,
    count({ nodes: status?.nodes ?? 0 }),
    readiness(clusterCIDR, paint),
  ].join('  ');
  const lines = [title];
  for (const [text, counts] of [
    [spec.ipv4, status?.ipv4],
    [spec.ipv6, status?.ipv6],
  ] as const) {
    const range = text ? parsePrefix(text) : undefined;
    if (range === undefined) continue;
    const { total, used, free } = counts ?? {};
    const numbers = counts === undefined ? '' : `, blocks: ${count({ total, used, free })}`;
    const length = FAMILY_BITS[range.family] - spec.perNodeHostBits;
    lines.push(`  ${text} in blocks of /${length}${numbers}`);
    if (length < range.length) continue;
    const marks = blockMarks(metadata.name, network, range, BigInt(spec.perNodeHostBits), world);
    const base = (place: bigint) =>
      formatAddress({ family: range.family, value: range.first + (place << BigInt(spec.perNodeHostBits)) });
    const blocks = 1n << BigInt(length - range.length);
    lines.push(...picture(blocks, marks, base, paint).map((row) => `    ${row}`));
  }
  return lines;
}

/** Blocks of a ClusterCIDR by number: its own allocations, and what others of the network or Services hold. */
function blockMarks(name: string, network: string, range: Prefix, hostBits: bigint, world: World): Mark[] {
  const services = world.networks.find(({ metadata }) => metadata.name === network)?.spec.serviceCIDRs ?? [];
  const given: [cidr: string, state: Mark['state']][] = services.map((cidr) => [cidr, 'withheld']);
  for (const { metadata, spec } of world.allocations) {
    if (metadata.labels?.[NETWORK_LABEL] !== network || spec.cidr === undefined) continue;
    const own = metadata.labels[CLUSTER_CIDR_LABEL] === name;
    given.push([spec.cidr, own ? (spec.adopted ? 'adopted' : 'used') : 'withheld']);
  }
  return given.flatMap(([cidr, state]) => {
    const block = parsePrefix(cidr);
    if (block === undefined || block.family !== range.family) return [];
    if (block.last < range.first || block.first > range.last) return [];
    const first = block.first < range.first ? range.first : block.first;
    const last = block.last > range.last ? range.last : block.last;
    return [{ first: (first - range.first) >> hostBits, last: (last - range.first) >> hostBits, state }];
  });
}

function describeNode(node: Node, world: World, paint: Paint): string[] {
  const { metadata, spec } = node;
  const podCIDRs = spec?.podCIDRs ?? [];
  const refusals = world.refusals.get(metadata.uid ?? '') ?? [];
  const networks = world.networks
    .map(({ metadata: { name }, spec }) => nodeAnnotationKey(name, spec.annotation))
    .filter((key) => metadata.annotations?.[key] !== undefined)
    .map((key) => `${key}: ${metadata.annotations![key]}`);
  return [
    metadata.name,
    podCIDRs.length > 0 ? paint('green', podCIDRs.join(', ')) : paint('grey', 'no podCIDRs'),
    [...networks, ...refusals.map(({ spec }) => waits(spec.refusal, paint))].join('; '),
  ];
}

interface Verdict {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

function readyCondition(object: {
  status?: { conditions?: readonly (Verdict & { type: string })[] };
}): Verdict | undefined {
  return object.status?.conditions?.find(({ type }) => type === 'Ready');
}

function readiness(object: Parameters<typeof readyCondition>[0], paint: Paint): string {
  const ready = readyCondition(object);
  if (ready?.status === 'True') return paint('green', 'Ready');
  return paint('red', `not ready${ready === undefined ? '' : `: ${sentence(ready)}`}`);
}

function waits(verdict: Verdict | undefined, paint: Paint): string {
  return paint('yellow', `waits${verdict === undefined ? '' : `: ${sentence(verdict)}`}`);
}

function sentence({ reason, message }: Verdict): string {
  return [reason, message].filter(Boolean).join(': ');
}

/** `total 253, used 2`; counts beyond 2^53 are raw JSON and written as they are. */
function count(counts: Readonly<Record<string, unknown>>): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(', ');
}

/** Rows with their cells aligned; the last cell of a row may be of any length. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const visible = (text: string) => stripVTControlCharacters(text).length;
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => visible(row[index] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, index) => cell + ' '.repeat(widths[index]! - visible(cell)))
      .join('  ')
      .trimEnd(),
  );
}
