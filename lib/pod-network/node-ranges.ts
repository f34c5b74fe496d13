/** What an annotation tells a node of its blocks: CIDRs, or JSON where there is more to say (docs/cni.md). */
import { FAMILY_BITS, type Family, formatAddress, parseAddress } from '../address/address.ts';
import { blockCount } from '../address/blocks.ts';
import {
  asBlock,
  type Block,
  covers,
  formatBlock,
  formatPrefix,
  formatRange,
  type Prefix,
  parseBlock,
  parsePrefix,
  parseRange,
  prefixAround,
  type Range,
  rangeOf,
} from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { isObject } from '../json.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { IndexRange, NetworkSubnet, PodNetworkSpec, Route } from '../kubernetes/types.ts';
import { firstBlocks } from './decision.ts';
import { type PodSource, podAddresses } from './pod-addresses.ts';
import { parsePodCIDR } from './pod-cidr.ts';

/** The fields of a PodNetwork that say more of its blocks than which they are. */
export const RANGE_FIELDS = [
  'subnets',
  'gatewayIndex',
  'routes',
  'excludedAddresses',
  'perNodeExclusions',
] as const;

/** What a secondary network says of its blocks. */
export type RangeSettings = Pick<PodNetworkSpec, (typeof RANGE_FIELDS)[number]>;

/** The settings of a PodNetwork, with the subnets that its ClusterCIDRs are after its own. */
export function rangeSettings(
  spec: PodNetworkSpec | undefined,
  ofClusterCIDRs: readonly Prefix[],
): RangeSettings {
  const set = RANGE_FIELDS.flatMap((field) =>
    spec?.[field] === undefined ? [] : [[field, spec[field]] as const],
  );
  const settings: RangeSettings = Object.fromEntries(set);
  const shared = [...new Set(ofClusterCIDRs.map(formatPrefix))];
  const { subnets = [] } = settings;
  if (shared.length === 0 || !Array.isArray(subnets)) return settings;
  return { ...settings, subnets: [...subnets, ...shared.map((cidr) => ({ cidr }))] };
}

/** The same as a text, for slices; undefined if there are none, or none that make sense. */
export function rangeSettingsText(settings: RangeSettings): string | undefined {
  if (Object.keys(settings).length === 0 || validateRangeSettings({ ...settings }).length > 0)
    return undefined;
  return JSON.stringify(settings);
}

/** Everything that is wrong with the settings, which may come from a file or an edited slice. */
export function validateRangeSettings(spec: Readonly<Record<string, unknown>>): Problem[] {
  const problems: Problem[] = [];
  const lists = {
    subnets: validateSubnet,
    routes: validateRoute,
    excludedAddresses: validateExcluded,
    perNodeExclusions: validateIndexes,
  };
  for (const [name, validate] of Object.entries(lists)) {
    const list = spec[name] ?? [];
    const field = `spec.${name}`;
    if (!Array.isArray(list)) problems.push({ field, value: list, message: 'must be a list' });
    else problems.push(...list.flatMap((each: unknown, index) => validate(`${field}[${index}]`, each)));
  }
  const { gatewayIndex } = spec;
  if (gatewayIndex !== undefined && !isIndex(gatewayIndex)) {
    problems.push({ field: 'spec.gatewayIndex', value: gatewayIndex, message: 'must be an integer' });
  }
  return problems;
}

function validateSubnet(field: string, each: unknown): Problem[] {
  const { cidr, gateway } = isObject(each) ? each : {};
  const subnet = wholePrefix(cidr);
  if (subnet === undefined)
    return [{ field: `${field}.cidr`, value: cidr ?? null, message: 'must be a CIDR without host bits' }];
  if (gateway === undefined) return [];
  const address = typeof gateway === 'string' ? parseAddress(gateway) : undefined;
  return address !== undefined && covers(subnet, rangeOf(address))
    ? []
    : [{ field: `${field}.gateway`, value: gateway, message: 'must be an address of the subnet' }];
}

function validateRoute(field: string, each: unknown): Problem[] {
  const { dst, gw } = isObject(each) ? each : {};
  const destination = wholePrefix(dst);
  if (destination === undefined)
    return [{ field: `${field}.dst`, value: dst ?? null, message: 'must be a CIDR without host bits' }];
  if (gw === undefined) return [];
  const { family } = destination;
  return typeof gw === 'string' && parseAddress(gw)?.family === family
    ? []
    : [{ field: `${field}.gw`, value: gw, message: `must be an IPv${family} address, as dst is` }];
}

function validateExcluded(field: string, each: unknown): Problem[] {
  return typeof each === 'string' && parseRange(each) !== undefined
    ? []
    : [{ field, value: each, message: 'must be an IP address, a CIDR or a range first-last' }];
}

function validateIndexes(field: string, each: unknown): Problem[] {
  const { startIndex, endIndex } = isObject(each) ? each : {};
  const problems = Object.entries({ startIndex, endIndex })
    .filter(([, index]) => !isIndex(index))
    .map(([name, index]) => ({
      field: `${field}.${name}`,
      value: index ?? null,
      message: 'must be an integer',
    }));
  if (problems.length > 0) return problems;
  const [start, end] = [startIndex as number, endIndex as number];
  return start < 0 === end < 0 && start > end
    ? [{ field: `${field}.endIndex`, value: end, message: 'must not be before startIndex' }]
    : [];
}

/** The whole subnet, as the API server reads it: an IPv4-mapped one is none. */
function wholePrefix(text: unknown): Prefix | undefined {
  const prefix = typeof text === 'string' ? parsePrefix(text) : undefined;
  if (prefix === undefined || parsePodCIDR(text as string)?.family !== prefix.family) return undefined;
  return parseAddress((text as string).split('/')[0]!)?.value === prefix.first ? prefix : undefined;
}

/** An int32, as the API has it. */
function isIndex(value: unknown): boolean {
  return Number.isInteger(value) && ((value as number) | 0) === value;
}

/** Writes and reads the annotation of a network's nodes. */
export class NodeRanges {
  readonly #subnets: readonly (NetworkSubnet & { readonly prefix: Prefix })[];
  readonly #gatewayIndex: number | undefined;
  readonly #routes: readonly Route[];
  readonly #excluded: RangeSet;
  readonly #perNodeExclusions: readonly IndexRange[];
  readonly #isPlain: boolean;

  /** @param settings without problems */
  constructor(settings: RangeSettings = {}) {
    const {
      subnets = [],
      gatewayIndex,
      routes = [],
      excludedAddresses = [],
      perNodeExclusions = [],
    } = settings;
    this.#subnets = subnets.map((subnet) => ({ ...subnet, prefix: parsePrefix(subnet.cidr)! }));
    this.#gatewayIndex = gatewayIndex;
    this.#routes = routes;
    this.#excluded = RangeSet.of(excludedAddresses.flatMap((text) => parseRange(text) ?? []));
    this.#perNodeExclusions = perNodeExclusions;
    const lists = [subnets, routes, excludedAddresses, perNodeExclusions];
    this.#isPlain = gatewayIndex === undefined && lists.every(({ length }) => length === 0);
  }

  /** Those of a slice, in the text of `rangeSettingsText`; undefined if somebody has edited that so that it is none. */
  static parse(text: string | undefined): NodeRanges | undefined {
    if (text === undefined) return new NodeRanges();
    try {
      const settings: unknown = JSON.parse(text);
      if (!isObject(settings) || validateRangeSettings(settings).length > 0) return undefined;
      return new NodeRanges(settings);
    } catch {
      return undefined;
    }
  }

  /** @param blocks as texts, in their order */
  annotation(blocks: readonly string[]): string {
    if (this.#isPlain && !blocks.some((text) => text.includes('-'))) return blocks.join();
    const own = blocks.flatMap((text) => parseBlock(text) ?? []);
    const ranges = own.map((block) => this.#rangeOf(block));
    const families = new Set(own.map(({ family }) => family));
    const routes = this.#routes
      .filter(({ dst }) => families.has(parsePrefix(dst)!.family))
      .map(({ dst, gw }) => ({ dst, ...(gw !== undefined && { gw }) }));
    if (routes.length === 0 && ranges.every((range) => typeof range === 'string')) return blocks.join();
    return JSON.stringify({ ranges, ...(routes.length > 0 && { routes }) });
  }

  /** Whether a pod could have any address of the block. */
  hasAddresses(block: Range): boolean {
    return this.#isPlain || !podAddresses(this.#sourceOf(asBlock(block))).isEmpty;
  }

  /**
   * The blocks of `size` addresses that lie in the range one after another and have no address for pods.
   *
   * What is said of single addresses is at few places. Between those, all blocks are alike: one tells of the others.
   */
  unusable(range: Prefix, size: bigint): RangeSet {
    if (this.#isPlain) return RangeSet.EMPTY;
    const { family, first } = range;
    const end = first + blockCount(range, size) * size;
    const starts = new Set(
      this.#places(family)
        .filter((place) => place >= first && place < end)
        .map((place) => place - ((place - first) % size)),
    );
    const cuts = new Set([first, ...starts, ...[...starts].map((start) => start + size)]);
    const runs = [...cuts].filter((cut) => cut < end).sort((a, b) => (a < b ? -1 : 1));
    return RangeSet.of(
      runs
        .map((start, index) => ({ family, first: start, last: (runs[index + 1] ?? end) - 1n }))
        .filter((run) => !this.hasAddresses({ ...run, last: run.first + size - 1n })),
    );
  }

  /** Where a block may differ from its neighbours. */
  #places(family: Family): bigint[] {
    const ranges = [...this.#excluded.ranges, ...this.#subnets.map(({ prefix }) => prefix)];
    const ends = ranges
      .filter((range) => range.family === family)
      .flatMap(({ first, last }) => [first, last]);
    const gateways = this.#subnets.flatMap(
      ({ prefix, gateway }) =>
        (gateway === undefined ? { ...prefix, value: prefix.first + 1n } : parseAddress(gateway)) ?? [],
    );
    return [...ends, ...gateways.filter((each) => each.family === family).map(({ value }) => value)];
  }

  #rangeOf(block: Block): string | object {
    const { prefix, rangeStart, rangeEnd, gateway, exclude } = this.#sourceOf(block);
    const isOwn = rangeStart === undefined;
    if (isOwn && gateway === undefined && exclude.length === 0) return formatPrefix(prefix);
    return {
      subnet: formatPrefix(prefix),
      ...(!isOwn && { rangeStart, rangeEnd }),
      ...(gateway !== undefined && { gateway }),
      ...(exclude.length > 0 && { exclude: exclude.map(formatRange) }),
    };
  }

  #sourceOf(block: Block): PodSource {
    const { family, first, last } = block;
    const shared = this.#subnets.find(({ prefix }) => covers(prefix, block));
    const prefix = shared?.prefix ?? prefixAround(block);
    const text = (value: bigint) => formatAddress({ family, value });
    const index = shared === undefined ? this.#gatewayIndex : undefined;
    const place = index === undefined ? undefined : addressAt(block, index);
    const gateway = shared?.gateway ?? (place === undefined ? undefined : text(place));
    return {
      prefix,
      ...(prefix.length !== block.length && { rangeStart: text(first), rangeEnd: text(last) }),
      ...(gateway !== undefined && { gateway }),
      exclude: this.#excludedOf(block, prefix).ranges,
    };
  }

  /** With the addresses that a subnet keeps for itself, where a block of several has them. */
  #excludedOf(block: Block, subnet: Prefix): RangeSet {
    const { family, first, last } = block;
    const inBlock = this.#perNodeExclusions.flatMap(({ startIndex, endIndex }) => {
      const [start, end] = [indexed(block, startIndex), indexed(block, endIndex)];
      return start <= end ? [{ family, first: start, last: end }] : [];
    });
    const isParted = subnet.length !== block.length && subnet.length <= FAMILY_BITS[family] - 2;
    const kept = isParted
      ? [
          { family, first: subnet.first, last: subnet.first },
          ...(family === 4 ? [{ family, first: subnet.last, last: subnet.last }] : []),
        ]
      : [];
    const all = this.#excluded.union(RangeSet.of([...inBlock, ...kept]));
    return all.intersection(RangeSet.of([{ family, first, last }]));
  }
}

/** The address of this place, which is in the block or not. */
function indexed({ first, last }: Range, index: number): bigint {
  return index < 0 ? last + 1n + BigInt(index) : first + BigInt(index);
}

function addressAt(block: Range, index: number): bigint | undefined {
  const value = indexed(block, index);
  return value < block.first || value > block.last ? undefined : value;
}

/** The blocks that an annotation shows, whatever else it says of them; undefined if a network would not write it so. */
export function shownBlocks(annotation: string): Block[] | undefined {
  const blocks = annotation.startsWith('{')
    ? rangesIn(annotation)?.map(blockOfRange)
    : annotation.split(',').map(canonicalPrefix);
  return blocks?.every((block) => block !== undefined) ? blocks : undefined;
}

/** Whether an annotation shows these blocks and no others: all of them, or the first, before the node got more. */
export function showsBlocks(annotation: string | undefined, blocks: readonly string[]): boolean {
  const shown = annotation === undefined ? undefined : shownBlocks(annotation)?.map(formatBlock);
  if (shown === undefined || shown.length < firstBlocks(blocks).length) return false;
  return shown.join() === blocks.slice(0, shown.length).join();
}

function rangesIn(json: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) && Array.isArray(value.ranges) && value.ranges.length > 0
      ? value.ranges
      : undefined;
  } catch {
    return undefined;
  }
}

function blockOfRange(range: unknown): Block | undefined {
  if (typeof range === 'string') return canonicalPrefix(range);
  if (!isObject(range) || typeof range.subnet !== 'string') return undefined;
  const { subnet, rangeStart, rangeEnd } = range;
  if (rangeStart === undefined && rangeEnd === undefined) return canonicalPrefix(subnet);
  return parseBlock(`${rangeStart}-${rangeEnd}`);
}

function canonicalPrefix(text: string): Prefix | undefined {
  const prefix = parsePrefix(text);
  return prefix !== undefined && formatPrefix(prefix) === text ? prefix : undefined;
}
