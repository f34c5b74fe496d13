/**
 * What Metacontroller leaves undone, because a parent is gone or nobody tells it: pure decisions over what a cluster
 * has. The janitor frees and tidies; it gives nothing to anybody.
 */
import { FAMILY_BITS } from '../address/address.ts';
import { covers, parsePrefix } from '../address/range.ts';
import { secondsUntilSeen } from '../allocation/hold.ts';
import { isLongMissing } from '../allocation/lost.ts';
import {
  type Allocation,
  allocationsOf,
  isMisnamed,
  keyOf,
  pieceSpecOf,
  SubnetsOfPiece,
  sliceNameOf,
} from '../allocation/slice.ts';
import { claimUids, isAttached, isFromElsewhere, ownership } from '../claim/ip-address.ts';
import {
  CAPI_IPAM_GROUP,
  CLAIM_UID_LABEL,
  ENDING,
  METAIPAM_API_VERSION,
  POOL_API_VERSION,
  POOL_UID_LABEL,
  SETTLED_LABEL,
} from '../kubernetes/names.ts';
import {
  controllerOf,
  controllerReference,
  isPaused,
  type KubernetesObject,
  type ObjectPath,
  qualifiedName,
} from '../kubernetes/object.ts';
import { poolKind } from '../kubernetes/pool-kinds.ts';
import type {
  AllocationSlice,
  IPAddress,
  IPAddressClaim,
  PodCIDRClaim,
  PodNetwork,
  SliceEntry,
} from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { blockOf, blockText, subnetOfAddress } from '../pool/block.ts';
import { addressSpace, type Pool, readPool, sliceHead, sliceNamespace } from '../pool/pool.ts';
import { plural } from '../text.ts';
import type { Check, Deed } from './deed.ts';
import { networkDeeds } from './network-deeds.ts';
import { overlapDeeds } from './overlap-deeds.ts';
import {
  addressPath,
  claimPath,
  deleteAddress,
  endOrphan,
  pathOfSlice,
  releaseEntries,
  slicePath,
} from './release.ts';

/** What the janitor's caches have. */
export interface JanitorView {
  readonly claims: readonly IPAddressClaim[];
  readonly addresses: readonly IPAddress[];
  readonly slices: readonly AllocationSlice[];
  readonly pools: readonly Pool[];
  readonly networks: readonly PodNetwork[];
  readonly podCIDRClaims: readonly PodCIDRClaim[];
}

/** As far as pools go. */
type PoolJanitorView = Omit<JanitorView, 'networks' | 'podCIDRClaims'>;

/** What is to be done now, each by itself. What has been done is not in view at once: its checks then fail. */
export function decideDeeds(view: JanitorView, context: HookContext): Deed[] {
  return [...poolDeeds(view, context), ...overlapDeeds(view.pools, context), ...networkDeeds(view)];
}

export function poolDeeds(view: PoolJanitorView, context: HookContext): Deed[] {
  const janitor = new Janitor(view, context);
  return [
    ...janitor.endAddresses(),
    ...janitor.releaseEntries(),
    ...janitor.restoreSlices(),
    ...janitor.ownAddresses(),
    ...janitor.deleteLeftovers(),
  ];
}

/** Those by which claims come to control IPAddresses from elsewhere. */
export function ownershipDeeds(view: PoolJanitorView, context: HookContext): Iterable<Deed> {
  return new Janitor(view, context).ownAddresses();
}

class Janitor {
  readonly #view: PoolJanitorView;
  readonly #context: HookContext;
  readonly #claims: ReadonlyMap<string, IPAddressClaim>;
  /** By `namespace/name`. */
  readonly #named: ReadonlyMap<string, IPAddressClaim>;
  readonly #pools: ReadonlyMap<string, Pool>;
  /** uids of the claims that have an IPAddress. */
  readonly #madeFor: ReadonlySet<string>;
  /** Entries of pools that are in use, by the uid of their claim. */
  readonly #entries: ReadonlyMap<string, readonly Allocation[]>;

  constructor(view: PoolJanitorView, context: HookContext) {
    this.#view = view;
    this.#context = context;
    this.#claims = byUid(view.claims);
    this.#named = new Map(view.claims.map((claim) => [qualifiedName(claim.metadata), claim]));
    this.#pools = byUid(view.pools);
    this.#madeFor = new Set(view.addresses.flatMap(claimUids));
    const ofPools = view.slices.filter(({ spec }) => spec.poolRef.apiGroup === CAPI_IPAM_GROUP);
    this.#entries = Map.groupBy(
      allocationsOf(ofPools).filter(({ entry }) => entry.released === undefined),
      ({ entry }) => entry.uid,
    );
  }

  /** IPAddresses that we made and whose claim is gone, or leaves and is not to delete them, or has another. */
  *endAddresses(): Generator<Deed> {
    for (const address of this.#view.addresses) {
      const { metadata, spec } = address;
      const { [CLAIM_UID_LABEL]: uid, [POOL_UID_LABEL]: pool } = metadata.labels ?? {};
      if (metadata.deletionTimestamp !== undefined) continue;
      // One that came from another cluster bears uids of there.
      const isOurs = uid !== undefined && pool !== undefined && this.#pools.has(pool);
      const claim = isOurs ? this.#claimOf(address) : this.#claimNamed(address);
      const path = this.#claimPath(metadata.namespace, spec.claimRef.name);
      if (isOurs && claim === undefined) {
        yield endOrphan(address, this.#context);
      } else if (claim?.metadata.labels?.[SETTLED_LABEL] === ENDING && !isAttached(address, claim)) {
        // The hook has said that nothing keeps the claim from going but this.
        if (claim.metadata.deletionTimestamp === undefined) continue;
        yield deleteAddress(
          address,
          'its claim is being deleted, and Metacontroller would not delete it',
          this.#context,
          [{ is: 'unchanged', path, resourceVersion: claim.metadata.resourceVersion ?? '' }],
        );
      } else if (isOurs && claim !== undefined && !isPaused(claim)) {
        yield* this.#endContradiction(address, claim);
      }
    }
  }

  /** An IPAddress that the ledger gives to nobody or another, while it gives its claim something else. */
  *#endContradiction(address: IPAddress, claim: IPAddressClaim): Generator<Deed> {
    const uid = claim.metadata.uid ?? '';
    const given = this.#entries.get(uid) ?? [];
    const block = blockOf(address);
    const [other] = given;
    if (other === undefined || given.some(({ key }) => key === blockText(address))) return;
    const pool = this.#pools.get(other.slice.spec.poolRef.uid);
    if (
      pool === undefined ||
      block === undefined ||
      (pool.status?.slices ?? []).some((name) => !this.#has(pool, name))
    )
      return;
    const path = slicePath(
      sliceNamespace(pool, this.#context.config.installNamespace),
      sliceNameOf(addressSpace(pool), block),
    );
    yield deleteAddress(address, `its claim was given ${other.key}`, this.#context, [
      { is: 'not given', path, key: keyOf(block), uid },
      {
        is: 'unchanged',
        path: pathOfSlice(other.slice),
        resourceVersion: other.slice.metadata.resourceVersion ?? '',
      },
    ]);
  }

  /** Entries whose claim went without a word. */
  *releaseEntries(): Generator<Deed> {
    const lost = [...this.#entries].filter(([uid]) => !this.#claims.has(uid) && !this.#madeFor.has(uid));
    const bySlice = Map.groupBy(
      lost.flatMap(([, allocations]) => allocations),
      ({ slice }) => slice,
    );
    for (const [slice, allocations] of bySlice) {
      if (slice.metadata.deletionTimestamp !== undefined) continue;
      yield releaseEntries(slice, allocations, this.#context);
    }
  }

  /** Slices that were deleted by hand, from the IPAddresses that lie in them. */
  *restoreSlices(): Generator<Deed> {
    for (const pool of this.#view.pools) {
      // Until then somebody may still make an IPAddress from what the slice said.
      if (!isLongMissing(pool.status?.conditions, this.#context)) continue;
      if (pool.metadata.deletionTimestamp !== undefined) continue;
      for (const name of pool.status?.slices ?? []) {
        if (!this.#has(pool, name)) yield* this.#restoreSlice(pool, name);
      }
    }
  }

  *#restoreSlice(pool: Pool, name: string): Generator<Deed> {
    const head = sliceHead(pool, this.#context.config.installNamespace);
    const { namespace, labels, poolRef } = head;
    const spec = pieceSpecOf(name, poolRef);
    if (spec === undefined || isMisnamed({ metadata: { name }, spec })) return;
    const piece = parsePrefix(spec.cidr!)!;
    const blockLength = spec.blockLength ?? FAMILY_BITS[piece.family];
    const subnets = new SubnetsOfPiece(head, piece);
    const { unit } = poolKind(pool.kind);
    const entries: Record<string, SliceEntry> = {};
    const checks: Check[] = [
      { is: 'absent', path: slicePath(namespace, name) },
      { is: 'alive', path: pathOfPool(pool), uid: pool.metadata.uid ?? '' },
    ];
    for (const address of this.#view.addresses) {
      const { metadata } = address;
      const block = blockOf(address);
      const isIn = block !== undefined && block.length === blockLength && covers(piece, block);
      if (!isIn || !isOf(address, pool)) continue;
      const isNobodys = claimUids(address).length === 0;
      const claim = isNobodys ? this.#claimNamed(address) : this.#claimOf(address);
      if (claim === undefined) continue;
      const isOurs = metadata.labels?.[POOL_UID_LABEL] === pool.metadata.uid;
      const subnet = subnetOfAddress(address);
      const entry: SliceEntry = {
        uid: claim.metadata.uid ?? '',
        ...(claim.metadata.namespace && { namespace: claim.metadata.namespace }),
        name: claim.metadata.name,
        ...(!isOurs && { adopted: true as const }),
        ...(subnet && { subnet }),
      };
      entries[keyOf(block)] = subnets.entryOf({ block, entry });
      checks.push({
        is: 'unchanged',
        path: this.#addressPath(metadata.namespace, metadata.name),
        resourceVersion: metadata.resourceVersion ?? '',
      });
    }
    const object: AllocationSlice = {
      apiVersion: METAIPAM_API_VERSION,
      kind: 'AllocationSlice',
      metadata: {
        name,
        namespace,
        labels: { ...labels, 'controller-uid': poolRef.uid },
        ownerReferences: [controllerReference(pool)],
      },
      spec: { ...spec, ...subnets.common, entries },
    };
    yield {
      why: `AllocationSlice ${namespace}/${name}: is missing, and made again with ${plural(Object.keys(entries).length, unit.one, unit.many)}`,
      checks,
      act: { verb: 'create', path: slicePath(namespace, name), object },
    };
  }

  /**
   * IPAddresses from elsewhere, or that lost their owners or their mark: they become attachments of their claim. Those
   * that came with both, as by `clusterctl move`, get the labels of here, by which they are found when their claim has
   * gone.
   */
  *ownAddresses(): Generator<Deed> {
    const names = new Map(this.#view.addresses.map((address) => [qualifiedName(address.metadata), address]));
    for (const [uid, allocations] of this.#entries) {
      const claim = this.#claims.get(uid);
      const address = claim && names.get(qualifiedName(claim.metadata));
      const allocation = address && allocations.find(({ key }) => key === blockText(address));
      if (claim === undefined || address === undefined || allocation === undefined) continue;
      if (claim.metadata.deletionTimestamp !== undefined || isPaused(claim)) continue;
      const controller = controllerOf(address);
      if (address.metadata.deletionTimestamp !== undefined) continue;
      if (controller !== undefined && controller.uid !== uid) continue;
      const isKnown = isAttached(address, claim);
      if (isKnown && !isFromElsewhere(address, allocation)) continue;
      if (!this.#isRegular(allocation) && secondsUntilSeen(allocation.entry, this.#context) > 0) continue;
      if (this.#claimNamed(address) !== claim) continue;
      const reason = isKnown
        ? 'bears uids of another cluster, and gets those of here'
        : 'gets its claim as controller, and the mark by which Metacontroller knows it';
      yield this.#own(address, claim, allocation, reason);
    }
  }

  /**
   * Whether a block has the length of its pool's. The slice of another has another name, which keeps nobody from a part
   * of it: until it is in view, the pool has to see the IPAddress itself.
   */
  #isRegular({ slice, block }: Allocation): boolean {
    const pool = this.#pools.get(slice.spec.poolRef.uid);
    return pool !== undefined && readPool(pool).ranges?.blockLength === block.length;
  }

  #own(address: IPAddress, claim: IPAddressClaim, { slice }: Allocation, reason: string): Deed {
    const { metadata } = address;
    const uid = claim.metadata.uid ?? '';
    const { labels, annotations, ownerReferences } = ownership(address, claim, slice);
    return {
      why: `IPAddress ${qualifiedName(metadata)}: ${reason}`,
      checks: [{ is: 'alive', path: this.#claimPath(claim.metadata.namespace, claim.metadata.name), uid }],
      act: {
        verb: 'update',
        path: this.#addressPath(metadata.namespace, metadata.name),
        object: {
          ...address,
          metadata: {
            ...metadata,
            labels: { ...metadata.labels, ...labels },
            annotations: { ...metadata.annotations, ...annotations },
            ownerReferences,
          },
        } as IPAddress,
      },
    };
  }

  /** Slices of pools that are gone, which keep a pool of the same name from their pieces. */
  *deleteLeftovers(): Generator<Deed> {
    for (const slice of this.#view.slices) {
      const { metadata, spec } = slice;
      const { poolRef } = spec;
      if (poolRef.apiGroup !== CAPI_IPAM_GROUP || this.#pools.has(poolRef.uid)) continue;
      if (metadata.deletionTimestamp !== undefined || this.#isAwaited(slice)) continue;
      const { isGlobal, resource } = poolKind(poolRef.kind);
      const path: ObjectPath = {
        apiVersion: POOL_API_VERSION,
        resource,
        ...(!isGlobal && metadata.namespace !== undefined && { namespace: metadata.namespace }),
        name: poolRef.name,
      };
      yield {
        why: `AllocationSlice ${qualifiedName(metadata)}: ${poolRef.kind} ${poolRef.name} of then is gone`,
        checks: [{ is: 'gone', path, uid: poolRef.uid }],
        act: {
          verb: 'delete',
          path: pathOfSlice(slice),
          uid: metadata.uid ?? '',
          resourceVersion: metadata.resourceVersion ?? '',
        },
      };
    }
  }

  /** Whether a claim may still make its IPAddress from what the slice says. */
  #isAwaited(slice: AllocationSlice): boolean {
    return Object.values(slice.spec.entries ?? {}).some(
      ({ uid, released }) => released === undefined && this.#claims.has(uid) && !this.#madeFor.has(uid),
    );
  }

  /** The claim that an IPAddress was made for, or that controls it. */
  #claimOf(address: IPAddress): IPAddressClaim | undefined {
    return claimUids(address)
      .map((uid) => this.#claims.get(uid))
      .find((claim) => claim !== undefined);
  }

  /** The claim that an IPAddress without our labels refers to. */
  #claimNamed({ metadata, spec }: IPAddress): IPAddressClaim | undefined {
    const claim = this.#named.get(qualifiedName({ ...metadata, name: spec.claimRef.name }));
    const isSame =
      claim?.spec.poolRef.kind === spec.poolRef.kind && claim.spec.poolRef.name === spec.poolRef.name;
    return isSame ? claim : undefined;
  }

  #has(pool: Pool, name: string): boolean {
    const namespace = sliceNamespace(pool, this.#context.config.installNamespace);
    return this.#view.slices.some(
      ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
    );
  }

  #claimPath(namespace: string | undefined, name: string): ObjectPath {
    return claimPath(namespace, name, this.#context);
  }

  #addressPath(namespace: string | undefined, name: string): ObjectPath {
    return addressPath(namespace, name, this.#context);
  }
}

function byUid<T extends KubernetesObject>(objects: readonly T[]): Map<string, T> {
  return new Map(objects.map((object) => [object.metadata.uid ?? '', object]));
}

function isOf({ metadata, spec }: IPAddress, pool: Pool): boolean {
  const { namespace } = pool.metadata;
  return (
    spec.poolRef.kind === pool.kind &&
    spec.poolRef.name === pool.metadata.name &&
    (namespace === undefined || namespace === metadata.namespace)
  );
}

function pathOfPool({ kind, metadata }: Pool): ObjectPath {
  const { namespace, name } = metadata;
  return {
    apiVersion: POOL_API_VERSION,
    resource: poolKind(kind).resource,
    ...(namespace !== undefined && { namespace }),
    name,
  };
}
