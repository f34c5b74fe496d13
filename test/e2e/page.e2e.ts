/** The page of `metaipam serve --page`, on a real control plane. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually } from './control-plane.ts';
import { type Installation, install } from './install.ts';

const POOL = `apiVersion: ipam.cluster.x-k8s.io/v1alpha2
kind: InClusterIPPool
metadata: {name: rack-a, namespace: default}
spec: {addresses: [10.0.0.0/29], prefix: 29, gateway: 10.0.0.1}
`;

const claim = (name: string, pool: string) => `---
apiVersion: ipam.cluster.x-k8s.io/v1beta2
kind: IPAddressClaim
metadata: {name: ${name}, namespace: default}
spec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: ${pool}}}
`;

const test = suite('page');
let installation: Installation;

test.before(async () => {
  installation = await install({ serveArgs: ['--page', '--cache-lag=1s'] });
});
test.after(() => installation?.stop());

async function pageSays(words: string, path = '/'): Promise<void> {
  await eventually(words, async () =>
    (await (await fetch(installation.webserver + path)).text()).includes(words),
  );
}

test('pools, claims that wait and why, and the network', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const manifest = POOL + names.map((name) => claim(name, 'rack-a')).join('') + claim('lost', 'rack-z');
  await installation.plane.kubectl(['apply', '-f', '-'], manifest);
  await pageSays('InClusterIPPool default/rack-a has no free address');
  await pageSays('5 of 5, 100%');
  await pageSays('none<small>there is no such pool</small>');
  await pageSays('used <b>5</b>', '/?pool=InClusterIPPool/default/rack-a');
  await pageSays('<h1>default</h1>', '/?network=default');
  await pageSays('IPAddressClaim default/', '/?q=10.0.0.2');
  interface Shown {
    readonly pools: { readonly waiting: { readonly reason: string }[] }[];
    readonly holdings: { readonly addresses: string }[];
  }
  await eventually('the same as JSON', async () => {
    const { pools, holdings } = (await (await fetch(`${installation.webserver}/api/show`)).json()) as Shown;
    const reasons = pools[0]!.waiting.map(({ reason }) => reason).join();
    const addresses = holdings.map((holding) => holding.addresses).join();
    return (
      reasons === 'PoolExhausted,PoolExhausted' &&
      addresses === '10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6'
    );
  });
});

test('claims that go make room, and a pool that goes leaves the page', async () => {
  await installation.plane.kubectl(['delete', 'ipaddressclaims', '--all']);
  await pageSays('0 of 5, 0%');
  const text = await (await fetch(installation.webserver)).text();
  assert.not.match(text, 'Claims that wait<small>');
  await installation.plane.kubectl(['delete', 'inclusterippools', '--all']);
  await eventually('the pool to go', async () => {
    return (await fetch(`${installation.webserver}/?pool=InClusterIPPool/default/rack-a`)).status === 404;
  });
});

test.run();
