import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  defineOptions,
  helpText,
  parseBoolean,
  parseDuration,
  parseOptions,
  parseSize,
  UsageError,
} from '../../lib/options/options.ts';

const TABLE = defineOptions({
  'webserver-bind-address': {
    type: 'string',
    env: 'IPAM_WEBSERVER_BIND_ADDR',
    default: ':8081',
    help: 'Probes.',
  },
  'install-namespace': {
    type: 'string',
    env: ['METAIPAM_NAMESPACE', 'POD_NAMESPACE'],
    default: 'x',
    help: 'Home.',
  },
  'enable-leader-election': {
    type: 'boolean',
    env: 'IPAM_ENABLE_LEADER_ELECTION',
    default: 'true',
    help: 'Elect.',
  },
  'lease-duration': {
    type: 'duration',
    env: 'IPAM_LEASE_DURATION',
    default: '15s',
    aliases: ['lease'],
    help: 'Lease.',
    check: (value: number) => (value < 0 ? 'zero or more' : undefined),
  },
  'body-limit': { type: 'size', default: '256MiB', help: 'Limit.' },
  workers: { type: 'integer', help: 'Workers.' },
  'log-format': { type: 'enum', values: ['json', 'text'], default: 'json', help: 'Format.' },
  old: { type: 'string', env: 'OLD', default: '', help: 'Old.', deprecated: 'use --new' },
  'webhook-port': { type: 'string', help: '', ignored: 'there is no webhook' },
  profile: { type: 'boolean', help: '', ignored: 'there is no profiler' },
  filename: { type: 'list', short: 'f', help: 'Files.' },
  output: { type: 'enum', values: ['table', 'json'], short: 'o', default: 'table', help: 'Output.' },
  'all-namespaces': { type: 'boolean', short: 'A', help: 'All.' },
  watch: { type: 'boolean', short: 'w', help: 'Watch.', excludes: { filename: 'files do not change' } },
  kubeconfig: { type: 'string', env: 'KUBE', help: 'Cluster.', excludes: { filename: 'no cluster' } },
  page: { type: 'boolean', env: 'PAGE', help: 'Page.' },
  listen: {
    type: 'string',
    env: 'LISTEN',
    default: ':0',
    help: 'Where.',
    needs: { page: 'nothing else listens' },
  },
});

const parse = (argv: string[], env: Record<string, string> = {}) => parseOptions(TABLE, argv, env);

function refuses(argv: string[], parts: string[], env: Record<string, string> = {}): void {
  try {
    parse(argv, env);
  } catch (error) {
    assert.instance(error, UsageError);
    for (const part of parts) assert.match((error as Error).message, part);
    return;
  }
  assert.unreachable(`${argv.join(' ')} was accepted`);
}

test('a flag wins over the environment, which wins over the default', () => {
  const env = { IPAM_WEBSERVER_BIND_ADDR: ':1' };
  assert.is(parse([]).values['webserver-bind-address'], ':8081');
  assert.is(parse([], env).values['webserver-bind-address'], ':1');
  assert.is(parse(['--webserver-bind-address', ':2'], env).values['webserver-bind-address'], ':2');
  assert.is(parse(['--webserver-bind-address=:3'], env).values['webserver-bind-address'], ':3');
});

test('the first environment variable that is set wins', () => {
  assert.is(parse([], { POD_NAMESPACE: 'pod' }).values['install-namespace'], 'pod');
  const both = { METAIPAM_NAMESPACE: 'own', POD_NAMESPACE: 'pod' };
  assert.is(parse([], both).values['install-namespace'], 'own');
});

test('a variable that is set to nothing is set', () => {
  assert.is(parse([], { IPAM_WEBSERVER_BIND_ADDR: '' }).values['webserver-bind-address'], '');
  assert.is(parse([], { IPAM_ENABLE_LEADER_ELECTION: '' }).values['enable-leader-election'], true);
  refuses([], ['IPAM_LEASE_DURATION', 'a duration such as 15s'], { IPAM_LEASE_DURATION: '' });
});

test('booleans: bare and empty are true, =value takes the spellings of ParseBool, a next word is no value', () => {
  const flag = (argument: string) => parse([argument]).values['enable-leader-election'];
  for (const text of ['', '=', '=1', '=t', '=T', '=true', '=TRUE', '=True']) {
    assert.is(flag(`--enable-leader-election${text}`), true, text);
  }
  for (const text of ['=0', '=f', '=F', '=false', '=FALSE', '=False']) {
    assert.is(flag(`--enable-leader-election${text}`), false, text);
  }
  for (const text of ['yes', 'tRUE', '2', ' ']) assert.is(parseBoolean(text), undefined, text);
  refuses(['--enable-leader-election=no'], ['--enable-leader-election', 'true or false']);
  const separate = parse(['--enable-leader-election', 'false']);
  assert.is(separate.values['enable-leader-election'], true);
  assert.equal(separate.positionals, ['false']);
});

test('durations are Go durations, in milliseconds', () => {
  const cases: [string, number | undefined][] = [
    ['15s', 15_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['2us', 0.002],
    ['2µs', 0.002],
    ['5ns', 0.000005],
    ['1h0m1.5s', 3_601_500],
    ['.5s', 500],
    ['1.s', 1000],
    ['-1.5s', -1500],
    ['+2s', 2000],
    ['0', 0],
    ['', undefined],
    ['15', undefined],
    ['s', undefined],
    ['.s', undefined],
    ['1d', undefined],
    ['15 s', undefined],
    ['1s ', undefined],
    ['--1s', undefined],
    ['1e3s', undefined],
  ];
  for (const [text, expected] of cases) assert.is(parseDuration(text), expected, JSON.stringify(text));
});

test('sizes are bytes, with decimal or binary units', () => {
  const cases: [string, number | undefined][] = [
    ['1048576', 1048576],
    ['512B', 512],
    ['64KiB', 65536],
    ['256MiB', 268435456],
    ['256Mi', 268435456],
    ['1GiB', 1073741824],
    ['1.5GB', 1500000000],
    ['1k', 1000],
    ['', undefined],
    ['MiB', undefined],
    ['-1', undefined],
    ['1 MiB', undefined],
    ['1mib', undefined],
    ['1TiB', undefined],
  ];
  for (const [text, expected] of cases) assert.is(parseSize(text), expected, JSON.stringify(text));
});

test('integers and enums', () => {
  assert.is(parse(['--workers', '-3']).values.workers, -3);
  assert.is(parse([]).values.workers, undefined);
  refuses(['--workers=1.5'], ['--workers', '"1.5"', 'a whole number']);
  assert.is(parse(['--log-format=text']).values['log-format'], 'text');
  refuses(['--log-format=xml'], ['--log-format', '"xml"', 'one of json, text']);
});

test('a check refuses a value of the right type', () => {
  refuses(['--lease-duration=-1s'], ['--lease-duration: "-1s" must be zero or more']);
});

test('unknown flags name the nearest known one', () => {
  refuses(
    ['--webserver-bind-adress=:1'],
    ['unknown flag --webserver-bind-adress', 'did you mean --webserver-bind-address?'],
  );
  refuses(['-v'], ['unknown flag -v']);
  refuses(['-webserver-bind-address', ':1'], ['unknown flag -webserver-bind-address']);
  refuses(['--toString'], ['unknown flag --toString']);
});

test('of flags that there are elsewhere is said what to do instead', () => {
  const table = defineOptions({
    filename: { type: 'list', help: '', instead: { '-k': 'render first', '--kustomize': 'render first' } },
  });
  for (const argv of [['-k', 'x'], ['-k=x'], ['--kustomize=x'], ['--kustomize', 'x']]) {
    assert.throws(
      () => parseOptions(table, argv, {}),
      /^unknown flag (-k|--kustomize): render first$/,
      argv.join(' '),
    );
  }
});

test('a missing value is an error, not the next flag', () => {
  refuses(['--webserver-bind-address'], ['--webserver-bind-address needs a value']);
  refuses(['--lease-duration', '--body-limit=1'], ['--lease-duration needs a value', 'a duration']);
  const table = defineOptions({ filename: { type: 'list', short: 'f', placeholder: 'path...', help: '' } });
  assert.throws(() => parseOptions(table, ['-f'], {}), /-f needs a value: path$/);
});

test('aliases, and lists that take several paths', () => {
  assert.is(parse(['--lease', '1s']).values['lease-duration'], 1000);
  const { values, positionals } = parse(['-f', 'a', 'b', '-', '--workers=1', '-f', 'c', '--', 'd']);
  assert.equal(values.filename, ['a', 'b', '-', 'c']);
  assert.equal(positionals, ['d']);
  assert.equal(parse([]).values.filename, []);
});

test('short flags are read as kubectl reads them', () => {
  const cases: [argv: string[], output: string, all?: boolean][] = [
    [['-o', 'json'], 'json'],
    [['-ojson'], 'json'],
    [['-o=json'], 'json'],
    [['-Aojson'], 'json', true],
    [['-A', '-o', 'json'], 'json', true],
    [['-A'], 'table', true],
    [['-A=true', '-o', 'json'], 'json', true],
    [['-A=false'], 'table', false],
  ];
  for (const [argv, output, all] of cases) {
    const { values } = parse(argv);
    assert.equal([values.output, values['all-namespaces']], [output, all], argv.join(' '));
  }
  assert.equal(parse(['-fa=b']).values.filename, ['a=b']);
  refuses(['-oxml'], ['-o: "xml" must be one of table, json']);
  refuses(['-o'], ['-o needs a value: one of table, json']);
  refuses(['-o', '-A'], ['-o needs a value']);
  refuses(['-output=json'], ['unknown flag -output (did you mean --output?)']);
  refuses(['-Ax'], ['unknown flag -Ax']);
  refuses(['-A=x'], ['--all-namespaces: "x" must be true or false']);
  assert.equal(parse(['--', '-A=true']).positionals, ['-A=true']);
  assert.throws(
    () => parse(['-n', 'x']),
    ({ message }: Error) => message === 'unknown flag -n',
  );
  assert.equal(parse(['--', '-output']).positionals, ['-output']);
});

test('deprecated options warn with what replaces them, whether given as flag or variable', () => {
  assert.equal(parse(['--old=x']).warnings, ['--old is deprecated: use --new']);
  assert.equal(parse([], { OLD: 'x' }).warnings, ['OLD is deprecated: use --new']);
  assert.equal(parse([], { OLD: '' }).warnings, []);
});

test('ignored options take any value and warn once', () => {
  const { warnings, values, positionals } = parse([
    '--webhook-port',
    '0',
    '--webhook-port=x',
    '--profile',
    'a',
  ]);
  assert.equal(warnings, [
    '--webhook-port is ignored: there is no webhook',
    '--profile is ignored: there is no profiler',
  ]);
  assert.is(values['webhook-port'], undefined);
  assert.equal(positionals, ['a']);
  assert.match(helpText(TABLE), 'Accepted with a warning, and ignored: --webhook-port, --profile.');
});

const USELESS: [argv: string[], said: string | undefined, env?: Record<string, string>][] = [
  [['-f', '-', '-f', '-'], '- stands for stdin, which can be read once'],
  [['-f', '-', '--', '-'], undefined],
  [['--listen=:1'], '--listen needs --page: nothing else listens'],
  [[], 'LISTEN needs --page: nothing else listens', { LISTEN: ':1' }],
  [['--listen', ':1', '--page=false'], '--listen needs --page: nothing else listens', { PAGE: 'true' }],
  [['--listen', ':1', '--page'], undefined],
  [['--listen', ':1'], undefined, { PAGE: 'true' }],
  [['--listen='], undefined],
  [[], undefined, { LISTEN: '' }],
  [['-w', '-f', 'a'], '-w or -f, not both: files do not change'],
  [['--filename=a', '--watch'], '--watch or --filename, not both: files do not change'],
  [['-f', 'a', '-w=false'], undefined],
  [['-w'], undefined],
  [['--kubeconfig=a', '-f', 'a'], '--kubeconfig or -f, not both: no cluster'],
  [['--kubeconfig=', '-f', 'a'], undefined],
  [['-f', 'a'], undefined, { KUBE: 'a' }],
];
for (const [argv, said, env = {}] of USELESS) {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  test(`${[...variables, ...argv].join(' ')}: ${said ?? 'is taken'}`, () => {
    if (said === undefined) parse(argv, env);
    else
      assert.throws(
        () => parse(argv, env),
        (error: Error) => error instanceof UsageError && error.message === said,
      );
  });
}

test('help shows flag, meaning, environment and default', () => {
  assert.is(parse(['--help', '--nonsense']).help, true);
  assert.is(parse(['-h']).help, true);
  const text = helpText(TABLE);
  assert.match(
    text,
    '--webserver-bind-address <text>\n      Probes.\n      (env IPAM_WEBSERVER_BIND_ADDR, default :8081)',
  );
  assert.match(text, '(env METAIPAM_NAMESPACE, env POD_NAMESPACE, default x)');
  assert.match(text, '--log-format <json|text>');
  assert.match(text, '--enable-leader-election[=true|false]');
  assert.match(text, '-f, --filename <text>\n      Files.\n      (not with --watch or --kubeconfig)');
  assert.match(text, 'Watch.\n      (not with --filename)');
  assert.match(text, '(env LISTEN, default :0, with --page)');
  assert.match(text, 'deprecated: use --new');
});

test.run();
