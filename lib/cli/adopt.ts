import type { KubernetesObjectApi, V1Deployment } from '@kubernetes/client-node';
import type { Adoption, Inventory } from '../adopt/adoption.ts';
import { CAPI_IPAM_GROUP, CLUSTER_CIDR_API_VERSION, POOL_API_VERSION } from '../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type { ClusterCIDR, IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import { type Command, defineCommand, InputError, type Io } from './command.ts';
import { HOOK_OPTIONS } from './hook-options.ts';
import { defineOptions, type Parsed } from './options.ts';

const OPTIONS = defineOptions({
  kubeconfig: {
    type: 'string',
    env: 'IPAM_KUBECONFIG',
    default: '',
    placeholder: 'file',
    help: 'How to reach the API server; without it $KUBECONFIG or ~/.kube/config, as kubectl does.',
  },
  'dry-run': { type: 'boolean', default: 'false', help: 'Only say what would be done.' },
  force: { type: 'boolean', default: 'false', help: 'Go on although the other controller still runs.' },
  'cluster-api-version': HOOK_OPTIONS['cluster-api-version'],
});

/** The label that Cluster API puts on everything of the in-cluster provider. */
const PROVIDER = 'cluster.x-k8s.io/provider=ipam-in-cluster';

async function adopt(
  { values, positionals }: Parsed<typeof OPTIONS>,
  { stdout, stderr }: Io,
): Promise<number> {
  if (positionals.length > 0)
    throw new InputError(`no arguments are expected, found ${positionals.join(' ')}`);
  const { KubernetesObjectApi, PatchStrategy } = await import('@kubernetes/client-node');
  const { connectAsUser } = await import('../binder/cluster-client.ts');
  const { orphans, planAdoption } = await import('../adopt/adoption.ts');
  const connection = connectAsUser(values.kubeconfig);
  if ('problem' in connection) throw new InputError(connection.problem);
  const api = KubernetesObjectApi.makeApiClient(connection.config);

  const running = await runningControllers(api);
  if (running.length > 0 && !values.force) {
    throw new InputError(`${running.join(', ')} still runs: scale it to 0 first, or use --force`);
  }
  const prefix = values['dry-run'] ? 'would be ' : '';
  let failures = 0;
  const attempt = async (
    { kind, metadata }: KubernetesObject,
    effect: string,
    action: () => Promise<unknown>,
  ) => {
    const subject = `${kind} ${qualifiedName(metadata)}`;
    try {
      if (!values['dry-run']) await action();
      stdout.write(`${subject}: ${prefix}${effect}\n`);
    } catch (error) {
      failures++;
      stderr.write(`metaipam adopt: ${subject}: ${messageOf(error)}\n`);
    }
  };

  // First what would refuse the rest: webhooks whose server is gone.
  for (const kind of ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration']) {
    for (const webhooks of await list<KubernetesObject>(
      api,
      'admissionregistration.k8s.io/v1',
      kind,
      PROVIDER,
    )) {
      await attempt(webhooks, 'deleted', () => api.delete(asGiven(webhooks)));
    }
  }
  const inventory = await takeInventory(api, values['cluster-api-version']);
  const adoptions = planAdoption(inventory);
  for (const { object, patch, effects } of adoptions) {
    await attempt(object, effects.join(', '), () =>
      api.patch(
        asGiven(object, patch),
        undefined,
        undefined,
        'metaipam',
        undefined,
        PatchStrategy.MergePatch,
      ),
    );
  }
  for (const { metadata } of orphans(inventory)) {
    stdout.write(`IPAddress ${qualifiedName(metadata)}: left as it is, because its claim does not exist\n`);
  }
  const done = Math.max(0, adoptions.length - failures);
  stdout.write(`${done} of ${adoptions.length} objects ${prefix}adopted\n`);
  return failures === 0 ? 0 : 1;
}

async function takeInventory(api: KubernetesObjectApi, version: string): Promise<Inventory> {
  const { refersToOurPool } = await import('../adopt/adoption.ts');
  const claims = `${CAPI_IPAM_GROUP}/${version}`;
  const pools = await list<Inventory['pools'][number]>(api, POOL_API_VERSION, 'InClusterIPPool');
  const globalPools = await list<Inventory['pools'][number]>(api, POOL_API_VERSION, 'GlobalInClusterIPPool');
  return {
    pools: [...pools, ...globalPools],
    claims: (await list<IPAddressClaim>(api, claims, 'IPAddressClaim')).filter(refersToOurPool),
    addresses: (await list<IPAddress>(api, claims, 'IPAddress')).filter(refersToOurPool),
    clusterCIDRs: await list<ClusterCIDR>(api, CLUSTER_CIDR_API_VERSION, 'ClusterCIDR'),
  };
}

/** Deployments of the reference controllers that have replicas. */
async function runningControllers(api: KubernetesObjectApi): Promise<string[]> {
  const running: string[] = [];
  for (const selector of [PROVIDER, 'app.kubernetes.io/name=node-ipam-controller']) {
    for (const deployment of await list<V1Deployment>(api, 'apps/v1', 'Deployment', selector)) {
      const { name = '', namespace = '' } = deployment.metadata ?? {};
      if ((deployment.spec?.replicas ?? 1) > 0) running.push(`Deployment ${namespace}/${name}`);
    }
  }
  return running;
}

/** Every object of a kind, as the API server lists it: without its own apiVersion and kind, which are added. */
async function list<T extends object>(
  api: KubernetesObjectApi,
  apiVersion: string,
  kind: string,
  labelSelector?: string,
): Promise<T[]> {
  const none = undefined;
  try {
    const { items } = await api.list(apiVersion, kind, none, none, none, none, none, labelSelector);
    return items.map((item) => ({ ...item, apiVersion, kind })) as object[] as T[];
  } catch (error) {
    throw new InputError(`cannot list ${kind}: ${messageOf(error)}`);
  }
}

/** What the API server said, or why it could not be asked. */
function messageOf(error: unknown): string {
  const { body, message } = error as { body?: unknown; message: string };
  const status = typeof body === 'string' ? body : JSON.stringify(body ?? '');
  return /"message":"([^"]+)"/.exec(status)?.[1] ?? message;
}

/** An object for the client, with what is to change in it. */
function asGiven(
  { apiVersion, kind, metadata }: KubernetesObject,
  patch: Adoption['patch'] = { metadata: {} },
) {
  const { name, namespace } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { ...patch.metadata, name, ...(namespace !== undefined && { namespace }) },
  };
}

const command: Command = defineCommand({
  name: 'adopt',
  summary: 'Take over from the reference controllers what they left in a cluster',
  usage: '[options]',
  description: `
Makes the objects of Cluster API's in-cluster IPAM provider and of node-ipam-controller metaipam's own, once those
controllers have stopped: removes their finalizers and webhook configurations, which would block every deletion, and
gives each IPAddress its owners, labels and mark. No address and no other part of a spec is changed. Run it again
at any time: it does what is left to do. It also takes on IPAddresses that were made by hand or restored.

Exit codes: 0 when everything was done, 1 on any error.`,
  options: OPTIONS,
  main: adopt,
});

export default command;
