/** The options that become the hooks' `HookConfig`: the same for `serve` and for `hook`. */
import type { HookConfig } from '../metacontroller/hook.ts';
import { defineOptions, type Values } from './options.ts';

export const HOOK_OPTIONS = defineOptions({
  'install-namespace': {
    type: 'string',
    env: ['METAIPAM_NAMESPACE', 'POD_NAMESPACE'],
    default: 'metaipam-system',
    placeholder: 'namespace',
    help: 'Where the allocations of cluster-scoped pools and of pod networks live.',
    check: namespaceName,
  },
  'cluster-api-version': {
    type: 'enum',
    values: ['v1beta2', 'v1beta1'],
    env: 'METAIPAM_CLUSTER_API_VERSION',
    default: 'v1beta2',
    help: 'The version of IPAddressClaim, IPAddress and Cluster to speak.',
  },
  'watch-clusters': {
    type: 'boolean',
    env: 'METAIPAM_WATCH_CLUSTERS',
    default: 'true',
    help: 'Whether Cluster API is installed, so that a claim that names a cluster waits for it. =false if not.',
  },
  'watch-service-cidrs': {
    type: 'boolean',
    env: 'METAIPAM_WATCH_SERVICE_CIDRS',
    default: 'false',
    help: 'Give no node addresses of ServiceCIDR objects, beside those of serviceCIDRs. Kubernetes 1.33 has them.',
  },
  namespace: {
    type: 'string',
    env: 'METAIPAM_WATCH_NAMESPACE',
    default: '',
    placeholder: 'namespace',
    help: 'Serve claims of this namespace only, and leave others to somebody else. Without it, claims of every namespace.',
  },
  'watch-filter': {
    type: 'string',
    env: 'METAIPAM_WATCH_FILTER',
    default: '',
    placeholder: 'value',
    help: 'Serve claims only whose label cluster.x-k8s.io/watch-filter has this value, and leave others to somebody else.',
  },
  'cache-lag': {
    type: 'duration',
    env: 'METAIPAM_CACHE_LAG',
    default: '30s',
    help: "How far one of Metacontroller's caches may lag behind another.",
    check: notNegative,
  },
});

export function namespaceName(name: string): string | undefined {
  return name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)
    ? undefined
    : 'the name of a namespace: lower case letters, digits and dashes, at most 63';
}

export function notNegative(value: number): string | undefined {
  return value < 0 ? 'zero or more' : undefined;
}

export function hookConfig(values: Values<typeof HOOK_OPTIONS>): HookConfig {
  return {
    installNamespace: values['install-namespace'],
    clusterApiVersion: values['cluster-api-version'],
    watchClusters: values['watch-clusters'],
    watchServiceCIDRs: values['watch-service-cidrs'],
    ...(values.namespace && { watchNamespace: values.namespace }),
    ...(values['watch-filter'] && { watchFilter: values['watch-filter'] }),
    cacheLagSeconds: values['cache-lag'] / 1000,
  };
}
