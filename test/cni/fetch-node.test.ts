/** Which of the nodes of a cluster is this machine, where nobody says so. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FetchAnswer, fetchNode } from '../../lib/cni/fetch-node.ts';

interface Machine {
  readonly hostname?: string;
  readonly machineID?: string;
  readonly bootID?: string;
}

type NodeInfo = readonly [name: string, machineID: string, bootID?: string];

const KUBECONFIG =
  'current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "https://a"}}]';
const HERE: Machine = { hostname: 'here', machineID: 'id', bootID: 'boot' };

/** Nodes come in pages of one. */
async function ownNode(nodes: readonly NodeInfo[], machine = HERE, mayList = true): Promise<string> {
  const files: Record<string, string | undefined> = {
    '/k': KUBECONFIG,
    '/etc/machine-id': machine.machineID && `${machine.machineID}\n`,
    '/proc/sys/kernel/random/boot_id': machine.bootID && `${machine.bootID}\n`,
    '/proc/sys/kernel/hostname': machine.hostname && `${machine.hostname}\n`,
  };
  const objects = nodes.map(([name, machineID, bootID]) => ({
    metadata: { name },
    status: { nodeInfo: { machineID, ...(bootID !== undefined && { bootID }) } },
  }));
  const answer = (status: number, body: object) => ({ status, body: JSON.stringify(body) });
  const host = {
    env: {},
    now: () => 0,
    readFile: (path: string) => files[path],
    replaceFile() {},
    removeFile() {},
    async get(_: object, path: string) {
      const name = /nodes\/(.+)$/.exec(path)?.[1];
      const found = objects.find(({ metadata }) => metadata.name === name);
      if (name !== undefined) return found ? answer(200, found) : answer(404, { message: 'not found' });
      if (!mayList) return answer(403, { message: 'forbidden' });
      const index = Number(/continue=(\d+)/.exec(path)?.[1] ?? 0);
      const next = index + 1 < objects.length ? String(index + 1) : '';
      return answer(200, { metadata: { continue: next }, items: objects.slice(index, index + 1) });
    },
  };
  const found: FetchAnswer = await fetchNode(host, { deadline: 1, kubeconfig: '/k' });
  return 'node' in found ? found.node.name : found.problem;
}

for (const [what, nodes, wanted, machine, mayList] of [
  ['its id, whatever its name', [['x', 'id', 'boot']], 'x'],
  ['its id, if boots are not told', [['x', 'id']], 'x'],
  [
    'its id, on the last page',
    [
      ['x', ''],
      ['y', 'other'],
      ['z', 'id'],
    ],
    'z',
  ],
  [
    'its id before its name',
    [
      ['here', 'other'],
      ['x', 'id'],
    ],
    'x',
  ],
  [
    'its name, if it has no id',
    [
      ['x', 'id'],
      ['here', 'id'],
    ],
    'here',
    { hostname: 'here' },
  ],
  [
    'its name, if no node has its id',
    [
      ['here', ''],
      ['x', ''],
    ],
    'here',
  ],
  [
    'its name, if listing is forbidden',
    [
      ['here', 'other'],
      ['x', 'id'],
    ],
    'here',
    HERE,
    false,
  ],
  ['its name and id, after a reboot', [['here', 'id', 'before']], 'here'],
  ['its name and id, after a reboot, for a kubelet', [['here', 'id', 'before']], 'here', HERE, false],
  ['its name and boot: a kubelet in a container', [['here', 'other', 'boot']], 'here', HERE, false],
  [
    'its name and id, of clones',
    [
      ['a', 'id'],
      ['here', 'id'],
    ],
    'here',
  ],
  [
    'its boot, of clones',
    [
      ['a', 'id', 'a'],
      ['b', 'id', 'boot'],
      ['c', 'id', 'c'],
    ],
    'b',
  ],
  [
    'its boot, of clones that kept its host name',
    [
      ['here', 'id', 'a'],
      ['b', 'id', 'boot'],
    ],
    'b',
  ],
  ['none', [], 'Node not found'],
  [
    'none of others',
    [
      ['x', 'other'],
      ['y', ''],
    ],
    'Node not found',
  ],
] as [string, NodeInfo[], string, Machine?, boolean?][]) {
  test(`The own node is the one with ${what}`, async () => {
    assert.is(await ownNode(nodes, machine, mayList), wanted);
  });
}

for (const [what, nodes, wanted, machine, mayList] of [
  [
    'several with its id',
    [
      ['a', 'id'],
      ['b', 'id'],
    ],
    'nodes a, b have the id of this machine: set NODE_NAME',
  ],
  [
    'many with its id, none of this boot',
    ['a', 'b', 'c', 'd', 'e'].map((name) => [name, 'id', name]),
    'nodes a, b, c and 2 more have the id of this machine: set NODE_NAME',
  ],
  [
    'a clone that registered first',
    [['a', 'id', 'a']],
    'node a has the id of this machine, but another boot of it: wait, or set NODE_NAME',
  ],
  [
    'another machine of its name',
    [['here', 'other', 'a']],
    'node here has the name of this machine, but not its id: set NODE_NAME',
    HERE,
    false,
  ],
] as [string, NodeInfo[], string, Machine?, boolean?][]) {
  test(`Nobody's ranges are taken where there is ${what}`, async () => {
    assert.is(await ownNode(nodes, machine, mayList), wanted);
  });
}

test.run();
