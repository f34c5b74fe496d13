/** The options of `metaipam serve`. */
import { constants } from 'node:buffer';
import { BINDER_OPTIONS } from './binder-options.ts';
import { HOOK_OPTIONS, notNegative } from './hook-options.ts';
import { MANAGER_OPTIONS } from './manager-options.ts';
import { defineOptions } from './options.ts';

export const SERVE_OPTIONS = defineOptions({
  'hooks-bind-address': {
    type: 'string',
    env: 'METAIPAM_HOOKS_BIND_ADDR',
    default: ':8080',
    placeholder: 'address',
    help: 'Where Metacontroller calls the hooks: host:port, :port or [ipv6]:port; port 0 takes any free one.',
  },
  'hooks-tls-cert-file': {
    type: 'string',
    env: 'METAIPAM_HOOKS_TLS_CERT_FILE',
    default: '',
    placeholder: 'file',
    help: 'Serve the hooks over HTTPS with this certificate, in PEM, its chain behind it. Read again when it changes.',
    needs: { 'hooks-tls-key-file': 'the key of the certificate' },
  },
  'hooks-tls-key-file': {
    type: 'string',
    env: 'METAIPAM_HOOKS_TLS_KEY_FILE',
    default: '',
    placeholder: 'file',
    help: 'The private key of --hooks-tls-cert-file, in PEM.',
    needs: { 'hooks-tls-cert-file': 'the certificate of the key' },
  },
  'webserver-bind-address': {
    type: 'string',
    aliases: ['health-addr', 'health-probe-bind-address'],
    env: 'IPAM_WEBSERVER_BIND_ADDR',
    default: ':8081',
    placeholder: 'address',
    help: 'Where /healthz, /readyz, /metrics and, with --page, the page are served.',
    excludes: { 'health-probe-address': 'that wins' },
    lenient: true,
  },
  'health-probe-address': {
    type: 'string',
    env: 'IPAM_HEALTH_PROBE_ADDR',
    default: '',
    placeholder: 'address',
    help: 'Wins over --webserver-bind-address if it is not empty.',
    deprecated: 'use --webserver-bind-address',
  },
  'diagnostics-address': {
    type: 'string',
    env: 'METAIPAM_DIAGNOSTICS_ADDR',
    default: '',
    placeholder: 'address',
    help: 'Serve /metrics here instead, over HTTPS with a certificate of its own, to those who by the API server may get the path /metrics: :8443, as managers of Cluster API have it. Empty or 0 leaves metrics on the web server, for all.',
    off: '0',
  },
  'insecure-diagnostics': {
    type: 'boolean',
    default: 'false',
    help: 'Serve --diagnostics-address over HTTP and to everybody.',
    needs: { 'diagnostics-address': 'metrics are on the web server, for all' },
    lenient: true,
  },
  'tls-min-version': {
    type: 'enum',
    values: ['VersionTLS12', 'VersionTLS13'],
    default: 'VersionTLS12',
    help: 'The least version of TLS that hooks and metrics speak.',
    needs: {
      'hooks-tls-cert-file or --diagnostics-address': 'nothing else speaks TLS',
      'hooks-tls-cert-file or --insecure-diagnostics=false': 'metrics are served over HTTP',
    },
    lenient: true,
  },
  page: {
    type: 'boolean',
    env: 'METAIPAM_PAGE',
    default: 'false',
    help: 'Serve a page of pools and pod networks on / of the web server: who has what, how full they are, who waits and why. It watches the cluster. Whoever reaches the port can read it.',
  },
  'body-limit': {
    type: 'size',
    env: 'METAIPAM_BODY_LIMIT',
    default: '500MiB',
    help: 'The largest hook request to accept. One request carries all claims and allocations of a pool, about 5 kB a pair.',
    check: (bytes: number) =>
      bytes >= 1 && bytes <= constants.MAX_STRING_LENGTH
        ? undefined
        : `between 1 and ${constants.MAX_STRING_LENGTH} bytes`,
  },
  ...HOOK_OPTIONS,
  ...BINDER_OPTIONS,
  'log-level': {
    type: 'enum',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    env: 'METAIPAM_LOG_LEVEL',
    default: 'info',
    help: 'The least severe entries to log. debug has one line per hook call.',
  },
  v: {
    type: 'integer',
    short: 'v',
    default: '0',
    placeholder: 'level',
    help: 'How much to log, as Kubernetes programs have it: 5 is --log-level=debug, 8 is trace. The more of both counts.',
  },
  'log-format': {
    type: 'enum',
    values: ['json', 'text'],
    aliases: ['logging-format'],
    env: 'METAIPAM_LOG_FORMAT',
    default: 'json',
    help: 'How log entries are written to stdout.',
  },
  'shutdown-grace-period': {
    type: 'duration',
    env: 'METAIPAM_SHUTDOWN_GRACE_PERIOD',
    default: '25s',
    help: 'How long running hooks may take to finish after SIGTERM or SIGINT. A second signal ends the process at once.',
    check: notNegative,
  },
  ...MANAGER_OPTIONS,
});
