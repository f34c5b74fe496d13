/** Nodes and ClusterCIDRs of an installation, and short ways to say what becomes of them. */
import { isDeepStrictEqual } from 'node:util';
import * as assert from 'uvu/assert';
import { UsedRanges } from '../../lib/address/blocks.ts';
import { parsePrefix } from '../../lib/address/range.ts';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { ClusterCIDR, ClusterCIDRSpec, PodNetwork } from '../../lib/kubernetes/types.ts';
import { allocatedBlocks, isSettled, pathOfAllocations } from './allocations.ts';
import { type Answer, eventually, type Wake } from './control-plane.ts';
import type { Installation } from './install.ts';

const PATHS = {
  nodes: '/api/v1/nodes',
  clustercidrs: '/apis/networking.x-k8s.io/v1/clustercidrs',
  podnetworks: '/apis/metaipam.io/v1alpha1/podnetworks',
  podcidrclaims: '/apis/metaipam.io/v1alpha1/podcidrclaims',
  events: '/api/v1/namespaces/default/events',
} as const;
type Resource = keyof typeof PATHS;

interface NodeExtra {
  readonly labels?: Record<string, string>;
  readonly podCIDRs?: readonly string[];
  readonly finalizers?: readonly string[];
}

export interface NodeEvent {
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly uid?: string };
}

export class NodeSandbox {
  readonly installation: Installation;

  constructor(installation: Installation) {
    this.installation = installation;
  }

  /** Requests are answered, whatever the answer. */
  api(method: string, resource: Resource, name?: string, body?: object): Promise<Answer> {
    const path = name === undefined ? PATHS[resource] : `${PATHS[resource]}/${name}`;
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    return this.installation.plane.api(method, path, body, type);
  }

  /** `sel` is in label-selector notation with `=` only: `a=1,b=2`. */
  applyClusterCIDR(
    name: string,
    { sel, ...spec }: Omit<Partial<ClusterCIDRSpec>, 'nodeSelector'> & { sel?: string },
    labels: Record<string, string> = {},
  ): Promise<Answer> {
    const nodeSelector = sel === undefined ? undefined : selecting(sel);
    return this.rawClusterCIDR(
      name,
      { perNodeHostBits: 8, ...spec, ...(nodeSelector && { nodeSelector }) },
      labels,
    );
  }

  rawClusterCIDR(name: string, spec: object, labels: Record<string, string> = {}): Promise<Answer> {
    const object = {
      apiVersion: 'networking.x-k8s.io/v1',
      kind: 'ClusterCIDR',
      metadata: { name, labels },
      spec,
    };
    return this.api('POST', 'clustercidrs', undefined, object);
  }

  async clusterCIDR(...args: Parameters<NodeSandbox['applyClusterCIDR']>): Promise<void> {
    accepted(await this.applyClusterCIDR(...args));
  }

  async node(name: string, { labels = {}, podCIDRs, finalizers }: NodeExtra = {}): Promise<Node> {
    const metadata = { name, labels, ...(finalizers && { finalizers }) };
    const spec = podCIDRs === undefined ? {} : { podCIDR: podCIDRs[0], podCIDRs };
    return accepted(
      await this.api('POST', 'nodes', undefined, { apiVersion: 'v1', kind: 'Node', metadata, spec }),
    );
  }

  async get<T>(resource: Resource, name: string): Promise<T | undefined> {
    const answer = await this.api('GET', resource, name);
    return answer.status === 404 ? undefined : accepted(answer);
  }

  async list<T>(resource: Resource): Promise<T[]> {
    return accepted(await this.api('GET', resource)).items;
  }

  async patch(resource: Resource, name: string, patch: object): Promise<void> {
    accepted(await this.api('PATCH', resource, name, patch));
  }

  async delete(resource: Resource, name: string): Promise<void> {
    accepted(await this.api('DELETE', resource, name));
  }

  /** Waits until nothing of that name is there. */
  gone(resource: Resource, name: string, seconds = 30): Promise<void> {
    return eventually(
      `${resource} ${name} to go`,
      async () => (await this.get(resource, name)) === undefined,
      seconds,
      this.#changes(resource),
    );
  }

  /** Waits until the node has podCIDRs. */
  async bound(name: string): Promise<readonly string[]> {
    let podCIDRs: readonly string[] | undefined;
    await eventually(
      `podCIDRs of ${name}`,
      async () => {
        podCIDRs = (await this.get<Node>('nodes', name))?.spec?.podCIDRs;
        return podCIDRs !== undefined;
      },
      30,
      this.#changes('nodes'),
    );
    return podCIDRs!;
  }

  /** Makes a node; its podCIDRs as one text. */
  async serve(name: string, labels: Record<string, string> = {}): Promise<string> {
    await this.node(name, { labels });
    return (await this.bound(name)).join();
  }

  /** Waits until the PodNetwork says of the node why it waits, or what is wrong with its podCIDRs. */
  async remarks(node: string, reason: string): Promise<void> {
    let last = '';
    await eventually(
      `remark ${node} (${reason})`,
      async () => {
        const network = await this.get<PodNetwork>('podnetworks', 'default');
        last = network?.status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';
        if (last.includes(`${node} (${reason}`)) return true;
        throw new Error(last);
      },
      30,
      this.#changes('podnetworks'),
    );
  }

  /** Makes a node that is not served. */
  async waits(name: string, reason: string, labels: Record<string, string> = {}): Promise<void> {
    await this.node(name, { labels });
    await this.remarks(name, reason);
    assert.is((await this.get<Node>('nodes', name))?.spec?.podCIDRs, undefined);
  }

  /** Waits until the ClusterCIDR counts what is expected. */
  async counts(name: string, expected: Partial<NonNullable<ClusterCIDR['status']>>): Promise<void> {
    let last = '';
    await eventually(
      `status of ${name}: ${JSON.stringify(expected)}`,
      async () => {
        const status = ((await this.get<ClusterCIDR>('clustercidrs', name))?.status ?? {}) as Record<
          string,
          unknown
        >;
        last = JSON.stringify(status);
        if (Object.entries(expected).every(([key, value]) => isDeepStrictEqual(status[key], value)))
          return true;
        throw new Error(last);
      },
      30,
      this.#changes('clustercidrs'),
    );
  }

  /** Those of this very node, not of an earlier one of its name. */
  async events(node: string): Promise<NodeEvent[]> {
    const { metadata } = (await this.get<Node>('nodes', node))!;
    const all = await this.list<NodeEvent>('events');
    return all.filter(({ involvedObject }) => involvedObject.uid === metadata.uid);
  }

  /** Wakes with what becomes of the objects of a resource. */
  #changes(resource: Resource): Wake {
    const watch = this.installation.plane.watch(PATHS[resource]);
    return (signal) => watch.next(() => true, signal);
  }

  /** What is given out, as `<network> <block>`. */
  allocations(): Promise<string[]> {
    return allocatedBlocks(this.installation.plane);
  }

  serviceCIDRs(serviceCIDRs: string[] | null): Promise<void> {
    return this.patch('podnetworks', 'default', { spec: { serviceCIDRs } });
  }

  /** Fails if the podCIDRs of two nodes share an address. */
  async assertDisjoint(): Promise<void> {
    assertDisjoint(await this.list<Node>('nodes'));
  }

  /** Deletes all nodes and ClusterCIDRs, and waits until nothing is left of them. */
  async clear(): Promise<void> {
    for (const { metadata } of await this.list<Node>('nodes')) {
      if (metadata.finalizers?.length)
        await this.patch('nodes', metadata.name, { metadata: { finalizers: null } });
    }
    accepted(await this.api('DELETE', 'nodes'));
    accepted(await this.api('DELETE', 'clustercidrs'));
    for (const { metadata } of await this.list<PodNetwork>('podnetworks')) {
      if (metadata.name !== 'default') await this.delete('podnetworks', metadata.name);
    }
    for (const resource of ['nodes', 'clustercidrs', 'podcidrclaims'] as const) {
      const isEmpty = async () => (await this.list(resource)).length === 0;
      await eventually(`no ${resource}`, isEmpty, 60, this.#changes(resource));
    }
    const { plane } = this.installation;
    const changes: Wake = (signal) => plane.watch(pathOfAllocations()).next(() => true, signal);
    await eventually('no block', async () => (await this.allocations()).length === 0, 60, changes);
    await eventually('empty slices to go', () => isSettled(plane), 60, changes);
    await eventually(
      'only the default network',
      async () => (await this.list('podnetworks')).length === 1,
      60,
      this.#changes('podnetworks'),
    );
    await this.serviceCIDRs(null);
  }
}

export function assertDisjoint(nodes: readonly Node[]): void {
  const used = new UsedRanges();
  for (const { metadata, spec } of nodes) {
    const ranges = (spec?.podCIDRs ?? []).map((cidr) => parsePrefix(cidr)!);
    for (const range of ranges) {
      assert.not(used.overlaps(range), `${metadata.name}: ${spec?.podCIDRs} is another's as well`);
    }
    for (const range of ranges) used.add(range);
  }
}

export function accepted({ status, body }: Answer): Answer['body'] {
  if (status < 300) return body;
  throw new Error(`${status}: ${body?.message ?? body}`);
}

function selecting(text: string) {
  const matchExpressions = text.split(',').map((part) => {
    const [key, value] = part.split('=');
    return { key, operator: 'In', values: [value] };
  });
  return { nodeSelectorTerms: [{ matchExpressions }] };
}
