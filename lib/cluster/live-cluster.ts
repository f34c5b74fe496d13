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
  /** Why it is not up to date; with status 404 if the cluster has no such kind. */
  readonly trouble: () => Trouble | undefined;
}

interface Trouble {
  /** Of the answer; undefined if there was none that counts. */
  readonly status: number | undefined;
  readonly message: string;
}

const [ABSENT, FORBIDDEN] = [404, 403];
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
      let trouble: Trouble | undefined;
      const changed = () => {
        trouble = undefined;
        onChange();
      };
      const failed = (error: unknown) => {
        const failure = requestFailure(error);
        trouble = { status: undefined, ...failure };
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

  /** Whether anything has been listed, be it that there is nothing. */
  get seesSome(): boolean {
    return this.#copies.some(({ watched, trouble }) => watched.synced && trouble() === undefined);
  }

  objects(): KubernetesObject[] {
    return this.#copies.flatMap(({ watched, trouble }) =>
      trouble()?.status === ABSENT ? [] : [...watched.list()],
    ) as KubernetesObject[];
  }

  /** Whether the cluster has no such kind. */
  lacks(kind: string): boolean {
    return this.#copies.some(
      ({ resource, trouble }) => resource.kind === kind && trouble()?.status === ABSENT,
    );
  }

  /** What is not, or no longer, seen: `nodes: nodes is forbidden: …`. */
  problems(): string[] {
    return this.#copies.flatMap(({ resource, trouble }) => {
      const { status, message } = trouble() ?? { status: ABSENT };
      return status === ABSENT ? [] : [`${resource.plural}: ${message}`];
    });
  }

  /** The resources that may not be read. */
  forbidden(): string[] {
    return this.#copies.flatMap(({ resource, trouble }) =>
      trouble()?.status === FORBIDDEN ? [resource.plural] : [],
    );
  }
}
