/** AllocationSlices: what they say, and how they are written. */
import { FAMILY_BITS, formatAddress, parseAddress } from '../address/address.ts';
import {
  type Block,
  covers,
  formatBlock,
  formatPrefix,
  type Prefix,
  parseBlock,
  parsePrefix,
  prefixOf,
  type Range,
  sizeOf,
} from '../address/range.ts';
import type { RangeSet } from '../address/range-set.ts';
import { deepEqual } from '../json.ts';
import { BELL_PREFIX, BELLS_AFTER_ANNOTATION, METAIPAM_API_VERSION } from '../kubernetes/names.ts';
import { compareText } from '../kubernetes/object.ts';
import { PREFIX, poolKind } from '../kubernetes/pool-kinds.ts';
import type { AllocationSlice, PoolReference, SliceAnswer, SliceEntry } from '../kubernetes/types.ts';
import type { DesiredObject } from '../metacontroller/hook.ts';
import {
  type AddressSpace,
  answersName,
  type BlockShape,
  pieceOfName,
  sharedSpaceOfName,
  sliceName,
} from './names.ts';

/** A slice keeps 2^5 addresses or blocks: 9 kB when full, which is what a claim is sent each time. */
const SLICE_BITS = 5;
/** How many addresses a block may have that is no CIDR. */
export const MOST_BLOCK_SIZE = 65_536n;
/** Nor does one of IPv6 reach beyond such a block. */
const WIDEST_IPV6_LENGTH = 96;
/** How many answers a slice has room for. */
const MOST_ANSWERS = 64;
/** As many empty slices stay, so that a pool whose last address comes and goes does not make and delete one each time. */
const SPARE_SLICES = 2;

/** An address or block that a slice lists. An address is a block of one. */
export interface Allocation {
  readonly slice: AllocationSlice;
  /** The key of the entry: `10.0.0.7`, `10.244.3.0/24` or `10.0.0.50-10.0.0.99`. */
  readonly key: string;
  readonly block: Block;
  readonly entry: SliceEntry;
}

/** What the slices of one pool or network have in common. */
export interface SliceHead {
  readonly namespace: string;
  readonly space: AddressSpace;
  /** Names the answers: nobody else's may have the name, whoever shares the space. */
  readonly own: AddressSpace;
  readonly poolRef: PoolReference;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** For those who get addresses. While nobody can tell, slices keep what they say. */
  readonly subnets?: readonly ListedSubnet[];
}

/** What the IPAddress of an address says beside it. */
export interface Subnet {
  readonly prefix: number;
  readonly gateway?: string;
}

/** The same, and of which addresses. */
interface ListedSubnet extends Subnet {
  readonly listed: RangeSet;
}

/** What a plan wants its slices to say. */
export interface SlicePlan {
  /** The entries that stay, as they are or released. Those that are missing here go. */
  readonly kept: Iterable<Allocation>;
  readonly added: Iterable<Pick<Allocation, 'block' | 'entry'>>;
  /** uids of those who listen for their entries. */
  readonly bells: ReadonlySet<string>;
  /** By the uid of who gets it. */
  readonly answers: ReadonlyMap<string, SliceAnswer>;
  /** Names of the slices that the pool's status lists: none of them is deleted before it is off the list. */
  readonly listed: ReadonlySet<string>;
}

/** The label by which one claim, node or ClusterCIDR finds the slices that concern it now. */
export function bellOf(uid: string): string {
  return `${BELL_PREFIX}${uid}`;
}

/** The text of a block as a key: an address alone, a CIDR, or a range where it is none. */
export function keyOf(block: Block): string {
  const { family, first, length } = block;
  return length === FAMILY_BITS[family] ? formatAddress({ family, value: first }) : formatBlock(block);
}

function shapeOf(block: Block): BlockShape {
  const { family, length } = block;
  if (length === undefined) return { blockSize: Number(sizeOf(block)) };
  return length === FAMILY_BITS[family] ? {} : { blockLength: length };
}

/**
 * The piece of the address space whose slice keeps `block`: that in which it starts. Pools that share a space keep each
 * address in a slice of its own: only so can the name be the lock between them.
 */
export function pieceOf({ marker }: AddressSpace, block: Block): Prefix {
  const { family, first } = block;
  const bits = marker === 'shared' ? 0 : SLICE_BITS;
  const length = block.length ?? FAMILY_BITS[family] - (sizeOf(block) - 1n).toString(2).length;
  return prefixOf({ family, value: first }, Math.max(0, length - bits));
}

/** The name of the slice that keeps `block`. */
export function sliceNameOf(space: AddressSpace, block: Block): string {
  return sliceName(space, pieceOf(space, block), shapeOf(block));
}

/** Where the blocks of a slice may lie; undefined if it has answers. */
export function extentOfSlice({ spec }: AllocationSlice): Range | undefined {
  const piece = spec?.cidr === undefined ? undefined : parsePrefix(spec.cidr);
  return piece && extentOf(piece, spec);
}

/** Where blocks may lie that start in a piece. */
export function extentOf({ family, first, last }: Prefix, { blockSize = 1 }: BlockShape): Range {
  return { family, first, last: last + BigInt(blockSize) - 1n };
}

/**
 * Whether a slice that keeps a piece has another name than that piece has. The name is the lock: what such a slice
 * lists, another may list too. So it counts for nobody.
 */
export function isMisnamed({ metadata, spec }: Pick<AllocationSlice, 'metadata' | 'spec'>): boolean {
  if (spec?.cidr === undefined) return false;
  const { poolRef, cidr, blockLength, blockSize, addressSpace } = spec;
  const { unit, marker } = poolKind(poolRef.kind);
  const hasBlocks = poolRef.kind === 'PodNetwork' || unit === PREFIX;
  const space: AddressSpace =
    addressSpace === undefined ? { name: poolRef.name, marker } : { name: addressSpace, marker: 'shared' };
  const range = parsePrefix(cidr);
  // What comes from a file may be anything.
  if (range === undefined || typeof space.name !== 'string') return true;
  if (hasBlocks ? addressSpace !== undefined : blockLength !== undefined) return true;
  const bits = FAMILY_BITS[range.family];
  const length = blockLength ?? bits;
  if (!Number.isInteger(length) || length < 0 || length > bits) return true;
  if (
    blockSize !== undefined &&
    (poolRef.kind !== 'PodNetwork' || blockLength !== undefined || !isSize(blockSize))
  )
    return true;
  const { family, first } = range;
  const block =
    blockSize === undefined ? { ...range, length } : { family, first, last: first + BigInt(blockSize) - 1n };
  return formatPrefix(pieceOf(space, block)) !== cidr || sliceNameOf(space, block) !== metadata.name;
}

/** As the API has it. */
function isSize(value: number): boolean {
  return Number.isInteger(value) && value >= 2 && value <= MOST_BLOCK_SIZE;
}

/** Whether a slice can list the block. */
export function canBeListed(block: Block): boolean {
  const { family, first, length } = block;
  if (length !== undefined) return true;
  const isNear = family === 4 || covers(prefixOf({ family, value: first }, WIDEST_IPV6_LENGTH), block);
  return isNear && sizeOf(block) <= MOST_BLOCK_SIZE;
}

/** Whether a slice of the pool or network that keeps a piece may have the name. */
export function mayBeNamed(name: string, poolRef: Pick<PoolReference, 'kind' | 'name'>): boolean {
  const spec = pieceSpecOf(name, { apiGroup: '', uid: '', ...poolRef });
  return spec !== undefined && !isMisnamed({ metadata: { name }, spec });
}

/** What the slice of this name says of its piece; undefined if it keeps none. */
export function pieceSpecOf(name: string, poolRef: PoolReference): AllocationSlice['spec'] | undefined {
  const found = pieceOfName(name);
  const addressSpace = sharedSpaceOfName(name);
  return (
    found && {
      poolRef,
      ...(addressSpace !== undefined && { addressSpace }),
      cidr: formatPrefix(found.piece),
      ...(found.blockLength !== undefined && { blockLength: found.blockLength }),
      ...(found.blockSize !== undefined && { blockSize: found.blockSize }),
    }
  );
}

/** What the slices list, each in the order of its keys' text. What misnamed ones list does not count. */
export function allocationsOf(slices: Iterable<AllocationSlice>): Allocation[] {
  return [...slices].flatMap((slice) => (isMisnamed(slice) ? [] : allocationsIn(slice)));
}

/** What a slice lists, in the order of its keys' text; for one uid alone if that is given. */
export function allocationsIn(slice: AllocationSlice, uid?: string): Allocation[] {
  const entries = slice.spec?.entries ?? {};
  const isWanted = (key: string) => uid === undefined || entries[key]?.uid === uid;
  const allocations: Allocation[] = [];
  for (const key of Object.keys(entries).filter(isWanted).sort()) {
    const block = parseKey(key);
    const entry = entries[key];
    if (block !== undefined && entry?.uid) allocations.push({ slice, key, block, entry });
  }
  return allocations;
}

/** The block that a key stands for. */
export function parseKey(key: string): Block | undefined {
  if (/[-/]/.test(key)) return parseBlock(key);
  const address = parseAddress(key);
  return (
    address && {
      family: address.family,
      first: address.value,
      last: address.value,
      length: FAMILY_BITS[address.family],
    }
  );
}

/** Whether the slice takes no changes any more. */
export function isEnding({ metadata, spec }: AllocationSlice): boolean {
  return metadata.deletionTimestamp !== undefined || spec.closed === true;
}

/** How soon a sync that gave out something looks again, should Metacontroller have failed silently. */
const SAFETY_RESYNC_SECONDS = 10;

/**
 * In how many seconds a pool or network looks at its slices again though nothing changes; infinite if it need not. A
 * closed slice may go once it is off the list in the status, and no sync follows a change of that.
 */
export function slicesAskAgainIn(slices: readonly AllocationSlice[], isGiving: boolean): number {
  const isClosing = slices.some(({ metadata, spec }) => spec.closed === true && !metadata.deletionTimestamp);
  if (isClosing) return 1;
  return isGiving ? SAFETY_RESYNC_SECONDS : Number.POSITIVE_INFINITY;
}

/**
 * The slices as children of their pool or network: those there are with what the plan keeps and adds, new ones for
 * what is in no piece yet, and the answers.
 *
 * An empty slice is closed, which the API server holds it to, before it is left out and so deleted: a view that is
 * too old to show its entries cannot take them away.
 */
export function desiredSlices(
  head: SliceHead,
  slices: readonly AllocationSlice[],
  plan: SlicePlan,
): DesiredObject[] {
  const pieces = new Map<
    string,
    {
      extent: Range;
      ofHead: BlockShape & { readonly cidr: string; readonly addressSpace?: string };
      entries: Map<string, Pick<Allocation, 'block' | 'entry'>>;
    }
  >();
  const [misnamed, ours] = [slices.filter(isMisnamed), slices.filter((slice) => !isMisnamed(slice))];
  const known = new Map(ours.map((slice) => [slice.metadata.name, slice]));
  for (const slice of ours) {
    const extent = extentOfSlice(slice);
    const { addressSpace, cidr = '', blockLength, blockSize } = slice.spec;
    const ofHead = {
      ...(addressSpace !== undefined && { addressSpace }),
      cidr,
      ...(blockLength !== undefined && { blockLength }),
      ...(blockSize !== undefined && { blockSize }),
    };
    if (extent !== undefined) pieces.set(slice.metadata.name, { extent, ofHead, entries: new Map() });
  }
  for (const { slice, key, block, entry } of plan.kept) {
    pieces.get(slice.metadata.name)?.entries.set(key, { block, entry });
  }
  for (const { block, entry } of plan.added) {
    const piece = pieceOf(head.space, block);
    const shape = shapeOf(block);
    const name = sliceName(head.space, piece, shape);
    const found = pieces.get(name) ?? {
      extent: extentOf(piece, shape),
      ofHead: { ...sharedSpaceOf(head.space), cidr: formatPrefix(piece), ...shape },
      entries: new Map(),
    };
    pieces.set(name, found);
    found.entries.set(keyOf(block), { block, entry });
  }

  // They stay for a person to see.
  const desired: DesiredObject[] = misnamed.map(asItIs);
  let spare = 0;
  for (const [name, { extent, ofHead, entries }] of pieces) {
    const slice = known.get(name);
    if (slice !== undefined && isEnding(slice)) {
      const isOver = slice.spec.closed === true && !plan.listed.has(name);
      if (!isOver) desired.push(asItIs(slice));
      continue;
    }
    const bells = [...entries.values()].map(({ entry }) => entry.uid).filter((uid) => plan.bells.has(uid));
    const isEmpty = entries.size === 0 && ++spare > (head.space.marker === 'shared' ? 0 : SPARE_SLICES);
    const subnets = new SubnetsOfPiece(head, extent, slice);
    const listed = sorted(new Map([...entries].map(([key, each]) => [key, subnets.entryOf(each)])));
    desired.push(
      sliceObject(withMark(head, bells, listed, slice), name, bells, {
        poolRef: slice?.spec.poolRef ?? head.poolRef,
        ...ofHead,
        ...subnets.common,
        ...(isEmpty && { closed: true }),
        entries: listed,
      }),
    );
  }
  return [...desired, ...answerSlices(head, slices, plan.answers)].sort((a, b) =>
    compareText(a.metadata.name, b.metadata.name),
  );
}

/** What the slices of a shared space say of it, as their names do. */
function sharedSpaceOf({ name, marker }: AddressSpace): { addressSpace?: string } {
  return marker === 'shared' ? { addressSpace: name } : {};
}

/**
 * The subnets of the addresses of a piece: a slice says once where most are, and beside each entry that is elsewhere
 * where that is. What no subnet of the pool lists any more keeps the one that it had.
 */
export class SubnetsOfPiece {
  readonly #near: readonly ListedSubnet[];
  readonly #had: Subnet | undefined;
  /** For the slice to say. */
  readonly common: Subnet | undefined;

  /** @param slice as it is; undefined of one that is made now */
  constructor({ subnets = [] }: SliceHead, piece: Range, slice?: AllocationSlice) {
    this.#near = subnets.filter(({ listed }) => listed.overlaps(piece));
    this.#had = slice && subnetOfSlice(slice);
    this.common = plain(this.#near[0] ?? this.#had ?? subnets[0]);
  }

  /** What the slice is to say of who has the block. */
  entryOf({ block, entry: { subnet: own, ...entry } }: Pick<Allocation, 'block' | 'entry'>): SliceEntry {
    const subnet = this.#near.find(({ listed }) => listed.covers(block)) ?? own ?? this.#had;
    const isCommon = subnet?.prefix === this.common?.prefix && subnet?.gateway === this.common?.gateway;
    // What another client has written, such as the janitor, Metacontroller does not take away.
    const mayStay = this.common?.gateway === undefined && this.#had?.gateway !== undefined;
    return subnet === undefined || (isCommon && !mayStay) ? entry : { ...entry, subnet: plain(subnet) };
  }
}

/** The subnet of an address. */
export function subnetOfEntry({ slice, entry }: Allocation): Subnet | undefined {
  return entry.subnet ?? subnetOfSlice(slice);
}

function subnetOfSlice({ spec: { prefix, gateway } }: AllocationSlice): Subnet | undefined {
  return prefix === undefined ? undefined : { prefix, ...(gateway && { gateway }) };
}

function plain<T extends Subnet | undefined>(subnet: T): T extends undefined ? undefined : Subnet;
function plain(subnet: Subnet | undefined): Subnet | undefined {
  return subnet && { prefix: subnet.prefix, ...(subnet.gateway && { gateway: subnet.gateway }) };
}

/** Answers stay in the slices that they are in: who listens there hears of no move. */
function answerSlices(
  head: SliceHead,
  slices: readonly AllocationSlice[],
  answers: ReadonlyMap<string, SliceAnswer>,
): DesiredObject[] {
  const left = new Map(answers);
  const known = new Map(slices.map(({ metadata, spec }) => [metadata.name, spec.poolRef]));
  const byName = new Map<string, Map<string, SliceAnswer>>();
  for (const { metadata, spec } of slices) {
    if (spec.answers === undefined) continue;
    const here = new Map<string, SliceAnswer>();
    for (const uid of Object.keys(spec.answers)) {
      const answer = left.get(uid);
      if (answer !== undefined) here.set(uid, answer);
      left.delete(uid);
    }
    byName.set(metadata.name, here);
  }
  for (let index = 0; left.size > 0; index++) {
    const name = answersName(head.own, index);
    const here = byName.get(name) ?? new Map<string, SliceAnswer>();
    byName.set(name, here);
    for (const [uid, answer] of left) {
      if (here.size >= MOST_ANSWERS) break;
      here.set(uid, answer);
      left.delete(uid);
    }
  }
  return [...byName]
    .filter(([, here]) => here.size > 0)
    .map(([name, here]) =>
      sliceObject(head, name, [...here.keys()], {
        poolRef: known.get(name) ?? head.poolRef,
        answers: sorted(here),
      }),
    );
}

function sliceObject(
  { namespace, labels, annotations }: SliceHead,
  name: string,
  bells: readonly string[],
  spec: AllocationSlice['spec'],
): DesiredObject {
  return {
    apiVersion: METAIPAM_API_VERSION,
    kind: 'AllocationSlice',
    metadata: {
      name,
      namespace,
      labels: withBells(labels, bells),
      ...(annotations !== undefined && { annotations }),
    },
    spec,
  };
}

/**
 * With server-side apply, Metacontroller does not send what it sent last while the generation of the slice is the same,
 * and that counts no labels: a bell that was taken off meanwhile comes back only with another text.
 */
function withMark(
  head: SliceHead,
  bells: readonly string[],
  entries: Readonly<Record<string, SliceEntry>>,
  slice: AllocationSlice | undefined,
): SliceHead {
  if (slice === undefined || bells.length === 0) return head;
  const { labels, annotations, resourceVersion } = slice.metadata;
  const isNew =
    bells.some((uid) => labels?.[bellOf(uid)] === undefined) && deepEqual(entries, slice.spec.entries);
  const mark = isNew ? resourceVersion : annotations?.[BELLS_AFTER_ANNOTATION];
  if (mark === undefined) return head;
  return { ...head, annotations: { ...head.annotations, [BELLS_AFTER_ANNOTATION]: mark } };
}

function withBells(labels: SliceHead['labels'], bells: readonly string[]): Record<string, string> {
  const all: Record<string, string> = { ...labels };
  for (const uid of bells) all[bellOf(uid)] = '';
  return all;
}

function asItIs({ metadata, spec }: AllocationSlice): DesiredObject {
  const { name, namespace, labels } = metadata;
  return {
    apiVersion: METAIPAM_API_VERSION,
    kind: 'AllocationSlice',
    metadata: { name, ...(namespace && { namespace }), ...(labels && { labels }) },
    spec,
  };
}

function sorted<T>(map: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...map].sort(([a], [b]) => compareText(a, b)));
}
