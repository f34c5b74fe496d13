import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesObjectApi, V1Deployment } from '@kubernetes/client-node';
import type { Adoption } from '../inspect/adoption.ts';
import type { Inventory } from '../inspect/inventory.ts';
import {
  CAPI_IPAM_GROUP,
  CLUSTER_CIDR_API_VERSION,
  METAIPAM_API_VERSION,
  POOL_API_VERSION,
  PROVIDER_LABEL,
} from '../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName, titleOf } from '../kubernetes/object.ts';
import { POOL_KINDS } from '../kubernetes/pool-kinds.ts';
import { HOOK_OPTIONS } from '../options/hook-options.ts';
import { defineOptions, type Parsed } from '../options/options.ts';
import { plural } from '../text.ts';
import { ApiWriter } from './api-reader.ts';
import { type Command, defineCommand, InputError, type Io } from './command.ts';
import { CONNECTION_OPTIONS, connectAsUser } from './connection.ts';

const OPTIONS = defineOptions({
  ...CONNECTION_OPTIONS,
  'dry-run': { type: 'boolean', default: 'false', help: 'Only say what would be done.' },
  storage: {
    type: 'boolean',
    default: 'false',
    help: 'Only make the pools readable: their conversion webhook, stored versions and fields of v1alpha1. Works before the install.',
  },
  force: { type: 'boolean', default: 'false', help: 'Go on although the other controller still runs.' },
  timeout: {
    type: 'duration',
    default: '1m',
    help: 'How long to wait for pools to list the addresses that their claims have.',
  },
  'cluster-api-version': HOOK_OPTIONS['cluster-api-version'],
});

/** Milliseconds between two looks at what pools have listed. */
const POLL_INTERVAL = 1000;

/** The label that Cluster API puts on everything of the in-cluster provider. */
const PROVIDER = `${PROVIDER_LABEL}=ipam-in-cluster`;

async function adopt(
  { values, positionals }: Parsed<typeof OPTIONS>,
  { stdout, stderr, env }: Io,
): Promise<number> {
  if (positionals.length > 0)
    throw new InputError(`no arguments are expected, found ${positionals.join(' ')}`);
  const { KubernetesObjectApi, PatchStrategy } = await import('@kubernetes/client-node');
  const { orphans, planAdoption } = await import('../inspect/adoption.ts');
  const config = await connectAsUser(values, env);
  const api = KubernetesObjectApi.makeApiClient(config);

  const running = await runningControllers(api);
  if (running.length > 0 && !values.force) {
    throw new InputError(`${running.join(', ')} still runs: scale it to 0 first, or use --force`);
  }
  const isDryRun = values['dry-run'];
  const prefix = isDryRun ? 'would be ' : '';
  let adopted = 0;
  const summaryOf = () => `${plural(adopted, 'object')} ${prefix}adopted\n`;
  /** Does one thing. Resolves to whether it is worth another try: somebody else changed the object meanwhile. */
  const attempt = async (object: KubernetesObject, effect: string, action: () => Promise<unknown>) => {
    const subject = titleOf(object);
    try {
      if (!isDryRun) await action();
    } catch (error) {
      const { code, status = code ?? 0 } = error as { code?: number; status?: number };
      if ([404, 409].includes(status)) return true;
      throw new InputError(`${subject}: ${messageOf(error)}`);
    }
    stdout.write(`${subject}: ${prefix}${effect}\n`);
    adopted++;
    return false;
  };

  // First what would refuse the rest: webhooks whose server is gone.
  for (const kind of ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration']) {
    const version = 'admissionregistration.k8s.io/v1';
    for (const webhooks of await list<KubernetesObject>(api, version, kind, PROVIDER)) {
      await attempt(webhooks, 'deleted', () => api.delete(asGiven(webhooks)));
    }
  }
  const { migrateStorage } = await import('./storage.ts');
  const deadline = Date.now() + values.timeout;
  const isReadable = await migrateStorage({
    api: new ApiWriter(config),
    attempt,
    isDryRun,
    deadline,
    complain: ({ kind, metadata }, why) =>
      stderr.write(`metaipam adopt: ${kind} ${qualifiedName(metadata)}: left as it is: ${why}\n`),
  });
  if (values.storage || !isReadable) {
    if (!isReadable) stdout.write('pools cannot be read before that: try the rest without --dry-run\n');
    stdout.write(summaryOf());
    return 0;
  }
  const adoptOne = async ({ object, patch, isDeleted }: Adoption) => {
    const { MergePatch } = PatchStrategy;
    await api.patch(asGiven(object, patch), undefined, undefined, 'metaipam', undefined, MergePatch);
    if (isDeleted) await api.delete(asGiven(object));
  };
  for (;;) {
    const inventory = await takeInventory(api, values['cluster-api-version']);
    const { adoptions, waiting } = planAdoption(inventory);
    let unfinished = waiting.length;
    for (const adoption of adoptions) {
      const retry = await attempt(adoption.object, adoption.effects.join(', '), () => adoptOne(adoption));
      if (retry) unfinished++;
    }
    const isLast = isDryRun || unfinished === 0 || Date.now() >= deadline;
    if (!isLast) {
      await delay(POLL_INTERVAL);
      continue;
    }
    for (const { metadata } of orphans(inventory)) {
      stdout.write(`IPAddress ${qualifiedName(metadata)}: left as it is, because its claim does not exist\n`);
    }
    stdout.write(summaryOf());
    if (isDryRun || unfinished === 0) return 0;
    for (const { metadata, spec } of waiting) {
      const pool = `${spec.poolRef.kind} ${spec.poolRef.name}`;
      const problem = `${pool} has not listed ${spec.address} for its claim`;
      stderr.write(`metaipam adopt: IPAddress ${qualifiedName(metadata)}: ${problem}\n`);
    }
    stderr.write('metaipam adopt: not everything is adopted yet: run it again\n');
    return 1;
  }
}

async function takeInventory(api: KubernetesObjectApi, version: string): Promise<Inventory> {
  const [{ readInventory }, { isOurs }] = await Promise.all([
    import('../inspect/inventory.ts'),
    import('../pool/reference.ts'),
  ]);
  const capi = `${CAPI_IPAM_GROUP}/${version}`;
  const kinds: [apiVersion: string, kind: string][] = [
    ...Object.keys(POOL_KINDS).map((kind): [string, string] => [POOL_API_VERSION, kind]),
    [capi, 'IPAddressClaim'],
    [capi, 'IPAddress'],
    [METAIPAM_API_VERSION, 'AllocationSlice'],
    [CLUSTER_CIDR_API_VERSION, 'ClusterCIDR'],
  ];
  const objects: KubernetesObject[] = [];
  for (const [apiVersion, kind] of kinds)
    objects.push(...(await list<KubernetesObject>(api, apiVersion, kind)));
  const inventory = readInventory(objects);
  return {
    ...inventory,
    claims: inventory.claims.filter(isOurs),
    addresses: inventory.addresses.filter(isOurs),
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

/**
 * Every object of a kind; none of a kind that the cluster does not have. The API server lists them without their
 * apiVersion and kind, which are added.
 */
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
    if (isNotServed(error)) return [];
    throw new InputError(`cannot list ${kind}: ${messageOf(error)}`);
  }
}

function isNotServed(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message: string };
  return code === 404 || message.startsWith('Unrecognized API version and kind');
}

/** What the API server said, or why it could not be asked. */
function messageOf(error: unknown): string {
  const { body, cause, message } = error as { body?: unknown; cause?: unknown; message: string };
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? '');
  const said = /"message":("(?:[^"\\]|\\.)+")/.exec(text)?.[1];
  if (said !== undefined) return JSON.parse(said);
  return cause instanceof Error ? messageOf(cause) : message.replaceAll(/\s+/g, ' ');
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
controllers have stopped: makes their CRDs do without a conversion webhook, writes pools of v1alpha1 in the fields of
v1alpha2 and has all stored as that, removes their finalizers and webhook configurations, which would block every
deletion, and gives each IPAddress its owners, labels and mark, once its pool has listed its address. No address
changes. Run it again at any time: it does what is left to do. It also takes on IPAddresses that
were made by hand or restored.

Exit codes: 0 when everything was done, 1 on any error or when an address was not listed in time.`,
  options: OPTIONS,
  main: adopt,
});

export default command;
