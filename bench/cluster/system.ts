/** What is measured: metaipam, or a reference controller alone, each on a fresh control plane. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { METACONTROLLER_FLAGS } from '../../lib/doctor/metacontroller-workload.ts';
import { ControlPlane, Ended, eventually, freePorts, type Program } from '../../test/e2e/control-plane.ts';
import { applyIPAMClaimControllers, applyIPAMClaimCRD, install } from '../../test/e2e/install.ts';
import { type HookCalls, hookCalls } from './hook-calls.ts';
import type { BenchOptions, BenchSubject } from './options.ts';

const ROOT = join(import.meta.dirname, '..', '..');

export interface System {
  readonly name: string;
  readonly plane: ControlPlane;
  readonly controllers: readonly Program[];
  /** By `controller/hook`; a system that has no hooks calls none. */
  hookCalls(): Promise<Record<string, HookCalls>>;
  stop(): Promise<void>;
}

/** With Metacontroller's flags as the documentation recommends them. */
export async function startMetaipam({ subject, apply, policies }: BenchOptions): Promise<System> {
  const installation = await install({
    applyStrategy: apply,
    admission: policies,
    metacontrollerArgs: METACONTROLLER_FLAGS.map(({ flag, recommended }) => `--${flag}=${recommended}`),
    isAlone: true,
  });
  if (subject === 'ipam-claims') {
    await applyIPAMClaimCRD(installation.plane);
    await applyIPAMClaimControllers(installation.plane);
  }
  return {
    name: 'metaipam',
    plane: installation.plane,
    controllers: [...installation.metacontrollers, installation.server],
    hookCalls: async () => hookCalls(await (await fetch(`${installation.webserver}/metrics`)).text()),
    stop: () => installation.stop(),
  };
}

const REFERENCES: Readonly<
  Record<
    Exclude<BenchSubject, 'ipam-claims'>,
    { name: string; args: (kubeconfig: string, probes: string) => string[] }
  >
> = {
  claims: {
    name: 'in-cluster provider',
    // Its webhooks want certificates, and cost nothing here: they look at pools alone.
    args: (kubeconfig, probes) => [
      `--kubeconfig=${kubeconfig}`,
      `--health-probe-bind-address=${probes}`,
      '--diagnostics-address=0',
      '--webhook-port=0',
    ],
  },
  nodes: {
    name: 'node-ipam-controller',
    args: (kubeconfig, probes) => [
      `--kubeconfig=${kubeconfig}`,
      `--webserver-bind-address=${probes}`,
      '--enable-leader-election=false',
    ],
  },
};

/** What keeps the binary from being started, or undefined. */
export function problemOfReference(binary: string): string | undefined {
  return [binary, crdsOf(binary)].flatMap((path) => (existsSync(path) ? [] : `there is no ${path}`))[0];
}

/** @param binary with its CRDs in the folder `crds` beside it */
export async function startReference(subject: keyof typeof REFERENCES, binary: string): Promise<System> {
  const { name, args } = REFERENCES[subject];
  const plane = await ControlPlane.start();
  try {
    const apply = (...what: string[]) => plane.kubectl(['apply', '--server-side', ...what]);
    await apply('-k', join(ROOT, 'crds', 'cluster-api'));
    await apply('-f', join(ROOT, 'test', 'e2e', 'cluster-crd.yaml'));
    await apply('-f', crdsOf(binary));
    await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    await plane.startControllerManager();
    const [port] = await freePorts(1);
    const program = plane.run(name.replaceAll(' ', '-'), binary, args(plane.kubeconfig, `127.0.0.1:${port}`));
    await eventually(name, async () => {
      if (!program.isRunning) throw new Ended(program);
      return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok;
    });
    return {
      name,
      plane,
      controllers: [program],
      hookCalls: async () => ({}),
      stop: () => plane.stop(),
    };
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

/** Throws if a controller has ended. */
export function assertRunning({ controllers }: System): void {
  for (const program of controllers) if (!program.isRunning) throw new Ended(program);
}

function crdsOf(binary: string): string {
  return join(dirname(binary), 'crds');
}
