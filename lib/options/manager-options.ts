/**
 * What every manager of Cluster API has, and what clusterctl's users and the Cluster API operator therefore set: the
 * flags of its managers (`util/flags` and `main.go` of the providers), and those that the operator makes of
 * `spec.manager`. Those that mean something here are aliases elsewhere.
 */

import { PROGRAM } from '../program.ts';
import { defineOptions } from './options.ts';

const NO_WEBHOOKS = 'metaipam has no webhooks';
const NO_PROFILER = 'there is no profiler';
const WORKERS = "Metacontroller's --workers says how many objects are reconciled side by side";
const OWN_LOG = '--log-format and --log-level say all there is to say';
const OWN_TLS = 'Node.js chooses the ciphers';

const ignored = (why: string) => ({ type: 'string', help: `Ignored: ${why}.`, ignored: why }) as const;

export const MANAGER_OPTIONS = defineOptions({
  'webhook-host': ignored(NO_WEBHOOKS),
  'webhook-port': ignored(NO_WEBHOOKS),
  'webhook-cert-dir': ignored(NO_WEBHOOKS),
  'webhook-cert-name': ignored(NO_WEBHOOKS),
  'webhook-key-name': ignored(NO_WEBHOOKS),
  'metrics-bind-addr': ignored('metrics are on --webserver-bind-address'),
  'tls-cipher-suites': ignored(OWN_TLS),
  'profiler-address': ignored(NO_PROFILER),
  'contention-profiling': { ...ignored(NO_PROFILER), type: 'boolean' },
  'sync-period': ignored("Metacontroller's --cache-flush-interval says how often all is looked at again"),
  'feature-gates': ignored('there are none'),
  'leader-election-id': ignored('--leader-elect-resource-name and --leader-elect-namespace name the Lease'),
  'max-concurrent-reconciles': ignored(WORKERS),
  'inclusterippool-concurrency': ignored(WORKERS),
  'globalinclusterippool-concurrency': ignored(WORKERS),
  'inclusterprefixpool-concurrency': ignored(WORKERS),
  'globalinclusterprefixpool-concurrency': ignored(WORKERS),
  'ipaddressclaim-concurrency': ignored(WORKERS),
  'ipaddress-concurrency': ignored(WORKERS),
  'kube-api-qps': ignored('--node-patch-qps limits what is written'),
  'kube-api-burst': ignored('--node-patch-qps limits what is written'),
  'skip-crd-migration-phases': ignored(`CRDs are migrated by ${PROGRAM} adopt --storage alone`),
  vmodule: ignored(OWN_LOG),
  'log-flush-frequency': ignored(OWN_LOG),
  'log-json-info-buffer-size': ignored(OWN_LOG),
  'log-json-split-stream': { ...ignored(OWN_LOG), type: 'boolean' },
  'log-text-info-buffer-size': ignored(OWN_LOG),
  'log-text-split-stream': { ...ignored(OWN_LOG), type: 'boolean' },
});
