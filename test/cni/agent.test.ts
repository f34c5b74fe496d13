/** The node agent as a process, with an API server on loopback that can be watched. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { installPrograms } from '../../cni/agent/install.ts';
import { type ApiServer, apiServer, type Node, OPENSSL, scratch, withTools } from './kit.ts';

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

  test('The agent comes back after an API server that breaks off, with the token of the day', async () => {
    const { api, facts, stop, setToken } = await agent([NODE]);
    try {
      await until(() => facts() !== undefined);
      const { seenAt } = facts()!;
      api.token = 'second';
      setToken('second');
      api.mood = 'breaks off';
      api.breakWatches();
      await until(() => api.requests.length > 1);
      api.mood = 'well';
      await until(() => (facts()?.seenAt ?? 0) > seenAt);
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

test.run();

interface Facts {
  readonly podCIDRs: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly seenAt: number;
}

async function agent(nodes: readonly Node[]) {
  const work = scratch();
  const api: ApiServer = await apiServer(join(work, 'api'), nodes);
  const setToken = (token: string) => writeFileSync(join(work, 'token'), token);
  setToken('first');
  const env = {
    NODE_NAME: 'worker',
    METAIPAM_CNI_CACHE: join(work, 'cache'),
    KUBECONFIG: api.kubeconfig(join(work, 'kubeconfig'), { tokenFile: 'token' }),
  };
  const child: ChildProcess = spawn(process.execPath, [AGENT], { env, stdio: 'ignore' });
  const facts = (): Facts | undefined => {
    try {
      return JSON.parse(readFileSync(join(work, 'cache/node.json'), 'utf8'));
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
  return { api, facts, stop, setToken };
}

/** Waits as long as it takes; a run that never gets there is ended from outside. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await setTimeout(10);
}
