/** The options that node-ipam-controller has and `serve` keeps, and the binder's own. */
import { hostname } from 'node:os';
import type { BinderOptions } from '../binder/binder.ts';
import type { ElectionOptions } from '../binder/run-binder.ts';
import type { ConnectionOptions } from '../cluster/connection.ts';
import { leaseOptionsProblem } from '../cluster/lease.ts';
import { isSubdomain } from '../kubernetes/qualified-name.ts';
import { defineOptions, type Environment, UsageError, type Values } from './options.ts';

const ASKS = {
  needs: {
    'no-bind=false or --page or --diagnostics-address': 'nothing else asks the API server',
    'no-bind=false or --page or --insecure-diagnostics=false': 'nobody asks who may read metrics',
  },
  lenient: true,
} as const;
const ELECTS = { excludes: { 'no-bind': 'only who writes nodes is elected' }, lenient: true } as const;
const ELECTED = { ...ELECTS, needs: { 'enable-leader-election': 'nobody is elected' } } as const;
const WRITES = { excludes: { 'no-bind': 'nothing is written' }, lenient: true } as const;

export const BINDER_OPTIONS = defineOptions({
  'no-bind': {
    type: 'boolean',
    env: 'METAIPAM_NO_BIND',
    default: 'false',
    help: 'Serve hooks only and never write node.spec.podCIDRs: for installs that want addresses for Cluster API.',
  },
  apiserver: {
    type: 'string',
    env: 'IPAM_API_SERVER_URL',
    default: '',
    placeholder: 'url',
    help: 'URL of the API server, instead of the one in the kubeconfig.',
    ...ASKS,
  },
  kubeconfig: {
    type: 'string',
    env: 'IPAM_KUBECONFIG',
    default: '',
    placeholder: 'file',
    help: 'How to reach the API server; without it, as a pod does.',
    ...ASKS,
  },
  'enable-leader-election': {
    type: 'boolean',
    aliases: ['leader-elect'],
    env: 'IPAM_ENABLE_LEADER_ELECTION',
    default: 'true',
    help: 'Let one process of several write node.spec.podCIDRs. All of them serve hooks.',
    ...ELECTS,
  },
  'leader-elect-id': {
    type: 'string',
    env: 'IPAM_LEADER_ELECT_ID',
    placeholder: 'name',
    help: 'Who this process is, in lower case. $POD_NAME, else the host name, unless given.',
    ...ELECTED,
  },
  'leader-elect-namespace': {
    type: 'string',
    env: 'IPAM_LEADER_ELECT_NAMESPACE',
    placeholder: 'namespace',
    help: 'Where the Lease is. $POD_NAMESPACE, else the install namespace, unless given.',
    ...ELECTED,
  },
  'leader-elect-lease-duration': {
    type: 'duration',
    env: 'IPAM_LEASE_DURATION',
    default: '15s',
    help: 'How long others wait before they take over from a leader that is silent.',
    ...ELECTED,
  },
  'leader-elect-renew-deadline': {
    type: 'duration',
    env: 'IPAM_RENEW_DEADLINE',
    default: '10s',
    help: 'How long the leader tries to renew before it stops leading.',
    ...ELECTED,
  },
  'leader-elect-retry-period': {
    type: 'duration',
    env: ['IPAM_LEADER_ELECT_RETRY_PERIOD', 'IPAM_RESOURCE_LOCK'],
    default: '2s',
    help: 'How often to try. $IPAM_RESOURCE_LOCK is what an older table called it.',
    ...ELECTED,
  },
  'leader-elect-resource-lock': {
    type: 'string',
    env: 'IPAM_RESOURCE_LOCK_NAME',
    default: 'leases',
    help: 'The kind of lock: only leases exist any more.',
    check: (lock: string) =>
      lock === 'leases' ? undefined : 'leases: Kubernetes has removed all other locks',
    ...ELECTED,
  },
  'leader-elect-resource-name': {
    type: 'string',
    env: 'IPAM_RESOURCE_NAME',
    default: 'node-ipam-controller',
    placeholder: 'name',
    help: "The name of the Lease. The default is node-ipam-controller's, so that the two never write side by side.",
    check: (name: string) => (isSubdomain(name) ? undefined : 'the name of a Lease'),
    ...ELECTED,
  },
  'keep-from-move': {
    type: 'boolean',
    env: 'METAIPAM_KEEP_FROM_MOVE',
    default: 'false',
    help: "Take clusterctl's label off the CRDs of allocations, so that clusterctl move leaves those where they are; and the provider's off those of Metacontroller, so that clusterctl upgrade and delete take its controllers for components. For installs by clusterctl, which labels every CRD.",
    ...WRITES,
  },
  'node-patch-concurrency': {
    type: 'integer',
    env: 'METAIPAM_NODE_PATCH_CONCURRENCY',
    default: '30',
    help: 'How many nodes to write side by side.',
    check: positive,
    ...WRITES,
  },
  'node-patch-qps': {
    type: 'integer',
    env: 'METAIPAM_NODE_PATCH_QPS',
    default: '50',
    help: 'How many nodes to write a second, at most.',
    check: positive,
    ...WRITES,
  },
});

type BinderValues = Values<typeof BINDER_OPTIONS>;

export function connectionOptions(values: BinderValues): ConnectionOptions {
  return { apiserver: values.apiserver, kubeconfig: values.kubeconfig };
}

export function binderOptions(values: BinderValues, installNamespace: string): BinderOptions {
  return {
    installNamespace,
    concurrency: values['node-patch-concurrency'],
    qps: values['node-patch-qps'],
    ...(values['keep-from-move'] && { keepFromMove: true }),
  };
}

/** Undefined without an election. Throws UsageError when the durations cannot work together. */
export function electionOptions(
  values: BinderValues,
  installNamespace: string,
  env: Environment,
): ElectionOptions | undefined {
  if (!values['enable-leader-election']) return undefined;
  // Never blank: a Lease without a holder is free for all.
  const identity = [values['leader-elect-id'], env.POD_NAME, hostname()]
    .map((name) => name?.trim())
    .find(Boolean)!;
  const options = {
    identity: identity.toLowerCase(),
    namespace: values['leader-elect-namespace'] || env.POD_NAMESPACE || installNamespace,
    resourceName: values['leader-elect-resource-name'],
    leaseDuration: values['leader-elect-lease-duration'],
    renewDeadline: values['leader-elect-renew-deadline'],
    retryPeriod: values['leader-elect-retry-period'],
  };
  const problem = leaseOptionsProblem(options);
  if (problem !== undefined) throw new UsageError(problem);
  return options;
}

function positive(value: number): string | undefined {
  return value >= 1 ? undefined : 'at least 1';
}
