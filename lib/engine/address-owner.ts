/**
 * The part of the janitor that makes IPAddresses which were there before attachments of their claims, as a process of the
 * cluster. It looks only while there is such an IPAddress.
 */

import { ownershipDeeds } from '../janitor/decide.ts';
import { CLAIMS_CONTROLLER, METAIPAM_API_VERSION, POOL_API_VERSION } from '../kubernetes/names.ts';
import { controllerOf, qualifiedName } from '../kubernetes/object.ts';
import { POOL_KINDS } from '../kubernetes/pool-kinds.ts';
import type { AllocationSlice, IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import { ipamApiVersion } from '../metacontroller/api-version.ts';
import { isMarked } from '../metacontroller/attachment.ts';
import type { HookConfig } from '../metacontroller/hook.ts';
import type { Pool } from '../pool/pool.ts';
import type { ControllerEnvironment, Reconciler } from './environment.ts';
import type { Informer } from './informer.ts';
import { performDeeds } from './janitor.ts';
import type { Unstructured } from './object.ts';
import type { Task } from './task.ts';
import type { WorkQueue } from './work-queue.ts';

const ALL_ADDRESSES = 'addresses';

export class AddressOwner implements Reconciler {
  readonly name = 'owners';
  readonly queue: WorkQueue;
  readonly #environment: ControllerEnvironment;
  readonly #config: HookConfig;
  readonly #claims: Informer;
  readonly #addresses: Informer;
  readonly #slices: Informer;
  readonly #pools: readonly Informer[];
  /** IPAddresses that are nobody's attachment. */
  readonly #alone = new Set<string>();

  constructor(environment: ControllerEnvironment, config: HookConfig) {
    this.#environment = environment;
    this.#config = config;
    this.queue = environment.newQueue();
    this.#claims = environment.informer(ipamApiVersion(config), 'ipaddressclaims');
    this.#addresses = environment.informer(ipamApiVersion(config), 'ipaddresses');
    this.#slices = environment.informer(METAIPAM_API_VERSION, 'allocationslices');
    this.#pools = Object.values(POOL_KINDS).map(({ resource }) =>
      environment.informer(POOL_API_VERSION, resource),
    );
    const wake = () => this.#wake();
    const note = (address: Unstructured) => {
      const name = qualifiedName(address.metadata);
      if (isMarked(address, CLAIMS_CONTROLLER) && controllerOf(address) !== undefined)
        this.#alone.delete(name);
      else this.#alone.add(name);
      wake();
    };
    this.#addresses.addHandler({
      add: note,
      update: (_, address) => note(address),
      delete: ({ metadata }) => this.#alone.delete(qualifiedName(metadata)),
    });
    for (const informer of [this.#claims, this.#slices])
      informer.addHandler({ add: wake, update: wake, delete: wake });
  }

  get ready(): boolean {
    return [this.#claims, this.#addresses, this.#slices, ...this.#pools].every(({ synced }) => synced);
  }

  /** Now, and once what is adopted now has been listed for long enough. */
  #wake(): void {
    if (this.#alone.size === 0) return;
    this.queue.add(ALL_ADDRESSES);
    this.queue.addAfter(ALL_ADDRESSES, (this.#config.cacheLagSeconds + 1) * 1000);
  }

  *sync(): Task<void> {
    const view = {
      claims: [...this.#claims.list()] as object[] as IPAddressClaim[],
      addresses: [...this.#addresses.list()] as object[] as IPAddress[],
      slices: [...this.#slices.list()] as object[] as AllocationSlice[],
      pools: this.#pools.flatMap((cache) => [...cache.list()]) as object[] as Pool[],
    };
    yield* performDeeds(
      ownershipDeeds(view, { now: this.#environment.now(), config: this.#config }),
      'dynamic-apply',
    );
  }
}
