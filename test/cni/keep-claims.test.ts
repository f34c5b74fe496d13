/** What the node agent keeps of IPAMClaims, with an API server on loopback that is torn off, compacts and forbids. */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keepClaims } from '../../cni/agent/keep-claims.ts';
import type { KnownClaims } from '../../lib/cni/known-claims.ts';
import { apiServer, OPENSSL, scratch, until, WatchedList, withTools } from './kit.ts';

const PODS = '/api/v1/pods';
const CLAIMS = '/apis/k8s.cni.cncf.io/v1alpha1/ipamclaims';
const CLAIM = '/apis/k8s.cni.cncf.io/v1alpha1/namespaces/default/ipamclaims/vm-a.blue';

await withTools('the claims of the node agent', [OPENSSL], () => {
  test('The pods of the node and the claims that they name are in the file, as they change', async () => {
    const world = await agent();
    const { pods, claims, known } = world;
    try {
      await until(() => known()?.pods['default/launcher-1'] !== undefined);
      assert.equal(known()?.pods, {
        'default/launcher-1': { uid: 'launcher-1', references: { net1: 'vm-a.blue' } },
      });
      assert.equal(Object.keys(known()!.claims), ['default/vm-a.blue']);
      const { uid, network, ips, gateways } = known()!.claims['default/vm-a.blue']!;
      assert.equal([uid, network, ips, gateways], ['first', 'blue', ['10.7.0.9/24'], ['10.7.0.1']]);
      assert.is(statSync(world.file).mode & 0o777, 0o600);

      pods.change('ADDED', pod('launcher-2', 'vm-b.blue'));
      claims.change('ADDED', claim('vm-b.blue', []));
      await until(() => known()?.claims['default/vm-b.blue']?.ips.length === 0);
      claims.change('MODIFIED', claim('vm-b.blue', ['10.7.0.10/24']));
      await until(() => known()?.claims['default/vm-b.blue']?.ips[0] === '10.7.0.10/24');
      pods.change('DELETED', pod('launcher-2', 'vm-b.blue'));
      await until(() => Object.keys(known()?.claims ?? {}).join() === 'default/vm-a.blue');
      pods.change('ADDED', { metadata: { name: 'plain', namespace: 'default', uid: 'plain' } });
      pods.change('MODIFIED', pod('launcher-1', 'vm-b.blue'));
      await until(() => Object.keys(known()?.claims ?? {}).join() === 'default/vm-b.blue');
      assert.equal(
        Object.keys(known()!.pods),
        ['default/launcher-1'],
        'of a pod without networks nothing is kept',
      );
      assert.equal(
        readdirSync(world.work).filter((name) => name.startsWith('claims.json')),
        ['claims.json'],
      );
    } finally {
      await world.stop();
    }
    assert.ok(known(), 'it is there while the agent restarts');
  });

  test('No more is asked for than pods of the node that run, without what is in them, and claims of ours', async () => {
    const world = await agent();
    await until(() => world.known() !== undefined && world.urls.length >= 5);
    await world.stop();
    const asked = (path: string) => world.urls.filter(({ pathname }) => pathname === path);
    const [one, ...more] = world.urls.filter(({ pathname }) => ![PODS, CLAIMS].includes(pathname));
    assert.is(one?.pathname, CLAIM);
    assert.equal(more, [], 'a claim is read once for a pod');
    for (const { searchParams } of asked(PODS)) {
      const selector = 'spec.nodeName=worker,status.phase!=Succeeded,status.phase!=Failed';
      assert.is(searchParams.get('fieldSelector'), selector);
    }
    for (const { searchParams } of asked(CLAIMS)) {
      assert.is(searchParams.get('labelSelector'), 'metaipam.io/network');
    }
    // Claims that are listed from an API server that lags behind would be those of before.
    const lists = asked(CLAIMS).filter(({ searchParams }) => !searchParams.has('watch'));
    assert.equal(
      lists.map(({ searchParams }) => searchParams.get('resourceVersion')),
      [null],
    );
  });

  for (const [name, fault] of [
    ['is torn off', () => {}],
    [
      'is torn off, and the server has forgotten what happened since',
      (claims: WatchedList) => {
        claims.compacted = claims.version;
      },
    ],
  ] as const) {
    test(`A claim that is made anew while the watch ${name} is the new one`, async () => {
      const world = await agent();
      const { claims, known, api } = world;
      try {
        await until(() => known() !== undefined && world.urls.length >= 5);
        api.mood = 'breaks off';
        api.breakOff();
        claims.change('DELETED', claim('vm-a.blue', []));
        claims.change('ADDED', { ...claim('vm-a.blue', ['10.7.0.77/24'], 'second') });
        fault(claims);
        const asked = api.requests.length;
        await until(() => api.requests.length > asked + 1);
        assert.is(known()?.claims['default/vm-a.blue']?.uid, 'first', 'nobody has told');
        api.mood = 'well';
        await until(() => known()?.claims['default/vm-a.blue']?.uid === 'second');
        assert.equal(known()?.claims['default/vm-a.blue']?.ips, ['10.7.0.77/24']);
        claims.change('DELETED', claim('vm-a.blue', [], 'second'));
        await until(() => Object.keys(known()?.claims ?? { none: 0 }).length === 0);
        api.mood = 'breaks off';
        api.breakOff();
        fault(claims);
        api.mood = 'well';
        const { seenAt } = known()!;
        claims.change('ADDED', claim('vm-a.blue', ['10.7.0.78/24'], 'third'));
        await until(() => known()?.claims['default/vm-a.blue']?.uid === 'third');
        assert.ok(known()!.seenAt >= seenAt);
      } finally {
        await world.stop();
      }
    });
  }

  test("A pod does not get what its claim's predecessor had, however late the watch tells", async () => {
    const world = await agent();
    const { pods, claims, known } = world;
    try {
      await until(() => known()?.pods['default/launcher-1'] !== undefined);
      // The watch has died unseen. The claim is made anew, and then its pod.
      claims.isSilent = true;
      claims.change('DELETED', claim('vm-a.blue', []));
      claims.change('ADDED', claim('vm-a.blue', ['10.7.0.77/24'], 'second'));
      pods.change('DELETED', pod('launcher-1', 'vm-a.blue'));
      const asked = world.urls.length;
      pods.change('ADDED', pod('launcher-2', 'vm-a.blue'));
      await until(() => world.urls.length > asked);
      for (let turn = 0; turn < 3; turn++) {
        pods.change('ADDED', { metadata: { name: `plain-${turn}`, namespace: 'default' } });
        await setTimeout(20);
      }
      assert.equal(known()?.pods, {}, 'of an ADD the API server is asked');
      assert.equal(known()?.claims, {});
      assert.ok(world.urls.length <= asked + 4, 'it is read when there is news, not again and again');
      claims.isSilent = false;
      world.api.breakOff();
      await until(() => known()?.claims['default/vm-a.blue']?.uid === 'second');
      assert.equal(Object.keys(known()!.pods), ['default/launcher-2']);
      assert.equal(known()?.claims['default/vm-a.blue']?.ips, ['10.7.0.77/24']);
    } finally {
      await world.stop();
    }
  });

  test('A claim that could not be read is asked for again, though nothing happens', async () => {
    const world = await agent();
    const { pods, known, api } = world;
    try {
      await until(() => known()?.pods['default/launcher-1'] !== undefined);
      api.mood = 'forbids';
      pods.change('ADDED', pod('launcher-2', 'vm-a.blue'));
      await until(() => world.problems.some((text) => /IPAMClaim default\/vm-a\.blue: .* 403/.test(text)));
      assert.equal(Object.keys(known()!.pods), ['default/launcher-1']);
      api.mood = 'well';
      await until(() => known()?.pods['default/launcher-2'] !== undefined);
    } finally {
      await world.stop();
    }
  });

  test('The file says until when it was true: of the two watches, what the older one has last told', async () => {
    let now = 1_000_000;
    const world = await agent({ now: () => now });
    const { pods, claims, known } = world;
    try {
      await until(() => known() !== undefined && world.urls.length >= 5);
      assert.is(known()?.seenAt, 1_000_000);
      now = 1_060_000;
      claims.bookmark();
      claims.change('ADDED', claim('other', []));
      pods.change('ADDED', pod('launcher-2', 'vm-a.blue'));
      await until(() => known()?.pods['default/launcher-2'] !== undefined);
      assert.is(known()?.seenAt, 1_060_000, 'both have told');
      now = 1_120_000;
      pods.change('ADDED', pod('launcher-3', 'vm-a.blue'));
      await until(() => known()?.pods['default/launcher-3'] !== undefined);
      assert.is(known()?.seenAt, 1_060_000, 'of claims nothing has been heard since');
      claims.bookmark();
      await until(() => known()?.seenAt === 1_120_000);
      now = 1_180_000;
      world.api.breakOff();
      const asked = world.urls.length;
      await until(() => world.urls.length >= asked + 2);
      pods.bookmark();
      assert.is(known()?.seenAt, 1_120_000, 'a watch that has begun has told nothing yet');
      await setTimeout(1_100);
      const { length } = world.urls;
      claims.endWatches();
      await until(() => known()?.seenAt === 1_180_000);
      await until(() => world.urls.length > length);
      assert.is(world.urls.at(-1)?.searchParams.get('timeoutSeconds'), '75');
      claims.endWatches();
      await until(() => world.problems.some((text) => /a watch of .*ipamclaims ended at once/.test(text)));
    } finally {
      await world.stop();
    }
  });

  test('A file that cannot be written is none, and is written when there is news', async () => {
    const world = await agent({ blocked: true });
    const { claims, known, file } = world;
    try {
      await until(() => world.problems.some((text) => /claims\.json/.test(text)));
      rmdirSync(join(file, 'folder'));
      rmdirSync(file);
      await until(() => {
        claims.bookmark();
        world.pods.bookmark();
        return Object.keys(known()?.claims ?? {}).length > 0;
      });
      assert.equal(known()?.claims['default/vm-a.blue']?.ips, ['10.7.0.9/24']);
    } finally {
      await world.stop();
    }
  });

  test('Until both lists are known, what a predecessor has seen stays; without rights it says so, and tries again', async () => {
    const old = { version: 1, pods: {}, claims: {}, seenAt: 1 };
    const world = await agent({ mood: 'forbids', old });
    try {
      await until(() => world.problems.filter((text) => /ipamclaims: .* 403/.test(text)).length >= 2);
      assert.equal(world.known(), old);
      world.api.mood = 'well';
      await until(() => world.known()?.seenAt !== 1);
    } finally {
      await world.stop();
    }
  });

  test('Of a node without pods, and a cluster without claims', async () => {
    const world = await agent({ isEmpty: true });
    try {
      await until(() => world.known() !== undefined);
      assert.equal([world.known()?.pods, world.known()?.claims, world.problems], [{}, {}, []]);
    } finally {
      await world.stop();
    }
  });

  test('More claims than a page has', async () => {
    const many = Array.from({ length: 1_203 }, (_, index) =>
      claim(`vm-${index}`, [`10.8.0.${index % 200}/16`]),
    );
    const world = await agent({ more: many });
    try {
      await until(() => world.known() !== undefined);
      for (const name of ['vm-0', 'vm-499', 'vm-500', 'vm-1202']) {
        world.pods.change('ADDED', pod(`of-${name}`, name));
        await until(() => world.known()?.claims[`default/${name}`] !== undefined);
      }
    } finally {
      await world.stop();
    }
  });
});
test.run();

function pod(name: string, reference: string) {
  const networks = [{ name: 'blue', 'ipam-claim-reference': reference }];
  const annotations = { 'k8s.v1.cni.cncf.io/networks': JSON.stringify(networks) };
  return { metadata: { name, namespace: 'default', uid: name, annotations } };
}

function claim(name: string, ips: readonly string[], uid = 'first') {
  const annotations = { 'metaipam.io/gateways': '10.7.0.1' };
  return {
    metadata: { name, namespace: 'default', uid, annotations },
    spec: { network: 'blue', interface: '' },
    status: { ips },
  };
}

interface Circumstances {
  readonly now?: () => number;
  readonly mood?: 'well' | 'forbids';
  /** The file that a predecessor has left. */
  readonly old?: object;
  /** There is a folder in the place of the file. */
  readonly blocked?: boolean;
  readonly isEmpty?: boolean;
  readonly more?: readonly ReturnType<typeof claim>[];
}

async function agent(circumstances: Circumstances = {}) {
  const { now, mood = 'well', old, blocked = false, isEmpty = false, more = [] } = circumstances;
  const work = scratch();
  const file = join(work, 'claims.json');
  if (old !== undefined) writeFileSync(file, JSON.stringify(old));
  if (blocked) mkdirSync(join(file, 'folder'), { recursive: true });
  const [pods, claims] = [new WatchedList(), new WatchedList()];
  if (!isEmpty) pods.change('ADDED', pod('launcher-1', 'vm-a.blue'));
  for (const each of isEmpty
    ? []
    : [claim('vm-a.blue', ['10.7.0.9/24']), claim('unnamed', ['10.7.0.8/24']), ...more]) {
    claims.change('ADDED', each);
  }
  const api = await apiServer(join(work, 'api'), [], { lists: { [PODS]: pods, [CLAIMS]: claims } });
  api.mood = mood;
  process.env.KUBECONFIG = api.kubeconfig(join(work, 'kubeconfig'));
  const problems: string[] = [];
  const end = new AbortController();
  const log = (_: string, fields: object) => void problems.push(JSON.stringify(fields));
  const keeping = keepClaims({ node: 'worker', file, signal: end.signal, log, ...(now && { now }) });
  const known = (): KnownClaims | undefined => {
    try {
      return JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      return undefined;
    }
  };
  const stop = async () => {
    end.abort();
    await keeping;
    api.close();
  };
  return { work, file, pods, claims, api, urls: api.urls, problems, known, stop };
}
