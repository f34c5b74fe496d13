/** The namespace controller of kube-controller-manager: empties a deleted namespace, then lets it go. */
import { target } from './api.ts';
import type { ControllerEnvironment, Reconciler } from './environment.ts';
import type { Informer } from './informer.ts';
import { isDeleting, type Unstructured } from './object.ts';
import type { Store } from './store.ts';
import { api, objectOf, type Task } from './task.ts';
import type { WorkQueue } from './work-queue.ts';

export class NamespaceController implements Reconciler {
  readonly name = 'namespace-controller';
  readonly queue: WorkQueue;
  readonly #store: Store;
  readonly #informers: readonly Informer[];

  /** `store`: for live lists, as a cache may not know yet what else is in the namespace. */
  constructor(environment: ControllerEnvironment, store: Store) {
    this.queue = environment.newQueue();
    this.#store = store;
    const namespaces = environment.informer('v1', 'namespaces');
    const wake = (namespace: Unstructured | undefined) => {
      if (namespace !== undefined && isDeleting(namespace)) this.queue.add(namespace.metadata.name);
    };
    namespaces.addHandler({ add: wake, update: (_, namespace) => wake(namespace), delete: () => {} });
    const contents = environment.resources.all.filter((type) => type.namespaced);
    this.#informers = contents.map((type) =>
      environment.informer(type.apiVersions[0] as string, type.resource),
    );
    for (const informer of this.#informers) {
      const check = ({ metadata }: Unstructured) =>
        wake(namespaces.get(undefined, metadata.namespace as string));
      informer.addHandler({ add: check, update: () => {}, delete: check });
    }
  }

  get ready(): boolean {
    return this.#informers.every((informer) => informer.synced);
  }

  *sync(name: string): Task<void> {
    const to = { apiVersion: 'v1', resource: 'namespaces', name };
    const { object: namespace } = yield* api({ verb: 'get', ...to });
    if (namespace === undefined || !isDeleting(namespace)) return;
    for (const { type } of this.#informers) {
      for (const { apiVersion, metadata } of this.#contents(type, name)) {
        const result = yield* api({
          verb: 'delete',
          ...target(apiVersion, type.resource, metadata),
          uid: metadata.uid,
          user: 'system:serviceaccount:kube-system:namespace-controller',
        });
        if (result.error?.reason !== 'NotFound') objectOf(result, `empty namespace ${name}`);
      }
    }
    if (this.#informers.some(({ type }) => this.#contents(type, name).length > 0)) return;
    const finalized = { ...namespace, spec: { finalizers: [] } };
    objectOf(yield* api({ verb: 'update', ...to, object: finalized }), `finalize namespace ${name}`);
  }

  #contents(type: Informer['type'], namespace: string): Unstructured[] {
    return [...this.#store.list(type)].filter(({ metadata }) => metadata.namespace === namespace);
  }
}
