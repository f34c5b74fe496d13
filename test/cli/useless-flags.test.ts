/** Flags of every command that say nothing beside others: refused, and never silently without effect. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { main } from '../../lib/cli/metaipam.ts';
import { parseOptions } from '../../lib/options/options.ts';
import { SERVE_OPTIONS } from '../../lib/options/serve-options.ts';
import { run } from './run.ts';

const CLUSTER = 'files are read instead of a cluster';
const STILL = 'files do not change';
const REFUSED: [argv: string, said: string][] = [
  ...['../x', 'A'].map((name): [string, string] => [
    `show -n ${name}`,
    `-n: "${name}" must be the name of a namespace: lower case letters, digits and dashes, at most 63`,
  ]),
  ['show -f - --svg -', '--svg: "-" must be a file: stdout has the tables'],
  ['show --listen=:0', '--listen needs --serve: nothing else listens'],
  ['show --listen=:0 --serve=false', '--listen needs --serve: nothing else listens'],
  ['show --serve --watch', '--serve or --watch, not both: the page follows changes by itself'],
  ['show --serve -ojson', '--serve or -o, not both: the page is all that it shows'],
  ['show --serve --svg=x.svg', '--serve or --svg, not both: the page has the pictures'],
  ['show -f - -w', '-w or -f, not both: files do not change'],
  ['show -f - --context=x', `-f or --context, not both: ${CLUSTER}`],
  ['show -f - --kubeconfig=x', `-f or --kubeconfig, not both: ${CLUSTER}`],
  ['check --filename=- --context x', `--filename or --context, not both: ${CLUSTER}`],
  ['check -f - --kubeconfig x', `-f or --kubeconfig, not both: ${CLUSTER}`],
  ['check -f - --recheck=1s', `--recheck or -f, not both: ${STILL}`],
  ['plan -f - --current -', '- stands for stdin, which can be read once'],
  ['plan -f - --current=x --context=x', `--current or --context, not both: ${CLUSTER}`],
  ['plan -f - --current=x --kubeconfig=x', `--current or --kubeconfig, not both: ${CLUSTER}`],
  ['simulate -f - --listen=:0', '--listen needs --page: nothing else listens'],
  [
    'simulate -f - --page -oyaml',
    '--page or -o, not both: the address of the page stands where it would be read',
  ],
  [
    'simulate -f - --page --fail-on-waiting',
    '--page or --fail-on-waiting, not both: the page ends when it is interrupted',
  ],
  [
    'adopt --storage --cluster-api-version=v1beta1',
    '--storage or --cluster-api-version, not both: it looks at no claims',
  ],
  [
    'serve --hooks-tls-cert-file=x',
    '--hooks-tls-cert-file needs --hooks-tls-key-file: the key of the certificate',
  ],
  [
    'serve --hooks-tls-key-file=x',
    '--hooks-tls-key-file needs --hooks-tls-cert-file: the certificate of the key',
  ],
];
for (const [line, said] of REFUSED) {
  const argv = line.split(' ');
  test(`${line}: ${said}`, async () => {
    const { code, out, err } = await run(main, argv);
    assert.equal([code, out], [1, '']);
    assert.is(err, `metaipam ${argv[0]}: ${said}\nSee metaipam ${argv[0]} --help.\n`);
  });
}

const OF_KUBECTL: [argv: string, said: string][] = [
  ['adopt -n x', 'unknown flag -n: it is for all namespaces'],
  ['release --all -A', 'unknown flag -A: it is for all namespaces'],
  ['doctor --namespace=x', 'unknown flag --namespace: it is for all namespaces'],
  ['show --server=x', 'unknown flag --server: --kubeconfig and --context say which cluster, and who asks'],
  ['check --as x', 'unknown flag --as: --kubeconfig and --context say which cluster, and who asks'],
  ['validate -f - --context=x', 'unknown flag --context: files are all that is looked at'],
  ['simulate -f - -v6', 'unknown flag -v6: files are all that is looked at'],
  ['adopt --dry-run=client', '--dry-run: "client" must be true or false; write --dry-run'],
  ['release --all --dry-run=server', '--dry-run: "server" must be true or false; write --dry-run'],
];
for (const [line, said] of OF_KUBECTL) {
  test(`${line}: ${said}`, async () => {
    const argv = line.split(' ');
    const { code, err } = await run(main, argv, { stdin: '' });
    assert.equal([code, err], [1, `metaipam ${argv[0]}: ${said}\nSee metaipam ${argv[0]} --help.\n`]);
  });
}

test('whatever talks to the cluster of a person has -v', async () => {
  const { COMMANDS } = await import('../../lib/cli/metaipam.ts');
  for (const [name, load] of Object.entries(COMMANDS)) {
    const { options } = (await load()).default;
    assert.is('v' in options, 'kubeconfig' in options, name);
  }
});

const EMPTY = '{apiVersion: v1, kind: List, items: []}';
const TAKEN: [argv: string, env?: Record<string, string>][] = [
  ['show -f -', { KUBECONFIG: '/x', IPAM_KUBECONFIG: '/x' }],
  ['show -f - --watch=false --serve=false --context='],
  ['show -f - -A -n default -v6 -o wide'],
  ['check -f -', { IPAM_KUBECONFIG: '/x' }],
  ['check -f - -A -n default -v=6 --skip duplicate-cidr'],
  ['plan -f - --current examples -v 6', { IPAM_KUBECONFIG: '/x' }],
  ['simulate -f - --page=false -ojson --fail-on-waiting'],
];
for (const [line, env = {}] of TAKEN) {
  test(`${line}: is taken`, async () => {
    const { err } = await run(main, line.split(' '), { stdin: EMPTY, env });
    assert.not.match(err, /^See /m);
  });
}

/** Of `serve`, whose flags come from manifests. */
const WARNED: [argv: string, said: string[], env?: Record<string, string>][] = [
  [
    '--webserver-bind-address=:1 --health-probe-address=:2',
    ['--webserver-bind-address has no effect beside --health-probe-address: that wins'],
  ],
  [
    '--insecure-diagnostics --diagnostics-address=0',
    [
      '--insecure-diagnostics has no effect without --diagnostics-address: metrics are on the web server, for all',
    ],
  ],
  ['--insecure-diagnostics --diagnostics-address=:3', []],
  [
    '--tls-min-version=VersionTLS13',
    [
      '--tls-min-version has no effect without --hooks-tls-cert-file or --diagnostics-address: nothing else speaks TLS',
    ],
  ],
  ['--tls-min-version=VersionTLS13 --diagnostics-address=:3', []],
  [
    '--tls-min-version=VersionTLS13 --diagnostics-address=:3 --insecure-diagnostics',
    [
      '--tls-min-version has no effect without --hooks-tls-cert-file or --insecure-diagnostics=false: metrics are served over HTTP',
    ],
  ],
  [
    '--tls-min-version=VersionTLS13 --diagnostics-address=:3 --insecure-diagnostics --hooks-tls-cert-file=a --hooks-tls-key-file=b',
    [],
  ],
  [
    '--no-bind --kubeconfig=a --diagnostics-address=:3 --insecure-diagnostics',
    [
      '--kubeconfig has no effect without --no-bind=false or --page or --insecure-diagnostics=false: nobody asks who may read metrics',
    ],
  ],
  [
    '--no-bind --kubeconfig=a --leader-elect --leader-elect-id=b --leader-elect-lease-duration=20s --node-patch-qps=5',
    [
      '--kubeconfig has no effect without --no-bind=false or --page or --diagnostics-address: nothing else asks the API server',
      '--leader-elect has no effect beside --no-bind: only who writes nodes is elected',
      '--leader-elect-id has no effect beside --no-bind: only who writes nodes is elected',
      '--leader-elect-lease-duration has no effect beside --no-bind: only who writes nodes is elected',
      '--node-patch-qps has no effect beside --no-bind: nothing is written',
    ],
  ],
  ['--no-bind --page --kubeconfig=a', []],
  ['--no-bind --diagnostics-address=:3 --apiserver=https://a', []],
  ['--no-bind --leader-elect=false', []],
  ['--kubeconfig=a --leader-elect --leader-elect-id=b --node-patch-qps=5', []],
  [
    '--leader-elect=false',
    ['IPAM_LEADER_ELECT_ID has no effect without --enable-leader-election: nobody is elected'],
    { IPAM_LEADER_ELECT_ID: 'b' },
  ],
];
for (const [line, said, env = {}] of WARNED) {
  test(`serve ${line}: ${said.length === 0 ? 'is taken' : 'is warned of'}`, () => {
    const { warnings } = parseOptions(SERVE_OPTIONS, line.split(' '), env);
    assert.equal(
      warnings.filter((warning) => !warning.includes('deprecated')),
      said,
    );
  });
}

test('what options need or exclude are options of the same command', async () => {
  const { COMMANDS } = await import('../../lib/cli/metaipam.ts');
  for (const [name, load] of Object.entries(COMMANDS)) {
    const { options } = (await load()).default;
    for (const [option, { needs, excludes }] of Object.entries(options)) {
      const others = Object.keys({ ...needs, ...excludes }).flatMap((key) => key.split(' or --'));
      for (const other of others.map((each) => each.replace('=false', '')))
        assert.ok(Object.hasOwn(options, other), `${name} --${option}: there is no --${other}`);
    }
  }
});

test.run();
