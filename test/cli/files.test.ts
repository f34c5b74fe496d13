/** Files as people have them. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { main } from '../../lib/cli/metaipam.ts';
import { run } from './run.ts';

const MAIN = join(import.meta.dirname, '../../lib/cli/metaipam.ts');

const test = suite('files', { folder: '' });
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'files-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

const pool = (name: string, more = '') =>
  `apiVersion: ipam.cluster.x-k8s.io/v1alpha2\nkind: InClusterIPPool\nmetadata: {name: ${name}${more}}\nspec: {addresses: [10.0.0.1-10.0.0.9], prefix: 24}\n`;
const claim = (name: string, poolName: string) =>
  `apiVersion: ipam.cluster.x-k8s.io/v1beta2\nkind: IPAddressClaim\nmetadata: {name: ${name}}\nspec: {poolRef: {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: ${poolName}}}\n`;
const write = (folder: string, files: Record<string, string | Buffer>) => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
};

test('nothing of ours is a warning, whatever reads it; what is of other kinds is counted alike', async ({
  folder,
}) => {
  const [file, state] = [join(folder, 'app.yaml'), join(folder, 'state.yaml')];
  const foreign = [
    'apps/v1, kind: Deployment',
    'v1, kind: ConfigMap',
    'v1, kind: Secret',
    'batch/v1, kind: Job',
  ];
  const list = (types: string[]) =>
    types.map((type, index) => `{apiVersion: ${type}, metadata: {name: n${index}}}\n---\n`).join('');
  write(folder, { 'app.yaml': list(foreign), 'state.yaml': pool('p') });
  const warning = `${file}: warning: nothing in it is of a kind that metaipam reads: 4 objects of other kinds left out, Deployment, ConfigMap, Secret and 1 more\n`;
  const out = {
    validate: '0 objects valid, 1 warning (4 objects of other kinds left out)\n',
    simulate: 'No pools, claims, ClusterCIDRs or nodes.\n\n(4 objects of other kinds left out)\n',
    'plan --current': 'ok  nothing would change (4 objects of other kinds left out)\n',
    check: 'ok  nothing found in 0 objects\n',
    show: 'No pools, pod networks, ClusterCIDRs or claims that wait.\n',
  };
  for (const [command, said] of Object.entries(out)) {
    const argv = [...command.split(' '), ...(command.includes('--current') ? [state] : []), '-f', file];
    assert.equal(await run(main, argv), { code: 0, out: said, err: warning }, command);
  }
  assert.is((await run(main, ['validate', '--strict', '-f', file])).code, 1);
  for (const type of ['v1, kind: Namespace', 'v1, kind: Node', 'cluster.x-k8s.io/v1beta1, kind: Cluster']) {
    const { code, out, err } = await run(main, ['validate', '-f', '-'], { stdin: list([type]) });
    assert.equal([code, out, err], [0, '1 object valid\n', '']);
  }
});

test('a folder of kustomize: what is no object, or of other kinds, is counted and left out', async ({
  folder,
}) => {
  write(folder, {
    'kustomization.yaml': 'resources: [pool.yaml]\n',
    'pool.yaml': pool('p'),
    'claim.yaml': claim('a', 'p'),
    'base/kustomization.yml': 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n',
    'base/secret.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n',
    'values.yaml': 'replicas: 3\n',
    '.github/workflow.yaml': 'on: push\n',
    'node_modules/x/package.json': '{}',
  });
  const left = '(1 object of other kinds and 3 files of kustomize or Helm left out)\n';
  assert.equal(await run(main, ['validate', '-f', folder]), {
    code: 0,
    out: `2 objects valid ${left}`,
    err: '',
  });
  const simulated = await run(main, ['simulate', '-f', folder]);
  assert.equal([simulated.code, simulated.err], [0, '']);
  assert.match(simulated.out, `\n1 pool; 1 claim ${left}`);
  const none = '{apiVersion: v1, kind: List, items: []}';
  const planned = await run(main, ['plan', '-f', folder, '--current', '-'], { stdin: none });
  assert.equal([planned.code, planned.err], [2, '']);
  assert.match(planned.out, left);
  for (const command of ['show', 'check']) {
    const { code, err } = await run(main, [command, '-f', folder]);
    assert.equal([command, code, err], [command, 0, '']);
  }
});

test('patches that a kustomization names are no objects', async ({ folder }) => {
  const patch = pool('p').replace('addresses: [10.0.0.1-10.0.0.9], prefix: 24', 'gateway: 10.0.0.1');
  write(folder, {
    'base/pool.yaml': pool('p'),
    'overlay/kustomization.yaml': `resources: [../base]
patches:
  - path: a-patch.yaml
  - path: patches/b.yaml
  - {patch: "- {op: remove, path: /spec/gateway}", target: {kind: InClusterIPPool}}
patchesStrategicMerge: [c.yaml]
patchesJson6902: [{path: d.json, target: {}}]
`,
    'overlay/a-patch.yaml': patch,
    'overlay/patches/b.yaml': patch,
    'overlay/c.yaml': patch,
    'overlay/d.json': '[{"op": "remove", "path": "/spec/gateway"}]',
    'overlay/e.yaml': claim('a', 'p'),
  });
  for (const command of ['validate', 'simulate', 'show'])
    assert.equal([(await run(main, [command, '-f', folder])).err], [''], command);
  const { out } = await run(main, ['validate', '-f', folder]);
  assert.is(out, '2 objects valid (5 files of kustomize or Helm left out)\n');
  assert.is((await run(main, ['validate', '-f', join(folder, 'overlay/c.yaml')])).code, 1);
  write(folder, { 'overlay/kustomization.yaml': '{' });
  assert.match((await run(main, ['validate', '-f', folder])).err, 'overlay/kustomization.yaml:1: ');
});

test('a chart of Helm is said to be one, once', async ({ folder }) => {
  write(folder, {
    'pool.yaml': pool('p'),
    'chart/Chart.yaml': 'apiVersion: v2\nname: c\nversion: 1.0.0\n',
    'chart/templates/pool.yaml': '{{ if .Values.pool }}\na: {{ b }}\n{{ end }}\n',
    'chart/values.yaml': 'pool: true\n',
  });
  const chart = join(folder, 'chart');
  const said = `${chart}: is a chart of Helm, which metaipam does not render; helm template ${chart} | metaipam … -f -\n`;
  for (const path of [folder, chart]) assert.is((await run(main, ['simulate', '-f', path])).err, said, path);
});

test('a kustomization that is named is refused with what to do instead', async ({ folder }) => {
  write(folder, { 'kustomization.yaml': 'resources: []\n' });
  const file = join(folder, 'kustomization.yaml');
  const { code, err } = await run(main, ['simulate', '-f', file]);
  assert.is(code, 1);
  assert.match(err, `${file}:1: is a kustomization, which metaipam does not build; give its folder, or `);
  const alone = await run(main, ['simulate', '-f', folder]);
  assert.is(alone.err, `${folder}: there is nothing but files of kustomize or Helm in it\n`);
});

test('compressed files are known by their first bytes, whatever their name', async ({ folder }) => {
  write(folder, {
    'a.yaml': gzipSync(pool('a')),
    'b.yaml.gz': gzipSync(pool('b')),
    'c.yaml': gzipSync(gzipSync(pool('c'))),
  });
  assert.is((await run(main, ['validate', '-f', folder])).out, '3 objects valid, 3 warnings\n');
  write(folder, {
    'broken.yaml': gzipSync(pool('d')).subarray(0, 40),
  });
  const { code, err } = await run(main, ['validate', '-f', join(folder, 'broken.yaml')]);
  assert.is(code, 1);
  assert.match(
    err,
    'broken.yaml: is compressed by gzip, and cannot be read: unexpected end of file; unpack it with gunzip\n',
  );
});

const ZSTANDARD = zstdCompressSync(pool('p'));
const UNKNOWN: [what: string, bytes: Buffer, message: string][] = [
  ['zip', Buffer.from('PK\x03\x04\n\0\0\0\0\0', 'latin1'), 'is compressed, and not by gzip; unpack it first'],
  ['Zstandard', ZSTANDARD, 'is compressed, and not by gzip; unpack it first'],
  ['xz', Buffer.from('\xfd7zXZ\0\0\x04', 'latin1'), 'is compressed, and not by gzip; unpack it first'],
  ['bzip2', Buffer.from('BZh91AY&SY\xb4', 'latin1'), 'is compressed, and not by gzip; unpack it first'],
  ['Zstandard in gzip', gzipSync(ZSTANDARD), 'is compressed, and not by gzip; unpack it first'],
  ['tar', tar(pool('p')), 'is a tar archive; unpack it, and give its folder'],
  ['tar in gzip', gzipSync(tar(pool('p'))), 'is a tar archive; unpack it, and give its folder'],
];
for (const [what, bytes, message] of UNKNOWN) {
  test(`${what} is named, not taken for text`, async ({ folder }) => {
    write(folder, { file: bytes });
    const { code, out, err } = await run(main, ['validate', '-f', join(folder, 'file')]);
    assert.equal([code, out], [1, '']);
    assert.is(err, `${join(folder, 'file')}: ${message}\n1 problem in 0 objects\n`);
  });
}

test('a file that is too large for any program says so', async ({ folder }) => {
  write(folder, { 'dump.yaml': '' });
  const file = join(folder, 'dump.yaml');
  truncateSync(file, 2 ** 31);
  for (const command of [
    ['validate', '-f', file],
    ['hook', 'pools/sync', '-f', file],
  ]) {
    const { code, err } = await run(main, command);
    assert.is(code, 1);
    assert.match(err, `${file}: is larger than 512 MiB\n`);
  }
});

test('what never ends is read as far as a text can go, whoever reads it', async ({ folder }) => {
  const kubeconfig = join(folder, 'config');
  const zero = join(folder, 'zero.yaml');
  write(folder, {
    config: JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { tokenFile: '/dev/zero' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'c',
    }),
  });
  symlinkSync('/dev/zero', zero);
  const of = (...argv: string[]) => run(main, argv);
  for (const [{ code, err }, said] of [
    [await of('show', '-f', '/dev/zero'), '/dev/zero: is larger than 512 MiB\n'],
    [await of('hook', 'pools/sync', '-f', '/dev/zero'), '/dev/zero: is larger than 512 MiB\n'],
    [await of('validate', '-f', folder), `${zero}: is larger than 512 MiB\n`],
    [await of('show', '--kubeconfig', '/dev/zero'), 'kubeconfig /dev/zero: it is larger than 512 MiB\n'],
    [await of('show', '--kubeconfig', kubeconfig), '/dev/zero is larger than 512 MiB\n'],
    [
      await of(
        'serve',
        ...[
          '--hooks-tls-cert-file=/dev/zero',
          '--hooks-tls-key-file=/dev/zero',
          '--hooks-bind-address=127.0.0.1:0',
        ],
      ),
      'cannot read /dev/zero: it is larger than 512 MiB\n',
    ],
  ] as const) {
    assert.is(code, 1, said);
    assert.ok(err.includes(said), err);
  }
  renameSync(zero, join(folder, 'kustomization.yaml'));
  assert.match((await of('validate', '-f', folder)).err, /kustomization.yaml: is larger/);
  const endless = Readable.from(Array.from({ length: 600 }, () => Buffer.alloc(2 ** 20)));
  const io = { stdin: endless, stdout: { write: () => {} }, stderr: { write: () => {} }, env: {} };
  assert.is(await main(['show', '-f', '-'], io), 1);
});

test('a kubeconfig that can be read once', () => {
  const kubeconfig = `clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: c, context: {cluster: c}}]
current-context: c`;
  const called = `printf '%s' "$TEXT" | "$NODE" ${MAIN} show --kubeconfig /dev/stdin`;
  const { stderr } = spawnSync('sh', ['-c', called], {
    env: { ...process.env, TEXT: kubeconfig, NODE: process.execPath },
    encoding: 'utf8',
  });
  assert.match(stderr, 'http://127.0.0.1:1: connect ECONNREFUSED');
});

/** As much of an archive as tells that it is one. */
function tar(content: string): Buffer {
  const header = Buffer.alloc(512);
  header.write('p.yaml');
  header.write('ustar', 257);
  return Buffer.concat([header, Buffer.from(content)]);
}

test('of a folder, what cannot be read is named and hides nothing; links to folders are not followed', async ({
  folder,
}) => {
  write(folder, { 'a.yaml': pool('a'), 'b.yaml/c.yaml': pool('c'), 'mounted/..data/d.yaml': pool('d') });
  symlinkSync('nowhere', join(folder, 'gone.yaml'));
  symlinkSync('self.yaml', join(folder, 'self.yaml'));
  symlinkSync('..', join(folder, 'b.yaml', 'up'));
  symlinkSync('..data/d.yaml', join(folder, 'mounted/d.yaml'));
  const { code, err } = await run(main, ['validate', '-f', folder]);
  assert.is(code, 1);
  const [first, second, ...others] = err.split('\n');
  assert.is(first, `${join(folder, 'gone.yaml')}: no such file or folder`);
  assert.is(second, `${join(folder, 'self.yaml')}: is a link that leads back to itself`);
  assert.is(others.filter((line) => line.includes(': warning: ')).length, 3);
  assert.is(others.at(-2), '2 problems and 3 warnings in 3 objects');
  for (const link of ['gone.yaml', 'self.yaml']) rmSync(join(folder, link));
  assert.is((await run(main, ['validate', '-f', folder])).out, '3 objects valid, 3 warnings\n');
  const below = await run(main, ['validate', '-f', join(folder, 'a.yaml', 'x')]);
  assert.match(below.err, `${join(folder, 'a.yaml', 'x')}: no such file or folder\n`);
});

test('pipes of a folder are not waited for; a path of nothing is shown', async ({ folder }) => {
  write(folder, { 'pool.yaml': pool('p') });
  execFileSync('mkfifo', [join(folder, 'pipe.yaml')]);
  assert.match((await run(main, ['validate', '-f', folder])).out, /^1 object valid\n$/);
  assert.match((await run(main, ['validate', '-f', ''])).err, /^"": no such file or folder\n/);
});

test('messages are in ASCII, too, where the locale is', async ({ folder }) => {
  write(folder, { 'kustomization.yaml': 'resources: []\n' });
  for (const command of ['validate', 'show', 'simulate', 'check']) {
    const argv = [command, '-f', join(folder, 'kustomization.yaml')];
    assert.match((await run(main, argv)).err, '| metaipam … -f -\n');
    assert.match((await run(main, argv, { env: { LANG: 'C' } })).err, '| metaipam ... -f -\n');
  }
});

test('paths with a comma between, as kubectl takes them', async ({ folder }) => {
  const { err } = await run(main, ['validate', '-f', `${folder}/a.yaml,b.yaml`]);
  assert.match(
    err,
    `no such file or folder; write a space for a comma between paths: -f ${folder}/a.yaml b.yaml\n`,
  );
});

test('a URL is told to be fetched first', async () => {
  const { code, err } = await run(main, ['simulate', '-f', 'https://example.com/pool.yaml']);
  assert.is(code, 1);
  assert.match(
    err,
    'is a URL, and nothing is fetched; curl -L https://example.com/pool.yaml | metaipam … -f -',
  );
});

test('text in UTF-16, as PowerShell writes it, and with a byte order mark', async ({ folder }) => {
  write(folder, {
    'utf16.yaml': Buffer.from(`\ufeff${pool('a')}`, 'utf16le'),
    'utf16be.yaml': Buffer.from(`\ufeff${pool('d')}`, 'utf16le').swap16(),
    'bom.yaml': `\ufeff${pool('b')}`,
    'latin1.yaml': Buffer.from(`# \xe4\n${pool('c')}`, 'latin1'),
  });
  const good = await run(main, [
    'validate',
    '-f',
    join(folder, 'utf16.yaml'),
    join(folder, 'utf16be.yaml'),
    join(folder, 'bom.yaml'),
  ]);
  assert.is(good.out, '3 objects valid, 3 warnings\n');
  const { err } = await run(main, ['validate', '-f', join(folder, 'latin1.yaml')]);
  assert.match(err, 'latin1.yaml: is no text in UTF-8; save it as UTF-8\n');
});

test('an object that is given twice is named by every command that takes files', async ({ folder }) => {
  write(folder, { 'a.yaml': pool('p'), 'b.yaml': pool('p', ', namespace: default') });
  const none = '{apiVersion: v1, kind: List, items: []}';
  const commands = [['validate'], ['simulate'], ['show'], ['check'], ['plan', '--current', '-']];
  for (const [name, ...argv] of commands) {
    const { code, err } = await run(main, [name!, ...argv, '-f', folder], { stdin: none });
    assert.is(code, 1, name);
    const first = join(folder, 'a.yaml');
    assert.match(
      err,
      `${join(folder, 'b.yaml')}:1: InClusterIPPool default/p: is given twice, first in ${first}:1; leave one of them`,
    );
  }
});

test('nothing in it is an error for every command that takes files; an empty list is none', async ({
  folder,
}) => {
  const none = '{apiVersion: v1, kind: List, items: []}';
  write(folder, { 'none.yaml': none });
  for (const [name, ...argv] of [
    ['validate'],
    ['simulate'],
    ['show'],
    ['check'],
    ['plan', '--current', join(folder, 'none.yaml'), '--delete', '-'],
  ]) {
    for (const stdin of ['', '# nothing\n---\n']) {
      const { code, out, err } = await run(main, [name!, ...argv, ...(argv.length > 0 ? [] : ['-f', '-'])], {
        stdin,
      });
      assert.equal(
        [name, code, out],
        [name, 1, name === 'plan' ? 'refused  1 problem; nothing else would change\n' : ''],
      );
      assert.match(err, '<stdin>: there is no object in it\n');
    }
    if (argv.length > 0) continue;
    const { code, err } = await run(main, [name!, '-f', '-'], { stdin: none });
    assert.equal([name, code, err], [name, 0, '']);
  }
});

test('-n is where objects go that name no namespace, for every command that applies them', async () => {
  const stdin = `${pool('p')}---\n${claim('a', 'p')}---\n${pool('q', ', namespace: team-a').replace('.1-', '.5-')}`;
  const simulated = await run(main, ['simulate', '-f', '-', '-n', 'team-a'], { stdin });
  for (const said of ['InClusterIPPool team-a/p', 'team-a/a ', 'InClusterIPPool team-a/q'])
    assert.match(simulated.out, said);
  const doubtful = await run(main, ['validate', '-f', '-', '--namespace=team-a'], { stdin });
  assert.match(doubtful.err, 'InClusterIPPool team-a/q: spec: overlaps InClusterIPPool team-a/p');
  for (const command of ['simulate', 'validate', 'plan']) {
    for (const name of ['', 'Team_A']) {
      const { code, err } = await run(main, [command, '-f', '-', '-n', name], { stdin });
      assert.is(code, 1);
      assert.match(err, `metaipam ${command}: -n: "${name}" must be the name of a namespace: `);
    }
  }
});

test('-n: what names another namespace is refused, as kubectl does', async ({ folder }) => {
  const state = join(folder, 'state.yaml');
  writeFileSync(state, '{apiVersion: v1, kind: List, items: []}');
  const global = pool('g').replace('InCluster', 'GlobalInCluster').replace('.1-', '.101-');
  const other = pool('q', ', namespace: other').replace('10.0.0', '10.0.1');
  const stdin = `${pool('p')}---\n${global}---\n${other}`;
  const said =
    /^<stdin>:\d+: document 3: InClusterIPPool other\/q: metadata.namespace: Invalid value: "other": is not the namespace of -n, team-a; write -n other, or leave it out$/m;
  for (const argv of [
    ['validate', '-f'],
    ['simulate', '-f'],
    ['plan', '--current', state, '-f'],
    ['plan', '--current', state, '--delete'],
  ]) {
    const { code, out, err } = await run(main, [...argv, '-', '-n', 'team-a'], { stdin });
    assert.is(code, 1, argv.join(' '));
    assert.match(err, said);
    assert.not.match(out, 'other/q');
    // The default is no namespace that anybody has named.
    assert.not.match((await run(main, [...argv, '-'], { stdin })).err, 'metadata.namespace');
    assert.match((await run(main, [...argv, '-', '-n', 'default'], { stdin })).err, 'of -n, default; write');
  }
});

test('objects without a namespace are in default, whatever the command', async () => {
  const stdin = `${pool('p')}---\n${claim('a', 'p')}---\n${claim('lost', 'q')}`;
  assert.match((await run(main, ['show', '-f', '-'], { stdin })).out, 'InClusterIPPool default/p');
  assert.match(
    (await run(main, ['check', '-f', '-'], { stdin })).out,
    'IPAddressClaim default/lost: InClusterIPPool default/q does not exist',
  );
  assert.match((await run(main, ['simulate', '-f', '-'], { stdin })).out, 'InClusterIPPool default/p');
  assert.match(
    (await run(main, ['show', '-f', '-', '-n', 'default'], { stdin })).out,
    'InClusterIPPool default/p',
  );
  assert.not.match((await run(main, ['show', '-f', '-', '-n', 'other'], { stdin })).out, 'InClusterIPPool');
  assert.match(
    (await run(main, ['show', '-f', '-', '-n', 'other', '-A'], { stdin })).out,
    'InClusterIPPool default/p',
  );
});

test('a null in a list of requirements, or in a Node, is absent, as the API server has it', async () => {
  const stdin = `apiVersion: networking.x-k8s.io/v1
kind: ClusterCIDR
metadata: {name: a}
spec:
  perNodeHostBits: 8
  ipv4: 10.0.0.0/16
  nodeSelector:
    nodeSelectorTerms:
      - matchExpressions:
        matchFields:
          - {key: metadata.name, operator: In, values: [b]}
---
apiVersion: v1
kind: Node
metadata: {name: b, labels: null}
spec: {podCIDRs: null}
`;
  const { code, out } = await run(main, ['simulate', '-f', '-'], { stdin });
  assert.is(code, 0);
  assert.match(out, /b +10\.0\.0\.0\/24\n/);
});

test('what cannot be a command line is one line, and exit 1', async ({ folder }) => {
  const { code, err } = await run(main, ['validate', '-f', join(folder, 'none'), folder]);
  assert.is(code, 1);
  assert.is(
    err,
    `${join(folder, 'none')}: no such file or folder\n${folder}: no .yaml, .yml or .json file in this folder\n2 problems in 0 objects\n`,
  );
});

test('exit 4 on request: a claim or a node waits', async () => {
  const waits = claim('a', 'nowhere');
  const exit = async (stdin: string, ...argv: string[]) =>
    (await run(main, ['simulate', '-f', '-', ...argv], { stdin })).code;
  assert.is(await exit(waits), 0);
  assert.is(await exit(waits, '--fail-on-waiting'), 4);
  assert.is(await exit(waits, '--fail-on-waiting', '-ojson'), 4);
  assert.is(await exit(`${pool('p')}---\n${claim('a', 'p')}`, '--fail-on-waiting'), 0);
  const blocks =
    'apiVersion: networking.x-k8s.io/v1\nkind: ClusterCIDR\nmetadata: {name: c}\nspec: {perNodeHostBits: 8, ipv4: 10.0.0.0/24}\n';
  const node = (name: string) => `---\napiVersion: v1\nkind: Node\nmetadata: {name: ${name}}\n`;
  assert.is(await exit(blocks + node('a'), '--fail-on-waiting'), 0);
  assert.is(await exit(blocks + node('a') + node('b'), '--fail-on-waiting'), 4);
});

test('plan that refuses does not say that all is well', async () => {
  const args = ['plan', '-f', '-', '--current'];
  const current = join(import.meta.dirname, '../../examples/01-pool.yaml');
  const { code, out, err } = await run(main, [...args, current], { stdin: pool('bad', ', x: y') });
  assert.is(code, 1);
  assert.is(out, 'refused  1 problem; nothing else would change\n');
  assert.match(err, '<stdin>:3: InClusterIPPool default/bad: metadata.x: unknown field');
});

test.run();
