/**
 * A hundred and fifty claims at once (or $E2E_CLAIMS), undisturbed and with Metacontroller killed in the middle: everyone is
 * answered, nobody shares an address, nothing is left behind. Prints what each run cost.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { ADDRESS_ANNOTATION } from '../../lib/kubernetes/names.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { STALE_APPLY } from './allocations.ts';
import { eventually } from './control-plane.ts';
import { type Installation, type InstallOptions, install, leadingMetacontroller } from './install.ts';
import { complaints, pathOf, Sandbox, succeeded } from './sandbox.ts';

const CLAIMS = Number(process.env.E2E_CLAIMS ?? 150);
const ADMISSION = join(import.meta.dirname, '..', '..', 'metacontroller', 'admission');

type Disturbance = 'undisturbed' | 'Metacontroller killed and started again' | 'leader of two killed';

/** The runs of one way to apply objects, as the suite of a file. */
export function scale(applyStrategy: NonNullable<InstallOptions['applyStrategy']>): void {
  const test = suite(`scale, ${applyStrategy}: `);
  run(test, { applyStrategy }, 'undisturbed');
  run(test, { applyStrategy, admission: true }, 'undisturbed');
  run(test, { applyStrategy }, 'Metacontroller killed and started again');
  run(test, { applyStrategy, admission: true, metacontrollers: 2 }, 'leader of two killed');
  test.run();
}

function run(test: Test, options: InstallOptions, disturbance: Disturbance): void {
  const { admission } = options;
  const title = `${admission ? 'with' : 'without'} admission policies, ${disturbance}`;
  if (admission && !existsSync(ADMISSION)) {
    console.log(`\n# SKIPPED: ${title}: there is no ${ADMISSION}`);
    test.skip(title, () => {});
    return;
  }
  test(title, async () => {
    const installation = await install({
      serveArgs: ['--log-level=debug', '--cache-lag=3s'],
      ...options,
      metacontrollerArgs: ['--client-go-qps=2000', '--client-go-burst=4000', '--workers=20'],
    });
    try {
      const box = await Sandbox.create(installation, 'scale');
      await box.pool({ addresses: ['10.0.0.0/16'], prefix: 16, gateway: '10.0.0.1' });
      await box.counts('InClusterIPPool', { used: 0 });
      console.log(`\n# ${options.applyStrategy}, ${title}:`);
      await measured(installation, `${CLAIMS} claims served`, () => serveAll(box, disturbance));
      await box.quiet();
      await assertAllServed(box);
      await measured(installation, `${CLAIMS} claims released`, () => releaseAll(box));
      await box.quiet();
      const unexpected = (await complaints(installation)).filter(isUnexpected);
      assert.equal(unexpected.slice(0, 10), []);
    } finally {
      await installation.stop();
    }
  });
}

/** Candidates race for the lease. */
function isUnexpected(complaint: string): boolean {
  return !/leases.*already exists/.test(complaint) && !STALE_APPLY.test(complaint);
}

async function serveAll(box: Sandbox, disturbance: Disturbance): Promise<void> {
  const { installation } = box;
  const names = Array.from({ length: CLAIMS }, (_, index) => `claim-${index}`);
  const made = Promise.all(names.map((name) => box.claim(name)));
  if (disturbance !== 'undisturbed') {
    await begun(box);
    const victim =
      disturbance === 'leader of two killed'
        ? leadingMetacontroller(installation)
        : installation.metacontrollers[0]!;
    victim.signal('SIGKILL');
    await victim.exited;
    const before = (await box.list('IPAddress')).length;
    assert.ok(before < CLAIMS, `killed too late: ${before} addresses`);
    if (disturbance !== 'leader of two killed') await installation.startMetacontroller();
  }
  await made;
  await served(box, CLAIMS);
}

/** Waits until the first IPAddresses are there. */
function begun(box: Sandbox): Promise<void> {
  const watch = box.plane.watch(pathOf('IPAddress'));
  const isOurs = ({ metadata }: KubernetesObject) => metadata.namespace === box.namespace;
  return eventually(
    'a claim to be served',
    async () => [...watch.objects.values()].some(isOurs),
    60,
    (signal) => watch.next(isOurs, signal),
  );
}

/** Waits until so many claims have their address. */
function served(box: Sandbox, count: number): Promise<void> {
  const watch = box.plane.watch(pathOf('IPAddressClaim'));
  let last = 0;
  return eventually(
    `${count} claims served`,
    async () => {
      const claims = [...watch.objects.values()] as object[] as IPAddressClaim[];
      last = claims.filter(
        ({ metadata, status }) => metadata.namespace === box.namespace && status?.addressRef !== undefined,
      ).length;
      if (last >= count) return true;
      throw new Error(`only ${last}`);
    },
    180,
    (signal) => watch.next(() => true, signal),
  );
}

async function assertAllServed(box: Sandbox): Promise<void> {
  const [claims, addresses, allocations] = await Promise.all([
    box.list('IPAddressClaim'),
    box.list('IPAddress'),
    box.allocations(),
  ]);
  assert.equal([claims.length, addresses.length, allocations.length], [CLAIMS, CLAIMS, CLAIMS]);
  assert.is(new Set(claims.map(({ metadata }) => metadata.annotations?.[ADDRESS_ANNOTATION])).size, CLAIMS);
  assert.is(new Set(addresses.map(({ spec }) => spec.address)).size, CLAIMS);
  assert.is(new Set(allocations.map(({ address }) => address)).size, CLAIMS);
  const addressOf = new Map(addresses.map(({ metadata, spec }) => [metadata.name, spec.address]));
  const allocatedTo = new Map(allocations.map(({ claim, address }) => [claim.uid, address]));
  for (const { metadata, status } of claims) {
    const address = metadata.annotations?.[ADDRESS_ANNOTATION];
    assert.ok(address, metadata.name);
    assert.is(addressOf.get(metadata.name), address);
    assert.is(allocatedTo.get(metadata.uid ?? ''), address);
    assert.is(status?.addressRef?.name, metadata.name);
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    assert.equal([ready?.status, ready?.reason], ['True', 'AddressAllocated']);
  }
  await box.counts('InClusterIPPool', { total: 65533, used: CLAIMS, free: 65533 - CLAIMS, pending: 0 });
}

async function releaseAll(box: Sandbox): Promise<void> {
  succeeded(await box.plane.api('DELETE', pathOf('IPAddressClaim', box.namespace)));
  for (const kind of ['IPAddressClaim', 'IPAddress'] as const) {
    await eventually(`no ${kind}`, async () => (await box.list(kind)).length === 0, 180);
  }
  await eventually('no allocation', async () => (await box.allocations()).length === 0, 180);
  await box.counts('InClusterIPPool', { used: 0, free: 65533, pending: 0 });
}

/** Runs `work` and prints how long it took, and what it asked of the API server for each claim. */
async function measured(
  installation: Installation,
  what: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const before = await requestCounts(installation);
  const startedAt = performance.now();
  await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await requestCounts(installation);
  const perClaim = [...after]
    .map(([request, count]) => [request, (count - (before.get(request) ?? 0)) / CLAIMS] as const)
    .filter(([, count]) => count >= 0.005)
    .sort(([, a], [, b]) => b - a);
  const sum = perClaim.reduce((total, [, count]) => total + count, 0);
  console.log(`#   ${what} in ${seconds.toFixed(1)} s, ${sum.toFixed(2)} requests a claim:`);
  for (const [request, count] of perClaim) console.log(`#     ${count.toFixed(2).padStart(6)} ${request}`);
}

/** Requests that the API server has answered, by verb, resource and error; lists, watches and leases left out. */
async function requestCounts({ plane }: Installation): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const text: string = succeeded(await plane.api('GET', '/metrics'));
  for (const [, labels = '', count] of text.matchAll(/^apiserver_request_total\{(.*)\} ([0-9.e+]+)$/gm)) {
    const label = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const [verb, resource, subresource, code] = ['verb', 'resource', 'subresource', 'code'].map(label);
    if (verb === 'LIST' || verb === 'WATCH' || resource === 'leases' || resource === '') continue;
    const error = Number(code) >= 400 ? ` ${code}` : '';
    const request = `${verb} ${resource}${subresource && `/${subresource}`}${error}`;
    counts.set(request, (counts.get(request) ?? 0) + Number(count));
  }
  return counts;
}
