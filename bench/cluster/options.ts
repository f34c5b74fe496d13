import {
  defineOptions,
  type Environment,
  outputOption,
  parseOptions,
  UsageError,
} from '../../lib/options/options.ts';

export type BenchSubject = 'claims' | 'nodes' | 'ipam-claims';

const SUBJECTS: readonly BenchSubject[] = ['claims', 'nodes', 'ipam-claims'];

export interface BenchOptions {
  readonly subject: BenchSubject;
  readonly count: number;
  /** Over which claims are spread, with a pool of each or one for all of them. */
  readonly namespaces: number;
  readonly pool: 'namespaced' | 'global';
  /** Claims name a Cluster that exists. */
  readonly withCluster: boolean;
  readonly apply: 'dynamic-apply' | 'server-side-apply';
  readonly policies: boolean;
  /** The reference controller's binary, where metaipam is to be compared with it. */
  readonly reference?: string;
  readonly timeoutMilliseconds: number;
  readonly output: 'text' | 'json';
}

const atLeastOne = (value: number) => (value < 1 ? 'at least 1' : undefined);

/** What only claims have is undefined unless it was asked for. */
export const OPTIONS = defineOptions({
  namespaces: {
    type: 'integer',
    check: atLeastOne,
    help: 'Spread the claims over so many namespaces (default 1); the pool is one GlobalInClusterIPPool then.',
  },
  pool: {
    type: 'enum',
    values: ['namespaced', 'global'],
    help: 'An InClusterIPPool in each namespace, or one GlobalInClusterIPPool for all.',
  },
  'with-cluster': { type: 'boolean', help: 'Claims name a Cluster of their namespace, which exists.' },
  apply: {
    type: 'enum',
    values: ['dynamic', 'server-side'],
    default: 'dynamic',
    help: "Metacontroller's apply strategy.",
  },
  'without-policies': {
    type: 'boolean',
    default: 'false',
    help: 'Leave the admission policies out.',
  },
  beside: {
    type: 'boolean',
    default: 'false',
    help: 'Measure the reference controller too, alone on a control plane of its own, and print the ratios.',
  },
  'reference-in-cluster': {
    type: 'string',
    env: 'REFERENCE_IN_CLUSTER',
    placeholder: 'file',
    help: 'The binary of cluster-api-ipam-provider-in-cluster, for claims. Its CRDs are in the folder crds beside it.',
  },
  'reference-node-ipam': {
    type: 'string',
    env: 'REFERENCE_NODE_IPAM',
    placeholder: 'file',
    help: 'The binary of node-ipam-controller, for nodes. Its CRD is in the folder crds beside it.',
  },
  timeout: {
    type: 'duration',
    default: '30m',
    check: (value: number) => (value < 10_000 ? 'at least 10s' : undefined),
    help: 'The longest that all may take to be served, and then to become quiet.',
  },
  output: outputOption(['text', 'json'], 'How to print it.'),
});

const DEFAULT_COUNTS: Readonly<Record<BenchSubject, number>> = {
  claims: 1000,
  nodes: 200,
  'ipam-claims': 1000,
};
/** One pool is a /16, and nodes get a /24 each of 10.0.0.0/8. */
const MOST = 65_000;
/** A pool of each is a /16 of 10.0.0.0/8. */
const MOST_NAMESPACES = 256;

/** The options of a run, or `help`. Throws UsageError. */
export function parseBenchOptions(argv: readonly string[], env: Environment): BenchOptions | 'help' {
  const { values, positionals, help } = parseOptions(OPTIONS, argv, env);
  if (help) return 'help';
  const [what, number, ...rest] = positionals;
  const subject = SUBJECTS.find((each) => each === what);
  if (subject === undefined) throw new UsageError('what: claims, nodes or ipam-claims?');
  if (rest.length > 0) throw new UsageError(`${rest.join(' ')}: one number is enough`);
  const { namespaces, pool, 'with-cluster': withCluster, beside } = values;
  if (subject !== 'claims') {
    const given = Object.entries({ namespaces, pool, 'with-cluster': withCluster });
    const [wrong] = given.find(([, value]) => value !== undefined) ?? [];
    if (wrong !== undefined) throw new UsageError(`--${wrong}: ${subject} have none`);
  }
  if (namespaces !== undefined && namespaces > MOST_NAMESPACES)
    throw new UsageError(`--namespaces: ${namespaces} must be at most ${MOST_NAMESPACES}`);
  if (beside && subject === 'ipam-claims')
    throw new UsageError('--beside: no other controller does the same');
  const reference = values[subject === 'nodes' ? 'reference-node-ipam' : 'reference-in-cluster'];
  const variable = subject === 'nodes' ? 'REFERENCE_NODE_IPAM' : 'REFERENCE_IN_CLUSTER';
  if (beside && !reference) throw new UsageError(`--beside: set ${variable} to the reference's binary`);
  return {
    subject,
    count: countOf(subject, number),
    namespaces: namespaces ?? 1,
    pool: pool ?? ((namespaces ?? 1) > 1 ? 'global' : 'namespaced'),
    withCluster: withCluster ?? false,
    apply: `${values.apply}-apply`,
    policies: !values['without-policies'],
    ...(beside && reference && { reference }),
    timeoutMilliseconds: values.timeout,
    output: values.output,
  };
}

function countOf(subject: BenchSubject, text: string | undefined): number {
  if (text === undefined) return DEFAULT_COUNTS[subject];
  const count = Number(text);
  if (/^[0-9]+$/.test(text) && count >= 1 && count <= MOST) return count;
  throw new UsageError(`${text}: the number of ${subject} must be from 1 to ${MOST}`);
}
