import { setTimeout as delay } from 'node:timers/promises';
import { replicas, type Workload, workloadTitle } from '../doctor/workload.ts';
import type { Adoption } from '../inspect/adoption.ts';
import type { Inventory } from '../inspect/inventory.ts';
import { PROVIDER_LABEL } from '../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName, titleOf } from '../kubernetes/object.ts';
import { apiVersionOf, pathOf, RESOURCES, type Resource, resource } from '../kubernetes/resources.ts';
import { HOOK_OPTIONS } from '../options/hook-options.ts';
import { defineOptions, type Parsed } from '../options/options.ts';
import { PROGRAM } from '../program.ts';
import { plural } from '../text.ts';
import { ApiError, ApiWriter, listing } from './api-reader.ts';
import { defineCommand, InputError, type Io, refuseArguments } from './command.ts';
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

const DEPLOYMENTS = resource('Deployment', 'deployments', true, 'apps/v1');
const WEBHOOKS = ['Validating', 'Mutating'].map((type) => {
  const plural = `${type.toLowerCase()}webhookconfigurations`;
  return resource(`${type}WebhookConfiguration`, plural, false, 'admissionregistration.k8s.io/v1');
});
/** Kinds that have no part in it. */
const OTHERS = ['PodNetwork', 'PodCIDRClaim', 'Node'];

async function adopt(
  { values, positionals }: Parsed<typeof OPTIONS>,
  { stdout, stderr, env }: Io,
): Promise<number> {
  refuseArguments(positionals);
  const { orphans, planAdoption } = await import('../inspect/adoption.ts');
  const api = new ApiWriter(await connectAsUser(values, env));

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
      if (!(error instanceof ApiError)) throw error;
      if ([404, 409].includes(error.status)) return true;
      throw new InputError(`${subject}: ${error.message}`);
    }
    stdout.write(`${subject}: ${prefix}${effect}\n`);
    adopted++;
    return false;
  };

  // First what would refuse the rest: webhooks whose server is gone.
  for (const kind of WEBHOOKS) {
    for (const webhooks of await list(api, kind, undefined, PROVIDER)) {
      await attempt(webhooks, 'deleted', () => api.delete(pathTo(webhooks)));
    }
  }
  const { migrateStorage } = await import('./storage.ts');
  const deadline = Date.now() + values.timeout;
  const isReadable = await migrateStorage({
    api,
    attempt,
    isDryRun,
    deadline,
    complain: ({ kind, metadata }, why) =>
      stderr.write(`${PROGRAM} adopt: ${kind} ${qualifiedName(metadata)}: left as it is: ${why}\n`),
  });
  if (values.storage || !isReadable) {
    if (!isReadable) stdout.write('pools cannot be read before that: try the rest without --dry-run\n');
    stdout.write(summaryOf());
    return 0;
  }
  const adoptOne = async ({ object, patch, isDeleted }: Adoption) => {
    await api.patch(`${pathTo(object)}?fieldManager=metaipam`, patch);
    if (isDeleted) await api.delete(pathTo(object));
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
      stderr.write(`${PROGRAM} adopt: IPAddress ${qualifiedName(metadata)}: ${problem}\n`);
    }
    stderr.write(`${PROGRAM} adopt: not everything is adopted yet: run it again\n`);
    return 1;
  }
}

async function takeInventory(api: ApiWriter, version: string): Promise<Inventory> {
  const [{ readInventory }, { isOurs }] = await Promise.all([
    import('../inspect/inventory.ts'),
    import('../pool/reference.ts'),
  ]);
  const objects: KubernetesObject[] = [];
  for (const resource of RESOURCES.filter(({ kind }) => !OTHERS.includes(kind)))
    objects.push(...(await list(api, resource, apiVersionOf(resource, version))));
  const inventory = readInventory(objects);
  return {
    ...inventory,
    claims: inventory.claims.filter(isOurs),
    addresses: inventory.addresses.filter(isOurs),
  };
}

/** Deployments of the reference controllers that have replicas. */
async function runningControllers(api: ApiWriter): Promise<string[]> {
  const running: string[] = [];
  for (const selector of [PROVIDER, 'app.kubernetes.io/name=node-ipam-controller']) {
    const found = await list<Workload>(api, DEPLOYMENTS, undefined, selector);
    running.push(...found.filter((each) => replicas(each).wanted > 0).map(workloadTitle));
  }
  return running;
}

/** Every object of a kind; none of a kind that the cluster does not have. Throws InputError. */
function list<T extends KubernetesObject>(
  api: ApiWriter,
  resource: Resource,
  apiVersion = resource.apiVersions[0]!,
  labelSelector?: string,
): Promise<T[]> {
  return listing(resource.plural, () =>
    api.listServed<T>(pathOf(resource, apiVersion), undefined, labelSelector),
  );
}

function pathTo({ apiVersion, kind, metadata }: KubernetesObject): string {
  const resource = [...RESOURCES, ...WEBHOOKS].find((each) => each.kind === kind)!;
  return `${pathOf(resource, apiVersion, metadata.namespace)}/${metadata.name}`;
}

export default defineCommand({
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
