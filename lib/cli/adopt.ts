import { setTimeout as delay } from 'node:timers/promises';
import { replicas, type Workload, workloadTitle } from '../doctor/workload.ts';
import type { Adoption } from '../inspect/adoption.ts';
import type { Inventory } from '../inspect/inventory.ts';
import { PROVIDER_LABEL } from '../kubernetes/names.ts';
import { type KubernetesObject, titleOf } from '../kubernetes/object.ts';
import { apiVersionOf, pathOf, RESOURCES, type Resource, resource } from '../kubernetes/resources.ts';
import { HOOK_OPTIONS } from '../options/hook-options.ts';
import { defineOptions, outputOption, type Parsed } from '../options/options.ts';
import { PROGRAM } from '../program.ts';
import { plural } from '../text.ts';
import { ApiError, ApiWriter, listing } from './api-reader.ts';
import { defineCommand, InputError, type Io, refuseArguments } from './command.ts';
import { connectAsUser, requestLog, WRITE_OPTIONS } from './connection.ts';

const OPTIONS = defineOptions({
  ...WRITE_OPTIONS,
  storage: {
    type: 'boolean',
    default: 'false',
    help: 'Only make the pools readable: their conversion webhook, stored versions and fields of v1alpha1. Works before the install.',
    excludes: { 'cluster-api-version': 'it looks at no claims' },
  },
  force: { type: 'boolean', default: 'false', help: 'Go on although the other controller still runs.' },
  timeout: {
    type: 'duration',
    default: '1m',
    help: 'How long to wait for pools to list the addresses that their claims have.',
  },
  'cluster-api-version': HOOK_OPTIONS['cluster-api-version'],
  output: outputOption(
    ['text', 'json'],
    'json has every object with what is to be done to it, and whether that was done or why it is left as it is.',
  ),
});

/** What became of an object, for programs. */
interface Outcome {
  readonly object: string;
  readonly effect?: string;
  readonly done: boolean;
  /** Why it stays as it is. */
  readonly left?: string;
}

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

async function adopt({ values, positionals }: Parsed<typeof OPTIONS>, io: Io): Promise<number> {
  refuseArguments(positionals);
  if (values.output === 'text') return adoptAll(values, io, () => {});
  const objects: Outcome[] = [];
  const silent = { ...io, stdout: { write: () => {} } };
  const write = () => io.stdout.write(`${JSON.stringify({ dryRun: values['dry-run'], objects }, null, 2)}\n`);
  const code = await adoptAll(values, silent, (outcome) => objects.push(outcome)).catch((error) => {
    // What was done before something went wrong.
    if (objects.length > 0) write();
    throw error;
  });
  write();
  return code;
}

async function adoptAll(
  values: Parsed<typeof OPTIONS>['values'],
  io: Io,
  note: (outcome: Outcome) => void,
): Promise<number> {
  const { stdout, stderr } = io;
  const { orphans, planAdoption } = await import('../inspect/adoption.ts');
  const api = new ApiWriter(await connectAsUser(values, io.env), requestLog(values, io));

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
    note({ object: subject, effect, done: !isDryRun });
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
  const deadline = performance.now() + values.timeout;
  const isReadable = await migrateStorage({
    api,
    attempt,
    isDryRun,
    deadline,
    complain: (object, why) => {
      stderr.write(`${PROGRAM} adopt: ${titleOf(object)}: left as it is: ${why}\n`);
      note({ object: titleOf(object), done: false, left: why });
    },
  });
  if (values.storage || !isReadable) {
    const rest = 'pools cannot be read before that: try the rest without --dry-run\n';
    if (!isReadable) (values.output === 'json' ? stderr : stdout).write(rest);
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
    const isLast = isDryRun || unfinished === 0 || performance.now() >= deadline;
    if (!isLast) {
      await delay(POLL_INTERVAL);
      continue;
    }
    for (const orphan of orphans(inventory)) {
      const left = 'its claim does not exist';
      stdout.write(`${titleOf(orphan)}: left as it is, because ${left}\n`);
      note({ object: titleOf(orphan), done: false, left });
    }
    stdout.write(summaryOf());
    if (isDryRun || unfinished === 0) return 0;
    for (const address of waiting) {
      const { poolRef, address: text } = address.spec;
      const left = `${poolRef.kind} ${poolRef.name} has not listed ${text} for its claim`;
      stderr.write(`${PROGRAM} adopt: ${titleOf(address)}: ${left}\n`);
      note({ object: titleOf(address), done: false, left });
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
  usage: '[--dry-run] [--storage] [-o text|json]',
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
