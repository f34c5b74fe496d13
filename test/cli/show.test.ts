import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { load } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import show from '../../lib/cli/show.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import {
  address,
  allocation,
  block,
  claim,
  clusterCIDR,
  globalPool,
  node,
  podNetwork,
  pool,
  READY,
  served,
  slice,
} from '../inspect/objects.ts';
import { run } from './run.ts';
import { standIn } from './stand-in.ts';

const SPEC = {
  addresses: ['10.0.0.0/24'],
  prefix: 24,
  gateway: '10.0.0.1',
  excludedAddresses: ['10.0.0.128/25'],
};
const POOL_REF = { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'machines' };
/** Of claims whose Cluster is paused. */
const NOT_ADMITTED = { labels: { 'metaipam.io/pool': 'InClusterIPPool.machines' } };
const OBJECTS = [
  pool('machines', SPEC),
  pool('machines', SPEC, { namespace: 'team-a', uid: 'other' }),
  globalPool('shared', { addresses: ['fd00::/64'], prefix: 64 }),
  allocation('machines', '10.0.0.2', 'a'),
  allocation('machines', '10.0.0.200', 'b'),
  claim('c', 'machines', NOT_ADMITTED, {
    conditions: [{ type: 'Ready', status: 'False', reason: 'Paused', message: 'paused' }],
  }),
  claim('d', 'machines', NOT_ADMITTED, {
    conditions: [{ type: 'Ready', status: 'False', reason: 'Paused', message: 'paused' }],
  }),
  podNetwork(),
  clusterCIDR('workers', { perNodeHostBits: 8, ipv4: '10.244.0.0/22' }),
  clusterCIDR('broken', { perNodeHostBits: 1, ipv4: '10.245.0.0/22' }),
  node('n', ['10.244.1.0/24']),
  block('10.244.1.0/24', 'workers', 'n'),
];

const list = (items: readonly KubernetesObject[]) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const shown = (...argv: string[]) => run(show.run, [...argv, '-f', '-'], { stdin: list(OBJECTS) });

test('tables, who waits, and a picture a line', async () => {
  const { code, out, err } = await shown();
  assert.is(err, '');
  assert.is(code, 0);
  assert.is(
    out,
    `POOL                               TOTAL  USED    FREE  OUT OF RANGE  FRAGMENTED  WAITING  STATE
GlobalInClusterIPPool shared      1.8e19     0  1.8e19             -          0%        -  Ready
InClusterIPPool default/machines     126     2     125             1          0%        -  Overlapping: overlaps InClusterIPPool team-a/machines in 10.0.0.2-10.0.0.127
InClusterIPPool team-a/machines      126     0     126             -          0%        -  Overlapping: overlaps InClusterIPPool default/machines in 10.0.0.2-10.0.0.127

POD NETWORK  NODES  SERVED  WAITING  STATE
default          1       1        -  Ready

CLUSTERCIDR  NETWORK  RANGE          BLOCKS  TOTAL  USED  FREE  FRAGMENTED  STATE
broken       default  -              -           -     -     -           -  InvalidSpec: spec.perNodeHostBits: Invalid value: 1: must be an integer of at least 4
workers      default  10.244.0.0/22  /24         4     1     3         33%  Ready

WAITING                                  WHY
2 IPAddressClaims: default/c, default/d  Paused: paused

GlobalInClusterIPPool shared      fd00::      ${'·'.repeat(64)}  (288230376151711744 each)
InClusterIPPool default/machines  10.0.0.0    ▒${'·'.repeat(31)}${'×'.repeat(18)}!${'×'.repeat(13)}  (4 each)
InClusterIPPool team-a/machines   10.0.0.0    ${'·'.repeat(32)}${'×'.repeat(32)}  (4 each)
ClusterCIDR workers               10.244.0.0  ·█··

█ used  ▒ partly used  ◆ adopted  ▓ taken by another  ▢ kept for a claim  ! out of range  ░ gateway, reserved  × excluded  · free
`,
  );
});

test('named ones only, drawn larger', async () => {
  const { out } = await shown('ccidr/workers', 'shared');
  assert.match(out, 'GlobalInClusterIPPool shared');
  assert.match(out, 'ClusterCIDR workers  10.244.0.0/22 in blocks of /24\n  10.244.0.0  ·█··\n');
  assert.not.match(out, 'machines');
  assert.not.match(out, 'broken');
  const { out: one } = await shown('InClusterIPPool/machines', '-n', 'team-a');
  assert.match(one, /\n {2}10\.0\.0\.192 +×{64}\n/);
  assert.not.match(one, 'default');
});

test('-o wide: every claim, what is withheld, the largest free range', async () => {
  const { out } = await shown('-o', 'wide');
  assert.match(
    out,
    /InClusterIPPool default\/machines .* - +- +129 +10\.0\.0\.3-10\.0\.0\.127 +Overlapping: /,
  );
  assert.match(out, 'IPAddressClaim default/c  Paused: paused\nIPAddressClaim default/d  Paused: paused\n');
});

test('reservations: of a pool that is named, and of an address', async () => {
  const reservations = [
    { address: '10.0.0.2', claim: 'a' },
    { address: '10.0.0.3', claimPattern: 'node-*', note: 'for the rack' },
    { address: '10.1.0.1', claim: 'far' },
  ];
  const objects = [pool('machines', { ...SPEC, reservations }), allocation('machines', '10.0.0.2', 'a')];
  const stdin = list(objects);
  const { out } = await run(show.run, ['machines', '-f', '-'], { stdin });
  const rows = out.slice(out.indexOf('RESERVED'), out.indexOf('\n\nInCluster')).split('\n');
  assert.equal(
    rows.map((row) => row.split(/ {2,}/).filter(Boolean)),
    [
      ['RESERVED', 'POOL', 'FOR', 'HELD BY', 'NOTE'],
      ['10.0.0.2', 'InClusterIPPool default/machines', 'IPAddressClaim a', 'IPAddressClaim default/a'],
      ['10.0.0.3', 'InClusterIPPool default/machines', 'IPAddressClaims node-*', '-', 'for the rack'],
      [
        '10.1.0.1',
        'InClusterIPPool default/machines',
        'IPAddressClaim far',
        'is not one that the pool gives out',
      ],
    ],
  );
  assert.match(out, /10\.0\.0\.0 +░░█▢·/);
  const json = JSON.parse((await run(show.run, ['-f', '-', '-o', 'json'], { stdin })).out);
  assert.equal(json.pools[0].reservations, [
    { address: '10.0.0.2', claim: 'a', holder: 'IPAddressClaim default/a' },
    { address: '10.0.0.3', claimPattern: 'node-*', note: 'for the rack' },
    { address: '10.1.0.1', claim: 'far', conflict: 'is not one that the pool gives out' },
  ]);
  assert.is(json.pools[0].kept, 1);
  const holders = await run(show.run, ['10.0.0.3', '-f', '-'], { stdin });
  assert.match(holders.out, 'kept for a claim: IPAddressClaims node-*, for the rack\n');
});

test('subnets: of a pool that is named, and for programs', async () => {
  const subnets = [
    { addresses: ['10.0.0.1-10.0.0.4', '10.0.0.6'], prefix: 24, gateway: '10.0.0.254' },
    { addresses: ['10.7.0.1-10.7.0.2'], prefix: 29 },
  ];
  const objects = [pool('machines', { subnets }), allocation('machines', '10.0.0.2', 'a')];
  const stdin = list(objects);
  const { out } = await run(show.run, ['machines', '-f', '-'], { stdin });
  const rows = out.slice(out.indexOf('SUBNET'), out.indexOf('\n\nInCluster')).split('\n');
  const POOL = 'InClusterIPPool default/machines';
  assert.equal(
    rows.map((row) => row.split(/ {2,}/).filter(Boolean)),
    [
      ['SUBNET', 'POOL', 'PREFIX', 'GATEWAY', 'TOTAL', 'USED', 'FREE'],
      ['10.0.0.1-10.0.0.4, 10.0.0.6', POOL, '/24', '10.0.0.254', '5', '1', '4'],
      ['10.7.0.1-10.7.0.2', POOL, '/29', '-', '2', '0', '2'],
    ],
  );
  const json = JSON.parse((await run(show.run, ['-f', '-', '-o', 'json'], { stdin })).out);
  assert.equal(json.pools[0].subnets, [
    {
      addresses: ['10.0.0.1-10.0.0.4', '10.0.0.6'],
      prefix: 24,
      gateway: '10.0.0.254',
      total: 5,
      used: 1,
      free: 4,
    },
    { addresses: ['10.7.0.1-10.7.0.2'], prefix: 29, total: 2, used: 0, free: 2 },
  ]);
});

test('-o json and yaml: exact integers and every segment', async () => {
  const { out } = await shown('-o', 'json');
  assert.match(out, '"total": 18446744073709551615,');
  const { pools, networks } = JSON.parse(out);
  assert.equal(
    pools.map(({ kind, namespace, name }: Record<string, string>) => [kind, namespace, name]),
    [
      ['GlobalInClusterIPPool', undefined, 'shared'],
      ['InClusterIPPool', 'default', 'machines'],
      ['InClusterIPPool', 'team-a', 'machines'],
    ],
  );
  assert.equal(pools[1].segments.slice(0, 4), [
    { addresses: '10.0.0.0', state: 'reserved' },
    { addresses: '10.0.0.1', state: 'gateway' },
    { addresses: '10.0.0.2', state: 'used' },
    { addresses: '10.0.0.3-10.0.0.127', state: 'free' },
  ]);
  assert.is(pools[1].waiting.length, 2);
  assert.is(networks[0].clusterCIDRs[1].ranges[0].segments[1].addresses, '10.244.1.0-10.244.1.255');
  const yaml = await shown('-o', 'yaml');
  assert.match(yaml.out, 'total: 18446744073709551615\n');
  assert.equal(load(yaml.out), JSON.parse(out));
});

test('--svg: a file with the same pictures', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'metaipam-show-'));
  const file = join(dir, 'pools.svg');
  await shown('--svg', file);
  const svg = readFileSync(file, 'utf8');
  assert.match(svg, /^<svg .*ClusterCIDR workers.*<\/svg>\n$/s);
  const elsewhere = join(dir, 'no', 'folder');
  const { code, err } = await shown('--svg', elsewhere);
  assert.equal([code, err], [1, `metaipam show: --svg ${elsewhere}: no such file or folder\n`]);
  rmSync(dir, { recursive: true });
});

test('colour is the only difference on a terminal', async () => {
  const { out } = await run(show.run, ['-f', '-'], { stdin: list(OBJECTS), isTTY: true });
  assert.match(out, '\u001b[');
  assert.is(stripVTControlCharacters(out), (await shown()).out);
  const without = await run(show.run, ['-f', '-'], {
    stdin: list(OBJECTS),
    isTTY: true,
    env: { NO_COLOR: '1' },
  });
  assert.is(without.out, (await shown()).out);
});

test('nothing to show; a name that is not there; a kind that is none; files that cannot be read', async () => {
  const none = '{apiVersion: v1, kind: List, items: []}';
  assert.equal(await run(show.run, ['-f', '-'], { stdin: none }), {
    code: 0,
    out: 'No pools, pod networks, ClusterCIDRs or claims that wait.\n',
    err: '',
  });
  const fails = async (...argv: string[]) => {
    const { code, out, err } = await shown(...argv);
    assert.equal([code, out], [1, '']);
    return err;
  };
  assert.is(
    await fails('shared', 'nope', 'podnet/nope'),
    'metaipam show: there is no pool, network, ClusterCIDR, claim or node nope, podnet/nope\n',
  );
  assert.match(await fails('node/x'), 'node/x');
  for (const empty of ['', ' ']) assert.match(await fails(empty), 'claim or node ""');
  assert.match(await fails('node/'), 'claim or node node/');
  assert.match(await fails('pools.yaml'), 'claim or node pools.yaml; for a file, write -f pools.yaml\n');
  assert.match(await fails('claims'), 'for one of that kind, write claims/NAME');
  const mixed =
    'name addresses, or pools, claims, nodes and networks, not both; for a file, write -f ./all.json\n';
  assert.match(await fails('./all.json', '10.0.0.1'), mixed);
  const broken = await run(show.run, ['-f', '-'], { stdin: '{' });
  assert.is(broken.code, 1);
  assert.match(broken.err, /^metaipam show: <stdin>:1: /);
});

test('a pool of any kind, a network; what somebody may have meant', async () => {
  const asked = async (...argv: string[]) => {
    const { code, out, err } = await shown(...argv);
    assert.equal([code, err], [0, '']);
    return out;
  };
  assert.is(await asked('pool/default/machines'), await asked('InClusterIPPool/default/machines'));
  assert.is(await asked('network/default'), await asked('podnetwork/default'));
  for (const [text, meant] of [
    ['MACHINES', ' (did you mean machines?)'],
    ['machnes', ' (did you mean machines?)'],
    ['default/machin', ' (did you mean default/machines?)'],
    ['default/saltines', ''],
    ['InClusterIPPool', '; for one of that kind, write InClusterIPPool/NAME'],
    ['constructor', ''],
    ['x', ''],
    ['/x', ''],
    ['', ''],
  ] as const) {
    const { code, err } = await shown(text);
    assert.equal([code, err.split('claim or node ')[1]], [1, `${text || '""'}${meant}\n`]);
  }
});

test('an address that is written wrong: what to write', async () => {
  for (const [text, advice] of [
    ['010.0.0.2', 'for an address, write 10.0.0.2: without leading zeros'],
    ['10.0.0.9-10.0.0.2', 'for an address, write 10.0.0.2-10.0.0.9: the lower address first'],
    ['10.0.0.0/33', 'for an address, a prefix length is at most 32'],
    ['[fd00::1]:80', 'for an address, write fd00::1: without brackets and port'],
    ['10.0.0.*', 'for an address, write 10.0.0.0/24: a CIDR for a wildcard'],
  ] as const) {
    const { code, err } = await shown(text);
    assert.is(code, 1);
    assert.match(err, `claim or node ${text}; ${advice}`);
  }
  for (const mapped of ['::ffff:10.0.0.2', '0:0:0:0:0:FFFF:a00:2'])
    assert.match((await shown(mapped)).out, /no ClusterCIDR; write 10\.0\.0\.2: IPv4 as it is\n$/);
  assert.match((await shown('FC00:0::1')).out, /no ClusterCIDR\n$/);
  assert.is((await shown(' 10.0.0.2\n')).out, (await shown('10.0.0.2')).out);
});

test('a question may follow the paths, too', async () => {
  const stdin = list(OBJECTS);
  for (const question of ['10.0.0.2', 'machines', 'default/machines', 'no/n']) {
    const { code, out } = await run(show.run, ['-f', '-', question], { stdin });
    assert.equal([code, out], [0, (await shown(question)).out]);
  }
  const { err } = await run(show.run, ['-f', '-', 'missing.yaml'], { stdin });
  assert.is(err, 'metaipam show: missing.yaml: no such file or folder\n');
});

test('a namespace may be called like a kind', async () => {
  const namespace = 'network';
  const stdin = list([claim('web', 'lan', { namespace }), pool('lan', SPEC, { namespace })]);
  const answer = async (question: string) => (await run(show.run, [question, '-f', '-'], { stdin })).out;
  assert.match(await answer('network/web'), 'IPAddressClaim network/web waits: ');
  assert.match(await answer('network/lan'), 'InClusterIPPool network/lan');
});

test('what -n leaves out is not said to be nowhere', async () => {
  const why = '-n team-a leaves out all that is not in that namespace\n';
  const { code, err } = await shown('node/n', '-n', 'team-a');
  assert.is(code, 1);
  assert.match(err, `claim or node node/n; ${why}`);
  assert.is((await shown('10.244.1.7', '-n', 'team-a')).err, `warning: ${why}`);
  assert.is((await shown('10.244.1.7', '-n', 'team-a', '-A')).err, '');
  assert.is((await shown('10.0.0.1', '-n', 'team-a')).err, '');
  assert.is((await shown('192.0.2.1')).err, '');
  // A tenant's own claim, of a pool that is cluster-scoped.
  const poolRef = { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'GlobalInClusterIPPool', name: 'g' };
  const ofGlobal = [claim('w', 'g', {}, served('w')), address('w', 'g', '10.9.0.1')].map((object) => {
    const { spec } = object as KubernetesObject & { spec: object };
    return { ...object, spec: { ...spec, poolRef } };
  });
  for (const question of ['w', '10.9.0.1']) {
    const { out, err } = await run(show.run, ['-f', '-', '-n', 'default', question], {
      stdin: list(ofGlobal),
    });
    assert.match(
      out,
      /^10\.9\.0\.1 +GlobalInClusterIPPool g +IPAddressClaim default\/w +of a pool that is not there/m,
    );
    assert.not.match(out, 'has nothing');
    assert.is(err, `warning: ${why.replace('team-a', 'default')}`);
  }
});

test('pictures fit beside their titles, however narrow the terminal', async () => {
  const stdin = list([pool('machines', { addresses: ['10.0.0.0/24'], prefix: 24 })]);
  const signs = async (columns: number, ...argv: string[]) => {
    const { out } = await run(show.run, [...argv, '-f', '-'], {
      stdin,
      columns,
      isTTY: true,
      env: { NO_COLOR: '1' },
    });
    const row = out.split('\n').find((line) => line.includes('10.0.0.0  '))!;
    assert.ok(row.length <= columns, row);
    return /[▒░·]+/.exec(row)?.[0].length;
  };
  assert.is(await signs(140), 64);
  assert.is(await signs(100), 32);
  assert.is(await signs(81), 32);
  assert.is(await signs(60), 16);
  assert.is(await signs(96, 'machines'), 64);
  assert.is(await signs(64, 'machines'), 32);
});

test('what a user types cannot drive the terminal either', async () => {
  const evil = '\u001b]0;owned\u0007\nx';
  for (const argv of [[evil], ['-f', evil], [`--${evil}`], ['-o', evil], ['--context', evil]]) {
    const { err } = await run(show.run, argv);
    assert.ok(
      [...err].every((character) => character >= ' ' || character === '\n'),
      JSON.stringify(err),
    );
  }
});

test('hostile names and messages cannot drive the terminal', async () => {
  const evil = '\u001b]0;owned\u0007\u009b31m\u202e\nx';
  const status = { conditions: [{ type: 'Ready', status: 'False', reason: evil, message: evil }] };
  const { out } = await run(show.run, ['-f', '-', '-o', 'wide'], {
    stdin: list([
      pool(evil, SPEC, {}, status),
      claim(evil, evil, {}, status),
      clusterCIDR(evil, { perNodeHostBits: 8, ipv4: '10.0.0.0/24' }, evil),
    ]),
  });
  assert.ok(
    [...out].every((character) => character >= ' ' || character === '\n'),
    JSON.stringify(out),
  );
  assert.not.match(out, '\u009b');
  assert.not.match(out, '\u202e');
});

test('who has an address, or why nobody has it', async () => {
  const objects = [
    ...OBJECTS,
    claim('a', 'machines', {
      ownerReferences: [{ apiVersion: 'x/v1', kind: 'Machine', name: 'm', uid: 'm' }],
      labels: { 'cluster.x-k8s.io/cluster-name': 'prod' },
    }),
    address('a', 'machines', '10.0.0.2'),
    address('by-hand', 'machines', '10.0.0.9'),
    allocation('machines', '10.0.0.3', 'gone', { released: '2026-01-01T00:00:00Z' }),
  ];
  const ask = async (...argv: string[]) =>
    (await run(show.run, [...argv, '-n', 'default', '-f', '-'], { stdin: list(objects) })).out;
  assert.is(
    await ask('10.0.0.2', '10.9.9.9'),
    `ADDRESS   POOL                              WHO                       WHY
10.0.0.2  InClusterIPPool default/machines  IPAddressClaim default/a  of Machine default/m of Cluster default/prod, IPAddress default/a since 2026-01-01T00:00:00Z
10.9.9.9 is in no pool and in no ClusterCIDR
`,
  );
  const lines = (await ask('10.0.0.0/28')).split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
  for (const line of [
    '10.0.0.0 | InClusterIPPool default/machines | - | reserved, unless allocateReservedIPAddresses of its pool is true',
    '10.0.0.1 | InClusterIPPool default/machines | - | gateway',
    '10.0.0.3 | InClusterIPPool default/machines | - | free as soon as its controller has run: IPAddressClaim default/gone gave it up at 2026-01-01T00:00:00Z',
    '10.0.0.4-10.0.0.8 | InClusterIPPool default/machines | - | free',
    '10.0.0.9 | InClusterIPPool default/machines | IPAddress default/by-hand | which its pool has not listed, IPAddressClaim default/by-hand does not exist: in use until the IPAddress is deleted',
  ]) {
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
  }
  const { code, err } = await run(show.run, ['10.0.0.2', 'machines', '-f', '-'], { stdin: list(objects) });
  assert.is(code, 1);
  assert.match(err, 'not both');
  assert.match((await shown('10.244.1.7', '-o', 'json')).out, '"holder": "Node n"');
});

test('an address in use that its pool would not give again', async () => {
  const holding = async (question: string) =>
    JSON.parse((await shown(question, '-o', 'json')).out).addresses[0].holdings[0];
  const { state, holder, note } = await holding('10.0.0.200');
  assert.equal([state, holder], ['outOfRange', 'IPAddressClaim default/b']);
  assert.match(note, /, out of range$/);
  assert.is((await holding('10.0.0.2')).state, 'used');
});

test('what keeps an address from being given, and what to do', async () => {
  const said = (type: string, status: string, message = '') => ({
    conditions: [{ type, status, reason: 'Paused', message }],
  });
  const paused = { annotations: { 'cluster.x-k8s.io/paused': '' } };
  const lost = 'machines.10.0.0.32-27';
  const { spec } = allocation('machines', '10.0.0.70', 'x') as KubernetesObject & { spec: object };
  const objects = [
    pool('paused', { addresses: ['10.3.0.0/24'], prefix: 24 }, paused, said('Ready', 'False')),
    pool('machines', { ...SPEC, addressReuseGracePeriodSeconds: 3600 }, {}, { ...READY, slices: [lost] }),
    claim('known', 'machines'),
    address('known', 'machines', '10.0.0.40'),
    address('alone', 'machines', '10.0.0.41'),
    address('astray', 'nowhere', '10.8.0.1'),
    claim('first', 'machines'),
    address('first', 'machines', '10.0.0.5'),
    allocation('machines', '10.0.0.5', 'first'),
    address('second', 'machines', '10.0.0.5'),
    address('again', 'machines', '10.0.0.3'),
    allocation('machines', '10.0.0.3', 'gone', { released: '2999-01-01T00:00:00Z' }),
    slice('machines', spec, { name: 'by-hand' }),
    slice(
      'machines',
      { cidr: '10.0.0.96/27', poolRef: { ...POOL_REF, uid: 'earlier' } },
      { name: 'machines.10.0.0.96-27' },
    ),
  ];
  const why = async (address: string) => {
    const { out } = await run(show.run, [address, '-f', '-', '-o', 'json'], { stdin: list(objects) });
    const { holdings } = JSON.parse(out).addresses[0];
    return holdings.map(({ note }: { note: string }) => note);
  };
  const orphan = (name: string) =>
    `IPAddressClaim default/${name} does not exist: in use until the IPAddress is deleted`;
  for (const [address, note] of [
    ['10.3.0.7', 'free, but its pool gives out nothing: Paused: is paused'],
    ['10.0.0.20', 'free'],
    ['10.0.0.200', 'excluded by excludedAddresses of its pool'],
    ['10.0.0.40', 'which its pool has not listed'],
    ['10.0.0.41', `which its pool has not listed, ${orphan('alone')}`],
    ['10.8.0.1', `of a pool that is not there, ${orphan('astray')}`],
    [
      '10.0.0.42',
      `AllocationSlice ${lost} is missing, and nobody knows what it listed: a running metaipam makes it again`,
    ],
    ['10.0.0.70', 'AllocationSlice by-hand, which does not have the name of its piece, lists it: delete it'],
    ['10.0.0.99', 'AllocationSlice machines.10.0.0.96-27 is of an earlier pool of this name: delete it'],
  ] as const) {
    assert.equal(await why(address), [note], address);
  }
  const [back, again] = await why('10.0.0.3');
  assert.match(back, /^held back until .*: IPAddressClaim default\/gone gave it up/);
  assert.is(again, `which its pool has not listed, ${orphan('again')}`);
  assert.equal(await why('10.0.0.5'), [
    'IPAddress default/first since 2026-01-01T00:00:00Z',
    `held twice: its pool has listed it for IPAddressClaim default/first, ${orphan('second')}`,
  ]);
  const { out } = await run(show.run, ['astray', '-f', '-'], { stdin: list(objects) });
  assert.match(out, '10.8.0.1  InClusterIPPool default/nowhere  IPAddress default/astray');
});

test('what is free of what is being deleted, or has no network, is given to nobody', async () => {
  const gone = <T extends KubernetesObject>(of: T) => ({
    ...of,
    metadata: { ...of.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] },
  });
  const blocks = (ipv4: string) => ({ perNodeHostBits: 8, ipv4 });
  const unseen = { ...clusterCIDR('unseen', blocks('10.3.0.0/16')), status: {} };
  const objects = [
    gone({ ...pool('going', { addresses: ['10.0.0.0/24'], prefix: 24 }), status: {} }),
    podNetwork(),
    gone(podNetwork('storage')),
    gone(clusterCIDR('leaving', blocks('10.1.0.0/16'))),
    gone(unseen),
    clusterCIDR('left', blocks('10.2.0.0/16'), 'storage'),
    clusterCIDR('homeless', blocks('10.4.0.0/16'), 'nowhere'),
    clusterCIDR('full', { ...blocks('10.5.0.0/24'), ipv6: 'fd00::/112' }),
    clusterCIDR('open', blocks('10.6.0.0/16')),
    node('n', ['10.5.0.0/24', 'fd00::/120']),
    block('10.5.0.0/24', 'full', 'n'),
    block('fd00::/120', 'full', 'n'),
  ];
  const stdin = list(objects);
  const none = (what: string, why: string) => `free, but its ${what} gives out nothing: ${why}`;
  const leaving = none('ClusterCIDR', 'Deleting: 0 nodes with blocks of this ClusterCIDR');
  for (const [address, note] of [
    ['10.0.0.7', none('pool', 'Deleting: is being deleted')],
    ['10.1.0.7', leaving],
    ['10.2.0.7', none('ClusterCIDR', 'NetworkNotReady: PodNetwork storage: is being deleted')],
    ['10.3.0.7', leaving],
    ['10.4.0.7', none('ClusterCIDR', 'NetworkNotFound: there is no PodNetwork nowhere')],
    ['fd00::ff00', none('ClusterCIDR', 'PoolExhausted: no IPv4 block is free')],
    ['10.6.0.7', 'free'],
  ] as const) {
    const { out } = await run(show.run, [address, '-f', '-', '-o', 'json'], { stdin });
    assert.is(JSON.parse(out).addresses[0].holdings[0].note, note, address);
  }
  const { out } = await run(show.run, ['-f', '-'], { stdin });
  assert.match(out, /\nunseen .* Deleting: 0 nodes with blocks/);
  assert.match(out, /InClusterIPPool default\/going .* Deleting: is being deleted\n/);
});

test('pools that may both give an address are named, in the words of check', async () => {
  const pools = [
    pool('a', { addresses: ['10.0.0.0/24'], prefix: 24 }),
    pool('b', { addresses: ['10.0.0.8/29'], prefix: 24 }),
    pool(
      'apart',
      { addresses: ['10.0.0.12'], prefix: 24 },
      { annotations: { 'metaipam.io/may-overlap': '' } },
    ),
    pool('too', { addresses: ['10.0.0.12'], prefix: 24 }, { annotations: { 'metaipam.io/may-overlap': '' } }),
    pool('going', { addresses: ['10.0.0.0/24'], prefix: 24 }, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    clusterCIDR('c', { perNodeHostBits: 8, ipv4: '10.244.0.0/16' }),
    clusterCIDR('d', { perNodeHostBits: 8, ipv4: '10.244.0.0/20' }, 'storage'),
  ];
  const overlapsIn = async (address: string) => {
    const { out } = await run(show.run, [address, '-f', '-', '-o', 'json'], { stdin: list(pools) });
    return JSON.parse(out).addresses[0].overlaps;
  };
  const but = 'fine for networks that are apart, else one address is given out twice';
  const ab = `InClusterIPPool default/b overlaps InClusterIPPool default/a in 10.0.0.8-10.0.0.15: ${but}`;
  const apart = (other: string) =>
    `InClusterIPPool default/${other} overlaps InClusterIPPool default/apart in 10.0.0.12: ${but}`;
  assert.equal(await overlapsIn('10.0.0.9'), [ab]);
  assert.equal(await overlapsIn('10.0.0.7'), undefined);
  assert.equal((await overlapsIn('10.0.0.12')).slice(0, 2), [ab, apart('a')]);
  assert.not.match(
    JSON.stringify(await overlapsIn('10.0.0.12')),
    'default/too overlaps InClusterIPPool default/apart',
  );
  assert.equal(await overlapsIn('10.244.0.7'), [
    `ClusterCIDR d overlaps ClusterCIDR c in 10.244.0.0-10.244.15.255: ${but}`,
  ]);
  const { out } = await run(show.run, ['10.0.0.9', '10.0.0.8', '-f', '-'], { stdin: list(pools) });
  assert.is(out.split(but).length - 1, 1);
  const many = Array.from({ length: 12 }, (_, n) => pool(`p${n}`, { addresses: ['10.0.0.9'], prefix: 24 }));
  const { out: some } = await run(show.run, ['10.0.0.9', '-f', '-'], { stdin: list(many) });
  assert.is(some.split(but).length - 1, 8);
  assert.match(some, '\nand 58 more overlaps: metaipam check has all\n');
});

test('an address that nobody lists: whose gateway it is, or whose subnet it is in', async () => {
  const spec = { addresses: ['10.0.0.10-10.0.0.99'], prefix: 24, gateway: '10.0.0.1' };
  const subnets = [
    { addresses: ['10.1.0.10-10.1.0.20'], prefix: 24, gateway: '10.1.0.1' },
    { addresses: ['10.2.0.10'], prefix: 16, gateway: '10.2.255.254' },
  ];
  const stdin = list([pool('one', spec), pool('other', spec), pool('many', { subnets })]);
  const ask = async (...argv: string[]) => (await run(show.run, [...argv, '-f', '-'], { stdin })).out;
  const both = 'InClusterIPPool default/one, InClusterIPPool default/other';
  for (const [address, near] of [
    ['10.0.0.1', `: the gateway of ${both}`],
    ['10.2.255.254', ': the gateway of InClusterIPPool default/many'],
    ['10.0.0.200', `: in a subnet of ${both}, outside of its addresses`],
    ['10.2.3.0/24', ': in a subnet of InClusterIPPool default/many, outside of its addresses'],
    ['10.1.1.1', ''],
    ['fd00::1', ''],
  ] as const) {
    const text = `${address.replace('10.2.3.0/24', '10.2.3.0-10.2.3.255')} is in no pool and in no ClusterCIDR${near}`;
    assert.is(await ask(address), `${text}\n`);
    assert.is(JSON.parse(await ask(address, '-ojson')).addresses[0].note, text);
  }
});

const OWNED = [
  ...OBJECTS,
  claim('a', 'machines', {
    ownerReferences: [{ apiVersion: 'x/v1', kind: 'VSphereVM', name: 'vm', uid: 'vm' }],
  }),
  address('a', 'machines', '10.0.0.2'),
  {
    apiVersion: 'x/v1',
    kind: 'VSphereVM',
    metadata: {
      name: 'vm',
      namespace: 'default',
      ownerReferences: [
        { apiVersion: 'y/v1', kind: 'VSphereMachine', name: 'other', uid: 'other' },
        { apiVersion: 'y/v1', kind: 'Machine', name: 'm', uid: 'm', controller: true },
      ],
    },
  },
];
const asked = async (...argv: string[]) => {
  const { code, out, err } = await run(show.run, [...argv, '-f', '-'], { stdin: list(OWNED) });
  assert.equal([code, err], [0, '']);
  return out;
};

test('what a claim has, and whose it is; why another has nothing', async () => {
  assert.is(
    await asked('default/a'),
    `ADDRESS   POOL                              WHO                       WHY
10.0.0.2  InClusterIPPool default/machines  IPAddressClaim default/a  of VSphereVM default/vm of Machine default/m, IPAddress default/a since 2026-01-01T00:00:00Z
`,
  );
  assert.is(await asked('claim/a'), await asked('ipaddressclaim/default/a'));
  // As `kubectl get -o name` writes them.
  for (const name of [
    'ipaddressclaim.ipam.cluster.x-k8s.io/a',
    'machine.cluster.x-k8s.io/m',
    'vspherevm.infrastructure.cluster.x-k8s.io/default/vm',
  ])
    assert.is(await asked(name), await asked('claim/a'), name);
  const named = 'inclusterippool.ipam.cluster.x-k8s.io/machines';
  assert.is(await asked(named), await asked('InClusterIPPool/machines'));
  for (const owner of ['vm', 'default/vm', 'vspherevm/vm', 'VSphereVM/default/vm', 'machine/m', 'default/m'])
    assert.is(await asked(owner), await asked('claim/a'), owner);
  assert.is(await asked('claim/c'), 'IPAddressClaim default/c waits: Paused: paused\n');
});

test('what an IPAMClaim has: the addresses of its IPAddressClaims', async () => {
  const controller = {
    apiVersion: 'k8s.cni.cncf.io/v1alpha1',
    kind: 'IPAMClaim',
    name: 'vm-a.blue',
    uid: 'u',
  };
  const ownerReferences = [{ ...controller, controller: true, blockOwnerDeletion: true }];
  const objects = [
    ...OWNED.filter(({ kind, metadata }) => kind !== 'IPAddressClaim' || metadata.name !== 'a'),
    claim('a', 'machines', { ownerReferences }),
    claim('vm-a.blue-ipv6', 'machines', { ownerReferences }),
  ];
  for (const question of [
    'vm-a.blue',
    'default/vm-a.blue',
    'ipamclaim/vm-a.blue',
    'ipamclaims/default/vm-a.blue',
  ]) {
    const { out, err } = await run(show.run, [question, '-f', '-'], { stdin: list(objects) });
    assert.is(err, '');
    assert.match(out, /^10\.0\.0\.2 .* IPAddressClaim default\/a +of IPAMClaim default\/vm-a\.blue/m);
    assert.match(out, /^IPAddressClaim default\/vm-a\.blue-ipv6 waits/m);
  }
  const { code } = await run(show.run, ['ipamclaim/vm-a', '-f', '-'], { stdin: list(objects) });
  assert.is(code, 1);
});

test('what a node has', async () => {
  const out = await asked('node/n');
  assert.match(out, /\n10\.244\.1\.0\/24 +ClusterCIDR workers +Node n +given/);
  assert.is(await asked('n'), out);
});

test('what two questions are about is a row once', async () => {
  const rows = async (...questions: string[]) =>
    (await asked(...questions)).match(/^10\.\S+ .* (IPAddressClaim default\/a|Node n) /gm)?.length;
  assert.is(await rows('default', 'node/n'), 1);
  assert.is(await rows('default/machines', 'default/a'), 1);
  assert.is(await rows('10.0.0.2', '10.0.0.0/30'), 1);
});

test('a ClusterCIDR with the name of its network is the same answer', async () => {
  const objects = [podNetwork('lan'), clusterCIDR('lan', { perNodeHostBits: 8, ipv4: '10.1.0.0/16' }, 'lan')];
  const stdin = list([...objects, block('10.1.0.0/24', 'lan', 'n', {}, 'lan')]);
  const { out } = await run(show.run, ['lan', '-f', '-'], { stdin });
  assert.is(out.match(/^10\.1\.0\.0\/24 .*Node n/gm)?.length, 1, out);
});

test('what a secondary network says of its blocks, and what pods of a node get of them', async () => {
  const network = podNetwork('net', {
    subnets: [{ cidr: '10.1.0.0/16', gateway: '10.1.0.1' }, { cidr: '10.2.0.0/16' }],
    gatewayIndex: -2,
    routes: [{ dst: '10.8.0.0/16' }, { dst: '10.9.0.0/16', gw: '10.1.0.1' }],
    excludedAddresses: ['10.1.0.0-10.1.0.9'],
    perNodeExclusions: [
      { startIndex: 0, endIndex: 3 },
      { startIndex: -1, endIndex: -1 },
    ],
    additionalBlocks: [{ node: 'n', count: 1 }],
  });
  const [range, rest] = [{ subnet: '10.1.0.0/16', rangeStart: '10.1.0.0', rangeEnd: '10.1.0.255' }, '{}'];
  const said = { ...range, gateway: '10.1.0.1', exclude: ['10.1.0.0-10.1.0.9', '10.1.0.255'] };
  const annotations = { 'kube-node.nordix.org/net': JSON.stringify({ ranges: [said] }), rest };
  const stdin = list([
    network,
    clusterCIDR('lan', { perNodeHostBits: 8, ipv4: '10.1.0.0/16' }, 'net'),
    node('n', [], { annotations }),
    block('10.1.0.0/24', 'lan', 'n', { blocks: ['10.1.0.0/24', '10.1.32.0/24'] }, 'net'),
    block('10.1.32.0/24', 'lan', 'n', { blocks: ['10.1.0.0/24', '10.1.32.0/24'] }, 'net'),
  ]);
  const { out } = await run(show.run, ['podnetwork/net', 'node/n', '-f', '-'], { stdin });
  assert.match(
    out,
    `POD NETWORK  FIELD              VALUE
net          subnets            10.1.0.0/16 with gateway 10.1.0.1
net          subnets            10.2.0.0/16
net          gatewayIndex       -2
net          routes             10.8.0.0/16
net          routes             10.9.0.0/16 by 10.1.0.1
net          excludedAddresses  10.1.0.0-10.1.0.9
net          perNodeExclusions  0 to 3
net          perNodeExclusions  -1
net          additionalBlocks   1 for Node n
`,
  );
  assert.match(
    out,
    '10.1.0.0/24   ClusterCIDR lan  Node n  given since 2026-01-01T00:00:00Z, pods get 245 of it with prefix 16 and gateway 10.1.0.1\n',
  );
  assert.match(
    out,
    '10.1.32.0/24  ClusterCIDR lan  Node n  given since 2026-01-01T00:00:00Z, not on the node yet\n',
  );
});

test('a pool by its namespace: how full it is, and who has what', async () => {
  const out = await asked('default/machines');
  assert.match(out, /^POOL .*\nInClusterIPPool default\/machines +126 /);
  assert.match(out, /\n10\.0\.0\.2 +InClusterIPPool default\/machines +IPAddressClaim default\/a /);
  assert.match(out, /\n10\.0\.0\.200 .* IPAddressClaim default\/b +which is gone/);
  assert.not.match(out, /^InClusterIPPool team-a|InClusterIPPool team-a.* IPAddressClaim/m);
});

test('-o wide has owners and times in columns; -o json has everything', async () => {
  const [header = '', line = ''] = (await asked('10.0.0.2', '-n', 'default', '-o', 'wide')).split('\n');
  assert.equal(header.split(/ {2,}/), [
    'ADDRESS',
    'POOL',
    'WHO',
    'OWNERS',
    'IPADDRESS',
    'SINCE',
    'HELD UNTIL',
    'WHY',
  ]);
  assert.equal(line.split(/ {2,}/).slice(3, 7), [
    'VSphereVM default/vm, Machine default/m',
    'default/a',
    '2026-01-01T00:00:00Z',
    '-',
  ]);
  const { holdings, subjects } = JSON.parse(await asked('default/a', '-o', 'json'));
  assert.equal(holdings, []);
  assert.equal(subjects, [
    {
      title: 'IPAddressClaim default/a',
      holdings: [
        {
          addresses: '10.0.0.2',
          pool: 'InClusterIPPool default/machines',
          state: 'used',
          holder: 'IPAddressClaim default/a',
          owners: ['VSphereVM default/vm', 'Machine default/m'],
          ipAddress: 'default/a',
          since: '2026-01-01T00:00:00Z',
          note: 'of VSphereVM default/vm of Machine default/m, IPAddress default/a since 2026-01-01T00:00:00Z',
        },
      ],
    },
  ]);
  const all = JSON.parse(await asked('-o', 'json'));
  assert.equal(
    all.holdings.map(({ addresses }: { addresses: string }) => addresses),
    ['10.0.0.2', '10.0.0.200', '10.244.1.0/24'],
  );
});

test('nothing of a namespace is said to be so', async () => {
  const { code, out } = await shown('-n', 'team-x');
  assert.equal([code, out], [0, 'No pools and no claims that wait in namespace team-x.\n']);
});

const ipamClaim = (spec: object, status?: object) => ({
  apiVersion: 'k8s.cni.cncf.io/v1alpha1',
  kind: 'IPAMClaim',
  metadata: { name: 'vm-a.blue', namespace: 'default' },
  spec,
  ...(status && { status }),
});
const ofBlue = (namespace: string, spec: object = SPEC) =>
  pool('blue', spec, { namespace, labels: { 'metaipam.io/network': 'blue' } });
for (const [said, ...objects] of [
  ['NoPool: no pool that it may have addresses of has the label metaipam.io/network: blue'],
  [
    'NoPool: no pool that it may have addresses of has the label metaipam.io/network: blue, but InClusterIPPool team-a/blue, which cannot serve it',
    ofBlue('team-a'),
  ],
  [
    'NoPool: InClusterIPPool default/blue cannot serve it: being deleted, or with a spec that is invalid',
    ofBlue('default', { addresses: ['x'], prefix: 24 }),
  ],
  [
    'NotSynced: no controller has looked at it yet, though InClusterIPPool default/blue can serve it: are those for IPAMClaims installed?',
    ofBlue('default'),
  ],
  ['NoPool: its spec.network names no network', ipamClaim({})],
  [
    `NoPool: no pool can name its network ${'n'.repeat(64)}, which is no value of a label`,
    ipamClaim({ network: 'n'.repeat(64) }),
  ],
  [
    'NotOurs: somebody else has given it 10.0.0.7/24',
    ipamClaim({ network: 'blue' }, { ips: ['10.0.0.7/24'] }),
  ],
] as [string, ...KubernetesObject[]][]) {
  test(`an IPAMClaim that nobody serves: ${said}`, async () => {
    const items = objects.some(({ kind }) => kind === 'IPAMClaim')
      ? objects
      : [ipamClaim({ network: 'blue' }), ...objects];
    for (const asked of ['vm-a.blue', 'default/vm-a.blue', 'ipamclaim/vm-a.blue']) {
      const { code, out, err } = await run(show.run, [asked, '-f', '-'], { stdin: list(items) });
      assert.equal([code, out, err], [0, `IPAMClaim default/vm-a.blue waits: ${said}\n`, '']);
    }
  });
}

test('an IPAMClaim of a cluster that nobody serves', async () => {
  const { kubeconfig, close } = await standIn(({ url = '' }, response) => {
    const { pathname } = new URL(url, 'http://x');
    const isClaims = pathname === '/apis/k8s.cni.cncf.io/v1alpha1/ipamclaims';
    response.writeHead(200, { 'content-type': 'application/json' });
    const { apiVersion, kind: _, ...item } = ipamClaim({ network: 'blue' });
    response.end(
      JSON.stringify({
        apiVersion: isClaims ? apiVersion : 'v1',
        kind: isClaims ? 'IPAMClaimList' : 'List',
        items: isClaims ? [item] : [],
      }),
    );
  });
  try {
    const { code, out } = await run(show.run, ['vm-a.blue', '--kubeconfig', kubeconfig]);
    assert.is(code, 0);
    assert.match(out, 'IPAMClaim default/vm-a.blue waits: NoPool: ');
  } finally {
    close();
  }
});

test.run();
