/** Who holds which address: claims, IPAddresses and slices that do not agree. */
import { type Block, covers, overlaps, type Range } from '../../address/range.ts';
import { compareRanges } from '../../address/range-set.ts';
import { secondsSince } from '../../allocation/hold.ts';
import { lostPieces } from '../../allocation/lost.ts';
import { type Allocation, keyOf, parseKey } from '../../allocation/slice.ts';
import { clusterName } from '../../claim/cluster.ts';
import { claimUids } from '../../claim/ip-address.ts';
import {
  ADDRESS_ANNOTATION,
  CAPI_IPAM_GROUP,
  CLAIM_UID_LABEL,
  POOL_LABEL,
  POOL_UID_LABEL,
  SETTLED_LABEL,
} from '../../kubernetes/names.ts';
import {
  compareAge,
  isPaused,
  type KubernetesObject,
  qualifiedName,
  titleOf,
} from '../../kubernetes/object.ts';
import { poolKind } from '../../kubernetes/pool-kinds.ts';
import type { IPAddress, IPAddressClaim } from '../../kubernetes/types.ts';
import type { HookContext } from '../../metacontroller/hook.ts';
import { sharedAddressSpace } from '../../pool/address-space.ts';
import { blockOf, blockText } from '../../pool/block.ts';
import { poolLabel } from '../../pool/label.ts';
import type { Pool } from '../../pool/pool.ts';
import { isOurs, poolTitleOf } from '../../pool/reference.ts';
import { PROGRAM } from '../../program.ts';
import { listSome } from '../../text.ts';
import type { Inventory } from '../inventory.ts';
import {
  entryTitle,
  type Finding,
  holderKind,
  holderName,
  kubectl,
  namespacesOf,
  PATIENCE_SECONDS,
  quote,
  releaseCommand,
} from './finding.ts';
import { missingSlices } from './slices.ts';

/** All that the checks of addresses look up. */
interface AddressBook {
  readonly poolByUid: ReadonlyMap<string, Pool>;
  readonly poolByTitle: ReadonlyMap<string, Pool>;
  readonly claimByUid: ReadonlyMap<string, IPAddressClaim>;
  /** By namespace and name. */
  readonly claimByName: ReadonlyMap<string, IPAddressClaim>;
  /** What pools that are there keep for claims, by the uid of the claim; nothing that is released. */
  readonly keptFor: ReadonlyMap<string, readonly Allocation[]>;
  /** The pieces of slices that a pool has listed and that are not there, by the pool's title. */
  readonly lostPieces: ReadonlyMap<string, readonly Range[]>;
}

export function readAddressBook(inventory: Inventory, { config }: HookContext): AddressBook {
  const { pools, claims, allocations } = inventory;
  const ours = claims.filter(isOurs);
  const poolByUid = new Map(pools.map((pool) => [pool.metadata.uid ?? '', pool]));
  const kept = allocations
    .filter(isKeptForClaim)
    .filter(({ slice }) => poolByUid.has(slice.spec.poolRef.uid));
  return {
    poolByUid,
    poolByTitle: new Map(pools.map((pool) => [titleOf(pool), pool])),
    claimByUid: new Map(ours.map((claim) => [claim.metadata.uid ?? '', claim])),
    claimByName: new Map(ours.map((claim) => [qualifiedName(claim.metadata), claim])),
    keptFor: Map.groupBy(kept, ({ entry }) => entry.uid),
    lostPieces: new Map(
      [...missingSlices(inventory, config)].map(([keeper, names]) => [titleOf(keeper), lostPieces(names)]),
    ),
  };
}

function isKeptForClaim(allocation: Allocation): boolean {
  return holderKind(allocation) === 'IPAddressClaim' && allocation.entry.released === undefined;
}

interface Holder {
  /** `namespace/name` of the claim. */
  readonly claim: string;
  readonly block: Block;
  readonly object: KubernetesObject;
  /** What the object's slice says. */
  readonly allocation?: Allocation;
}

/** Addresses that two claims hold, by whatever objects: the one thing that must never be. */
export function* duplicateAddresses(
  inventory: Inventory,
  book: AddressBook,
  { now }: HookContext,
): Generator<Finding> {
  for (const [space, holders] of holdersBySpace(inventory, book)) {
    for (const list of overlapping(holders)) {
      // What a slice says decides; of several the older one.
      const [, ...losers] = list.sort((a, b) => rank(a) - rank(b) || compareAge(a.object, b.object));
      for (const loser of losers) {
        const claim = book.claimByName.get(loser.claim);
        const rivals = list.filter((holder) => holder !== loser && overlaps(holder.block, loser.block));
        if (rivals.length === 0) continue;
        const others = rivals.map(({ claim, block, object }) => {
          const what = block.length === loser.block.length ? '' : `${keyOf(block)}, `;
          return `${claim} (${what}by ${titleOf(object)})`;
        });
        yield {
          check: 'duplicate-address',
          severity: 'error',
          object: loser.allocation === undefined ? titleOf(loser.object) : entryTitle(loser.allocation),
          namespaces: namespacesOf(
            ...[loser, ...rivals].flatMap(({ object, allocation }) => [
              object.metadata,
              allocation?.entry ?? {},
            ]),
          ),
          message: `${keyOf(loser.block)} of ${space} is also held by ${others.join(' and ')}`,
          fix:
            claim === undefined
              ? loser.allocation === undefined
                ? kubectl('delete', loser.object)
                : releaseCommand(loser.allocation, now)
              : `${kubectl('delete', claim)}  # and whatever uses its address: its owner makes it again, with another`,
        };
      }
    }
  }
}

function holdersBySpace(inventory: Inventory, book: AddressBook): Map<string, Holder[]> {
  const holders: (Holder & { readonly space: string })[] = [];
  const add = (space: string, block: Block | undefined, holder: Omit<Holder, 'block'>) => {
    if (block !== undefined) holders.push({ ...holder, space, block });
  };
  for (const allocation of inventory.allocations.filter(isKeptForClaim)) {
    const { slice, block } = allocation;
    const { uid } = slice.spec.poolRef;
    const pool = book.poolByUid.get(uid);
    const claim = holderName(allocation);
    add(pool === undefined ? uid : spaceOf(pool), block, { claim, object: slice, allocation });
  }
  for (const address of inventory.addresses.filter(isOurs)) {
    const claim = qualifiedName({ ...address.metadata, name: address.spec.claimRef.name });
    add(spaceOfTitle(poolTitleOf(address), book), blockOf(address), { claim, object: address });
  }
  for (const claim of inventory.claims.filter(isOurs)) {
    if (claim.status?.addressRef === undefined) continue;
    const text: unknown = claim.metadata.annotations?.[ADDRESS_ANNOTATION];
    const block = typeof text === 'string' ? parseKey(text) : undefined;
    const name = qualifiedName(claim.metadata);
    add(spaceOfTitle(poolTitleOf(claim), book), block, { claim: name, object: claim });
  }
  return Map.groupBy(holders, ({ space }) => space);
}

/** The groups of holders whose blocks hang together, each of at least two claims, of which each is there once. */
function* overlapping(holders: readonly Holder[]): Generator<Holder[]> {
  const sorted = holders.toSorted((a, b) => compareRanges(a.block, b.block));
  for (let start = 0; start < sorted.length; ) {
    let { last } = sorted[start]!.block;
    const { family } = sorted[start]!.block;
    let end = start + 1;
    for (; end < sorted.length; end++) {
      const { block } = sorted[end]!;
      if (block.family !== family || block.first > last) break;
      if (block.last > last) last = block.last;
    }
    const group = sorted.slice(start, end).filter(isFirstOfClaim);
    if (group.length > 1) yield group;
    start = end;
  }
}

function isFirstOfClaim({ claim }: Holder, index: number, all: readonly Holder[]): boolean {
  return all.findIndex((other) => other.claim === claim) === index;
}

function rank({ allocation }: Holder): number {
  return allocation === undefined ? 1 : 0;
}

/** Where an address may be held once. */
function spaceOf(pool: Pool): string {
  const shared = sharedAddressSpace(pool);
  return shared === undefined
    ? titleOf(pool)
    : `address space ${qualifiedName({ ...pool.metadata, name: shared })}`;
}

function spaceOfTitle(title: string, { poolByTitle }: AddressBook): string {
  const pool = poolByTitle.get(title);
  return pool === undefined ? title : spaceOf(pool);
}

/** IPAddresses of ours whose claim is gone. */
export function orphanedAddresses(inventory: Inventory, context: HookContext): IPAddress[] {
  const book = readAddressBook(inventory, context);
  return inventory.addresses
    .filter(isOurs)
    .filter((address) => isLabelled(address) && claimOf(address, book) === undefined);
}

/** Whether metaipam made it, in whatever cluster. */
function isLabelled({ metadata: { labels } }: IPAddress): boolean {
  return labels?.[CLAIM_UID_LABEL] !== undefined && labels[POOL_UID_LABEL] !== undefined;
}

/** IPAddresses that have no claim, or for whose claim something else is kept, or nothing. */
export function* boundAddresses(
  { addresses }: Inventory,
  book: AddressBook,
  { now }: HookContext,
): Generator<Finding> {
  for (const address of addresses.filter(isOurs)) {
    const { metadata, spec } = address;
    const object = titleOf(address);
    const namespaces = namespacesOf(metadata);
    const claimName = qualifiedName({ ...metadata, name: spec.claimRef.name });
    const claim = claimOf(address, book);
    if (secondsSince(metadata.creationTimestamp, now) < PATIENCE_SECONDS) continue;
    if (blockOf(address) === undefined) {
      const { one } = poolKind(spec.poolRef.kind).unit;
      yield {
        check: 'invalid-object',
        severity: 'error',
        object,
        namespaces,
        message: `says no ${one} that can be read: nobody knows what ${claimName} has`,
        fix: `${kubectl('delete', address)}  # if nothing uses its ${one} any more`,
      };
      continue;
    }
    if (claim === undefined) {
      const madeFor = metadata.labels?.[CLAIM_UID_LABEL];
      yield {
        check: 'orphaned-address',
        severity: 'warning',
        object,
        namespaces,
        message: `IPAddressClaim ${claimName}${madeFor === undefined ? '' : ` of uid ${madeFor}`} does not exist: ${blockText(address)} stays in use for nobody`,
        fix: `${kubectl('delete', address)}  # if nothing uses ${printableAddress(address)} any more`,
      };
      continue;
    }
    const pool = book.poolByTitle.get(poolTitleOf(address));
    if (pool === undefined || claim.metadata.deletionTimestamp !== undefined) continue;
    const kept = book.keptFor.get(claim.metadata.uid ?? '') ?? [];
    const text = blockText(address);
    if (kept.some(({ key }) => key === text)) continue;
    const [other] = kept;
    if (other !== undefined) {
      yield {
        check: 'address-mismatch',
        severity: 'error',
        object,
        namespaces: namespacesOf(metadata, other.slice.metadata),
        message: `says ${text}, but ${titleOf(other.slice)} keeps ${other.key} for its claim`,
        fix: `${kubectl('delete', address)}  # and whatever uses ${printableAddress(address)}: it is made again with ${other.key}`,
      };
    } else if (!isPaused(pool) && !isInLostPiece(address, pool, book)) {
      yield {
        check: 'unallocated-address',
        severity: 'warning',
        object,
        namespaces,
        message: `${titleOf(pool)} keeps nothing for claim ${claimName}, which has ${text}`,
        fix: `${PROGRAM} adopt  # or ${PROGRAM} doctor, if metaipam made it`,
      };
    }
  }
}

/** The claim that an IPAddress was made for, or that controls it; of one that metaipam did not make that of the name. */
function claimOf(address: IPAddress, book: AddressBook): IPAddressClaim | undefined {
  const { metadata, spec } = address;
  if (!isLabelled(address))
    return book.claimByName.get(qualifiedName({ ...metadata, name: spec.claimRef.name }));
  return claimUids(address)
    .map((uid) => book.claimByUid.get(uid))
    .find((claim) => claim !== undefined);
}

function isInLostPiece(address: IPAddress, pool: Pool, { lostPieces }: AddressBook): boolean {
  const block = blockOf(address);
  const pieces = lostPieces.get(titleOf(pool)) ?? [];
  return block !== undefined && pieces.some((piece) => covers(piece, block));
}

/** Claims that have been given an address, or two, and do not settle; and claims that no pool gets to see. */
export function* stuckClaims(
  { claims, addresses }: Inventory,
  book: AddressBook,
  { now }: HookContext,
): Generator<Finding> {
  const bound = new Map(
    addresses.filter(isOurs).map((address) => [qualifiedName(address.metadata), address]),
  );
  for (const claim of claims.filter(isOurs)) {
    const { metadata } = claim;
    const { uid = '', labels, creationTimestamp, deletionTimestamp } = metadata;
    if (deletionTimestamp !== undefined || isPaused(claim)) continue;
    // One of a file was in no cluster yet.
    if (creationTimestamp === undefined || secondsSince(creationTimestamp, now) < PATIENCE_SECONDS) continue;
    const pool = book.poolByTitle.get(poolTitleOf(claim));
    if (pool === undefined) continue;
    const object = titleOf(claim);
    const kept = book.keptFor.get(uid) ?? [];
    const address = bound.get(qualifiedName(metadata));
    const text = address && blockText(address);
    if (kept.length > 1) {
      const spare = kept.find(({ key }) => key !== text)!;
      yield {
        check: 'two-addresses',
        severity: 'error',
        object,
        namespaces: namespacesOf(metadata, ...kept.map(({ slice }) => slice.metadata)),
        message: `${titleOf(pool)} keeps ${listSome(kept.map(({ key }) => key))} for it${text === undefined ? '' : `; its IPAddress says ${text}`}`,
        fix: releaseCommand(spare, now),
      };
      continue;
    }
    const settled = labels?.[SETTLED_LABEL];
    const trouble = stuckBecause(kept[0]?.key, text, settled, pool.metadata.uid);
    const mayWait = settled === undefined && clusterName(claim) !== undefined;
    if (trouble === undefined || mayWait) continue;
    yield {
      check: 'stuck-claim',
      severity: 'error',
      object,
      namespaces: namespacesOf(metadata),
      message: trouble,
      fix: `${PROGRAM} doctor`,
    };
  }
}

/** @param has the address of the claim's IPAddress */
function stuckBecause(
  given: string | undefined,
  has: string | undefined,
  settled: string | undefined,
  poolUid: string | undefined,
): string | undefined {
  if (settled === undefined) return `has no label ${SETTLED_LABEL}, so that no pool sees it`;
  if (has === undefined && given !== undefined) return `was given ${given} and has no IPAddress`;
  if (has === undefined && settled === poolUid) return 'is settled and has no IPAddress';
  if (has === undefined || has !== given || settled === poolUid) return undefined;
  return `has ${has}, and is still looked after by its pool: its label ${SETTLED_LABEL} is ${JSON.stringify(settled)}`;
}

/** The address for a remark in a command: only if it is one. */
function printableAddress(address: IPAddress): string {
  return blockOf(address) === undefined ? 'its address' : blockText(address);
}

/** Labels by which pools find their claims and addresses. */
export function* poolLabels({ claims, addresses }: Inventory): Generator<Finding> {
  for (const object of [...claims, ...addresses].filter(isOurs)) {
    const { kind, name } = object.spec.poolRef;
    const label = object.metadata.labels?.[POOL_LABEL];
    const wanted = poolLabel(kind, name);
    if (label === undefined || label === wanted) continue;
    yield {
      check: 'wrong-pool-label',
      severity: 'error',
      object: titleOf(object),
      namespaces: namespacesOf(object.metadata),
      message: `its label ${POOL_LABEL} is ${JSON.stringify(label)}, so that ${kind} ${name} does not see it`,
      fix: `${kubectl('label', object)} --overwrite ${quote(`${POOL_LABEL}=${wanted}`)}`,
    };
  }
}

/** Claims whose pool does not exist. */
export function* missingPools({ claims }: Inventory, { poolByTitle }: AddressBook): Generator<Finding> {
  const waiting = claims.filter(
    (claim) =>
      isOurs(claim) && !poolByTitle.has(poolTitleOf(claim)) && claim.metadata.deletionTimestamp === undefined,
  );
  for (const claim of waiting) {
    const { kind, name } = claim.spec.poolRef;
    const described = kubectl('get', { apiVersion: CAPI_IPAM_GROUP, kind, metadata: { name } });
    yield {
      check: 'missing-pool',
      severity: 'error',
      object: titleOf(claim),
      namespaces: namespacesOf(claim.metadata),
      message: `${poolTitleOf(claim)} does not exist`,
      fix: `${described.replace(` ${quote(name)}`, ' -A')}  # create the pool, or the claim for another one: its spec cannot be changed`,
    };
  }
}
