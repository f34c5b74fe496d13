import { hostname } from 'node:os';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { binderOptions, connectionOptions, electionOptions } from '../../lib/options/binder-options.ts';
import { type Environment, parseOptions, UsageError } from '../../lib/options/options.ts';
import { SERVE_OPTIONS } from '../../lib/options/serve-options.ts';

const parse = (argv: string[], env: Environment = {}) => parseOptions(SERVE_OPTIONS, argv, env).values;
const election = (argv: string[], env: Environment = {}) =>
  electionOptions(parse(argv, env), 'metaipam-system', env)!;

function refused(argv: string[], message: RegExp | string, env: Environment = {}): void {
  try {
    election(argv, env);
  } catch (error) {
    assert.instance(error, UsageError);
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable(`${argv.join(' ')} was accepted`);
}

interface Row {
  readonly flag: keyof typeof SERVE_OPTIONS;
  readonly env: string;
  readonly default: unknown;
  /** Two values as written, each with what it means. */
  readonly given: readonly [text: string, value: unknown][];
}

const table: Row[] = [
  {
    flag: 'apiserver',
    env: 'IPAM_API_SERVER_URL',
    default: '',
    given: [
      ['https://a:6443', 'https://a:6443'],
      ['https://b', 'https://b'],
    ],
  },
  {
    flag: 'kubeconfig',
    env: 'IPAM_KUBECONFIG',
    default: '',
    given: [
      ['/a', '/a'],
      ['b', 'b'],
    ],
  },
  {
    flag: 'webserver-bind-address',
    env: 'IPAM_WEBSERVER_BIND_ADDR',
    default: ':8081',
    given: [
      [':1', ':1'],
      ['127.0.0.1:2', '127.0.0.1:2'],
    ],
  },
  {
    flag: 'health-probe-address',
    env: 'IPAM_HEALTH_PROBE_ADDR',
    default: '',
    given: [
      [':3', ':3'],
      ['', ''],
    ],
  },
  {
    flag: 'enable-leader-election',
    env: 'IPAM_ENABLE_LEADER_ELECTION',
    default: true,
    given: [
      ['false', false],
      ['1', true],
    ],
  },
  {
    flag: 'leader-elect-id',
    env: 'IPAM_LEADER_ELECT_ID',
    default: undefined,
    given: [
      ['me', 'me'],
      ['you', 'you'],
    ],
  },
  {
    flag: 'leader-elect-namespace',
    env: 'IPAM_LEADER_ELECT_NAMESPACE',
    default: undefined,
    given: [
      ['here', 'here'],
      ['there', 'there'],
    ],
  },
  {
    flag: 'leader-elect-lease-duration',
    env: 'IPAM_LEASE_DURATION',
    default: 15_000,
    given: [
      ['1m', 60_000],
      ['20s', 20_000],
    ],
  },
  {
    flag: 'leader-elect-renew-deadline',
    env: 'IPAM_RENEW_DEADLINE',
    default: 10_000,
    given: [
      ['8s', 8_000],
      ['9.5s', 9_500],
    ],
  },
  {
    flag: 'leader-elect-retry-period',
    env: 'IPAM_LEADER_ELECT_RETRY_PERIOD',
    default: 2_000,
    given: [
      ['500ms', 500],
      ['1s', 1_000],
    ],
  },
  {
    flag: 'leader-elect-retry-period',
    env: 'IPAM_RESOURCE_LOCK',
    default: 2_000,
    given: [
      ['500ms', 500],
      ['1s', 1_000],
    ],
  },
  {
    flag: 'leader-elect-resource-name',
    env: 'IPAM_RESOURCE_NAME',
    default: 'node-ipam-controller',
    given: [
      ['a', 'a'],
      ['b.c', 'b.c'],
    ],
  },
  {
    flag: 'leader-elect-resource-lock',
    env: 'IPAM_RESOURCE_LOCK_NAME',
    default: 'leases',
    given: [
      ['leases', 'leases'],
      ['leases', 'leases'],
    ],
  },
];
for (const { flag, env, default: byDefault, given } of table) {
  const [[one, oneMeans], [other, otherMeans]] = given as [[string, unknown], [string, unknown]];
  test(`--${flag}: the flag wins over $${env}, which wins over the default`, () => {
    assert.equal(parse([])[flag], byDefault);
    assert.equal(parse([], { [env]: one })[flag], oneMeans);
    assert.equal(parse([`--${flag}=${other}`], { [env]: one })[flag], otherMeans);
    assert.equal(parse([`--${flag}=${one}`], { [env]: other })[flag], oneMeans);
  });
}

test('of the two variables of the retry period the one of its own name wins', () => {
  const env = { IPAM_RESOURCE_LOCK: '1s', IPAM_LEADER_ELECT_RETRY_PERIOD: '3s' };
  assert.is(parse([], env)['leader-elect-retry-period'], 3_000);
});

for (const text of ['1', 't', 'T', 'true', 'TRUE', 'True', '']) {
  test(`Go bool: ${JSON.stringify(text)} is true`, () => {
    assert.is(parse([], { IPAM_ENABLE_LEADER_ELECTION: text })['enable-leader-election'], true);
    assert.is(
      parse([`--enable-leader-election=${text}`], { IPAM_ENABLE_LEADER_ELECTION: 'false' })[
        'enable-leader-election'
      ],
      true,
    );
  });
}
for (const text of ['0', 'f', 'F', 'false', 'FALSE', 'False']) {
  test(`Go bool: ${text} is false`, () => {
    assert.is(parse([`--enable-leader-election=${text}`])['enable-leader-election'], false);
    assert.is(election([], { IPAM_ENABLE_LEADER_ELECTION: text }), undefined);
  });
}
test('Go bool: anything else is refused; a bare flag is true and takes no separate value', () => {
  refused(['--enable-leader-election=no'], '--enable-leader-election: "no" must be true or false');
  refused([], 'IPAM_ENABLE_LEADER_ELECTION: "tRUE"', { IPAM_ENABLE_LEADER_ELECTION: 'tRUE' });
  const { values, positionals } = parseOptions(SERVE_OPTIONS, ['--enable-leader-election', 'false'], {});
  assert.is(values['enable-leader-election'], true);
  assert.equal(positionals, ['false']);
});

const durations: [string, number][] = [
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['20000ms', 20_000],
  ['.5m', 30_000],
  ['+20s', 20_000],
];
for (const [text, milliseconds] of durations) {
  test(`Go duration: ${text}`, () => {
    assert.is(election([`--leader-elect-lease-duration=${text}`]).leaseDuration, milliseconds);
  });
}
for (const text of ['', '15', '15 s', 's', '1d', '1e3s']) {
  test(`Go duration: ${JSON.stringify(text)} is refused`, () => {
    refused([`--leader-elect-lease-duration=${text}`], 'must be a duration');
    refused([], 'IPAM_LEASE_DURATION: ', { IPAM_LEASE_DURATION: text });
  });
}

test('durations that cannot work together are refused', () => {
  refused(
    ['--leader-elect-lease-duration=10s'],
    'leader-elect-lease-duration must be longer than leader-elect-renew-deadline',
  );
  refused(
    ['--leader-elect-retry-period=9s'],
    'leader-elect-renew-deadline must be longer than 1.2 times leader-elect-retry-period',
  );
  refused(['--leader-elect-retry-period=0s'], 'leader-elect-retry-period must be longer than zero');
  refused(['--leader-elect-retry-period=-1s'], 'leader-elect-retry-period must be longer than zero');
  refused([], 'must be longer than leader-elect-renew-deadline', { IPAM_RENEW_DEADLINE: '20s' });
  assert.is(election(['--leader-elect-lease-duration=10s', '--enable-leader-election=false']), undefined);
});

for (const lock of ['configmaps', 'endpointsleases', '']) {
  test(`resource lock ${JSON.stringify(lock)}: only leases exist any more`, () => {
    const message = `${JSON.stringify(lock)} must be leases: Kubernetes has removed all other locks`;
    refused([`--leader-elect-resource-lock=${lock}`], `--leader-elect-resource-lock: ${message}`);
    refused([], `IPAM_RESOURCE_LOCK_NAME: ${message}`, { IPAM_RESOURCE_LOCK_NAME: lock });
  });
}

for (const name of ['', 'Upper', 'a/b']) {
  test(`a Lease cannot be named ${JSON.stringify(name)}`, () => {
    refused([`--leader-elect-resource-name=${name}`], 'must be the name of a Lease');
  });
}

const HOST = hostname().trim().toLowerCase();
const identities: [what: string, argv: string[], env: Environment, identity: string][] = [
  ['the host name', [], {}, HOST],
  ['$POD_NAME before it', [], { POD_NAME: 'Pod-1' }, 'pod-1'],
  ['the flag before both', ['--leader-elect-id=Me'], { POD_NAME: 'pod-1' }, 'me'],
  ['its variable, too', [], { IPAM_LEADER_ELECT_ID: ' Me\n', POD_NAME: 'pod-1' }, 'me'],
  ['an empty one is none', [], { IPAM_LEADER_ELECT_ID: '', POD_NAME: 'pod-1' }, 'pod-1'],
  ['a blank one is none', ['--leader-elect-id= '], { POD_NAME: '  ' }, HOST],
];
for (const [what, argv, env, identity] of identities) {
  test(`identity: ${what}`, () => {
    assert.is(election(argv, env).identity, identity);
  });
}

test('the Lease is in the pod’s namespace, else in that of the install', () => {
  assert.is(election([]).namespace, 'metaipam-system');
  assert.is(election([], { POD_NAMESPACE: 'pod' }).namespace, 'pod');
  const env = { POD_NAMESPACE: 'pod', IPAM_LEADER_ELECT_NAMESPACE: 'lease' };
  assert.is(election([], env).namespace, 'lease');
  assert.is(election(['--leader-elect-namespace=flag'], env).namespace, 'flag');
  assert.is(election([], { ...env, IPAM_LEADER_ELECT_NAMESPACE: '' }).namespace, 'pod');
});

test('everything together', () => {
  const argv = [
    '--apiserver=https://a',
    '--kubeconfig=k',
    '--leader-elect-id=me',
    '--leader-elect-namespace=ns',
    '--leader-elect-resource-name=name',
    '--leader-elect-lease-duration=30s',
    '--leader-elect-renew-deadline=20s',
    '--leader-elect-retry-period=5s',
    '--node-patch-concurrency=7',
    '--node-patch-qps=9',
  ];
  assert.equal(connectionOptions(parse(argv)), { apiserver: 'https://a', kubeconfig: 'k' });
  assert.equal(binderOptions(parse(argv), 'ipam'), { installNamespace: 'ipam', concurrency: 7, qps: 9 });
  assert.equal(election(argv), {
    identity: 'me',
    namespace: 'ns',
    resourceName: 'name',
    leaseDuration: 30_000,
    renewDeadline: 20_000,
    retryPeriod: 5_000,
  });
});

for (const flag of ['node-patch-concurrency', 'node-patch-qps']) {
  test(`--${flag} is at least 1`, () => {
    refused([`--${flag}=0`], `--${flag}: "0" must be at least 1`);
    refused([`--${flag}=2.5`], 'must be a whole number');
  });
}

test('--no-bind', () => {
  assert.is(parse([])['no-bind'], false);
  assert.is(parse(['--no-bind'])['no-bind'], true);
  assert.is(parse([], { METAIPAM_NO_BIND: 'true' })['no-bind'], true);
});

test.run();
