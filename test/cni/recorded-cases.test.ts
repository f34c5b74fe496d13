/**
 * What kube-node and node-annotation of Nordix were recorded to do, run with our programs. Where ours differ on
 * purpose, the difference is stated here.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type ApiServer,
  apiServer,
  filesBelow,
  HOST_LOCAL,
  HOST_LOCAL_FOLDER,
  kubeconfig,
  machineID,
  type Node,
  OPENSSL,
  programs,
  run,
  scratch,
  script,
  withTools,
} from './kit.ts';

interface Case {
  readonly name: string;
  readonly plugin: string;
  readonly continues: boolean;
  readonly env: Record<string, string>;
  readonly stdin: string;
  readonly rc: number;
  readonly stdout: string;
  readonly filesAfter?: Record<string, string>;
  readonly delegateStdin?: string;
}

interface Difference {
  readonly because: string;
  readonly rc?: number;
  readonly stdout?: object;
  readonly delegateStdin?: string | null;
}

const OWN_CODE = "the delegate's own code and message";
const TRY_AGAIN = 'what may be there later is code 11: try again';

function tryAgain(msg: string, details: string) {
  return { because: TRY_AGAIN, stdout: { cniVersion: '1.0.0', code: 11, msg, details } };
}

const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
const VERSION = {
  because: "VERSION names kube-node's own versions, and needs no delegate",
  stdout: { cniVersion: '0.1.0', supportedVersions: VERSIONS },
};

const DIFFERENCES: Record<string, Difference> = {
  'ADD podCIDRs, delegate input': {
    because: 'routes, resolvConf, prevResult, runtimeConfig, args and dns reach the delegate',
    delegateStdin:
      '{"name":"k8snet","cniVersion":"1.0.0","ipam":{"type":"host-local","dataDir":"$D","routes":[{"dst":"0.0.0.0/0"}],"resolvConf":"/etc/resolv.conf","ranges":[[{"subnet":"11.0.1.0/24"}],[{"subnet":"1100:0:0:1::/64"}]]},"type":"bridge","isDefaultGateway":true,"prevResult":{"ips":[]},"runtimeConfig":{"ips":["11.0.1.9"]},"args":{"cni":{"ips":["11.0.1.9"]}},"dns":{"nameservers":["1.1.1.1"]}}',
  },
  'delegate error mapped': {
    because: OWN_CODE,
    stdout: { cniVersion: '1.0.0', code: 11, msg: 'm', details: 'd' },
  },
  'delegate non-JSON error': {
    because: 'the details are in our words',
    stdout: {
      cniVersion: '1.0.0',
      code: 100,
      msg: 'Invoke host-local ipam',
      details: '$W/fake/host-local: exit 1, no error object: boom',
    },
  },
  'annotation space': {
    because: 'spaces around commas are fine',
    rc: 0,
    stdout: {
      cniVersion: '1.0.0',
      ips: [
        { address: '172.20.2.2/24', gateway: '172.20.2.1' },
        { address: 'fd00::2:0:2/96', gateway: 'fd00::2:0:1' },
      ],
      dns: {},
    },
  },
  'annotation same': {
    because: 'a node that has run out may have a second subnet of a family',
    rc: 0,
    stdout: {
      cniVersion: '1.0.0',
      ips: [{ address: '172.20.4.2/24', gateway: '172.20.4.1' }],
      dns: {},
    },
  },
  'annotation host': {
    because: OWN_CODE,
    stdout: {
      cniVersion: '1.0.0',
      code: 999,
      msg: 'invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 172.20.4.0',
    },
  },
  'annotation missing': tryAgain(
    'Get PodCIDRs',
    'node $NODE has no annotation kube-node.nordix.org/missing yet',
  ),
  'NODE_NAME unknown': tryAgain('Get the own node object', 'Node not found'),
  'no podCIDRs': tryAgain('Get PodCIDRs', 'node vm-003 has no spec.podCIDRs yet'),
  'no kubeconfig': {
    because: 'every error is JSON on stdout',
    stdout: {
      cniVersion: '1.0.0',
      code: 11,
      msg: 'Get the own node object',
      details: 'no kubeconfig: /.kube/config',
    },
  },
  'ipv4-namespaces on v4-only node': {
    because: 'it is said whose fault it is, before the delegate is called',
    stdout: {
      cniVersion: '1.0.0',
      code: 100,
      msg: 'CIDR config',
      details: 'no IPv4 for namespace d, and the node has no IPv6',
    },
  },
  'CHECK failing deletes cache': {
    because: OWN_CODE,
    stdout: {
      cniVersion: '1.0.0',
      code: 999,
      msg: 'host-local: Failed to find address added by container c1',
    },
  },
  "stdin ''": {
    because: 'the details are in our words',
    stdout: { cniVersion: '0.1.0', code: 6, msg: 'Decode stdin', details: 'stdin is empty' },
  },
  'VERSION {}': VERSION,
  'VERSION no host-local': VERSION,
  'STATUS 1.1.0 passthrough': {
    because: 'STATUS is answered by who knows whether there are ranges',
    delegateStdin: null,
  },
  'node-annotation: annotation null': {
    because: 'null is a value like any other',
    rc: 0,
    stdout: {
      cniVersion: '1.0.0',
      name: 'mynet',
      type: 'ipvlan',
      master: 'eth0',
      ipam: { type: 'cat', ranges: [[{ subnet: '172.16.6.0/24' }]], resolvConf: null },
    },
  },
  'node-annotation: annotation missing': {
    because: 'every error is JSON on stdout',
    stdout: {
      cniVersion: '0.4.0',
      code: 11,
      msg: 'FAILED: Annotation not found',
      details: 'node $NODE has no annotation example.com/missing yet',
    },
  },
};

const { nodes, cases }: { nodes: Node[]; cases: Case[] } = JSON.parse(
  readFileSync(new URL('../conformance/cni-cases.json', import.meta.url), 'utf8'),
);

await withTools('the recorded cases', [HOST_LOCAL, OPENSSL], register);
test.run();

async function register(): Promise<void> {
  const { folder } = await programs();
  const work = scratch();
  const data = join(work, 'data');
  const cache = join(work, 'cache');
  let api: ApiServer;
  const used = new Set<string>();

  test.before(async () => {
    api = await apiServer(join(work, 'api'), ownNodes(nodes));
    api.kubeconfig(join(work, 'kubeconfig'));
    writeFileSync(join(work, 'kubeconfig-down'), kubeconfig('https://127.0.0.1:1', api.caFile, {}));
    fakeHostLocal(join(work, 'fake'));
    const cat = { kubeconfig: join(work, 'kubeconfig'), nextipam: '/bin/cat' };
    writeFileSync(join(work, 'na-cat.conf'), JSON.stringify(cat));
  });
  test.after(() => api.close());

  const fill = (text: string) =>
    text
      .replaceAll('/usr/lib/cni', HOST_LOCAL_FOLDER)
      .replaceAll('$NODE', ownNodes(nodes)[0]!.name)
      .replaceAll('$D', data)
      .replaceAll('$KC', join(work, 'kubeconfig'))
      .replaceAll('$W', work)
      .replaceAll('$HOME', work);

  for (const recorded of cases) {
    const isKubeNode = recorded.plugin.startsWith('kube-node');
    const key = isKubeNode ? recorded.name : `node-annotation: ${recorded.name}`;
    const difference = DIFFERENCES[key];
    used.add(key);
    test(difference ? `${key} (differs: ${difference.because})` : key, async () => {
      if (!recorded.continues)
        for (const path of [data, cache]) rmSync(path, { recursive: true, force: true });
      rmSync(join(work, 'fake/stdin'), { force: true });
      const filled = Object.entries(recorded.env).map(([name, value]) => [name, fill(value)]);
      const env = { METAIPAM_CNI_CACHE: cache, ...Object.fromEntries(filled) };
      const program = join(folder, isKubeNode ? 'kube-node' : 'node-annotation');
      const { status, out, err } = await run(program, { env, stdin: fill(recorded.stdin) });
      const context = `stdout ${out}, stderr ${err}`;
      assert.is(status, difference?.rc ?? recorded.rc, context);
      assert.is(err, '');
      const wantedOutput = difference?.stdout ? JSON.stringify(difference.stdout) : recorded.stdout;
      assert.equal(parse(out), parse(fill(wantedOutput)), context);
      if (status !== 0) assert.is(out.trimEnd().split('\n').length, 1, 'an error is one line');
      const given = join(work, 'fake/stdin');
      const wanted =
        difference?.delegateStdin === undefined ? recorded.delegateStdin : difference.delegateStdin;
      const got = existsSync(given) ? readFileSync(given, 'utf8') : null;
      if (wanted !== undefined) assert.is(got, wanted === null ? null : fill(wanted));
      // Ranges are not cached in the folder of host-local, and survive a failure.
      const { 'kube-node.json': ranges, ...files } = recorded.filesAfter ?? {};
      if (recorded.filesAfter) assert.equal(filesBelow(data), files);
      if (ranges !== undefined) assert.ok(existsSync(join(cache, 'node.json')));
    });
  }

  test('every stated difference is one of a recorded case', () => {
    assert.equal(
      Object.keys(DIFFERENCES).filter((name) => !used.has(name)),
      [],
    );
    assert.is(cases.length, 37);
  });
}

/** JSON, whatever its spaces. Newer releases of host-local leave out a `dns` that is empty. */
function parse(output: string): unknown {
  if (output === '') return undefined;
  const { dns, ...value } = JSON.parse(output);
  return dns === undefined || Object.keys(dns).length === 0 ? value : { ...value, dns };
}

/** The recorded nodes, of which the first is this machine. Without a machine-id it goes by its host name. */
function ownNodes(all: readonly Node[]): Node[] {
  const id = machineID();
  const [own, ...others] = all as [Node, ...Node[]];
  return id
    ? [{ ...own, machineID: id }, ...others]
    : [{ ...own, name: hostname().toLowerCase() }, ...others];
}

/** Keeps what it is given, and answers what the environment says. */
function fakeHostLocal(folder: string): void {
  script(
    join(folder, 'host-local'),
    `/bin/cat > ${folder}/stdin
if [ -n "$FAKE_ERR" ]; then echo "$FAKE_ERR"; exit 1; fi
echo '{"cniVersion":"1.0.0","ips":[{"address":"11.0.1.2/24"}]}'
`,
  );
}
