import { formatAddress } from '../address/address.ts';
import { type AddressSpace, allocationName, refusalName } from '../allocation/names.ts';
import { secondsUntilAllIsSeen } from '../allocation/release.ts';
import { ipamApiVersion } from '../claim/api-version.ts';
import { exactInteger } from '../json.ts';
import { setCondition } from '../kubernetes/conditions.ts';
import {
  ADDRESS_SPACE_ANNOTATION,
  ADDRESS_SPACE_LABEL,
  CAPI_IPAM_GROUP,
  CLAIM_UID_LABEL,
  METAIPAM_API_VERSION,
  POOL_LABEL,
  POOL_UID_LABEL,
  RELEASED_AT_ANNOTATION,
} from '../kubernetes/names.ts';
import { isPaused, qualifiedName } from '../kubernetes/object.ts';
import { formatProblem } from '../kubernetes/problem.ts';
import type {
  Condition,
  GlobalInClusterIPPool,
  InClusterIPPool,
  IPAddress,
  IPAddressClaim,
  IPAllocation,
  IPAllocationSpec,
} from '../kubernetes/types.ts';
import {
  type CompositeRequest,
  type CompositeResponse,
  type CustomizeRequest,
  type CustomizeResponse,
  type DesiredObject,
  type HookContext,
  objectsOf,
  type RelatedResourceRule,
} from '../metacontroller/hook.ts';
import { shorten } from '../text.ts';
import { isAddressSpaceName, sharedAddressSpace } from './address-space.ts';
import { poolLabel } from './label.ts';
import { type Plan, type PoolView, planPool, type Standstill, summarize } from './plan.ts';
import { readPool } from './spec.ts';

export type Pool = InClusterIPPool | GlobalInClusterIPPool;

const ALLOCATIONS = `IPAllocation.${METAIPAM_API_VERSION}`;

/** How soon a sync that asked for something new looks again, should Metacontroller have failed silently. */
export const SAFETY_RESYNC_SECONDS = 10;

/**
 * A pool sees its claims, the addresses that it did not give out itself (made by another provider, restored,
 * or moved from another cluster), allocations that an earlier pool of its name left, whose names nobody else can
 * use, and what the neighbours in its address space hold: their allocations, and their addresses too, which after a
 * restore are there before their allocations.
 */
export function customize({ parent }: CustomizeRequest<Pool>, { config }: HookContext): CustomizeResponse {
  const { kind, metadata } = parent;
  const claimsVersion = ipamApiVersion(config);
  const label = poolLabel(kind, metadata.name);
  const notMine = { operator: 'NotIn', values: [metadata.uid ?? ''] } as const;
  const allocations = {
    apiVersion: METAIPAM_API_VERSION,
    resource: 'ipallocations',
    namespace: allocationNamespace(parent, config.installNamespace),
  };
  const inNamespace = (rule: RelatedResourceRule): RelatedResourceRule =>
    metadata.namespace === undefined ? rule : { ...rule, namespace: metadata.namespace };
  return {
    relatedResources: [
      inNamespace({
        apiVersion: claimsVersion,
        resource: 'ipaddressclaims',
        labelSelector: { matchLabels: { [POOL_LABEL]: label } },
      }),
      // A claim that has lost its label, or not got it yet, is no claim that is gone.
      inNamespace({
        apiVersion: claimsVersion,
        resource: 'ipaddressclaims',
        labelSelector: { matchExpressions: [{ key: POOL_LABEL, operator: 'DoesNotExist' }] },
      }),
      inNamespace({
        apiVersion: claimsVersion,
        resource: 'ipaddresses',
        labelSelector: {
          matchLabels: { [POOL_LABEL]: label },
          matchExpressions: [{ key: POOL_UID_LABEL, ...notMine }],
        },
      }),
      inNamespace({
        apiVersion: claimsVersion,
        resource: 'ipaddresses',
        labelSelector: { matchExpressions: [{ key: POOL_LABEL, operator: 'DoesNotExist' }] },
      }),
      inNamespace({
        apiVersion: claimsVersion,
        resource: 'ipaddresses',
        labelSelector: {
          matchExpressions: [
            { key: ADDRESS_SPACE_LABEL, operator: 'Exists' },
            { key: POOL_UID_LABEL, ...notMine },
          ],
        },
      }),
      {
        ...allocations,
        labelSelector: {
          matchLabels: { [POOL_LABEL]: label },
          matchExpressions: [{ key: 'controller-uid', ...notMine }],
        },
      },
      {
        ...allocations,
        labelSelector: {
          matchExpressions: [
            { key: ADDRESS_SPACE_LABEL, operator: 'Exists' },
            { key: 'controller-uid', ...notMine },
          ],
        },
      },
    ],
  };
}

/** Serves all claims of the pool at once. */
export function sync(request: CompositeRequest<Pool>, context: HookContext): CompositeResponse {
  return respond(request, context, standstillOf(request.parent));
}

/** Gives out nothing new; the pool stays until the last claim that holds an address of it is gone. */
export function finalize(request: CompositeRequest<Pool>, context: HookContext): CompositeResponse {
  const standstill = isPaused(request.parent)
    ? standstillOf(request.parent)
    : ({ reason: 'Deleting', message: 'is being deleted' } as const);
  const response = respond(request, context, standstill);
  const view = viewOf(request, context);
  const held = response.children.some(({ spec }) => (spec as IPAllocationSpec).address !== undefined);
  const bound = view.claims.some(({ status }) => status?.addressRef !== undefined);
  if (held || bound) return { ...response, finalized: false };
  const unseen = secondsUntilAllIsSeen(request.parent, context);
  if (unseen > 0) return { ...response, finalized: false, resyncAfterSeconds: unseen };
  return { ...response, children: [], finalized: true };
}

function respond(
  request: CompositeRequest<Pool>,
  context: HookContext,
  standstill: Standstill | undefined,
): CompositeResponse {
  const { parent } = request;
  const plan = planPool(viewOf(request, context), standstill, context);
  const namespace = allocationNamespace(parent, context.config.installNamespace);
  const children = [
    ...plan.kept.map(({ allocation, releasedAt }) => keptAllocation(allocation, releasedAt)),
    ...plan.added.map((grant) => newAllocation(parent, namespace, grant)),
    ...plan.refused.map(({ claim, refusal }) => ({
      ...allocationHead(
        refusalName(claim.metadata.uid ?? '', refusal.reason, refusal.message),
        namespace,
        claim,
      ),
      spec: { poolRef: poolReference(parent), claimRef: claimReference(claim), refusal },
    })),
  ];
  const resync = Math.min(
    plan.expiresInSeconds ?? Number.POSITIVE_INFINITY,
    plan.added.length > 0 ? SAFETY_RESYNC_SECONDS : Number.POSITIVE_INFINITY,
  );
  return {
    status: poolStatus(parent, plan, context.now),
    children,
    ...(Number.isFinite(resync) && { resyncAfterSeconds: resync }),
  };
}

/** Why the pool gives out nothing now, as far as the pool alone tells. */
function standstillOf(pool: Pool): Standstill | undefined {
  if (isPaused(pool)) return { reason: 'Paused', message: 'is paused' };
  const space = sharedAddressSpace(pool);
  if (space !== undefined && !isAddressSpaceName(space)) {
    return {
      reason: 'InvalidSpec',
      message: `has an annotation ${ADDRESS_SPACE_ANNOTATION} that is not a DNS name of at most 63 characters`,
    };
  }
  const { problems } = readPool(pool.spec);
  if (problems.length === 0) return undefined;
  return { reason: 'InvalidSpec', message: shorten(`is invalid: ${problems.map(formatProblem).join('; ')}`) };
}

function viewOf(request: CompositeRequest<Pool>, { config }: HookContext): PoolView {
  const { parent } = request;
  const { kind, metadata } = parent;
  const capi = ipamApiVersion(config);
  const isMine = ({ metadata: { namespace }, spec }: IPAddressClaim | IPAddress): boolean =>
    spec?.poolRef?.kind === kind &&
    spec.poolRef.name === metadata.name &&
    spec.poolRef.apiGroup === CAPI_IPAM_GROUP &&
    (metadata.namespace === undefined || metadata.namespace === namespace);
  const space = sharedAddressSpace(parent);
  const label = poolLabel(kind, metadata.name);
  const isLeftover = (allocation: IPAllocation) => allocation.metadata.labels?.[POOL_LABEL] === label;
  const isNeighbour = (object: IPAllocation | IPAddress): boolean =>
    space !== undefined && object.metadata.labels?.[ADDRESS_SPACE_LABEL] === space;
  const addresses = objectsOf<IPAddress>(request, 'related', `IPAddress.${capi}`);
  const others = objectsOf<IPAllocation>(request, 'related', ALLOCATIONS);
  return {
    title: `${kind} ${qualifiedName(metadata)}`,
    ranges: readPool(parent.spec).ranges,
    claims: objectsOf<IPAddressClaim>(request, 'related', `IPAddressClaim.${capi}`).filter(isMine),
    allocations: objectsOf<IPAllocation>(request, 'children', ALLOCATIONS),
    foreign: addresses.filter(isMine),
    leftovers: others.filter(isLeftover),
    neighbours: others.filter((allocation) => isNeighbour(allocation) && !isLeftover(allocation)),
    neighbourAddresses: addresses.filter((address) => isNeighbour(address) && !isMine(address)),
  };
}

/** Namespaced pools keep their allocations beside themselves, cluster-scoped ones in the install's namespace. */
function allocationNamespace({ metadata }: Pool, installNamespace: string): string {
  return metadata.namespace ?? installNamespace;
}

function addressSpace(pool: Pool): AddressSpace {
  const shared = sharedAddressSpace(pool);
  if (shared !== undefined) return { name: shared, marker: 'shared' };
  return { name: pool.metadata.name, marker: pool.kind === 'GlobalInClusterIPPool' ? 'global' : '' };
}

/** The allocation as it is, so that Metacontroller finds nothing to change but the mark of its release. */
function keptAllocation({ metadata, spec }: IPAllocation, releasedAt: string | undefined): DesiredObject {
  const { [POOL_LABEL]: pool, [ADDRESS_SPACE_LABEL]: space } = metadata.labels ?? {};
  return {
    apiVersion: METAIPAM_API_VERSION,
    kind: 'IPAllocation',
    metadata: {
      name: metadata.name,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      labels: {
        [CLAIM_UID_LABEL]: spec.claimRef.uid,
        ...(pool !== undefined && { [POOL_LABEL]: pool }),
        ...(space !== undefined && { [ADDRESS_SPACE_LABEL]: space }),
      },
      ...(releasedAt !== undefined && { annotations: { [RELEASED_AT_ANNOTATION]: releasedAt } }),
    },
    spec,
  };
}

function newAllocation(
  pool: Pool,
  namespace: string,
  { claim, address, adopted }: Plan['added'][number],
): DesiredObject {
  const space = addressSpace(pool);
  const head = allocationHead(allocationName(space, address), namespace, claim);
  head.metadata.labels[POOL_LABEL] = poolLabel(pool.kind, pool.metadata.name);
  if (space.marker === 'shared') head.metadata.labels[ADDRESS_SPACE_LABEL] = space.name;
  const { prefix, gateway } = adopted?.spec ?? pool.spec;
  const spec: IPAllocationSpec = {
    poolRef: poolReference(pool),
    claimRef: claimReference(claim),
    address: formatAddress(address),
    prefix,
    ...(gateway && { gateway }),
    ...(adopted && { adopted: true }),
  };
  return { ...head, spec };
}

function allocationHead(name: string, namespace: string, claim: IPAddressClaim) {
  const labels: Record<string, string> = { [CLAIM_UID_LABEL]: claim.metadata.uid ?? '' };
  return { apiVersion: METAIPAM_API_VERSION, kind: 'IPAllocation', metadata: { name, namespace, labels } };
}

function poolReference({ kind, metadata }: Pool): IPAllocationSpec['poolRef'] {
  return { apiGroup: CAPI_IPAM_GROUP, kind, name: metadata.name, uid: metadata.uid ?? '' };
}

function claimReference({ metadata }: IPAddressClaim): IPAllocationSpec['claimRef'] {
  const { name, namespace, uid } = metadata;
  return {
    apiGroup: CAPI_IPAM_GROUP,
    kind: 'IPAddressClaim',
    ...(namespace && { namespace }),
    name,
    uid: uid ?? '',
  };
}

function poolStatus(pool: Pool, plan: Plan, now: number): object {
  const { total, used, free, outOfRange, pending } = plan.counts;
  const conditions = poolConditions(plan).reduce(
    (previous, condition) => setCondition(previous, condition, now),
    [...(pool.status?.conditions ?? [])],
  );
  return {
    ipAddresses: {
      total: exactInteger(cap(total)),
      used: exactInteger(cap(used)),
      free: exactInteger(cap(free)),
      outOfRange: exactInteger(cap(outOfRange)),
      pending,
    },
    conditions,
  };
}

/** Counts are int64 in the API. */
function cap(count: bigint): bigint {
  const max = 2n ** 63n - 1n;
  return count > max ? max : count;
}

function poolConditions({ standstill, counts, outOfRange }: Plan): Omit<Condition, 'lastTransitionTime'>[] {
  const exhausted = counts.free === 0n && counts.total > 0n;
  return [
    standstill === undefined
      ? { type: 'Ready', status: 'True', reason: 'PoolReady', message: '' }
      : { type: 'Ready', status: 'False', reason: standstill.reason, message: standstill.message },
    exhausted
      ? { type: 'Exhausted', status: 'True', reason: 'NoFreeAddress', message: 'every address is in use' }
      : { type: 'Exhausted', status: 'False', reason: 'AddressesFree', message: '' },
    counts.outOfRange > 0n
      ? {
          type: 'OutOfRange',
          status: 'True',
          reason: 'AddressesOutsidePool',
          message: `in use but no longer part of the pool: ${summarize(outOfRange)}`,
        }
      : { type: 'OutOfRange', status: 'False', reason: 'AllInPool', message: '' },
  ];
}
