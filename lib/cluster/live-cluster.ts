import type { KubernetesObject } from '../kubernetes/object.ts';
import { apiVersionOf, pathOf, RESOURCES, type Resource } from '../kubernetes/resources.ts';
import { norOthers } from '../text.ts';
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
    return this.#copies.some(({ watched }) => watched.synced);
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

  /**
   * What is not, or no longer, seen, in one sentence for all of the same trouble: `nodes: nodes is forbidden: …; nor
   * clustercidrs`, `nodes, clustercidrs: fetch failed`.
   */
  problems(): string[] {
    return problemsOf(this.#copies);
  }

  /** What of that has never been seen. */
  unseen(): string[] {
    return problemsOf(this.#copies.filter(({ watched }) => !watched.synced));
  }

  /** The resources that may not be read. */
  forbidden(): string[] {
    return this.#copies.flatMap(({ resource, trouble }) =>
      trouble()?.status === FORBIDDEN ? [resource.plural] : [],
    );
  }
}

interface Failed extends Trouble {
  readonly plural: string;
}

function problemsOf(copies: readonly Copy[]): string[] {
  const troubles = copies.flatMap(({ resource: { plural }, trouble }): Failed[] => {
    const failed = trouble();
    return failed === undefined || failed.status === ABSENT ? [] : [{ plural, ...failed }];
  });
  // The API server names the resource where it forbids something.
  const kindOf = ({ status, message }: Failed) => (status === FORBIDDEN ? 'forbidden' : message);
  const alike = Map.groupBy(troubles, kindOf);
  return [...alike.values()].map((group) => {
    const { message } = group[0]!;
    const plurals = group.map(({ plural }) => plural);
    if (group.every((each) => each.message === message)) return `${plurals.join(', ')}: ${message}`;
    return `${plurals[0]}: ${message}${norOthers(plurals.slice(1))}`;
  });
}
