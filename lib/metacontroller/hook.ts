/**
 * What Metacontroller and a hook say to each other (hook version v2).
 *
 * The shapes are Metacontroller's: `pkg/controller/{composite,decorator}/api/v2` and
 * `pkg/controller/common/customize`. Responses are decoded strictly there: an unknown field fails the sync.
 */
import type { KubernetesObject, OwnerReference } from '../kubernetes/object.ts';

/** Objects of one kind, keyed `namespace/name`, or `name` when cluster-scoped. */
export type Objects<T extends KubernetesObject = KubernetesObject> = Record<string, T>;

/** Objects by `Kind.group/version`, for example `IPAddress.ipam.cluster.x-k8s.io/v1beta2` or `Node.v1`. */
export type ObjectMap = Record<string, Objects>;

export interface CompositeRequest<P extends KubernetesObject> {
  readonly controller?: KubernetesObject;
  readonly parent: P;
  readonly children: ObjectMap;
  readonly related: ObjectMap;
  readonly finalizing?: boolean;
}

export interface CompositeResponse {
  status?: object;
  children: DesiredObject[];
  resyncAfterSeconds?: number;
  /** Only read from a finalize hook. */
  finalized?: boolean;
}

export interface DecoratorRequest<P extends KubernetesObject> {
  readonly controller?: KubernetesObject;
  readonly object: P;
  readonly attachments: ObjectMap;
  readonly related: ObjectMap;
  readonly finalizing?: boolean;
}

export interface DecoratorResponse {
  /** Keys to set on the parent; `null` removes a key, an absent key is left alone. */
  labels?: Record<string, string | null>;
  /** Keys to set on the parent; `null` removes a key, an absent key is left alone. */
  annotations?: Record<string, string | null>;
  /** The parent's whole status; `null` or absent leaves it unchanged. */
  status?: object | null;
  attachments: DesiredObject[];
  resyncAfterSeconds?: number;
  /** Only read from a finalize hook. */
  finalized?: boolean;
}

export interface CustomizeRequest<P extends KubernetesObject> {
  readonly controller?: KubernetesObject;
  readonly parent: P;
}

export interface CustomizeResponse {
  relatedResources: RelatedResourceRule[];
}

/** `names` cannot be combined with a selector. Without `namespace`, objects of every namespace match. */
export interface RelatedResourceRule {
  apiVersion: string;
  resource: string;
  namespace?: string;
  names?: readonly string[];
  labelSelector?: LabelSelector;
}

export interface LabelSelector {
  matchLabels?: Readonly<Record<string, string>>;
  matchExpressions?: readonly LabelSelectorRequirement[];
}

export interface LabelSelectorRequirement {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: readonly string[];
}

/** A child or attachment as a hook wants it: Metacontroller applies it and adds its own owner reference. */
export interface DesiredObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Readonly<Record<string, string>>;
    annotations?: Readonly<Record<string, string>>;
    ownerReferences?: readonly OwnerReference[];
  };
  spec?: object;
}

/** What a hook may know beside its request. Hooks have no clock and read no environment. */
export interface HookContext {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly config: HookConfig;
}

export interface HookConfig {
  /** Holds the allocations of cluster-scoped pools and of pod networks. */
  readonly installNamespace: string;
  /** The version of IPAddressClaim, IPAddress and Cluster that the hooks speak. */
  readonly clusterApiVersion: 'v1beta2' | 'v1beta1';
  /** Whether Cluster objects exist here, so that a claim that names a cluster waits for it. */
  readonly watchClusters: boolean;
  /**
   * Whether ServiceCIDR objects exist here, and say which addresses Services have. Metacontroller syncs nothing that is
   * related to a kind which the API server does not have.
   */
  readonly watchServiceCIDRs: boolean;
  /** Of which namespace and with which watch-filter claims are given anything; absent for all. */
  readonly watchNamespace?: string;
  readonly watchFilter?: string;
  /** How many seconds one of Metacontroller's caches may lag behind another. */
  readonly cacheLagSeconds: number;
}

export const DEFAULT_CONFIG: HookConfig = {
  installNamespace: 'metaipam-system',
  clusterApiVersion: 'v1beta2',
  watchClusters: true,
  watchServiceCIDRs: false,
  cacheLagSeconds: 30,
};

/** What Metacontroller sends a controller: which envelope, around which kind. */
export interface ParentType {
  readonly type: 'composite' | 'decorator';
  readonly kind: string;
  /** The groups of objects that requests of its sync and finalize hooks have, even if empty. */
  readonly groups?: (config: HookConfig) => {
    /** Children or attachments. */
    readonly own?: readonly string[];
    readonly related?: readonly string[];
  };
}

/**
 * One controller's hooks. Every function is pure: it mutates nothing it is given, and the same request and
 * context give the same answer, byte for byte.
 *
 * Metacontroller sends a parent's deletion to `finalize` where a controller has one, else to `sync`.
 */
export interface Controller {
  readonly parent: ParentType;
  readonly sync: Hook;
  readonly customize?: Hook;
  readonly finalize?: Hook;
}

/** A hook as its callers see it, who know a request only as JSON. */
export type Hook = (request: never, context: HookContext) => object;

/**
 * A request without a group of objects that the hook asked for.
 *
 * Metacontroller sends each group it was asked for, even an empty one. A missing one means that it still goes by
 * an older answer of the customize hook, and must not be taken for "there are none": that would release what is
 * in use.
 */
export class MissingObjects extends Error {
  /** Path into the request: `related.IPAddressClaim.ipam.cluster.x-k8s.io/v1beta2`. */
  readonly field: string;

  constructor(field: string) {
    super(
      `${field} is missing: it must be there even if it is empty. Metacontroller keeps the answers of customize ` +
        'hooks for 20 minutes; restart it after a change of settings',
    );
    this.field = field;
  }
}

type Envelope = { readonly [K in 'children' | 'attachments' | 'related']?: ObjectMap };

/** The objects of one kind in a request, in the order of their keys. Throws MissingObjects. */
export function objectsOf<T extends KubernetesObject>(
  request: Envelope,
  part: keyof Envelope,
  key: string,
): T[] {
  const objects = request[part]?.[key];
  if (objects === undefined) throw new MissingObjects(`${part}.${key}`);
  return Object.keys(objects)
    .sort()
    .map((name) => objects[name] as T);
}
