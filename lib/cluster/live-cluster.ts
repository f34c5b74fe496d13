import type { KubernetesObject } from '../kubernetes/object.ts';
import { apiVersionOf, pathOf, RESOURCES, type Resource } from '../kubernetes/resources.ts';
import { type ClusterClient, requestFailure, type Watched } from './cluster-client.ts';

interface LiveOptions {
  /** Of Cluster API's kinds: `v1beta2`. */
  readonly clusterApiVersion: string;
  /** Only this one, and only namespaced kinds; everything if it is empty. */
  readonly namespace?: string;
}

interface Copy {
  readonly resource: Resource;
  readonly watched: Watched<unknown>;
  /** Why it is not up to date; `absent` if the cluster has no such kind. */
  readonly trouble: () => string | undefined;
}

const ABSENT = 'absent';
/** What these say, the Nodes say themselves. */
const NODES_SHOW = 'PodCIDRClaim';

/** Live copies of all objects on which addresses depend, for whoever looks at a cluster. */
export class LiveCluster {
  readonly #copies: readonly Copy[];

  /** Watches until the signal aborts; `onChange` follows every change. */
  constructor(
    client: Pick<ClusterClient, 'watch'>,
    { clusterApiVersion, namespace = '' }: LiveOptions,
    onChange: () => void,
    signal: AbortSignal,
  ) {
    const wanted = RESOURCES.filter(
      ({ namespaced, kind }) => kind !== NODES_SHOW && (namespace === '' || namespaced),
    );
    this.#copies = wanted.map((resource) => {
      const path = pathOf(resource, apiVersionOf(resource, clusterApiVersion), namespace);
      let trouble: string | undefined;
      const changed = () => {
        trouble = undefined;
        onChange();
      };
      const failed = (error: unknown) => {
        const failure = requestFailure(error);
        const isAbsent = failure.kind === 'rejected' && failure.status === 404;
        trouble = isAbsent ? ABSENT : failure.message;
        onChange();
      };
      const watched = client.watch(path, undefined, changed, failed, signal);
      return { resource, watched, trouble: () => trouble };
    });
  }

  /** Whether everything there is has been listed, but for what cannot be. */
  get synced(): boolean {
    return this.#copies.every(({ watched, trouble }) => watched.synced || trouble() !== undefined);
  }

  objects(): KubernetesObject[] {
    return this.#copies.flatMap(({ watched, trouble }) =>
      trouble() === ABSENT ? [] : [...watched.list()],
    ) as KubernetesObject[];
  }

  /** Whether the cluster has no such kind. */
  lacks(kind: string): boolean {
    return this.#copies.some(({ resource, trouble }) => resource.kind === kind && trouble() === ABSENT);
  }

  /** What is not, or no longer, seen: `nodes: nodes is forbidden: …`. */
  problems(): string[] {
    return this.#copies.flatMap(({ resource, trouble }) => {
      const message = trouble();
      return message === undefined || message === ABSENT ? [] : [`${resource.plural}: ${message}`];
    });
  }
}
