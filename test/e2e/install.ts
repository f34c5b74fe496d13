/** metaipam on a control plane, installed from metacontroller/ as a user does, with its server run from here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { POOL_LABEL, REQUESTED_ADDRESS_ANNOTATION } from '../../lib/kubernetes/names.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { type Answer, ControlPlane, Ended, eventually, freePorts, type Program } from './control-plane.ts';
import { borrow, makeSharedPlane, wipe } from './shared-plane.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ADMISSION = join(ROOT, 'metacontroller', 'admission');
/** As the manifests have it. */
const HOOKS = 'http://metaipam-hooks.metaipam-system.svc/hooks/';
const VALIDATION = join(ROOT, 'metacontroller', 'validation.yaml');

export interface InstallOptions {
  readonly applyStrategy?: 'dynamic-apply' | 'server-side-apply';
  readonly metacontrollers?: number;
  /** Applies metacontroller/admission as well. */
  readonly admission?: boolean;
  /** Takes metacontroller/validation.yaml away, for objects of a time before that. */
  readonly withoutValidation?: boolean;
  readonly serveArgs?: readonly string[];
  readonly metacontrollerArgs?: readonly string[];
  /** On a control plane of its own, for what would spoil it for others. */
  readonly isAlone?: boolean;
}

export interface Installation {
  readonly plane: ControlPlane;
  /** All that were ever started. */
  readonly metacontrollers: readonly Program[];
  /** The one started last. */
  readonly server: Program;
  /** `http://127.0.0.1:<port>` of probes and metrics. */
  readonly webserver: string;
  startMetacontroller(): Promise<Program>;
  startServer(): Promise<Program>;
  /** Calls of each hook so far, by `controller/hook`. */
  hookCalls(): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

/**
 * metaipam on a control plane that nobody else uses at the time. Nothing runs when this throws.
 *
 * The control plane is the one that the runner lends, or this process's own, and goes to the next user without what
 * this one leaves; with `isAlone` it is a new one that ends with this installation.
 */
export async function install(options: InstallOptions = {}): Promise<Installation> {
  try {
    return await (options.isAlone ? installAlone(options) : installShared(options));
  } catch (error) {
    // uvu says nothing of what goes wrong before a suite.
    console.error(error);
    throw error;
  }
}

async function installAlone(options: InstallOptions): Promise<Installation> {
  const { plane, loan } = await makeSharedPlane();
  try {
    return await installOn(plane, loan.hooksPort, options, () => plane.stop());
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

async function installShared(options: InstallOptions): Promise<Installation> {
  const { access, hooksPort, network } = await borrow();
  const plane = ControlPlane.attach(access);
  const stop = async () => {
    await plane.stopPrograms();
    if (options.admission) {
      await plane.kubectl(['delete', '-k', ADMISSION]);
      await eventually('admission policies to go', async () => !(await routesClaims(plane)));
    }
    if (options.withoutValidation) {
      await plane.kubectl(['apply', '--server-side', `--filename=${VALIDATION}`]);
      await eventually('validation to work', () => validates(plane));
    }
    await wipe(plane, network);
    await plane.stop();
  };
  try {
    return await installOn(plane, hooksPort, options, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function installOn(
  plane: ControlPlane,
  hooksPort: number,
  options: InstallOptions,
  stop: () => Promise<void>,
): Promise<Installation> {
  const {
    applyStrategy = 'dynamic-apply',
    metacontrollers = 1,
    admission = false,
    withoutValidation = false,
    serveArgs = [],
    metacontrollerArgs = [],
  } = options;
  const [webPort] = await freePorts(1);
  if (admission) {
    await plane.kubectl(['apply', '--server-side', '-k', ADMISSION]);
    await eventually('admission policies to work', () => routesClaims(plane));
  }
  if (withoutValidation) {
    await plane.kubectl(['delete', '--ignore-not-found', `--filename=${VALIDATION}`]);
    await eventually('validation to go', async () => !(await validates(plane)));
  }

  const webserver = `http://127.0.0.1:${webPort}`;
  const servers: Program[] = [];
  const startServer = async () => {
    const args = [
      join(ROOT, 'lib', 'cli', 'metaipam.ts'),
      'serve',
      `--hooks-bind-address=127.0.0.1:${hooksPort}`,
      `--webserver-bind-address=127.0.0.1:${webPort}`,
      ...serveArgs,
    ];
    const env = {
      IPAM_KUBECONFIG: plane.kubeconfig,
      POD_NAME: `e2e-${servers.length}`,
      POD_NAMESPACE: 'metaipam-system',
    };
    const program = plane.run(`metaipam-${servers.length + 1}`, process.execPath, args, env);
    servers.push(program);
    await eventually('metaipam serve', async () => {
      if (!program.isRunning) throw new Ended(program);
      return (await fetch(`${webserver}/readyz`)).ok;
    });
    return program;
  };
  const started: Program[] = [];
  let count = 0;
  const startMetacontroller = async () => {
    const program = await plane.startMetacontroller(`metacontroller-${++count}`, [
      `--apply-strategy=${applyStrategy}`,
      ...(metacontrollers > 1
        ? ['--leader-election', `--leader-election-id=metacontroller`, '--leader-election-namespace=default']
        : []),
      ...metacontrollerArgs,
    ]);
    started.push(program);
    return program;
  };
  await startServer();
  await Promise.all(Array.from({ length: metacontrollers }, startMetacontroller));
  return {
    plane,
    get server() {
      return servers.at(-1)!;
    },
    webserver,
    metacontrollers: started,
    startMetacontroller,
    startServer,
    hookCalls: () => hookCalls(webserver),
    stop,
  };
}

/** Of another project, whose CRD is no part of an install. */
export async function applyIPAMClaimCRD(plane: ControlPlane): Promise<void> {
  await plane.kubectl(['apply', '-f', join(import.meta.dirname, 'ipam-claim-crd.yaml')]);
  await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
}

/** The component ipam-claims, with the hooks where those of the other controllers are. */
export async function applyIPAMClaimControllers(plane: ControlPlane): Promise<void> {
  const path = '-o=jsonpath={.spec.hooks.sync.webhook.url}';
  const url = await plane.kubectl(['get', 'decoratorcontroller', 'claims', path]);
  for (const name of ['ipam-claim-router', 'ipam-claims']) {
    const text = readFileSync(join(ROOT, 'metacontroller/ipam-claims', `${name}.yaml`), 'utf8');
    const local = text.replaceAll(HOOKS, url.replace(/claims\/sync$/, ''));
    await plane.kubectl(['apply', '-f', '-'], local);
  }
}

/** Whether a claim gets its label as it is created. */
async function routesClaims(plane: ControlPlane): Promise<boolean> {
  const { body } = await tryClaim(plane, {});
  return body.metadata.labels?.[POOL_LABEL] !== undefined;
}

/** Whether validation.yaml is at work; its policies come and go together. */
async function validates(plane: ControlPlane): Promise<boolean> {
  const { status } = await tryClaim(plane, { [REQUESTED_ADDRESS_ANNOTATION]: 'none' });
  return status === 422;
}

function tryClaim(plane: ControlPlane, annotations: Record<string, string>): Promise<Answer> {
  const poolRef = { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'any' };
  return plane.api(
    'POST',
    '/apis/ipam.cluster.x-k8s.io/v1beta2/namespaces/default/ipaddressclaims?dryRun=All',
    {
      apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
      kind: 'IPAddressClaim',
      metadata: { name: 'any', annotations },
      spec: { poolRef },
    },
  );
}

async function hookCalls(webserver: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${webserver}/metrics`)).text();
  const calls: Record<string, number> = {};
  for (const [, labels = '', count] of text.matchAll(
    /^metaipam_hook_duration_seconds_count\{(.*)\} (\d+)$/gm,
  )) {
    const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1];
    const key = `${label('controller')}/${label('hook')}`;
    calls[key] = (calls[key] ?? 0) + Number(count);
  }
  return calls;
}

/** Waits until no hook has been called for `quietSeconds`; an Error names the hooks that go on if that never comes. */
export async function quiet(installation: Installation, quietSeconds = 2, withinSeconds = 60): Promise<void> {
  const deadline = performance.now() + withinSeconds * 1000;
  let before = await installation.hookCalls();
  let since = performance.now();
  while (performance.now() - since < quietSeconds * 1000) {
    await delay(250);
    const now = await installation.hookCalls();
    const busy = Object.keys(now).filter((hook) => now[hook] !== before[hook]);
    if (busy.length > 0) since = performance.now();
    if (performance.now() > deadline)
      throw new Error(`hooks still called after ${withinSeconds} s: ${busy.join(', ')}`);
    before = now;
  }
}

/** Objects of one resource, by `kubectl get`. */
export async function list<T = KubernetesObject>(plane: ControlPlane, resource: string): Promise<T[]> {
  const output = await plane.kubectl(['get', resource, '--all-namespaces', '-o', 'json']);
  return (JSON.parse(output) as { items: T[] }).items;
}

/** Of several Metacontrollers the one that leads, as its log says. */
export function leadingMetacontroller({ metacontrollers }: Installation) {
  const leaders = metacontrollers.filter(({ log }) =>
    readFileSync(log, 'utf8').includes('Successfully acquired lease'),
  );
  if (leaders.length !== 1) throw new Error(`${leaders.length} Metacontrollers lead`);
  return leaders[0]!;
}
