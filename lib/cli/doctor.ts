import type { ControllerObject } from '../doctor/controller-configs.ts';
import {
  type ClusterState,
  examine,
  type Installation,
  type Location,
  locate,
  type Release,
} from '../doctor/examine.ts';
import type { Diagnosis, Reading, Verdict } from '../doctor/finding.ts';
import type { EndpointSlice, Service } from '../doctor/hook-server.ts';
import type { CaBundle, HookTarget } from '../doctor/hook-target.ts';
import type { Lease, Permission } from '../doctor/node-binder.ts';
import { claimTrouble } from '../doctor/objects-in-trouble.ts';
import type { Pod } from '../doctor/other-allocators.ts';
import type { Workload } from '../doctor/workload.ts';
import type { Node } from '../kubernetes/core-types.ts';
import type { InstalledDefinition } from '../kubernetes/installed-definition.ts';
import {
  CAPI_IPAM_GROUP,
  CLUSTER_CIDR_API_VERSION,
  METAIPAM_API_VERSION,
  SERVICE_CIDR_API_VERSION,
} from '../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../kubernetes/schema.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import { defineOptions, outputOption, type Parsed } from '../options/options.ts';
import { isOurs } from '../pool/reference.ts';
import { shippedVersion } from '../shipped.ts';
import { plural } from '../text.ts';
import { ApiError, ApiReader } from './api-reader.ts';
import { defineCommand, InputError, type Io, refuseArguments } from './command.ts';
import { connectAsUser, READ_OPTIONS, requestLog } from './connection.ts';
import { readInstall, readIPAMClaimControllers } from './install-manifests.ts';
import { type Paint, paintFor } from './paint.ts';
import { hang, printable } from './table.ts';
import { terminalWidth, writeText } from './terminal.ts';

const OPTIONS = defineOptions({
  ...READ_OPTIONS,
  output: outputOption(['text', 'json'], 'json has every finding with its check, verdict, message and fix.'),
});

async function doctor({ values, positionals }: Parsed<typeof OPTIONS>, io: Io): Promise<number> {
  const { stdout, env } = io;
  refuseArguments(positionals);
  const config = await connectAsUser(values, io.env);
  const api = new ApiReader(config, requestLog(values, io));
  const version = await read('the version of Kubernetes', async () => [await api.version()], true);

  const release = readRelease();
  const now = Date.now();
  const installation = await readInstallation(api);
  const location = locate(installation, release);
  const state = await readState(api, version, installation, location, now);
  const examined = examine(state, release, now);
  // What cannot be read leaves several checks open, in the same words.
  const isFirst = ({ verdict, message }: Diagnosis, index: number) =>
    index === examined.findIndex((each) => each.verdict === verdict && each.message === message);
  const findings = values.output === 'json' ? examined : examined.filter(isFirst);
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  const counts = {
    ok: count('ok'),
    warning: count('warning'),
    error: count('error'),
    unknown: count('unknown'),
  };
  if (values.output === 'json') {
    stdout.write(`${JSON.stringify({ findings, counts }, null, 2)}\n`);
  } else {
    const paint = paintFor({ stdout, env });
    for (const finding of findings) writeText(io, render(finding, terminalWidth(io), paint));
    const parts = [
      plural(counts.error, 'problem'),
      plural(counts.warning, 'warning'),
      `${counts.unknown} unknown`,
    ];
    stdout.write(`\n${parts.join(', ')}, ${counts.ok} in order\n`);
  }
  return counts.error > 0 ? 2 : 0;
}

const COLOURS = { ok: 'green', warning: 'yellow', error: 'red', unknown: 'cyan' } as const;

function render({ verdict, message, fix }: Diagnosis, width: number, paint: Paint): string {
  const line = `${hang(`${paint(COLOURS[verdict], verdict.padEnd(7))}  `, printable(message), width).join('\n')}\n`;
  return fix === undefined ? line : `${line}         ${paint('grey', `→ ${printable(fix)}`)}\n`;
}

function readRelease(): Release {
  return {
    version: shippedVersion(),
    definitions: readCustomResourceDefinitions(),
    install: readInstall(),
    optional: readIPAMClaimControllers(),
  };
}

async function readInstallation(api: ApiReader): Promise<Installation> {
  const metacontroller = '/apis/metacontroller.k8s.io/v1alpha1';
  return {
    definitions: await read('CRDs', () =>
      api.list<InstalledDefinition>('/apis/apiextensions.k8s.io/v1/customresourcedefinitions'),
    ),
    controllers: await read('controllers of Metacontroller', async () => [
      ...(await api.listServed<ControllerObject>(`${metacontroller}/compositecontrollers`)),
      ...(await api.listServed<ControllerObject>(`${metacontroller}/decoratorcontrollers`)),
    ]),
    workloads: await read('Deployments, StatefulSets and DaemonSets', async () => [
      ...(await api.list<Workload>('/apis/apps/v1/deployments')),
      ...(await api.list<Workload>('/apis/apps/v1/statefulsets')),
      ...(await api.list<Workload>('/apis/apps/v1/daemonsets')),
    ]),
    services: await read('Services', () => api.list<Service>('/api/v1/services')),
  };
}

async function readState(
  api: ApiReader,
  version: Reading<string>,
  installation: Installation,
  { targets, server, required }: Location,
  now: number,
): Promise<ClusterState> {
  const admission = '/apis/admissionregistration.k8s.io/v1';
  const namespaces = new Set(targets.flatMap(({ service }) => service?.namespace ?? []));
  const claimsVersion = server?.options?.['cluster-api-version'] ?? 'v1beta2';
  const pems = new Map<string, string | { problem: string }>();
  for (const { caBundle } of targets) {
    const key = JSON.stringify(caBundle);
    if (caBundle !== undefined && !pems.has(key)) pems.set(key, await readCertificates(api, caBundle));
  }
  return {
    ...installation,
    version,
    endpointSlices: await read('EndpointSlices', async () =>
      collect([...namespaces], (namespace) =>
        api.list<EndpointSlice>(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`),
      ),
    ),
    leases: await read('Leases', async () =>
      server === undefined
        ? []
        : api.list<Lease>(`/apis/coordination.k8s.io/v1/namespaces/${server.leaseNamespace}/leases`),
    ),
    pods: await read('Pods of kube-system', () =>
      api.list<Pod>(
        '/api/v1/namespaces/kube-system/pods',
        undefined,
        'component in (kube-controller-manager,cloud-controller-manager)',
      ),
    ),
    webhookConfigurations: await read('webhook configurations', () =>
      collect(['validating', 'mutating'], (kind) =>
        api.list<KubernetesObject>(`${admission}/${kind}webhookconfigurations`),
      ),
    ),
    admissionPolicies: await read('admission policies', () =>
      collect(['validatingadmissionpolic', 'mutatingadmissionpolic'], async (kind) => [
        ...(await api.listServed<KubernetesObject>(`${admission}/${kind}ies`)),
        ...(await api.listServed<KubernetesObject>(`${admission}/${kind}ybindings`)),
      ]),
    ),
    clusterCIDRs: await read('ClusterCIDRs', () =>
      api.listServed(`/apis/${CLUSTER_CIDR_API_VERSION}/clustercidrs`),
    ),
    podNetworks: await read('PodNetworks', () => api.listServed(`/apis/${METAIPAM_API_VERSION}/podnetworks`)),
    serviceCIDRs: await read('ServiceCIDRs', () =>
      api.listServed(`/apis/${SERVICE_CIDR_API_VERSION}/servicecidrs`),
    ),
    nodes: await read('Nodes', () =>
      api.list('/api/v1/nodes', ({ apiVersion, metadata, spec }: Node) => {
        const { name, creationTimestamp } = metadata;
        const times = creationTimestamp !== undefined && { creationTimestamp };
        return { apiVersion, kind: 'Node' as const, metadata: { name, ...times }, ...(spec && { spec }) };
      }),
    ),
    claims: await read('IPAddressClaims', () =>
      api.listServed(`/apis/${CAPI_IPAM_GROUP}/${claimsVersion}/ipaddressclaims`, (claim: IPAddressClaim) => {
        const trouble = isOurs(claim) ? claimTrouble(claim, now) : undefined;
        return trouble && { name: qualifiedName(claim.metadata), trouble };
      }),
    ),
    denied: await read("the server's permissions", async () => {
      if (server === undefined) return [];
      const { serviceAccountName = 'default' } = server.workload.spec.template.spec;
      const account = {
        namespace: server.workload.metadata.namespace ?? 'default',
        name: serviceAccountName,
      };
      return collect(required, async (permission) =>
        (await isAllowed(api, account, permission)) ? [] : [permission],
      );
    }),
    certificates: ({ caBundle }: HookTarget) =>
      pems.get(JSON.stringify(caBundle)) ?? { problem: 'it names no certificates' },
  };
}

async function collect<T, R>(items: readonly T[], of: (item: T) => Promise<readonly R[]>): Promise<R[]> {
  const all: R[] = [];
  for (const item of items) all.push(...(await of(item)));
  return all;
}

/** Whether a ServiceAccount has a right: the API server's own answer. */
async function isAllowed(
  api: ApiReader,
  { namespace, name }: { namespace: string; name: string },
  resourceAttributes: Permission,
): Promise<boolean> {
  const { status } = await api.ask<{ status?: { allowed?: boolean } }>(
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: `system:serviceaccount:${namespace}:${name}`,
        groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
        resourceAttributes,
      },
    },
  );
  return status?.allowed === true;
}

async function readCertificates(
  api: ApiReader,
  { inline, secretRef, configMapRef }: CaBundle,
): Promise<string | { problem: string }> {
  if (inline !== undefined) return inline;
  const reference = secretRef ?? configMapRef;
  if (reference === undefined) return { problem: 'it names no certificates' };
  const { namespace, name, key = 'ca.crt' } = reference;
  const kind = secretRef === undefined ? 'configmaps' : 'secrets';
  try {
    const path = `/api/v1/namespaces/${namespace}/${kind}/${name}`;
    const { data = {} } = await api.get<{ data?: Record<string, string> }>(path);
    const text = data[key];
    if (text === undefined) return { problem: `there is no ${key} in ${kind} ${namespace}/${name}` };
    return secretRef === undefined ? text : Buffer.from(text, 'base64').toString('utf8');
  } catch (error) {
    if (error instanceof ApiError) return { problem: error.message };
    throw error;
  }
}

/**
 * What `from` gives, or that it may not be read.
 *
 * @param isVital an API server that says no to this one cannot be asked anything
 */
async function read<T>(
  what: string,
  from: () => Promise<readonly T[]>,
  isVital = false,
): Promise<Reading<T>> {
  try {
    return { items: await from() };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 0 || (isVital && error.status !== 403)) {
      throw new InputError(`cannot ask the API server: ${error.message}`);
    }
    return { unreadable: `cannot read ${what}: ${error.message}` };
  }
}

export default defineCommand({
  name: 'doctor',
  summary: 'Check that a cluster is set up right for metaipam, and say how to mend it',
  usage: '[options]',
  description: `
Looks at a live cluster and changes nothing: the versions of Kubernetes and Metacontroller and how Metacontroller
was started, the CRDs and controllers beside those of this release, the server with its Service, Lease and
permissions, other controllers that would allocate as well, and claims and nodes that nobody has taken care of.
What the user of the kubeconfig may not read is reported as unknown.

Exit codes: 0 when nothing is an error, 2 when something is, 1 when the cluster could not be asked.`,
  options: OPTIONS,
  main: doctor,
});
