/** The janitor as one process of the cluster: the decisions of `lib/janitor`, one request a step. */

import { decideDeeds, type JanitorView } from '../janitor/decide.ts';
import { appliedObject, checkHolds, type Deed } from '../janitor/deed.ts';
import { METACONTROLLER, METAIPAM_API_VERSION, POOL_API_VERSION } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { POOL_KINDS, type PoolKind } from '../kubernetes/pool-kinds.ts';
import { ipamApiVersion } from '../metacontroller/api-version.ts';
import type { HookConfig } from '../metacontroller/hook.ts';
import type { ApiRequest } from './api.ts';
import type { ApplyStrategy } from './children.ts';
import type { ControllerEnvironment, Reconciler } from './environment.ts';
import type { Informer } from './informer.ts';
import type { Unstructured } from './object.ts';
import { api, SyncError, type Task } from './task.ts';
import type { WorkQueue } from './work-queue.ts';

const EVERYTHING = 'everything';
/** How often to look although nothing has changed, in milliseconds: time alone decides, too. */
const LOOK_EVERY = 10_000;

export class JanitorReconciler implements Reconciler {
  readonly name = 'janitor';
  readonly queue: WorkQueue;
  readonly resyncPeriod = LOOK_EVERY;
  readonly #environment: ControllerEnvironment;
  readonly #config: HookConfig;
  readonly #strategy: ApplyStrategy;
  readonly #decide: typeof decideDeeds;
  readonly #caches: Readonly<
    Record<'claims' | 'addresses' | 'slices' | 'networks' | 'podCIDRClaims', Informer> & {
      pools: readonly Informer[];
    }
  >;

  constructor(
    environment: ControllerEnvironment,
    config: HookConfig,
    strategy: ApplyStrategy,
    kinds: readonly PoolKind[] = Object.values(POOL_KINDS),
    decide: typeof decideDeeds = decideDeeds,
  ) {
    this.#environment = environment;
    this.#config = config;
    this.#strategy = strategy;
    this.#decide = decide;
    this.queue = environment.newQueue();
    this.#caches = {
      claims: environment.informer(ipamApiVersion(config), 'ipaddressclaims'),
      addresses: environment.informer(ipamApiVersion(config), 'ipaddresses'),
      slices: environment.informer(METAIPAM_API_VERSION, 'allocationslices'),
      pools: kinds.map(({ resource }) => environment.informer(POOL_API_VERSION, resource)),
      networks: environment.informer(METAIPAM_API_VERSION, 'podnetworks'),
      podCIDRClaims: environment.informer(METAIPAM_API_VERSION, 'podcidrclaims'),
    };
    const wake = () => this.resync();
    for (const informer of Object.values(this.#caches).flat()) {
      informer.addHandler({ add: wake, update: wake, delete: wake });
    }
  }

  get ready(): boolean {
    return Object.values(this.#caches)
      .flat()
      .every(({ synced }) => synced);
  }

  resync(): void {
    this.queue.add(EVERYTHING);
  }

  *sync(): Task<void> {
    const { claims, addresses, slices, pools, networks, podCIDRClaims } = this.#caches;
    const objects = (...caches: Informer[]) => caches.flatMap((cache) => [...cache.list()]) as object[];
    const view = {
      claims: objects(claims),
      addresses: objects(addresses),
      slices: objects(slices),
      pools: objects(...pools),
      networks: objects(networks),
      podCIDRClaims: objects(podCIDRClaims),
    } as JanitorView;
    const context = { now: this.#environment.now(), config: this.#config };
    yield* performDeeds(this.#decide(view, context), this.#strategy);
  }
}

/** Does each deed for which everything holds that has to. Throws SyncError for those that were refused. */
export function* performDeeds(deeds: Iterable<Deed>, strategy: ApplyStrategy): Task<void> {
  const problems: string[] = [];
  for (const deed of deeds) {
    if (!(yield* isStillDue(deed))) continue;
    const { error } = yield* api(requestOf(deed, strategy));
    const isOvertaken = ['NotFound', 'Conflict', 'AlreadyExists'].includes(error?.reason ?? '');
    if (error !== undefined && !isOvertaken) problems.push(`${deed.why}: ${error.message}`);
  }
  if (problems.length > 0) throw new SyncError(problems.join('; '));
}

function* isStillDue({ checks }: Deed): Task<boolean> {
  for (const check of checks) {
    const { object, error } = yield* api({ verb: 'get', ...check.path });
    if (error !== undefined && error.reason !== 'NotFound') return false;
    if (!checkHolds(check, object as KubernetesObject | undefined)) return false;
  }
  return true;
}

/** What does the deed. */
function requestOf({ act }: Deed, strategy: ApplyStrategy): ApiRequest {
  if (act.verb === 'delete') {
    const { uid, resourceVersion } = act;
    return { verb: 'delete', ...act.path, uid, resourceVersion, propagationPolicy: 'Background' };
  }
  if (act.verb === 'patch') {
    return { verb: 'patch', subresource: 'status', ...act.path, patch: act.patch };
  }
  const isApplied = act.verb === 'create' || (act.isSlice && strategy === 'server-side-apply');
  if (!isApplied) return { verb: 'update', ...act.path, object: act.object as object as Unstructured };
  const object = appliedObject(act.object) as object as Unstructured;
  return { verb: 'apply', ...act.path, object, fieldManager: METACONTROLLER };
}
