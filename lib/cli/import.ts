import { defineOptions, type Parsed, UsageError } from '../options/options.ts';
import { adviseCIDR, adviseLength } from '../validation/advice.ts';
import { defineCommand, InputError, type Io } from './command.ts';

const SOURCES = ['kcm'];

const size = (value: number) =>
  value < 0 ? '0, which is as good as nothing, or a prefix length' : undefined;

const OPTIONS = defineOptions({
  'cluster-cidr': {
    type: 'string',
    placeholder: 'cidr[,cidr]',
    help: 'The range of podCIDRs, or one of each family.',
  },
  'node-cidr-mask-size': {
    type: 'integer',
    placeholder: 'length',
    check: size,
    advise: adviseLength,
    help: "The prefix length of a node's block, of a cluster with one family. 24 for IPv4, 64 for IPv6 unless set.",
  },
  'node-cidr-mask-size-ipv4': {
    type: 'integer',
    placeholder: 'length',
    check: size,
    advise: adviseLength,
    help: 'The same of IPv4.',
  },
  'node-cidr-mask-size-ipv6': {
    type: 'integer',
    placeholder: 'length',
    check: size,
    advise: adviseLength,
    help: 'The same of IPv6.',
  },
  'service-cluster-ip-range': {
    type: 'string',
    placeholder: 'cidr[,cidr]',
    help: 'The range of Services, or one of each family: never given to a node.',
  },
  'allocate-node-cidrs': {
    type: 'boolean',
    default: 'true',
    help: 'Whether it gave out podCIDRs at all.',
  },
  'cidr-allocator-type': {
    type: 'string',
    default: 'RangeAllocator',
    choices: ['RangeAllocator'],
    help: 'Others take the podCIDRs from a cloud, which goes on with that.',
  },
});

async function importFrom({ values, positionals }: Parsed<typeof OPTIONS>, io: Io): Promise<number> {
  const [source, ...rest] = positionals;
  if (source === undefined || !SOURCES.includes(source)) {
    const found = source === undefined ? '' : `, found ${source}`;
    throw new UsageError(`from what? One of ${SOURCES.join(', ')}${found}`);
  }
  if (rest.length > 0)
    throw new UsageError(
      `unexpected ${rest.join(' ')}: all is said by flags, as in --cluster-cidr=10.244.0.0/16`,
    );
  if (!values['allocate-node-cidrs']) {
    throw new InputError(
      '--allocate-node-cidrs=false: it gave out nothing, and there is nothing to continue',
    );
  }
  const allocator = values['cidr-allocator-type'];
  if (allocator !== 'RangeAllocator') {
    throw new InputError(
      `--cidr-allocator-type=${allocator}: podCIDRs are the cloud's, which goes on with them`,
    );
  }
  const [{ continueAllocator, FlagProblem }, { formatYaml }] = await Promise.all([
    import('../pod-network/kube-controller-manager.ts'),
    import('./yaml.ts'),
  ]);
  try {
    const objects = continueAllocator({
      clusterCIDR: values['cluster-cidr'] ?? '',
      serviceClusterIPRange: values['service-cluster-ip-range'],
      nodeCIDRMaskSize: values['node-cidr-mask-size'],
      nodeCIDRMaskSizeIPv4: values['node-cidr-mask-size-ipv4'],
      nodeCIDRMaskSizeIPv6: values['node-cidr-mask-size-ipv6'],
    });
    io.stdout.write(objects.map(formatYaml).join('---\n'));
    return 0;
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    const advice = error.cidr === undefined ? undefined : (listed(error.cidr) ?? adviseCIDR(error.cidr));
    throw new InputError(`${error.message}${advice === undefined ? '' : `; ${advice}`}`);
  }
}

/** What was meant by several where one should be. */
function listed(text: string): string | undefined {
  if (text === '') return 'write no comma where no other range follows';
  const parts = text.split(/[\s;]+/).filter(Boolean);
  return parts.length > 1 ? `write ${parts.join(',')}: a comma between ranges, and no space` : undefined;
}

export default defineCommand({
  name: 'import',
  summary: 'Print the objects that continue what another allocator did',
  usage: 'kcm --cluster-cidr CIDR [--service-cluster-ip-range CIDR]',
  description: `
From the flags of kube-controller-manager: the PodNetwork and the ClusterCIDR with which nodes keep the podCIDRs that
they have, and new ones get the next. Its flags, its defaults, and what it would not start with.

Exit codes: 0 printed, 1 what kube-controller-manager would refuse, or a ClusterCIDR cannot say.`,
  options: OPTIONS,
  choices: async () => SOURCES,
  main: importFrom,
});
