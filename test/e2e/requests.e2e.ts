/** What a claim and a node may cost an API server: 100 of each at once, on an installation as README.md has it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { eventually } from './control-plane.ts';
import { type Installation, install, quiet } from './install.ts';
import { type RequestCounts, requestCounts, requestsAnObject } from './requests.ts';
import { pathOf, Sandbox, succeeded } from './sandbox.ts';

const OBJECTS = 100;
const MOST_REQUESTS = 3.6;
const NODES = '/api/v1/nodes';

for (const applyStrategy of ['dynamic-apply', 'server-side-apply'] as const) {
  const test = suite<{ installation: Installation }>(`requests, ${applyStrategy}: `);
  test.before(async (context) => {
    const serveArgs = ['--log-level=debug'];
    context.installation = await install({ applyStrategy, admission: true, serveArgs });
  });
  test.after(({ installation }) => installation?.stop());

  test('a claim', async ({ installation }) => {
    const box = await Sandbox.create(installation, 'requests');
    await box.pool({ addresses: ['10.0.0.0/16'], prefix: 16 });
    await box.counts('InClusterIPPool', { used: 0 });
    await assertFew(installation, 'POST ipaddressclaims', async () => {
      await Promise.all(names('claim').map((name) => box.claim(name)));
      const watch = box.plane.watch(pathOf('IPAddressClaim'));
      const served = () =>
        [...watch.objects.values()].filter(
          (object) => (object as object as IPAddressClaim).status?.addressRef !== undefined,
        ).length;
      await eventually(
        'all served',
        async () => served() === OBJECTS,
        120,
        (signal) => watch.next(() => true, signal),
      );
    });
  });

  test('a dual-stack node', async ({ installation }) => {
    const { plane } = installation;
    const clusterCIDR = {
      apiVersion: 'networking.x-k8s.io/v1',
      kind: 'ClusterCIDR',
      metadata: { name: 'all' },
      spec: { perNodeHostBits: 8, ipv4: '10.244.0.0/16', ipv6: 'fd00:10:244::/112' },
    };
    succeeded(await plane.api('POST', '/apis/networking.x-k8s.io/v1/clustercidrs', clusterCIDR));
    await quiet(installation);
    await assertFew(installation, 'POST nodes', async () => {
      await Promise.all(
        names('node').map(async (name) => succeeded(await plane.api('POST', NODES, { metadata: { name } }))),
      );
      const watch = plane.watch(NODES);
      const served = () =>
        [...watch.objects.values()].filter(
          (object) => (object as object as Node).spec?.podCIDRs?.length === 2,
        ).length;
      await eventually(
        'all served',
        async () => served() === OBJECTS,
        120,
        (signal) => watch.next(() => true, signal),
      );
    });
  });

  test.run();
}

function names(prefix: string): string[] {
  return Array.from({ length: OBJECTS }, (_, index) => `${prefix}-${index}`);
}

/** @param made what makes one of the objects */
async function assertFew(
  installation: Installation,
  made: string,
  serve: () => Promise<void>,
): Promise<void> {
  await quiet(installation);
  const before = await countsNow(installation);
  await serve();
  await quiet(installation);
  const { sum, byRequest } = requestsAnObject(before, await countsNow(installation), OBJECTS, made);
  const parts = [...byRequest].map(([request, count]) => `${count} ${request}`).join(', ');
  console.log(`\n# ${made}: ${sum.toFixed(2)} requests each: ${parts}`);
  assert.ok(sum <= MOST_REQUESTS, `${sum} requests each: ${parts}`);
}

async function countsNow({ plane }: Installation): Promise<RequestCounts> {
  return requestCounts(String((await plane.api('GET', '/metrics')).body));
}
