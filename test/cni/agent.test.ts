/** The node agent as a process, with an API server on loopback that can be watched. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { installPrograms } from '../../cni/agent/install.ts';
import { replaceFile } from '../../cni/node/host.ts';
import { findConnection } from '../../lib/cni/kubeconfig.ts';
import {
  type ApiServer,
  apiServer,
  type Mood,
  type Node,
  OPENSSL,
  programs,
  run,
  scratch,
  until,
  WatchedList,
  withTools,
} from './kit.ts';

const AGENT = join(import.meta.dirname, '../../cni/agent/agent.ts');
const NODE: Node = {
  name: 'worker',
  podCIDRs: ['10.1.0.0/24'],
  annotations: { 'example.com/a': '10.2.0.0/24' },
};

await withTools('the node agent', [OPENSSL], () => {
  test('The agent keeps the facts of its Node, and of no other, as they change', async () => {
    const { api, facts, stop } = await agent([NODE, { name: 'other', podCIDRs: ['10.9.0.0/24'] }]);
    try {
      await until(() => facts()?.podCIDRs[0] === '10.1.0.0/24');
      assert.equal(facts()?.annotations, NODE.annotations);
      api.tell('MODIFIED', { ...NODE, annotations: { 'example.com/a': '10.3.0.0/24' } });
      await until(() => facts()?.annotations['example.com/a'] === '10.3.0.0/24');
      api.tell('DELETED', NODE);
      await until(() => facts() === undefined);
      api.tell('ADDED', { ...NODE, podCIDRs: ['10.4.0.0/24'] });
      await until(() => facts()?.podCIDRs[0] === '10.4.0.0/24');
    } finally {
      assert.is(await stop(), 0);
    }
    assert.ok(facts(), 'pods can still be added and deleted while the agent restarts');
  });

  test('With IPAM_CLAIMS it keeps the claims of its pods as well, and does without rights to them', async () => {
    const [pods, claims] = [new WatchedList(), new WatchedList()];
    const networks = JSON.stringify([{ name: 'blue', 'ipam-claim-reference': 'vm' }]);
    const annotations = { 'k8s.v1.cni.cncf.io/networks': networks };
    pods.change('ADDED', { metadata: { name: 'launcher', namespace: 'default', uid: 'p', annotations } });
    const vm = { metadata: { name: 'vm', namespace: 'default', uid: 'c' }, spec: { network: 'blue' } };
    claims.change('ADDED', { ...vm, status: { ips: ['10.7.0.9/24'] } });
    const lists = { '/api/v1/pods': pods, '/apis/k8s.cni.cncf.io/v1alpha1/ipamclaims': claims };
    const { cache, facts, stop } = await agent([NODE], 'well', {}, { env: { IPAM_CLAIMS: 'true' }, lists });
    const file = join(cache, 'claims.json');
    try {
      await until(() => existsSync(file) && /"10\.7\.0\.9\/24"/.test(readFileSync(file, 'utf8')));
      await until(() => facts()?.podCIDRs[0] === '10.1.0.0/24');
    } finally {
      assert.is(await stop(), 0);
    }
    const without = await agent([NODE], 'well', {}, { env: { IPAM_CLAIMS: 'true' } });
    try {
      await until(() => without.facts() !== undefined);
      assert.is(await without.probe('readyz'), 200);
    } finally {
      assert.is(await without.stop(), 0);
    }
    assert.not(existsSync(join(without.cache, 'claims.json')));
  });

  test('The agent comes back after an API server that breaks off, with the token of the day', async () => {
    const { api, facts, stop, setToken } = await agent([NODE]);
    try {
      await until(() => facts() !== undefined);
      const { seenAt } = facts()!;
      api.token = 'second';
      setToken('second');
      api.mood = 'breaks off';
      api.breakOff();
      await until(() => api.requests.length > 1);
      api.mood = 'well';
      await until(() => (facts()?.seenAt ?? 0) > seenAt);
    } finally {
      assert.is(await stop(), 0);
    }
  });

  test('The probes: healthy at once, ready once the facts are written, and as long as they are', async () => {
    const { api, cache, facts, stop, probe } = await agent([NODE], 'slow');
    try {
      await until(async () => (await probe('healthz')) === 200);
      assert.is(await probe('readyz'), 503);
      assert.is(await probe('other'), 503);
      // A file that cannot be replaced.
      mkdirSync(join(cache, 'node.json/folder'), { recursive: true });
      api.mood = 'well';
      api.breakOff();
      await until(() => api.requests.length > 1);
      assert.is(await probe('readyz'), 503);
      rmSync(join(cache, 'node.json'), { recursive: true });
      await until(async () => (await probe('readyz')) === 200);
      const { podCIDRs } = facts()!;
      api.mood = 'breaks off';
      api.breakOff();
      const asked = api.requests.length;
      await until(() => api.requests.length > asked);
      assert.is(await probe('readyz'), 200, 'the facts serve while the API server is away');
      assert.equal(facts()?.podCIDRs, podCIDRs);
      api.mood = 'well';
      const again = api.requests.length;
      await until(() => api.requests.length > again);
      api.tell('DELETED', NODE);
      await until(async () => (await probe('readyz')) === 503);
    } finally {
      assert.is(await stop(), 0);
    }
  });

  test('An agent that starts while the API server is away leaves the facts of its predecessor', async () => {
    const old = { version: 1, name: 'worker', podCIDRs: ['10.1.0.0/24'], annotations: {}, seenAt: 1 };
    const { api, facts, stop, probe } = await agent([NODE], 'breaks off', {
      'node.json': JSON.stringify(old),
    });
    try {
      await until(() => api.requests.length > 1);
      assert.equal(facts(), old);
      assert.is(await probe('healthz'), 200);
      assert.is(await probe('readyz'), 503);
    } finally {
      assert.is(await stop(), 0);
    }
  });

  test('HOST_KUBECONFIG: root alone may read it, it is replaced in one step, and has the token of the day', async () => {
    const { api, work, cache, facts, stop, setToken } = await agent([NODE]);
    const file = join(cache, 'kubeconfig');
    const token = () => JSON.parse(readFileSync(file, 'utf8')).users[0].user.token;
    try {
      await until(() => facts() !== undefined);
      const { mode, ino } = statSync(file);
      assert.is(mode & 0o777, 0o600);
      assert.is(token(), 'first');
      assert.is(statSync(join(cache, 'node.json')).mode & 0o777, 0o600);
      const whole = new Set<string>();
      const reader = setInterval(() => whole.add(token()), 0);
      api.token = 'second';
      setToken('second');
      api.breakOff();
      await until(() => token() === 'second');
      clearInterval(reader);
      assert.equal(
        [...whole].filter((seen) => !['first', 'second'].includes(seen)),
        [],
      );
      const replaced = statSync(file);
      assert.is(replaced.mode & 0o777, 0o600);
      assert.is.not(replaced.ino, ino);
      await until(() => readdirSync(cache).sort().join() === 'kubeconfig,node.json');
      const connection = findConnection({ env: {}, readFile: (path) => readFileSync(path, 'utf8') }, file);
      assert.equal(connection, { server: api.url, token: 'second', ca: readFileSync(api.caFile, 'utf8') });
      const { folder } = await programs();
      const answer = await run(join(folder, 'fetch-node'), {
        stdin: JSON.stringify({ deadline: 10_000, name: 'worker', kubeconfig: file }),
        env: { HOME: work },
      });
      assert.equal(JSON.parse(answer.out).node.podCIDRs, NODE.podCIDRs, 'a host can ask with it');
    } finally {
      assert.is(await stop(), 0);
    }
  });
});

test('Programs are installed in one step, and again only if they differ', () => {
  const [from, to] = [scratch(), join(scratch(), 'bin')];
  mkdirSync(join(from, 'folder'));
  writeFileSync(join(from, 'kube-node'), 'one', { mode: 0o755 });
  writeFileSync(join(from, 'package.json'), '{}', { mode: 0o644 });
  assert.equal(installPrograms(from, to), ['kube-node']);
  const { ino, mode } = statSync(join(to, 'kube-node'));
  assert.is(mode & 0o777, 0o755);
  assert.equal(installPrograms(from, to), []);
  writeFileSync(join(from, 'kube-node'), 'two');
  assert.equal(installPrograms(from, to), ['kube-node']);
  assert.is(readFileSync(join(to, 'kube-node'), 'utf8'), 'two');
  assert.is.not(statSync(join(to, 'kube-node')).ino, ino, 'a running program keeps its file');
  assert.not.ok(existsSync(join(to, 'package.json')));
});

test('A program is replaced while it runs, and runs while it is replaced', async () => {
  const [from, to] = [scratch(), scratch()];
  const [source, target] = [join(from, 'plugin'), join(to, 'plugin')];
  // No script: the kernel refuses to run a file, or to write it, only if it is a program itself.
  const setVersion = (version: number) => {
    copyFileSync('/bin/sleep', source);
    appendFileSync(source, `version ${version}`);
    chmodSync(source, 0o755);
  };
  setVersion(0);
  installPrograms(from, to);
  const old = spawn(target, ['100']);
  try {
    for (let version = 1; version <= 20; version++) {
      setVersion(version);
      const ended = run(target, { args: ['0'] });
      assert.equal(installPrograms(from, to), ['plugin']);
      assert.is((await run(target, { args: ['0'] })).status, 0);
      assert.is((await ended).status, 0);
    }
    assert.is(old.exitCode, null);
    assert.equal(readdirSync(to), ['plugin']);
  } finally {
    old.kill();
  }
});

test('A link in the place of a draft is not followed', () => {
  const [folder, other] = [scratch(), join(scratch(), 'other')];
  writeFileSync(other, 'precious');
  symlinkSync(other, join(folder, `file.${process.pid}`));
  replaceFile(join(folder, 'file'), 'new');
  assert.is(readFileSync(other, 'utf8'), 'precious');
  assert.is(readFileSync(join(folder, 'file'), 'utf8'), 'new');
  assert.equal(readdirSync(folder), ['file']);
});

test.run();

interface Facts {
  readonly podCIDRs: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly seenAt: number;
}

async function agent(
  nodes: readonly Node[],
  mood: Mood = 'well',
  files: Record<string, string> = {},
  { env: more = {}, lists = {} }: { env?: Record<string, string>; lists?: Record<string, WatchedList> } = {},
) {
  const work = scratch();
  const cache = join(work, 'cache');
  mkdirSync(cache);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cache, name), text);
  const api: ApiServer = await apiServer(join(work, 'api'), nodes, { lists });
  api.mood = mood;
  const setToken = (token: string) => writeFileSync(join(work, 'token'), token);
  setToken('first');
  const port = await freePort();
  const env = {
    NODE_NAME: 'worker',
    METAIPAM_CNI_CACHE: cache,
    HOST_KUBECONFIG: join(cache, 'kubeconfig'),
    KUBECONFIG: api.kubeconfig(join(work, 'kubeconfig'), { tokenFile: 'token' }),
    PORT: String(port),
    ...more,
  };
  const child: ChildProcess = spawn(process.execPath, [AGENT], { env, stdio: 'ignore' });
  const facts = (): Facts | undefined => {
    try {
      return JSON.parse(readFileSync(join(cache, 'node.json'), 'utf8'));
    } catch {
      return undefined;
    }
  };
  /** The status of a probe, as the kubelet asks for it. */
  const probe = async (path: string) => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/${path}`)).status;
    } catch {
      return undefined;
    }
  };
  const stop = async () => {
    child.kill('SIGTERM');
    const status = await new Promise((resolve) => child.once('exit', resolve));
    api.close();
    return status;
  };
  return { api, work, cache, facts, stop, setToken, probe };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
