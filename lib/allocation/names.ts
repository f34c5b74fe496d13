/**
 * Names of slices. The name is the lock: the API server lets one object have it.
 *
 *     pool-a.10.0.0.0-27                   32 addresses of an InClusterIPPool
 *     pool-a.fd00-0-0-0-0-0-0-0-123        their IPv6 form: eight groups, nothing left out
 *     edge.10.0.0.0-27.global              of a GlobalInClusterIPPool, in the namespace of the install
 *     lab.10.0.0.7-32.shared               of the address space `lab`, whichever pool keeps it
 *     nodes.fd00-0-0-0-0-0-0-0-59.64.prefix   32 prefixes of an InClusterPrefixPool, each a /64
 *     nodes.fd00-0-0-0-0-0-0-0-59.64.global-prefix   of a GlobalInClusterPrefixPool
 *     default.10.244.0.0-19.24             32 blocks of a pod network, each a /24
 *     flat.10.0.0.0-21.by50                blocks of a pod network that start there, each of 50 addresses
 *     pool-a.answers-0                     nothing that is given: answers to claims
 *     default.label-keys-0.network         the node labels that a pod network selects by
 *
 * Read from the right a name has one meaning only: a marker is a word, the size of a block has no dash, a piece
 * always has one (IPv4) or eight (IPv6). What is left is the space's name.
 */
import { addressGroups, formatAddress } from '../address/address.ts';
import { type Prefix, parsePrefix } from '../address/range.ts';
import { digest } from '../kubernetes/digest.ts';
import type { PoolKind } from '../kubernetes/pool-kinds.ts';

/** Where an address or block may be given out once. */
export interface AddressSpace {
  /** A pool's or pod network's name, or the value of the pool's `metaipam.io/address-space`. */
  readonly name: string;
  readonly marker: PoolKind['marker'] | 'shared' | 'network';
}

/** What the blocks of a slice have in common, as its spec says it; nothing in one of addresses. */
export interface BlockShape {
  /** Of CIDRs. */
  readonly blockLength?: number;
  /** Of others: how many addresses each has. */
  readonly blockSize?: number;
}

/** Longest name of a space that is kept whole: an IPv6 piece and all markers follow, of 253 characters. */
const LONGEST_SPACE = 180;

/** The slice of `piece`. */
export function sliceName(space: AddressSpace, piece: Prefix, shape: BlockShape = {}): string {
  const { family, first, length } = piece;
  const start =
    family === 4
      ? formatAddress({ family, value: first })
      : addressGroups(first)
          .map((group) => group.toString(16))
          .join('-');
  const { blockLength, blockSize } = shape;
  const each = blockSize === undefined ? blockLength : `by${blockSize}`;
  return nameIn(space, `${start}-${length}${each === undefined ? '' : `.${each}`}`);
}

const PIECE =
  /\.((?:\d+\.){3}\d+|(?:[0-9a-f]+-){7}[0-9a-f]+)-(\d+)(?:\.(by)?(\d+))?(?:\.(?:global|shared|prefix|global-prefix))?(?:\.long)?$/;

/** What the slice of this name keeps; undefined if it keeps none. */
export function pieceOfName(name: string): ({ piece: Prefix } & BlockShape) | undefined {
  const [, start, length, by, each] = PIECE.exec(name) ?? [];
  if (start === undefined) return undefined;
  const piece = parsePrefix(`${start.replaceAll('-', ':')}/${length}`);
  return piece && { piece, ...(each !== undefined && { [by ? 'blockSize' : 'blockLength']: Number(each) }) };
}

/** The address space in which several pools may have the slice of this name; undefined if it is one pool's alone. */
export function sharedSpaceOfName(name: string): string | undefined {
  const found = PIECE.exec(name);
  return found?.[0].endsWith('.shared') ? name.slice(0, found.index) : undefined;
}

/** The slice of answers with the number `index`. */
export function answersName(space: AddressSpace, index: number): string {
  return nameIn(space, `answers-${index}`);
}

/** The slice with the number `index` of the keys of node labels. */
export function labelKeysName(space: AddressSpace, index: number): string {
  return nameIn(space, `label-keys-${index}`);
}

function nameIn({ name, marker }: AddressSpace, place: string): string {
  const suffix = marker === '' ? '' : `.${marker}`;
  if (name.length <= LONGEST_SPACE) return `${name}.${place}${suffix}`;
  const start = name.slice(0, LONGEST_SPACE - 20).replace(/[.-]+$/, '');
  return `${start}-${digest(name)}.${place}${suffix}.long`;
}
