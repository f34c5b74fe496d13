/** What a PodNetwork gets to see: which objects it asks for, and what they are to it. */
import { type Block, type Prefix, parseBlock, parsePrefix, type Range } from '../address/range.ts';
import { newestVersion } from '../allocation/hold.ts';
import { isLongMissing, lostPieces, lostSlices } from '../allocation/lost.ts';
import { withheldByMisnamed } from '../allocation/misnamed.ts';
import { allocationsOf, extentOfSlice, isEnding, isMisnamed } from '../allocation/slice.ts';
import type { ServiceCIDR } from '../kubernetes/core-types.ts';
import { isLabelValue, labelValue } from '../kubernetes/label-value.ts';
import {
  CLUSTER_CIDR_API_VERSION,
  CONTROLLER_UID_LABEL,
  DEFAULT_NETWORK,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
  SERVICE_CIDR_API_VERSION,
} from '../kubernetes/names.ts';
import { compareAge, compareText } from '../kubernetes/object.ts';
import { formatProblem, type Problem } from '../kubernetes/problem.ts';
import type {
  AdditionalBlocks,
  AllocationSlice,
  ClusterCIDR,
  NodeReservation,
  PodCIDRClaim,
  PodNetwork,
} from '../kubernetes/types.ts';
import { CLUSTER_CIDRS, POD_CIDR_CLAIMS, SERVICE_CIDRS, SLICES } from '../metacontroller/groups.ts';
import {
  type CompositeRequest,
  type CustomizeResponse,
  type HookConfig,
  type HookContext,
  objectsOf,
  type RelatedResourceRule,
} from '../metacontroller/hook.ts';
import { slicesBy } from '../metacontroller/slice-rule.ts';
import { type BlockPool, readBlockPool, sharedSubnets } from './block-pool.ts';
import { labelKeysDigest } from './network-slices.ts';
import { nodeAnnotationKey } from './node-annotation-key.ts';
import { NodeRanges, type RangeSettings, rangeSettings } from './node-ranges.ts';
import type { NetworkView, NodeView, Returning } from './plan.ts';
import { parsePodCIDR } from './pod-cidr.ts';
import { primaryFamilyOf } from './primary-family.ts';
import { comparePools } from './priority.ts';
import { validatePodNetwork } from './validate.ts';

/** The reason of an answer to a node: blocks wait for it. */
export const RETURNING = 'Returning';

/** The objects that decide what a network gives out. */
interface NetworkObjects {
  readonly network: PodNetwork;
  /** All of the cluster. */
  readonly claims: readonly PodCIDRClaim[];
  /** Those of the network. */
  readonly clusterCIDRs: readonly ClusterCIDR[];
  /** Those of the cluster, as far as they concern the network. */
  readonly serviceCIDRs: readonly ServiceCIDR[];
  readonly slices: readonly AllocationSlice[];
  /** Slices that an earlier network of the same name left: nobody else can use their names. */
  readonly leftovers: readonly AllocationSlice[];
}

/** The same, read. */
export interface NetworkReading extends NetworkView {
  readonly objects: NetworkObjects;
  /** What is wrong with the PodNetwork itself. */
  readonly problems: readonly Problem[];
  /** ClusterCIDRs that give nothing, with what is wrong. */
  readonly invalidClusterCIDRs: readonly { clusterCIDR: ClusterCIDR; message: string }[];
  /** What nodes are told of their blocks, as the PodNetwork and its ClusterCIDRs have it, whatever it is. */
  readonly settings: RangeSettings;
  /** Names of slices that the network's status lists and that are not in view. */
  readonly lost: readonly string[];
  /** Its slices that have another name than their piece. */
  readonly misnamed: readonly AllocationSlice[];
  /** The keys of the node labels that its ClusterCIDRs select by, sorted. */
  readonly labelKeys: readonly string[];
}

/**
 * A network sees every node, its own ClusterCIDRs (those without a label are `default`'s), and slices of an earlier
 * network of its name.
 */
export function networkRelated({ metadata }: PodNetwork, config: HookConfig): CustomizeResponse {
  const { name, uid = '' } = metadata;
  const mine = { [NETWORK_LABEL]: labelValue(name) };
  const clusterCIDRs = { apiVersion: CLUSTER_CIDR_API_VERSION, resource: 'clustercidrs' };
  const relatedResources: RelatedResourceRule[] = [
    { apiVersion: METAIPAM_API_VERSION, resource: 'podcidrclaims' },
    { ...clusterCIDRs, labelSelector: { matchLabels: mine } },
    slicesBy(config.installNamespace, {
      matchLabels: mine,
      matchExpressions: [{ key: CONTROLLER_UID_LABEL, operator: 'NotIn', values: [uid] }],
    }),
  ];
  if (name === DEFAULT_NETWORK) {
    const matchExpressions = [{ key: NETWORK_LABEL, operator: 'DoesNotExist' as const }];
    relatedResources.push({ ...clusterCIDRs, labelSelector: { matchExpressions } });
    if (config.watchServiceCIDRs) {
      relatedResources.push({ apiVersion: SERVICE_CIDR_API_VERSION, resource: 'servicecidrs' });
    }
  }
  return { relatedResources };
}

/** Throws MissingObjects. */
export function networkObjects(
  request: CompositeRequest<PodNetwork>,
  { watchServiceCIDRs }: HookConfig,
): NetworkObjects {
  const looksAtServices = watchServiceCIDRs && request.parent.metadata.name === DEFAULT_NETWORK;
  const slices = objectsOf<AllocationSlice>(request, 'children', SLICES);
  const names = new Set(slices.map(({ metadata }) => metadata.name));
  return {
    network: request.parent,
    claims: objectsOf(request, 'related', POD_CIDR_CLAIMS),
    clusterCIDRs: objectsOf(request, 'related', CLUSTER_CIDRS),
    serviceCIDRs: looksAtServices ? objectsOf(request, 'related', SERVICE_CIDRS) : [],
    slices,
    leftovers: objectsOf<AllocationSlice>(request, 'related', SLICES).filter(
      ({ metadata }) => !names.has(metadata.name),
    ),
  };
}

/** With a context, slices that have been missing for long are not waited for: their blocks are found again on nodes. */
export function readNetwork(objects: NetworkObjects, context?: HookContext): NetworkReading {
  const { network, clusterCIDRs, slices, leftovers } = objects;
  const { metadata, spec, status } = network;
  const isDefault = metadata.name === DEFAULT_NETWORK;
  const claims = objects.claims.toSorted(compareAge);
  const problems = validatePodNetwork(metadata.name, spec);
  const readings = clusterCIDRs.map((clusterCIDR) => ({ clusterCIDR, ...readBlockPool(clusterCIDR) }));
  const pools = readings.flatMap(({ pool }) => pool ?? []).sort(comparePools);
  const settings = rangeSettings(spec, isDefault ? [] : sharedSubnets(clusterCIDRs));
  const labelKeys = labelKeysOf(pools);
  const annotation =
    isDefault || problems.length > 0 ? undefined : nodeAnnotationKey(metadata.name, spec.annotation);
  const isLongLost = context !== undefined && isLongMissing(status?.conditions, context);
  const lost = isLongLost ? [] : lostSlices(network, [...slices, ...leftovers]);
  const pieces = [...slices.filter(isEnding), ...leftovers]
    .filter((slice) => !isMisnamed(slice))
    .flatMap((slice) => extentOfSlice(slice) ?? []);
  const misnamed = [...slices, ...leftovers].filter(isMisnamed);
  const grace = spec?.reuseGracePeriodSeconds;
  const newestClaimVersion = newestVersion(claims);
  return {
    objects,
    problems,
    ...readClaims(claims, metadata.name, labelKeys, annotation),
    awaitsEveryNode: isDefault && clusterCIDRs.length > 0,
    isDefault,
    primaryFamily: primaryFamilyOf(spec),
    settings,
    ranges: new NodeRanges(problems.length === 0 ? settings : {}),
    pools,
    invalidClusterCIDRs: readings
      .filter(({ pool }) => pool === undefined)
      .map(({ clusterCIDR, problems }) => ({ clusterCIDR, message: problems.map(formatProblem).join('; ') })),
    allocations: allocationsOf(slices),
    lost,
    // What is lost is found again on its nodes, once nobody is served any more.
    blocked: [
      ...pieces,
      ...withheldByMisnamed(misnamed).map(({ block }) => block),
      ...(metadata.deletionTimestamp === undefined ? lostPieces(lost) : []),
    ],
    misnamed,
    services: serviceRanges(network, objects.serviceCIDRs),
    labelKeys,
    reservations: readReservations(spec),
    additionalBlocks: readAdditionalBlocks(spec),
    returning: readReturning(slices),
    reuseGracePeriodSeconds: typeof grace === 'number' ? grace : 0,
    ...(newestClaimVersion !== undefined && { newestClaimVersion }),
  };
}

/**
 * The ranges of Services that a network leaves alone: those of its list, and those of the cluster's ServiceCIDRs, whose
 * addresses the pods of `default` use.
 */
export function serviceRanges(
  { metadata, spec }: PodNetwork,
  serviceCIDRs: readonly ServiceCIDR[],
): Prefix[] {
  const ofCluster = metadata.name === DEFAULT_NETWORK ? serviceCIDRs : [];
  return [spec?.serviceCIDRs, ...ofCluster.map((each) => each.spec?.cidrs)]
    .flatMap(texts)
    .flatMap((text) => parsePrefix(text) ?? []);
}

/** By the name of the node; the first of several counts. */
function readReservations(spec: PodNetwork['spec'] | undefined): Map<string, readonly Block[]> {
  const given: unknown = spec?.reservations;
  const reservations = new Map<string, readonly Block[]>();
  for (const each of Array.isArray(given) ? (given as (NodeReservation | null)[]) : []) {
    if (each === null) continue;
    const { node, blocks } = each;
    const read = texts(blocks).flatMap((text) => parseBlock(text) ?? []);
    if (read.length > 0 && !reservations.has(node)) reservations.set(node, read);
  }
  return reservations;
}

/** How many, by the name of the node. */
export function readAdditionalBlocks(spec: PodNetwork['spec'] | undefined): Map<string, number> {
  const given: unknown = spec?.additionalBlocks;
  const list = Array.isArray(given) ? (given as AdditionalBlocks[]) : [];
  return new Map(list.map((each) => [each?.node, each?.count]));
}

function readReturning(slices: readonly AllocationSlice[]): Map<string, Returning> {
  return new Map(
    slices
      .flatMap(({ spec }) => Object.entries(spec.answers ?? {}))
      .flatMap(([uid, { reason, blocks, released }]) =>
        reason === RETURNING && blocks && released ? [[uid, { blocks, released }]] : [],
      ),
  );
}

/** The keys of the node labels that ClusterCIDRs select by, sorted. */
export function labelKeysOf(pools: readonly BlockPool[]): string[] {
  return [...new Set(pools.flatMap(({ selector }) => selector?.labelKeys ?? []))].sort(compareText);
}

/**
 * The nodes, in the order of their claims, with what they have of the network. podCIDRs of claims that name no node,
 * or one that an older claim names, are still somebody's: they are `stray`.
 *
 * @param annotation the key of the node annotation of a secondary network
 */
function readClaims(
  claims: readonly PodCIDRClaim[],
  network: string,
  labelKeys: readonly string[],
  annotation: string | undefined,
): { nodes: NodeView[]; stray: Range[] } {
  const digest = labelKeysDigest(labelKeys);
  const nodes = new Map<string, NodeView>();
  const stray: Prefix[] = [];
  for (const { metadata, spec } of claims) {
    const { name } = metadata;
    const uid = spec?.nodeUID;
    const podCIDRs = annotation === undefined ? texts(spec?.podCIDRs) : [];
    const blocks = podCIDRs.map(parsePodCIDR).filter((block) => block !== undefined);
    if (typeof uid !== 'string' || !uid || !isLabelValue(uid) || nodes.has(uid)) {
      stray.push(...blocks);
      continue;
    }
    const knowsLabels = labelKeys.length === 0 || spec.labelKeys?.[network] === digest;
    const shown = annotation === undefined ? undefined : spec.nodeAnnotations?.[annotation];
    nodes.set(uid, {
      uid,
      name,
      labels: spec.nodeLabels ?? {},
      knowsLabels,
      podCIDRs,
      blocks,
      ...(typeof shown === 'string' && { shown }),
    });
  }
  return { nodes: [...nodes.values()], stray };
}

function texts(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((text) => typeof text === 'string') : [];
}
