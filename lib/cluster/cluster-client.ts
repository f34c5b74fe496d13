/** The few requests that the binder, the janitor and whoever looks at a cluster make of the API server. */

import {
  ApiException,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type KubernetesListObject,
  type KubernetesObject,
  ListWatch,
  Observable,
  type ObservableMiddleware,
  PatchStrategy,
  setHeaderMiddleware,
  type V1Lease,
  V1MicroTime,
  Watch,
} from '@kubernetes/client-node';
import type { Node } from '../kubernetes/core-types.ts';
import { METACONTROLLER } from '../kubernetes/names.ts';
import type { KubernetesObject as KubeObject, ObjectPath } from '../kubernetes/object.ts';
import { formatTime } from '../kubernetes/time.ts';
import type { RequestLog, SharedConnections } from './connection.ts';
import type { LeaseRecord, LeaseStore, ObservedLease } from './lease.ts';

/** Milliseconds until a request counts as lost: its outcome is unknown then. */
const REQUEST_TIMEOUT = 10_000;
const LIST_TIMEOUT = 60_000;
const RECONNECT_DELAY = 2_000;
/** Between two lists of what may not be watched. */
const LIST_INTERVAL = 10_000;
/** A watch hears a bookmark a minute. */
const SILENCE_TIMEOUT = 150_000;
const FIELD_MANAGER = 'metaipam';

/** A live, eventually consistent copy of all objects of one resource. */
export interface Watched<T> {
  list(): readonly T[];
  readonly synced: boolean;
}

type RequestFailure =
  /** The server did not, and will not, do it. */
  | { readonly kind: 'rejected'; readonly status: number; readonly message: string }
  /** Nobody knows whether it was done. */
  | { readonly kind: 'unknown'; readonly message: string };

/** What a failed request means. Too-many-requests and everything without an answer may be tried again. */
export function requestFailure(error: unknown): RequestFailure {
  if (error instanceof ApiException && error.code >= 400 && error.code < 500 && error.code !== 429) {
    return { kind: 'rejected', status: error.code, message: statusMessage(error.body) };
  }
  return { kind: 'unknown', message: wordsOf(error) };
}

/** `fetch failed: connect ECONNREFUSED 127.0.0.1:6443`: what fetch says, and why, of several addresses of the first. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  const why: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return why instanceof Error && why.message !== '' ? `${message}: ${why.message}` : message;
}

export interface NodeEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Whether a watch is not allowed, where the list before it was. */
function isDenied(error: { readonly statusCode?: number }): boolean {
  return error.statusCode === 403;
}

/** A watch that cannot be opened, say because a credential cannot be read, is reported like any other error. */
class QuietWatch extends Watch {
  readonly #connections: SharedConnections;
  readonly #log: RequestLog | undefined;

  constructor(connections: SharedConnections, log?: RequestLog) {
    super(connections);
    this.#connections = connections;
    this.#log = log;
    // Its own 30 s are shorter than the server is silent when nothing happens.
    Object.assign(this, { requestTimeoutMs: SILENCE_TIMEOUT });
  }

  override async watch(...[path, query, callback, done]: Parameters<Watch['watch']>) {
    const end: typeof done = (error) => {
      if (error?.name === 'TimeoutError') this.#connections.renew();
      // Of the answer it keeps the status alone.
      if (error?.statusCode) {
        const instead = isDenied(error) ? `; listed every ${LIST_INTERVAL / 1000} s instead` : '';
        error.message = `to watch is answered with ${error.statusCode} ${error.message}${instead}`;
      }
      done(error);
    };
    this.#log?.(`GET ${this.#connections.getCurrentCluster()?.server}${path}?watch=true`);
    try {
      return await super.watch(path, { ...query, allowWatchBookmarks: true }, callback, end);
    } catch (error) {
      end(error);
      return new AbortController();
    }
  }
}

export class ClusterClient {
  readonly #config: SharedConnections;
  readonly #log: RequestLog | undefined;
  readonly #core: CoreV1Api;
  readonly #coordination: CoordinationV1Api;
  readonly #custom: CustomObjectsApi;

  constructor(config: SharedConnections, log?: RequestLog) {
    this.#config = config;
    this.#log = log;
    this.#core = config.makeApiClient(CoreV1Api);
    this.#coordination = config.makeApiClient(CoordinationV1Api);
    this.#custom = config.makeApiClient(CustomObjectsApi);
  }

  /**
   * Lists and watches until the signal aborts; `onChange` follows every change. What may not be watched is listed again
   * and again, and `onError` follows each list.
   *
   * Objects have their apiVersion and kind, and not what nobody here reads.
   *
   * @param path `/api/v1/nodes`, or `/apis/<group>/<version>[/namespaces/<namespace>]/<plural>`
   */
  watch<T extends KubernetesObject>(
    path: string,
    labelSelector: string | undefined,
    onChange: () => void,
    onError: (error: unknown) => void,
    signal: AbortSignal,
  ): Watched<T> {
    let [isListed, hasFailed, isListedOnly] = [false, false, false];
    const list = async () => {
      const objects = await this.#list<T>(path, labelSelector, signal);
      isListed = true;
      return objects;
    };
    const informer = new ListWatch<T>(
      path,
      new QuietWatch(this.#config, this.#log),
      list,
      false,
      labelSelector,
    );
    const state = { synced: false, list: () => informer.list() };
    const start = async () => {
      if (signal.aborted) return;
      hasFailed = false;
      await informer.start();
      // A stop during the list is not heeded.
      if (signal.aborted) await informer.stop();
      if (signal.aborted || !isListed || (state.synced && hasFailed)) return;
      state.synced = true;
      isListedOnly = false;
      onChange();
    };
    informer.on('change', (object) => {
      if (isNodes(path)) tidyNode(object);
      if (!path.endsWith('/allocationslices')) delete object.metadata?.managedFields;
      // The watch that follows is denied, most likely, and whoever hears of that hears of the change.
      if (!isListedOnly) onChange();
    });
    informer.on('error', (error) => {
      if (signal.aborted) return;
      hasFailed = true;
      isListedOnly = isDenied(error);
      if (isListedOnly) {
        state.synced = true;
        // With one, the next start would go on from there, and list nothing.
        Object.assign(informer, { resourceVersion: '' });
      }
      onError(error);
      setTimeout(start, isListedOnly ? LIST_INTERVAL : RECONNECT_DELAY).unref();
    });
    signal.addEventListener('abort', () => void informer.stop(), { once: true });
    void start();
    return state;
  }

  async readNode(name: string, signal: AbortSignal): Promise<Node | undefined> {
    return found(this.#core.readNode({ name }, this.#within(signal)));
  }

  /** Sets podCIDR and podCIDRs in one strategic merge patch, on this very Node and no successor of its name. */
  async patchPodCIDRs(node: Node, podCIDRs: readonly string[], signal: AbortSignal): Promise<void> {
    const { name, uid } = node.metadata;
    const body = { metadata: { uid }, spec: { podCIDR: podCIDRs[0], podCIDRs } };
    const options = this.#within(signal, { patch: PatchStrategy.StrategicMergePatch });
    await this.#core.patchNode({ name, body, fieldManager: FIELD_MANAGER }, options);
  }

  /** A custom resource or a Node; undefined where there is none. */
  async read(path: ObjectPath, signal: AbortSignal): Promise<KubeObject | undefined> {
    if (path.resource === 'nodes') return this.readNode(path.name, signal);
    const { namespace } = path;
    const options = this.#within(signal);
    return found(
      namespace === undefined
        ? this.#custom.getClusterCustomObject(parts(path), options)
        : this.#custom.getNamespacedCustomObject({ ...parts(path), namespace }, options),
    );
  }

  /** Replaces a custom resource as it was at its resourceVersion. */
  async replaceObject(path: ObjectPath, body: KubeObject, signal: AbortSignal): Promise<void> {
    const { namespace } = path;
    const request = { ...parts(path), body, fieldManager: FIELD_MANAGER };
    const options = this.#within(signal);
    if (namespace === undefined) await this.#custom.replaceClusterCustomObject(request, options);
    else await this.#custom.replaceNamespacedCustomObject({ ...request, namespace }, options);
  }

  /** Merges `patch` into a custom resource, whose status alone it changes. */
  async patchStatus(path: ObjectPath, patch: object, signal: AbortSignal): Promise<void> {
    const { namespace } = path;
    const request = { ...parts(path), body: patch, fieldManager: FIELD_MANAGER };
    const options = this.#within(signal, { patch: PatchStrategy.MergePatch });
    if (namespace === undefined) await this.#custom.patchClusterCustomObjectStatus(request, options);
    else await this.#custom.patchNamespacedCustomObjectStatus({ ...request, namespace }, options);
  }

  /** Applies a namespaced custom resource on the server's side, in the name of Metacontroller. */
  async applyObject(path: ObjectPath, body: KubeObject, signal: AbortSignal): Promise<void> {
    const { namespace = '' } = path;
    const request = { ...parts(path), namespace, body, fieldManager: METACONTROLLER, force: true };
    const options = this.#within(signal, { patch: PatchStrategy.ServerSideApply });
    await this.#custom.patchNamespacedCustomObject(request, options);
  }

  /** A JSON merge patch (RFC 7386) of a cluster-scoped object, which need not be a custom resource. */
  async mergePatch(path: ObjectPath, body: object, signal: AbortSignal): Promise<void> {
    const request = { ...parts(path), body, fieldManager: FIELD_MANAGER };
    const options = this.#within(signal, { patch: PatchStrategy.MergePatch });
    await this.#custom.patchClusterCustomObject(request, options);
  }

  /** Deletes a custom resource, this very one as it was then. */
  async deleteObject(
    path: ObjectPath,
    { uid, resourceVersion }: { uid: string; resourceVersion: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace } = path;
    const body = { preconditions: { uid, resourceVersion }, propagationPolicy: 'Background' };
    const request = { ...parts(path), body };
    const options = this.#within(signal);
    if (namespace === undefined) await this.#custom.deleteClusterCustomObject(request, options);
    else await this.#custom.deleteNamespacedCustomObject({ ...request, namespace }, options);
  }

  async createNodeEvent(node: Node, event: NodeEvent, signal: AbortSignal): Promise<void> {
    const { name, uid } = node.metadata;
    const now = new Date();
    const namespace = 'default';
    const body = {
      ...event,
      metadata: { generateName: `${name.slice(0, 200)}.`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Node', name, ...(uid && { uid }) },
      source: { component: 'metaipam' },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    await this.#core.createNamespacedEvent({ namespace, body }, this.#within(signal));
  }

  lease(namespace: string, name: string): LeaseStore {
    const api = this.#coordination;
    const within = (signal: AbortSignal) => this.#within(signal);
    const body = (record: LeaseRecord, resourceVersion?: string) => {
      const { acquireTime, renewTime, ...rest } = record;
      const spec = {
        ...rest,
        ...(acquireTime && { acquireTime: new V1MicroTime(acquireTime) }),
        ...(renewTime && { renewTime: new V1MicroTime(renewTime) }),
      };
      return { metadata: { name, namespace, ...(resourceVersion && { resourceVersion }) }, spec };
    };
    return {
      async read(signal) {
        const lease = await found<V1Lease>(api.readNamespacedLease({ name, namespace }, within(signal)));
        return lease && observe(lease);
      },
      async create(record, signal) {
        return observe(await api.createNamespacedLease({ namespace, body: body(record) }, within(signal)));
      },
      async update(record, resourceVersion, signal) {
        const request = { name, namespace, body: body(record, resourceVersion) };
        return observe(await api.replaceNamespacedLease(request, within(signal)));
      },
    };
  }

  /** Ends a request when the signal aborts, or after the timeout. `patch` says what its body is. */
  #within(
    signal: AbortSignal,
    { patch, timeout = REQUEST_TIMEOUT }: { readonly patch?: string; readonly timeout?: number } = {},
  ) {
    const start = performance.now();
    let isAnswered = false;
    let asked = '';
    const abort: ObservableMiddleware = {
      pre: (request) => {
        asked = `${request.getHttpMethod()} ${request.getUrl()}`;
        const silence = AbortSignal.timeout(timeout);
        silence.addEventListener('abort', () => {
          if (!isAnswered) this.#config.renew();
        });
        request.setSignal(AbortSignal.any([signal, silence]));
        return new Observable(Promise.resolve(request));
      },
      post: (response) => {
        isAnswered = true;
        this.#log?.(`${asked} ${response.httpStatusCode} in ${Math.round(performance.now() - start)} ms`);
        return new Observable(Promise.resolve(response));
      },
    };
    const header = patch === undefined ? [] : [setHeaderMiddleware('Content-Type', patch)];
    return { middleware: [abort, ...header], middlewareMergeStrategy: 'append' as const };
  }

  #list<T extends KubernetesObject>(
    path: string,
    labelSelector: string | undefined,
    signal: AbortSignal,
  ): Promise<KubernetesListObject<T>> {
    const options = this.#within(signal, { timeout: LIST_TIMEOUT });
    const selector = labelSelector === undefined ? {} : { labelSelector };
    const [, root, group = '', version = '', ...resource] = path.split('/');
    const plural = resource.at(-1) ?? '';
    const [, namespace] = resource.length > 1 ? resource : [];
    const ofKind = { group, version, plural, ...selector };
    let list: Promise<unknown>;
    if (root === 'api') list = this.#core.listNode(selector, options);
    else if (namespace === undefined) list = this.#custom.listClusterCustomObject(ofKind, options);
    else list = this.#custom.listNamespacedCustomObject({ ...ofKind, namespace }, options);
    return list as Promise<KubernetesListObject<T>>;
  }
}

/** Undefined where the API server knows no such object. */
async function found<T>(request: Promise<unknown>): Promise<T | undefined> {
  try {
    return (await request) as T;
  } catch (error) {
    if (error instanceof ApiException && error.code === 404) return undefined;
    throw error;
  }
}

function isNodes(path: string): boolean {
  return path === '/api/v1/nodes';
}

/** A Node as custom resources are: lists of built-in kinds leave their kind out, and have times as Dates. */
function tidyNode(object: KubernetesObject & { status?: unknown }): void {
  object.apiVersion ??= 'v1';
  object.kind ??= 'Node';
  delete object.status;
  const metadata: Record<string, unknown> = (object.metadata ?? {}) as object as Record<string, unknown>;
  for (const field of ['creationTimestamp', 'deletionTimestamp']) {
    const time = metadata[field];
    if (time instanceof Date) metadata[field] = formatTime(time.getTime());
  }
}

function parts({ apiVersion, resource, name }: ObjectPath) {
  const [group = '', version = ''] = apiVersion.split('/');
  return { group, version, plural: resource, name };
}

function observe({ metadata, spec }: V1Lease): ObservedLease {
  return { resourceVersion: metadata?.resourceVersion ?? '', record: (spec ?? {}) as LeaseRecord };
}

/** The message of a Kubernetes Status, which arrives parsed or as text. */
function statusMessage(body: unknown): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : text;
  } catch {
    return text;
  }
}
