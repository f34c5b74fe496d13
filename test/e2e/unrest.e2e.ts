/**
 * Claims come and go for 40 seconds (or $E2E_UNREST), people take away what they find and pause, relabel and resize, and what is at
 * work is killed or stopped: nobody shares an address or gets another one, and afterwards everything is in order. The
 * deeds are those of $E2E_SEED, but not their timing.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isDeleting, type Unstructured } from '../../lib/engine/object.ts';
import { Random } from '../../lib/engine/random.ts';
import { ADDRESS_ANNOTATION } from '../../lib/kubernetes/names.ts';
import { controllerOf } from '../../lib/kubernetes/object.ts';
import type { IPAddress, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { eventually } from './control-plane.ts';
import { install } from './install.ts';
import { PAUSED, type PoolKind, pathOf, Sandbox } from './sandbox.ts';

const SECONDS = Number(process.env.E2E_UNREST ?? 40);
const SEED = Number(process.env.E2E_SEED ?? Date.now() % 1e6);
const NAMES = Array.from({ length: 90 }, (_, index) => `claim-${index}`);
const POOLS: readonly PoolKind[] = ['InClusterIPPool', 'GlobalInClusterIPPool', 'InClusterPrefixPool'];
const RANGES = ['10.0.0.0/26', '10.0.0.0/25', '10.0.0.16-10.0.0.80', '10.0.0.0/27'];

const test = suite('unrest: ');
for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) {
  test(`${applyStrategy}: nobody shares an address or gets another one, and afterwards everything is in order`, async () => {
    const installation = await install({
      applyStrategy,
      metacontrollers: 2,
      serveArgs: ['--log-level=debug', '--cache-lag=5s'],
      metacontrollerArgs: ['--client-go-qps=2000', '--client-go-burst=4000'],
    });
    try {
      const box = await Sandbox.create(installation, 'unrest');
      await box.pool({ addresses: RANGES.slice(0, 1), gateway: '10.0.0.1' });
      await box.pool({ addresses: ['10.9.0.0/26'] }, 'GlobalInClusterIPPool');
      await box.prefixPool({ prefixes: ['fd00::/57'] });
      const watch = watchAddresses(box);
      const deeds = await makeUnrest(box, new Random(SEED));
      console.log(`\n# ${applyStrategy}, E2E_SEED=${SEED}: ${JSON.stringify(deeds)}`);
      assert.equal(watch.broken, []);
      await rest(box);
      await box.quiet(3);
      assert.equal(watch.broken, []);
      await releaseAll(box);
    } finally {
      await installation.stop();
    }
  });
}
test.run();

/** What goes wrong with the addresses of living claims, from now on, as the API server tells it. */
function watchAddresses({ plane }: Sandbox): { readonly broken: readonly string[] } {
  const broken: string[] = [];
  const claims = plane.watch(pathOf('IPAddressClaim'));
  const addresses = plane.watch(pathOf('IPAddress'));
  const had = new Map<string, string>();
  const look = () => {
    const alive = [...claims.objects.values()].filter((claim) => !isDeleting(claim));
    const living = new Map(alive.map(({ metadata }) => [metadata.uid, metadata.name]));
    const holders = new Map<string, string>();
    for (const each of addresses.objects.values()) {
      const { uid = '' } = controllerOf(each) ?? {};
      const name = living.get(uid);
      if (name === undefined || isDeleting(each)) continue;
      const { poolRef, address } = (each as Unstructured & IPAddress).spec;
      const what = `${poolRef.kind} ${address}`;
      if (holders.has(what)) broken.push(`${what}: of ${holders.get(what)} and ${name}`);
      holders.set(what, name);
      if ((had.get(uid) ?? what) !== what) broken.push(`${name}: ${had.get(uid)}, then ${what}`);
      had.set(uid, what);
    }
    void addresses.next(() => true, new AbortController().signal).then(look);
  };
  look();
  return { broken };
}

/** How often each deed was done, or tried: what is not there, or there already, cannot be deleted or made. */
async function makeUnrest(box: Sandbox, random: Random): Promise<Record<string, number>> {
  const { installation } = box;
  const label = (key: string) => ({ metadata: { labels: { [`metaipam.io/${key}`]: null } } });
  const claim = (name: string) => box.claim(name, { kind: random.pick(POOLS) });
  const running = () => installation.metacontrollers.filter(({ isRunning }) => isRunning);
  const doings: Record<string, readonly [often: number, (name: string) => Promise<unknown>]> = {
    create: [60, claim],
    delete: [36, (name) => box.delete('IPAddressClaim', name)],
    recreate: [16, (name) => box.delete('IPAddressClaim', name).then(() => claim(name))],
    'take address': [6, (name) => box.delete('IPAddress', name)],
    'take finalizers': [1, (name) => box.patch('IPAddressClaim', name, { metadata: { finalizers: null } })],
    'take pool label': [2, (name) => box.patch('IPAddressClaim', name, label('pool'))],
    'take settled label': [2, (name) => box.patch('IPAddressClaim', name, label('settled'))],
    pause: [2, (name) => box.annotate('IPAddressClaim', name, { [PAUSED]: '' })],
    resume: [4, (name) => box.annotate('IPAddressClaim', name, { [PAUSED]: null })],
    'pause pool': [2, () => box.annotate('InClusterIPPool', 'pool', { [PAUSED]: '' })],
    'resume pool': [4, () => box.annotate('InClusterIPPool', 'pool', { [PAUSED]: null })],
    resize: [2, () => box.patch('InClusterIPPool', 'pool', { spec: { addresses: [random.pick(RANGES)] } })],
  };
  const disturbances: Record<string, () => Promise<unknown>> = {
    'kill Metacontroller': async () => random.pick(running()).signal('SIGKILL'),
    'stop Metacontroller': async () => {
      const program = random.pick(running());
      program.signal('SIGSTOP');
      await delay(1000 + random.below(20_000));
      program.signal('SIGCONT');
    },
    'kill server': async () => {
      installation.server.signal('SIGKILL');
      await installation.server.exited;
      await installation.startServer();
    },
  };
  const counts: Record<string, number> = {};
  const counted = (deed: string) => {
    counts[deed] = (counts[deed] ?? 0) + 1;
  };
  const end = performance.now() + SECONDS * 1000;
  const asOften = Object.entries(doings).flatMap(([deed, [often]]) =>
    Array.from({ length: often }, () => deed),
  );
  const people = async () => {
    const done: Promise<unknown>[] = [];
    for (; performance.now() < end; await delay(random.below(100))) {
      const deed = random.pick(asOften);
      counted(deed);
      done.push(doings[deed]![1](random.pick(NAMES)).catch(unlessThere));
    }
    await Promise.all(done);
  };
  const trouble = async () => {
    for (; performance.now() < end; await delay(random.below(4000))) {
      const deed = random.pick(Object.keys(disturbances));
      counted(deed);
      await disturbances[deed]!();
      // As kubelet does; one that was stopped for long ends as it wakes.
      while (running().length < 2) await installation.startMetacontroller();
    }
  };
  await Promise.all([people(), trouble()]);
  return counts;
}

function unlessThere(error: Error): void {
  if (!/^40[49]/.test(error.message)) throw error;
}

/** Nothing is paused any more, there is room for everybody, and then everybody has an address, and the pools know. */
async function rest(box: Sandbox): Promise<void> {
  await box.patch('InClusterIPPool', 'pool', {
    metadata: { annotations: { [PAUSED]: null } },
    spec: { addresses: ['10.0.0.0/25'] },
  });
  for (const { metadata } of await box.list('IPAddressClaim'))
    await box.annotate('IPAddressClaim', metadata.name, { [PAUSED]: null }).catch(unlessThere);
  await settled(box, (claim) => {
    const ready = claim.status?.conditions?.find(({ type }) => type === 'Ready');
    return isDeleting(claim) || ready?.status !== 'True'
      ? `${claim.metadata.name}: ${JSON.stringify(ready ?? claim.metadata)}`
      : undefined;
  });
}

async function releaseAll(box: Sandbox): Promise<void> {
  for (const { metadata } of await box.list('IPAddressClaim'))
    await box.delete('IPAddressClaim', metadata.name);
  await settled(box, ({ metadata }) => `${metadata.name} is there`);
}

/** Waits until no claim has anything wrong, and IPAddresses and allocations are those of the claims. */
async function settled(
  box: Sandbox,
  wrongWith: (claim: IPAddressClaim) => string | undefined,
): Promise<void> {
  await eventually(
    'everything to be in order',
    async () => {
      const claims = await box.list('IPAddressClaim');
      const addresses = await box.list('IPAddress');
      const allocations = await Promise.all(POOLS.map((kind) => box.allocations(kind)));
      const held = allocations.flat().filter(({ releasedAt }) => releasedAt === undefined);
      const wanted = new Set(
        claims.flatMap(({ metadata: { name, uid, annotations } }) => [
          `IPAddress ${name}`,
          `${annotations?.[ADDRESS_ANNOTATION]} of ${name} (${uid})`,
        ]),
      );
      const there = new Set([
        ...addresses.map(({ metadata }) => `IPAddress ${metadata.name}`),
        ...held.map(({ claim, address }) => `${address} of ${claim.name} (${claim.uid})`),
      ]);
      const wrong = [
        ...claims.flatMap((claim) => wrongWith(claim) ?? []),
        ...[...wanted.difference(there)].map((what) => `no ${what}`),
        ...there.difference(wanted),
      ];
      if (wrong.length === 0) return true;
      throw new Error(`${wrong.length}: ${wrong.slice(0, 5).join('; ')}`);
    },
    120,
    500,
  );
}
