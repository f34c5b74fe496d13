/** One namespace of an installation, and short ways to say what happens in it. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import type { KubernetesObject, OwnerReference } from '../../lib/kubernetes/object.ts';
import type {
  Condition,
  GlobalInClusterIPPool,
  GlobalInClusterIPPoolSpec,
  GlobalInClusterPrefixPool,
  InClusterIPPool,
  InClusterPrefixPool,
  InClusterPrefixPoolSpec,
  IPAddress,
  IPAddressClaim,
} from '../../lib/kubernetes/types.ts';
import { type Allocation, allocationsOf, type Pool } from './allocations.ts';
import { type Answer, type ControlPlane, eventually, type Wake } from './control-plane.ts';
import { HookLog } from './hook-log.ts';
import type { Installation } from './install.ts';

export interface Kinds {
  IPAddressClaim: IPAddressClaim;
  IPAddress: IPAddress;
  InClusterIPPool: InClusterIPPool;
  GlobalInClusterIPPool: GlobalInClusterIPPool;
  InClusterPrefixPool: InClusterPrefixPool;
  GlobalInClusterPrefixPool: GlobalInClusterPrefixPool;
  Cluster: KubernetesObject & { spec?: { controlPlaneEndpoint?: object } };
  Namespace: KubernetesObject;
  Event: KubernetesObject & {
    reason: string;
    message: string;
    involvedObject: { kind: string; name: string };
  };
}

export type PrefixPoolKind = 'InClusterPrefixPool' | 'GlobalInClusterPrefixPool';
export type PoolKind = 'InClusterIPPool' | 'GlobalInClusterIPPool' | PrefixPoolKind;

const API_VERSIONS: Record<keyof Kinds, string> = {
  IPAddressClaim: 'ipam.cluster.x-k8s.io/v1beta2',
  IPAddress: 'ipam.cluster.x-k8s.io/v1beta2',
  InClusterIPPool: 'ipam.cluster.x-k8s.io/v1alpha2',
  GlobalInClusterIPPool: 'ipam.cluster.x-k8s.io/v1alpha2',
  InClusterPrefixPool: 'ipam.cluster.x-k8s.io/v1alpha2',
  GlobalInClusterPrefixPool: 'ipam.cluster.x-k8s.io/v1alpha2',
  Cluster: 'cluster.x-k8s.io/v1beta2',
  Namespace: 'v1',
  Event: 'v1',
};

export const PAUSED = 'cluster.x-k8s.io/paused';

/** The URL path of a kind's objects, or of one object. */
export function pathOf(kind: keyof Kinds, namespace?: string, name?: string): string {
  const version = API_VERSIONS[kind];
  const plural = kind === 'IPAddress' ? 'ipaddresses' : `${kind.toLowerCase()}s`;
  return [
    version === 'v1' ? '/api/v1' : `/apis/${version}`,
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
  ].join('/');
}

/** Objects of a kind, of one namespace or of all. */
export async function listOf<K extends keyof Kinds>(
  plane: ControlPlane,
  kind: K,
  namespace?: string,
): Promise<Kinds[K][]> {
  const { items } = succeeded(await plane.api('GET', pathOf(kind, namespace)));
  // A list leaves out what all its items have in common.
  return items.map((item: object) => ({ apiVersion: API_VERSIONS[kind], kind, ...item }));
}

/** It looked at its cache once more after an object that it let go of was gone. */
const GONE = /can't remove finalizer for .* not found/;
/** What server-side apply says of an IPAddress that another has the name of; dynamic apply says nothing. */
const IN_THE_WAY = /IPAddress spec is immutable/;

/** What Metacontroller has complained about: events of syncs that failed, and errors in its log. */
export async function complaints({ plane, metacontrollers }: Installation): Promise<string[]> {
  const events = (await listOf(plane, 'Event')).filter(({ reason }) => reason === 'SyncError');
  const logs = metacontrollers.flatMap(({ log }) => readFileSync(log, 'utf8').split('\n'));
  return [
    ...events.map(({ involvedObject: { kind, name }, message }) => `${kind} ${name}: ${message}`),
    ...logs.filter((line) => line.includes('"level":"error"')).map((line) => JSON.parse(line).error ?? line),
  ].filter((complaint) => !GONE.test(complaint) && !IN_THE_WAY.test(complaint));
}

export function succeeded({ status, body }: Answer): Answer['body'] {
  if (status < 300) return body;
  throw new Error(`${status}: ${body?.message ?? body}`);
}

interface Extra {
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly finalizers?: string[];
  readonly ownerReferences?: OwnerReference[];
}

interface ClaimExtra extends Extra {
  readonly pool?: string;
  readonly kind?: string;
  readonly clusterName?: string;
}

/** What a pool's spec need not say gets a value here. */
type PoolSpec = Partial<GlobalInClusterIPPoolSpec>;

export class Sandbox {
  readonly installation: Installation;
  readonly plane: ControlPlane;
  /** Also the name of the namespace's one global pool of each kind. */
  readonly namespace: string;

  private constructor(installation: Installation, namespace: string) {
    this.installation = installation;
    this.plane = installation.plane;
    this.namespace = namespace;
  }

  static async create(installation: Installation, namespace: string): Promise<Sandbox> {
    const sandbox = new Sandbox(installation, namespace);
    // An earlier user of the control plane may have left one, empty.
    if ((await sandbox.get('Namespace', namespace)) === undefined) {
      await sandbox.create('Namespace', { name: namespace });
    }
    return sandbox;
  }

  /** A second namespace. */
  sibling(): Promise<Sandbox> {
    return Sandbox.create(this.installation, `${this.namespace}-2`);
  }

  async create<K extends keyof Kinds>(kind: K, metadata: object, spec?: object): Promise<Kinds[K]> {
    const path = pathOf(kind, this.#namespaceOf(kind));
    const object = { apiVersion: API_VERSIONS[kind], kind, metadata, ...(spec !== undefined && { spec }) };
    return succeeded(await this.plane.api('POST', path, object));
  }

  /** A pool named `pool`, or a global one named like the namespace; a /24 unless `spec` says otherwise. */
  pool(spec: PoolSpec, kind: PoolKind = 'InClusterIPPool', extra: Extra = {}): Promise<Kinds[PoolKind]> {
    const whole = spec.subnets === undefined && { prefix: 24 };
    return this.create(kind, { name: this.poolName(kind), ...extra }, { ...whole, ...spec });
  }

  /** The same of prefixes, each a /64 unless `spec` says otherwise. */
  prefixPool(
    spec: InClusterPrefixPoolSpec,
    kind: PrefixPoolKind = 'InClusterPrefixPool',
    extra: Extra = {},
  ): Promise<Kinds[PrefixPoolKind]> {
    return this.create(kind, { name: this.poolName(kind), ...extra }, spec);
  }

  poolName(kind: PoolKind): string {
    return kind.startsWith('Global') ? this.namespace : 'pool';
  }

  /** A claim of the namespace's pool. */
  claim(
    name: string,
    { pool, kind = 'InClusterIPPool', clusterName, ...extra }: ClaimExtra = {},
  ): Promise<IPAddressClaim> {
    const poolRef = {
      apiGroup: 'ipam.cluster.x-k8s.io',
      kind,
      name: pool ?? this.poolName(kind as PoolKind),
    };
    return this.create(
      'IPAddressClaim',
      { name, ...extra },
      { poolRef, ...(clusterName && { clusterName }) },
    );
  }

  async get<K extends keyof Kinds>(kind: K, name: string): Promise<Kinds[K] | undefined> {
    const answer = await this.plane.api('GET', pathOf(kind, this.#namespaceOf(kind), name));
    return answer.status === 404 ? undefined : succeeded(answer);
  }

  list<K extends keyof Kinds>(kind: K): Promise<Kinds[K][]> {
    return listOf(this.plane, kind, this.#namespaceOf(kind));
  }

  async patch<K extends keyof Kinds>(kind: K, name: string, patch: object): Promise<Kinds[K]> {
    const path = pathOf(kind, this.#namespaceOf(kind), name);
    return succeeded(await this.plane.api('PATCH', path, patch, 'application/merge-patch+json'));
  }

  annotate(kind: keyof Kinds, name: string, annotations: Record<string, string | null>): Promise<unknown> {
    return this.patch(kind, name, { metadata: { annotations } });
  }

  async delete(kind: keyof Kinds, name: string): Promise<void> {
    succeeded(await this.plane.api('DELETE', pathOf(kind, this.#namespaceOf(kind), name)));
  }

  /** Waits until there is no object of that name. */
  gone(kind: keyof Kinds, name: string, seconds = 30): Promise<void> {
    return eventually(
      `${kind} ${name} to go`,
      async () => (await this.get(kind, name)) === undefined,
      seconds,
      this.#eventsOf(kind),
    );
  }

  /** Waits until the claim has its IPAddress and says so. */
  async bound(claim: string, seconds = 60): Promise<IPAddress> {
    await this.#ready(claim, 'True', 'AddressAllocated', seconds);
    const { status } = (await this.get('IPAddressClaim', claim))!;
    assert.is(status?.addressRef?.name, claim);
    return (await this.get('IPAddress', claim))!;
  }

  /** Waits until the claim says why it has no IPAddress; the sentence of its condition. */
  async waiting(claim: string, reason: string, seconds = 60): Promise<string> {
    const message = await this.#ready(claim, 'False', reason, seconds);
    assert.is((await this.get('IPAddressClaim', claim))?.status?.addressRef, undefined);
    return message;
  }

  async #ready(claim: string, status: string, reason: string, seconds: number): Promise<string> {
    let last: Condition | undefined;
    await eventually(
      `${this.namespace}/${claim} Ready=${status}, ${reason}`,
      async () => {
        const object = await this.get('IPAddressClaim', claim);
        last = object?.status?.conditions?.find(({ type }) => type === 'Ready') as Condition | undefined;
        if (last?.status === status && last.reason === reason) return true;
        throw new Error(
          last === undefined ? 'no condition' : `${last.status}, ${last.reason}: ${last.message}`,
        );
      },
      seconds,
      this.#eventsOf('IPAddressClaim'),
    );
    return last?.message ?? '';
  }

  /** Makes claims one after another; their addresses. */
  async serve(claims: string[], extra: ClaimExtra = {}): Promise<string[]> {
    const addresses: string[] = [];
    for (const name of claims) {
      await this.claim(name, extra);
      addresses.push((await this.bound(name)).spec.address);
    }
    return addresses;
  }

  /** Deletes the claim and waits until it is gone. */
  async release(claim: string): Promise<void> {
    await this.delete('IPAddressClaim', claim);
    await this.gone('IPAddressClaim', claim);
  }

  /** Waits until the pool counts what is expected. */
  async counts(kind: PoolKind, expected: Record<string, number>): Promise<void> {
    let last = {};
    await eventually(
      `${kind} of ${this.namespace}: ${JSON.stringify(expected)}`,
      async () => {
        const counts = (await this.get(kind, this.poolName(kind)))?.status?.ipAddresses ?? {};
        last = counts;
        if (Object.entries(expected).every(([key, value]) => counts[key as keyof typeof counts] === value)) {
          return true;
        }
        throw new Error(JSON.stringify(last));
      },
      30,
      this.#eventsOf(kind),
    );
  }

  /** Allocations of the namespace's pool, or of its global pool. */
  allocations(kind: PoolKind = 'InClusterIPPool'): Promise<Allocation[]> {
    return allocationsOf(this.plane, this.poolOf(kind));
  }

  poolOf(kind: PoolKind): Pool {
    return {
      kind,
      ...(!kind.startsWith('Global') && { namespace: this.namespace }),
      name: this.poolName(kind),
    };
  }

  /** After `seconds` without any hook call the namespace holds exactly these IPAddresses, and no garbage for long. */
  async settlesOn(claims: string[], seconds = 2): Promise<void> {
    await this.quiet(seconds);
    await eventually(`the IPAddresses ${claims}`, async () => {
      const names = (await this.list('IPAddress')).map(({ metadata }) => metadata.name);
      assert.equal(names.sort(), [...claims].sort());
      return true;
    });
  }

  /**
   * Waits until hooks have been called for this namespace, and then for `seconds` no more. Claims that nobody
   * answers are looked at every ten seconds, so not for longer than that.
   */
  async quiet(seconds = 2): Promise<void> {
    const calls = HookLog.of(this.installation.server.log);
    const since = performance.now();
    const deadline = since + 60_000;
    for (;;) {
      const left = Math.max(since, calls.lastOf(this.namespace)) + seconds * 1000 - performance.now();
      if (left <= 0) return;
      if (performance.now() > deadline) throw new Error(`hooks still called for ${this.namespace}, or never`);
      // Without any call so far, time says nothing.
      await delay(Number.isFinite(left) ? left + 20 : 100);
    }
  }

  /** Wakes with what becomes of a kind's objects in this namespace, or of the one named like it. */
  #eventsOf(kind: keyof Kinds): Wake {
    const watch = this.plane.watch(pathOf(kind));
    const isOurs = ({ metadata: { namespace, name } }: KubernetesObject) =>
      (namespace ?? name) === this.namespace;
    return (signal) => watch.next(isOurs, signal);
  }

  #namespaceOf(kind: keyof Kinds): string | undefined {
    return kind.startsWith('Global') || kind === 'Namespace' ? undefined : this.namespace;
  }
}
