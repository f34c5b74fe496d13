/** What a pool gets to see: which objects it asks for, and what they are to it. */
import { lostSlices } from '../allocation/lost.ts';
import { isMisnamed } from '../allocation/slice.ts';
import {
  ADDRESS_SPACE_LABEL,
  CAPI_IPAM_GROUP,
  CONTROLLER_UID_LABEL,
  OPEN,
  POOL_LABEL,
  POOL_UID_LABEL,
  SETTLED_LABEL,
} from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { poolKind } from '../kubernetes/pool-kinds.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import { ipamApiVersion } from '../metacontroller/api-version.ts';
import { addressGroup, claimGroup, NAMESPACES, SLICES } from '../metacontroller/groups.ts';
import {
  type CompositeRequest,
  type CustomizeResponse,
  type HookConfig,
  type LabelSelector,
  type LabelSelectorRequirement,
  objectsOf,
  type ParentType,
  type RelatedResourceRule,
} from '../metacontroller/hook.ts';
import { slicesBy } from '../metacontroller/slice-rule.ts';
import { sharedAddressSpace } from './address-space.ts';
import { poolLabel } from './label.ts';
import { isPrefixPool, type Pool, readPool, sliceNamespace, sliceNamespaceOfAddress } from './pool.ts';
import { isWatched } from './reference.ts';

export interface PoolView {
  readonly pool: Pool;
  /** Those that are admitted and not settled with the pool; all of them when it is being deleted. */
  readonly claims: readonly IPAddressClaim[];
  readonly slices: readonly AllocationSlice[];
  /** Names of slices that the pool's status lists and that are not in view. */
  readonly lost: readonly string[];
  /** IPAddresses that refer to the pool and that it did not give, as far as labels tell. */
  readonly foreign: readonly IPAddress[];
  /** IPAddresses that the pool gave; only looked at when it is being deleted. */
  readonly given: readonly IPAddress[];
  /** Slices of other pools in the same address space. */
  readonly neighbours: readonly AllocationSlice[];
  /** IPAddresses of other pools in the same address space. */
  readonly neighbourAddresses: readonly IPAddress[];
  /** Slices of an earlier pool of the same name: of one that was deleted, restored or moved here. */
  readonly leftovers: readonly AllocationSlice[];
  /** Slices of the pool or its address space that have another name than their piece. Some are its own. */
  readonly misnamed: readonly AllocationSlice[];
  /** Names of the namespaces whose claims the pool serves; undefined if it serves all, or nobody can tell. */
  readonly allowed: ReadonlySet<string> | undefined;
}

/**
 * A pool asks for its claims that are not settled, the addresses that it did not give out itself (made by another
 * provider, restored, or moved from another cluster), slices that an earlier pool of its name left, whose names
 * nobody else can use, and what the neighbours in its address space hold: their slices, and their addresses too,
 * which after a restore are there before their slices. One that does not serve every namespace asks for those that it
 * serves.
 *
 * One that is being deleted asks for all that is its own, settled or not: its end has to wait for it, whatever has
 * become of its slices. (Deletion counts as a new generation, so Metacontroller asks again.)
 */
export function poolRelated(pool: Pool, config: HookConfig): CustomizeResponse {
  const { kind, metadata } = pool;
  const isDeleting = metadata.deletionTimestamp !== undefined;
  const { allowedNamespaces } = readPool(pool).ranges ?? {};
  const mayShare = !isPrefixPool(pool);
  const mine = { [POOL_LABEL]: poolLabel(kind, metadata.name) };
  const notMine = (key: string): LabelSelectorRequirement => ({
    key,
    operator: 'NotIn',
    values: [metadata.uid ?? ''],
  });
  const isSet = (key: string): LabelSelectorRequirement => ({ key, operator: 'Exists' });
  const inNamespace = (resource: string, labelSelector: LabelSelector): RelatedResourceRule => ({
    apiVersion: ipamApiVersion(config),
    resource,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    labelSelector,
  });
  const slices = (labelSelector: LabelSelector): RelatedResourceRule =>
    slicesBy(sliceNamespace(pool, config.installNamespace), labelSelector);
  return {
    relatedResources: [
      inNamespace('ipaddressclaims', {
        matchLabels: mine,
        ...(!isDeleting && { matchExpressions: [isSet(SETTLED_LABEL), notMine(SETTLED_LABEL)] }),
      }),
      inNamespace('ipaddresses', {
        matchLabels: mine,
        ...(!isDeleting && { matchExpressions: [notMine(POOL_UID_LABEL)] }),
      }),
      inNamespace('ipaddresses', { matchExpressions: [{ key: POOL_LABEL, operator: 'DoesNotExist' }] }),
      ...(mayShare
        ? [
            inNamespace('ipaddresses', {
              matchExpressions: [isSet(ADDRESS_SPACE_LABEL), notMine(POOL_UID_LABEL)],
            }),
          ]
        : []),
      slices({
        matchLabels: mine,
        ...(!isDeleting && { matchExpressions: [notMine(CONTROLLER_UID_LABEL)] }),
      }),
      ...(mayShare
        ? [slices({ matchExpressions: [isSet(ADDRESS_SPACE_LABEL), notMine(CONTROLLER_UID_LABEL)] })]
        : []),
      ...(allowedNamespaces === undefined
        ? []
        : [{ apiVersion: 'v1', resource: 'namespaces', labelSelector: allowedNamespaces }]),
    ],
  };
}

/** What requests of the pools of a kind have in them. */
export function poolParent(kind: Pool['kind']): ParentType {
  return {
    type: 'composite',
    kind,
    groups: (config) => ({
      own: [SLICES],
      related: [
        claimGroup(config),
        addressGroup(config),
        SLICES,
        ...(poolKind(kind).isGlobal ? [NAMESPACES] : []),
      ],
    }),
  };
}

/** Throws MissingObjects. */
export function readPoolRequest(request: CompositeRequest<Pool>, config: HookConfig): PoolView {
  const slices = objectsOf<AllocationSlice>(request, 'children', SLICES);
  const names = new Set(slices.map((slice) => slice.metadata.name));
  const objects = {
    claims: objectsOf<IPAddressClaim>(request, 'related', claimGroup(config)).filter(
      (claim) => isWatched(claim, config) || claim.metadata.labels?.[SETTLED_LABEL] !== OPEN,
    ),
    addresses: objectsOf<IPAddress>(request, 'related', addressGroup(config)),
    slices,
    otherSlices: objectsOf<AllocationSlice>(request, 'related', SLICES).filter(
      (slice) => !names.has(slice.metadata.name),
    ),
    ...(readPool(request.parent).ranges?.allowedNamespaces !== undefined && {
      namespaces: objectsOf<KubernetesObject>(request, 'related', NAMESPACES),
    }),
  };
  return poolViewOf(request.parent, objects, config.installNamespace);
}

/** What the rules of `poolRelated` find for a pool, and its own slices. */
interface PoolObjects {
  readonly claims: readonly IPAddressClaim[];
  readonly addresses: readonly IPAddress[];
  readonly slices: readonly AllocationSlice[];
  readonly otherSlices: readonly AllocationSlice[];
  /** Those that the pool serves, if it does not serve all. */
  readonly namespaces?: readonly KubernetesObject[];
}

/** What each of the objects is to the pool. */
export function poolViewOf(
  pool: Pool,
  { claims, addresses, slices, otherSlices, namespaces }: PoolObjects,
  installNamespace: string,
): PoolView {
  const { kind, metadata } = pool;
  const isMine = ({ metadata: { namespace }, spec }: IPAddressClaim | IPAddress): boolean =>
    spec?.poolRef?.kind === kind &&
    spec.poolRef.name === metadata.name &&
    spec.poolRef.apiGroup === CAPI_IPAM_GROUP &&
    (metadata.namespace === undefined || metadata.namespace === namespace);
  const space = sharedAddressSpace(pool);
  const label = poolLabel(kind, metadata.name);
  const isLeftover = ({ metadata: { labels } }: AllocationSlice) => labels?.[POOL_LABEL] === label;
  const isNeighbour = ({ metadata: { labels } }: AllocationSlice | IPAddress): boolean =>
    space !== undefined && labels?.[ADDRESS_SPACE_LABEL] === space;
  const isNear = (address: IPAddress) =>
    sliceNamespaceOfAddress(address, installNamespace) === sliceNamespace(pool, installNamespace);
  const isGiven = (address: IPAddress) => address.metadata.labels?.[POOL_UID_LABEL] === metadata.uid;
  const own = addresses.filter(isMine);
  const others = otherSlices.filter((slice) => !isMisnamed(slice));
  return {
    pool,
    claims: claims.filter(isMine),
    slices,
    // One of its own that it is not the owner of any more is lost to it as well.
    lost: lostSlices(pool, [
      ...slices,
      ...otherSlices.filter(({ spec }) => spec.poolRef.uid !== metadata.uid),
    ]),
    foreign: own.filter((address) => !isGiven(address)),
    given: own.filter(isGiven),
    neighbours: others.filter((slice) => isNeighbour(slice) && !isLeftover(slice)),
    neighbourAddresses: addresses.filter(
      (address) => isNeighbour(address) && isNear(address) && !isMine(address),
    ),
    leftovers: others.filter(isLeftover),
    misnamed: [...slices, ...otherSlices.filter((each) => isLeftover(each) || isNeighbour(each))].filter(
      isMisnamed,
    ),
    allowed: namespaces && new Set(namespaces.map(({ metadata: { name } }) => name)),
  };
}
