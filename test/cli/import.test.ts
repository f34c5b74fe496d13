/** What `import kcm` prints, and that the cluster goes on with it: every flag, default and refusal of kube-controller-manager 1.36. */
import { loadAll } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import importCommand from '../../lib/cli/import.ts';
import simulate from '../../lib/cli/simulate.ts';
import validate from '../../lib/cli/validate.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { filesOf, readPages } from '../docs/pages.ts';
import { run } from './run.ts';

const imported = (...flags: string[]) => run(importCommand.run, ['kcm', ...flags]);

/** Nodes as kube-controller-manager left them, and what each of them and a new one has in the end. */
async function after(flags: string[], nodes: Record<string, string[]>): Promise<Record<string, string[]>> {
  const { code, out, err } = await imported(...flags);
  assert.equal({ code, err }, { code: 0, err: '' });
  assert.is((await run(validate.run, ['-f', '-', '--strict'], { stdin: out })).code, 0);
  const manifests = Object.entries({ ...nodes, new: [] as string[] }).map(([name, podCIDRs]) => {
    const spec =
      podCIDRs.length > 0 ? `{podCIDR: "${podCIDRs[0]}", podCIDRs: ${JSON.stringify(podCIDRs)}}` : '{}';
    return `---\napiVersion: v1\nkind: Node\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
  });
  const world = await run(simulate.run, ['-f', '-', '-o', 'json'], { stdin: out + manifests.join('') });
  assert.is(world.code, 0, world.err);
  const { items } = JSON.parse(world.out) as {
    items: (KubernetesObject & {
      spec: { podCIDRs?: string[] };
      status?: { conditions: { type: string }[] };
    })[];
  };
  const network = items.find(({ kind }) => kind === 'PodNetwork')!;
  assert.not(
    network.status!.conditions.some(({ type }) => ['FamiliesDiffer', 'AmongServices'].includes(type)),
  );
  return Object.fromEntries(
    items
      .filter(({ kind }) => kind === 'Node')
      .map(({ metadata, spec }) => [metadata.name, spec.podCIDRs ?? []]),
  );
}

const CLUSTERS: [title: string, flags: string[], nodes: Record<string, string[]>, next: string[]][] = [
  [
    'kubeadm',
    ['--cluster-cidr=10.244.0.0/16'],
    { a: ['10.244.0.0/24'], b: ['10.244.2.0/24'] },
    ['10.244.1.0/24'],
  ],
  ['IPv6 alone', ['--cluster-cidr=fd00:244::/48'], { a: ['fd00:244::/64'] }, ['fd00:244:0:1::/64']],
  [
    'dual-stack by default',
    ['--cluster-cidr=10.244.0.0/16,fd00:244::/48', '--service-cluster-ip-range=10.96.0.0/12,fd00:96::/112'],
    { a: ['10.244.0.0/24', 'fd00:244::/64'] },
    ['10.244.1.0/24', 'fd00:244:0:1::/64'],
  ],
  [
    'IPv6 first',
    ['--cluster-cidr=fd00:244::/48,10.244.0.0/16'],
    { a: ['fd00:244::/64', '10.244.0.0/24'] },
    ['fd00:244:0:1::/64', '10.244.1.0/24'],
  ],
  [
    'sizes of each family, of which IPv6 has the smaller',
    [
      '--cluster-cidr=10.0.0.0/12,fd00::/104',
      '--node-cidr-mask-size-ipv4=20',
      '--node-cidr-mask-size-ipv6=120',
    ],
    { a: ['10.0.0.0/20', 'fd00::/120'] },
    ['10.0.16.0/20', 'fd00::100/120'],
  ],
  [
    'one size, and services in the range',
    ['--cluster-cidr=10.0.0.0/8', '--node-cidr-mask-size=16', '--service-cluster-ip-range=10.1.0.0/24'],
    { a: ['10.0.0.0/16'] },
    ['10.2.0.0/16'],
  ],
  [
    'zero for none',
    ['--cluster-cidr=10.0.0.0/8', '--node-cidr-mask-size=0', '--node-cidr-mask-size-ipv6=0'],
    {},
    ['10.0.0.0/24'],
  ],
  ['as a Go program reads it', ['--cluster-cidr= 010.244.00.7/16'], {}, ['10.244.0.0/24']],
  [
    'the size of its own family',
    ['--cluster-cidr=fd00::/108', '--node-cidr-mask-size-ipv6=112'],
    {},
    ['fd00::/112'],
  ],
  [
    'all of its flags',
    ['--cluster-cidr=10.244.0.0/16', '--allocate-node-cidrs', '--cidr-allocator-type=RangeAllocator'],
    {},
    ['10.244.0.0/24'],
  ],
];
for (const [title, flags, nodes, next] of CLUSTERS) {
  test(`${title}: nodes keep what they have, and a new one gets the next`, async () => {
    assert.equal(await after(flags, nodes), { ...nodes, new: next });
  });
}

const REFUSED: [flags: string[], said: string][] = [
  [[], '--cluster-cidr is required, as kube-controller-manager has it: --cluster-cidr=10.244.0.0/16'],
  ...(
    [
      ['10.244.0.0', 'the prefix length is missing'],
      ['fd00::', 'the prefix length is missing'],
      ['10.244.0.0/', 'the prefix length is missing'],
      ['10.244/16', 'write 10.244.0.0/16: all four numbers of the address'],
      ['10.244.0.0/33', 'a prefix length is at most 32'],
      ['10.244.0.0/255.255.0.0', 'write 10.244.0.0/16: a prefix length for a netmask'],
      ['10.244.*.*', 'write 10.244.0.0/16: a CIDR for a wildcard'],
      ['10.244.0.0-10.244.255.255', 'write 10.244.0.0/16: a CIDR for a range'],
      ['10.244.0.1-10.244.3.9', 'no CIDR is just that: the smallest around it is 10.244.0.0/22'],
      ['10.2440.0.0/16', '2440 is more than 255'],
      ['pods', 'names are not looked up'],
      ['10.0.0.0/16 fd00::/48', 'write 10.0.0.0/16,fd00::/48: a comma between ranges, and no space'],
      ['10.0.0.0/16;fd00::/48', 'write 10.0.0.0/16,fd00::/48: a comma between ranges, and no space'],
    ] as const
  ).flatMap(([text, advice]): [string[], string][] => [
    [[`--cluster-cidr=${text}`], `--cluster-cidr: "${text}" must be a CIDR; ${advice}`],
    [
      ['--cluster-cidr=10.0.0.0/16', `--service-cluster-ip-range=${text}`],
      `--service-cluster-ip-range: "${text}" must be a CIDR; ${advice}`,
    ],
  ]),
  [
    ['--cluster-cidr=10.0.0.0/16, fd00::/48'],
    '--cluster-cidr: " fd00::/48" must be a CIDR; write fd00::/48: without spaces',
  ],
  [
    ['--cluster-cidr=10.0.0.0/16,'],
    '--cluster-cidr: "" must be a CIDR; write no comma where no other range follows',
  ],
  ...['10.0.0.0/16,10.1.0.0/16', '10.0.0.0/16,fd00::/48,fd01::/48'].map((text): [string[], string] => [
    [`--cluster-cidr=${text}`],
    `--cluster-cidr: "${text}" must be one CIDR, or one of each family`,
  ]),
  [
    ['--cluster-cidr=10.0.0.0/16,fd00::/48', '--node-cidr-mask-size=24'],
    '--node-cidr-mask-size is not for two families: use --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6',
  ],
  [
    ['--cluster-cidr=10.0.0.0/16', '--node-cidr-mask-size=24', '--node-cidr-mask-size-ipv4=24'],
    '--node-cidr-mask-size is not set beside those of a family: leave it out, or them',
  ],
  [
    ['--cluster-cidr=10.0.0.0/16', '--node-cidr-mask-size-ipv6=64'],
    '--node-cidr-mask-size-ipv6 is not for a cluster of IPv4 alone: leave it out',
  ],
  [
    ['--cluster-cidr=fd00::/48', '--node-cidr-mask-size-ipv4=24'],
    '--node-cidr-mask-size-ipv4 is not for a cluster of IPv6 alone: leave it out',
  ],
  [
    ['--cluster-cidr=10.0.0.0/25'],
    '--cluster-cidr 10.0.0.0/25, blocks of /24: a node has a part of the range, /25 to /32',
  ],
  [
    ['--cluster-cidr=10.0.0.0/25', '--node-cidr-mask-size=33'],
    '--cluster-cidr 10.0.0.0/25, blocks of /33: a node has a part of the range, /25 to /32',
  ],
  [
    ['--cluster-cidr=fd00::/40'],
    '--cluster-cidr fd00::/40, blocks of /64: kube-controller-manager takes a /48 at most',
  ],
  [
    ['--cluster-cidr=10.0.0.0/24', '--node-cidr-mask-size=29'],
    '--cluster-cidr 10.0.0.0/24, blocks of /29: a ClusterCIDR gives blocks of 16 addresses at least',
  ],
  [
    ['--cluster-cidr=10.0.0.0/16', '--allocate-node-cidrs=false'],
    '--allocate-node-cidrs=false: it gave out nothing, and there is nothing to continue',
  ],
  [
    ['--cluster-cidr=10.0.0.0/16', '--cidr-allocator-type=CloudAllocator'],
    "--cidr-allocator-type=CloudAllocator: podCIDRs are the cloud's, which goes on with them",
  ],
];
for (const [flags, said] of REFUSED) {
  test(`refused: ${flags.join(' ') || 'nothing'}`, async () => {
    const { code, out, err } = await imported(...flags);
    assert.equal({ code, out, err }, { code: 1, out: '', err: `metaipam import: ${said}\n` });
  });
}

const LENGTHS: [text: string, advice: string][] = [
  ['/24', '; write 24'],
  ['24/', '; write 24'],
  [' 24', '; write 24'],
  ['24 ', '; write 24'],
  ['24 bits', '; write 24'],
  ['/ 24 bit', '; write 24'],
  ['10.244.0.0/24', '; write 24'],
  ['255.255.255.0', '; write 24'],
  ['0.0.0.255', ''],
  ['24.5', ''],
  ['', ''],
];
for (const [text, advice] of LENGTHS) {
  test(`a length of ${JSON.stringify(text)}${advice}`, async () => {
    for (const family of ['', '-ipv4', '-ipv6']) {
      const flag = `--node-cidr-mask-size${family}`;
      const { err } = await imported('--cluster-cidr=10.0.0.0/16', `${flag}=${text}`);
      assert.is(
        err.split('\n')[0],
        `metaipam import: ${flag}: ${JSON.stringify(text)} must be a whole number${advice}`,
      );
    }
  });
}

test('what it prints is in the order in which it may be applied', async () => {
  const { out } = await imported('--cluster-cidr=10.244.0.0/16', '--service-cluster-ip-range=10.96.0.0/12');
  assert.equal(
    (loadAll(out) as KubernetesObject[]).map(({ kind }) => kind),
    ['PodNetwork', 'ClusterCIDR'],
  );
});

test('the page shows what it prints', async () => {
  const page = readPages().find(({ path }) => path === 'docs/from-kube-controller-manager.md')!;
  const [, flags = ''] = /metaipam import kcm (--.*)/.exec(page.blocks.map(({ text }) => text).join('\n'))!;
  const shown = filesOf(page).find(({ name }) => name === 'pod-cidrs.yaml')!;
  assert.is(shown.text.replace('# pod-cidrs.yaml\n', ''), (await imported(...flags.split(' '))).out);
});

test('from nothing, or from somebody unknown', async () => {
  for (const [argv, said] of [
    [[], 'from what? One of kcm\n'],
    [['calico', 'x'], 'from what? One of kcm, found calico\n'],
    [
      ['kcm', '10.0.0.0/8'],
      'unexpected 10.0.0.0/8: all is said by flags, as in --cluster-cidr=10.244.0.0/16\n',
    ],
  ] as const) {
    const { code, err } = await run(importCommand.run, argv);
    assert.is(code, 1);
    assert.match(err, said);
  }
  const { err } = await imported('--cluster-cidr=10.0.0.0/16', '--node-cidr-mask-size=-1');
  assert.match(err, 'must be 0, which is as good as nothing, or a prefix length');
});

test.run();
