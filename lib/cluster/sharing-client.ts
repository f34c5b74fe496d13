import type { KubernetesObject } from '@kubernetes/client-node';
import { ClusterClient, type Watched } from './cluster-client.ts';

interface User {
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

interface Shared {
  readonly watched: Watched<KubernetesObject>;
  readonly users: Set<User>;
  readonly end: AbortController;
}

/** A client whose watches of one path are one, for as long as anybody wants it. */
export class SharingClient extends ClusterClient {
  readonly #shared = new Map<string, Shared>();

  override watch<T extends KubernetesObject>(
    path: string,
    labelSelector: string | undefined,
    onChange: () => void,
    onError: (error: unknown) => void,
    signal: AbortSignal,
  ): Watched<T> {
    const key = `${path} ${labelSelector ?? ''}`;
    const shared = this.#shared.get(key) ?? this.#open(path, labelSelector);
    this.#shared.set(key, shared);
    const { users, watched, end } = shared;
    const user = { onChange, onError };
    users.add(user);
    const leave = () => {
      users.delete(user);
      if (users.size > 0) return;
      end.abort();
      if (this.#shared.get(key) === shared) this.#shared.delete(key);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    if (watched.synced) queueMicrotask(() => users.has(user) && onChange());
    return watched as Watched<T>;
  }

  #open(path: string, labelSelector: string | undefined): Shared {
    const users = new Set<User>();
    const end = new AbortController();
    const watched = super.watch<KubernetesObject>(
      path,
      labelSelector,
      () => {
        for (const { onChange } of users) onChange();
      },
      (error) => {
        for (const { onError } of users) onError(error);
      },
      end.signal,
    );
    return { watched, users, end };
  }
}
