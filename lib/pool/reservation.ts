/** Addresses or prefixes that a pool keeps for claims by their names, which are known before the claims are there. */
import { FAMILY_BITS, parseAddress } from '../address/address.ts';
import { type Block, hasHostBits, type Prefix, parsePrefix, prefixOf } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import { keyOf } from '../allocation/slice.ts';
import { type ObjectMeta, qualifiedName } from '../kubernetes/object.ts';
import type { Problem } from '../kubernetes/problem.ts';

/** As it may arrive: nothing about it is certain. */
export interface ReservationSpec {
  /** Of a pool of addresses. */
  readonly address?: string;
  /** Of a pool of prefixes. */
  readonly prefix?: string;
  readonly namespace?: string;
  readonly claim?: string;
  readonly claimPattern?: string;
  readonly note?: string;
}

export interface ReservedBlock extends Omit<ReservationSpec, 'address' | 'prefix'> {
  readonly block: Prefix;
}

/** What has become of a reservation. */
export interface ReservationState {
  readonly reservation: ReservedBlock;
  /** `IPAddressClaim default/web-0`; undefined while nobody has it. */
  readonly holder?: string;
  /** What keeps it from those that it is meant for, as the end of a sentence about the address. */
  readonly conflict?: string;
}

type ClaimName = Pick<ObjectMeta, 'namespace' | 'name'>;

export class Reservations {
  static readonly NONE = new Reservations([]);

  /** In the user's order. */
  readonly list: readonly ReservedBlock[];
  readonly blocks: RangeSet;
  readonly #counting: ReadonlyMap<string, ReservedBlock>;
  /** Those that count, by the claim that they name; under undefined those with a pattern. */
  readonly #named: ReadonlyMap<string | undefined, readonly ReservedBlock[]>;

  constructor(list: readonly ReservedBlock[]) {
    this.list = list;
    this.blocks = RangeSet.of(list.map(({ block }) => block));
    // Of several of one block the first counts.
    this.#counting = new Map(list.toReversed().map((each) => [keyOf(each.block), each]));
    this.#named = Map.groupBy(
      list.filter((each) => this.of(each.block) === each),
      ({ claim }) => claim,
    );
  }

  /** The one that counts for a block. */
  of(block: Block): ReservedBlock | undefined {
    return this.#counting.get(keyOf(block));
  }

  /** Those that count for a claim: the ones that name it, or if none does those whose pattern fits. */
  for(claim: ClaimName): readonly ReservedBlock[] {
    const forClaim = (name?: string) => (this.#named.get(name) ?? []).filter((each) => isFor(each, claim));
    const named = forClaim(claim.name);
    return named.length > 0 ? named : forClaim();
  }
}

/** Whether the claim may have what is reserved. */
export function isFor(reservation: ReservedBlock, { namespace = '', name }: ClaimName): boolean {
  const { claim, claimPattern } = reservation;
  if ((reservation.namespace ?? namespace) !== namespace) return false;
  return claim === undefined ? matchesGlob(claimPattern ?? '', name) : claim === name;
}

/** Whose it is, for a message: `IPAddressClaim web-0`, `IPAddressClaims team-a/web-*`. */
export function beneficiaryOf({ namespace, claim, claimPattern = '' }: ReservedBlock): string {
  const name = qualifiedName({ name: claim ?? claimPattern, ...(namespace !== undefined && { namespace }) });
  return `IPAddressClaim${claim === undefined ? 's' : ''} ${name}`;
}

/** The reservations that do not hold: `10.0.0.7, reserved for IPAddressClaim web-0, is held by IPAddressClaim default/x`. */
export function conflictsOf(reservations: readonly ReservationState[]): string[] {
  return reservations.flatMap(({ reservation, conflict }) =>
    conflict === undefined
      ? []
      : [`${keyOf(reservation.block)}, reserved for ${beneficiaryOf(reservation)}, ${conflict}`],
  );
}

/**
 * Reads `spec.reservations`, and notes what is wrong with it.
 *
 * @param length of the prefixes of the pool; without it they are addresses
 */
export function readReservations(entries: unknown, problems: Problem[], length?: number): Reservations {
  const field = 'spec.reservations';
  if (entries == null) return Reservations.NONE;
  if (!Array.isArray(entries)) {
    problems.push({ field, value: entries, message: 'must be a list' });
    return Reservations.NONE;
  }
  const list: ReservedBlock[] = [];
  for (const [index, entry] of (entries as (ReservationSpec | null)[]).entries()) {
    const { address, prefix, ...rest } = entry ?? {};
    const [name, text] = length === undefined ? ['address', address] : ['prefix', prefix];
    const read = length === undefined ? readAddress(text) : readPrefix(text, length);
    if ('block' in read) list.push({ ...rest, block: read.block });
    else problems.push({ field: `${field}[${index}].${name}`, value: text ?? null, message: read.message });
    const { claim, claimPattern } = rest;
    if ([claim, claimPattern].filter((name) => typeof name === 'string' && name !== '').length !== 1) {
      const message = 'exactly one of claim and claimPattern is required';
      problems.push({ field: `${field}[${index}]`, value: entry, message });
    }
  }
  return new Reservations(list);
}

type Read = { readonly block: Prefix } | { readonly message: string };

function readAddress(text: unknown): Read {
  const address = typeof text === 'string' ? parseAddress(text) : undefined;
  if (address === undefined) return { message: 'provided address is not a valid IP' };
  return { block: prefixOf(address, FAMILY_BITS[address.family]) };
}

function readPrefix(text: unknown, length: number): Read {
  const block = typeof text === 'string' ? parsePrefix(text) : undefined;
  if (block === undefined) return { message: 'provided entry is not a valid CIDR' };
  if (hasHostBits(text as string)) return { message: 'CIDR must be network-aligned' };
  return block.length === length
    ? { block }
    : { message: `must be a prefix of length ${length}, as all of the pool are` };
}

/** Whether `text` is what the pattern says, in which `*` stands for any characters, also for none. Linear but for stars. */
export function matchesGlob(pattern: string, text: string): boolean {
  const [start = '', ...parts] = pattern.split('*');
  const end = parts.pop();
  if (end === undefined) return text === pattern;
  if (!text.startsWith(start) || !text.endsWith(end) || text.length < start.length + end.length) return false;
  const limit = text.length - end.length;
  let at = start.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > limit) return false;
    at = found + part.length;
  }
  return true;
}
