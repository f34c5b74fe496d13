/** The server that answers the hooks: where Metacontroller finds it, how it was started, whether it is ready. */

import { X509Certificate } from 'node:crypto';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { parseOptions, UsageError, type Values } from '../options/options.ts';
import { SERVE_OPTIONS } from '../options/serve-options.ts';
import { PROGRAM } from '../program.ts';
import { applyAgain, type Diagnosis, error, judge, ok, type Reading, unknown, warning } from './finding.ts';
import { type HookTarget, originOf } from './hook-target.ts';
import { metacontrollers } from './metacontroller-workload.ts';
import {
  type Container,
  imageName,
  replicas,
  type Workload,
  workloadCommand,
  workloadTitle,
} from './workload.ts';

export interface Service extends KubernetesObject {
  readonly spec: {
    readonly type?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  };
}

export interface EndpointSlice extends KubernetesObject {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
}

/** The container that serves hooks, with the options it was started with, or why they cannot be read. */
export interface HookServer {
  readonly workload: Workload;
  readonly container: Container;
  readonly options: Values<typeof SERVE_OPTIONS> | undefined;
  readonly problem?: string;
  /** Of its own namespace, where its Lease is unless the options say another. */
  readonly leaseNamespace: string;
}

/** The server behind the targets: what their Service selects, or Metacontroller's own pod for local ones. */
export function findServer(
  targets: readonly HookTarget[],
  services: readonly Service[],
  workloads: readonly Workload[],
): HookServer | undefined {
  const candidates = targets.some(({ isLocal }) => isLocal)
    ? metacontrollers(workloads).map(({ workload }) => workload)
    : services.flatMap(({ metadata, spec }) =>
        workloads.filter(
          (workload) =>
            workload.metadata.namespace === metadata.namespace &&
            selects(spec.selector, workload.spec.template.metadata?.labels),
        ),
      );
  for (const workload of candidates) {
    const { containers } = workload.spec.template.spec;
    const container = containers.find(servesHooks) ?? containers.find((one) => imageName(one) === 'metaipam');
    if (container !== undefined) return readServer(workload, container);
  }
  return undefined;
}

function servesHooks({ command = [], args = [] }: Container): boolean {
  return [...command, ...args].includes('serve');
}

function selects(
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  const entries = Object.entries(selector ?? {});
  return entries.length > 0 && entries.every(([key, value]) => labels[key] === value);
}

function readServer(workload: Workload, container: Container): HookServer {
  const { command = [], args = [], env = [] } = container;
  const words = [...command, ...args];
  const namespace = workload.metadata.namespace ?? 'default';
  const fields: Readonly<Record<string, string>> = {
    'metadata.namespace': namespace,
    'metadata.name': 'pod',
  };
  const values = env.map(({ name, value, valueFrom }): [string, string | undefined] => [
    name,
    value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ''],
  ]);
  const environment = Object.fromEntries(values);
  try {
    const { values: options } = parseOptions(
      SERVE_OPTIONS,
      words.slice(words.indexOf('serve') + 1),
      environment,
    );
    const leaseNamespace =
      options['leader-elect-namespace'] || environment.POD_NAMESPACE || options['install-namespace'];
    return { workload, container, options, leaseNamespace };
  } catch (problem) {
    if (!(problem instanceof UsageError)) throw problem;
    return { workload, container, options: undefined, problem: problem.message, leaseNamespace: namespace };
  }
}

/** @param targets where the server is called: over HTTPS if that is what it speaks, and only then */
export function checkServer(
  server: HookServer | undefined,
  targets: readonly HookTarget[],
  version: string,
): Diagnosis[] {
  if (server === undefined) {
    const message = 'no Deployment, StatefulSet or DaemonSet serves the hooks';
    return [error('server', message, APPLY)];
  }
  const { workload, container, options, problem } = server;
  const title = workloadTitle(workload);
  const { wanted, ready } = replicas(workload);
  const findings: Diagnosis[] = [];
  if (problem !== undefined) {
    findings.push(error('server', `${title} cannot start: ${problem}`, `${PROGRAM} serve --help`));
  }
  const describe = workloadCommand('describe', workload);
  if (ready === 0) findings.push(error('server', `${title}: none of ${wanted} ready`, describe));
  else if (ready < wanted)
    findings.push(warning('server', `${title}: ${ready} of ${wanted} ready`, describe));
  if (options?.['enable-leader-election'] === false && wanted > 1 && !options['no-bind']) {
    const message = `${title} has ${wanted} replicas and no leader election: each of them writes nodes`;
    findings.push(error('server', message, 'leave out --enable-leader-election=false'));
  }
  const speaks = options?.['hooks-tls-cert-file'] ? 'https' : 'http';
  const called = targets.find(({ protocol }) => protocol !== speaks);
  if (options !== undefined && called !== undefined) {
    const message = `${title} speaks ${speaks}, and hooks are called at ${originOf(called)}`;
    findings.push(error('server', message, 'the options --hooks-tls-* and the URLs of the hooks must agree'));
  }
  const tag = /:v?(\d+\.\d+\.\d+[^@]*)/.exec(container.image ?? '')?.[1];
  if (tag !== undefined && tag !== version) {
    const message = `${title} is of release ${tag}, this program of ${version}`;
    findings.push(warning('server', message, 'run the doctor of the same release, or upgrade'));
  }
  if (findings.length > 0) return findings;
  return [ok('server', `${title}: ${ready} of ${wanted} ready`)];
}

/** Metacontroller can reach every target: the Service exists, has the port, and has an endpoint that is ready. */
export function checkTargets(
  targets: readonly HookTarget[],
  services: Reading<Service>,
  endpointSlices: Reading<EndpointSlice>,
): Diagnosis[] {
  const origins = [...new Map(targets.map((target) => [originOf(target), target])).values()];
  return origins.flatMap((target) => {
    const origin = originOf(target);
    if (target.isLocal) {
      return [ok('hook-service', `hooks are called at ${origin}, in Metacontroller's own pod`)];
    }
    if (target.service === undefined) {
      const message = `whether anybody answers at ${origin} cannot be seen from here: it names no Service`;
      return [unknown('hook-service', message)];
    }
    const { namespace, name } = target.service;
    return judge('hook-service', services, (found) => {
      const service = found.find(
        ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
      );
      const title = `Service ${namespace}/${name}`;
      if (service === undefined) {
        return [error('hook-service', `hooks are called at ${origin}: there is no ${title}`, APPLY)];
      }
      const { ports = [], type } = service.spec;
      if (type === 'ExternalName') return [unknown('hook-service', `${title} is an ExternalName`)];
      if (!ports.some(({ port }) => port === target.port)) {
        const message = `hooks are called at ${origin}: ${title} has no port ${target.port}`;
        return [error('hook-service', message, APPLY)];
      }
      return judge('hook-service', endpointSlices, (slices) => {
        const endpoints = slices
          .filter(
            ({ metadata }) =>
              metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === name,
          )
          .flatMap((slice) => slice.endpoints ?? []);
        const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false).length;
        if (ready > 0) return [ok('hook-service', `hooks are called at ${origin}: ${ready} endpoints ready`)];
        const fix = `kubectl -n ${namespace} get endpointslices,pods; every address waits until one is ready`;
        return [error('hook-service', `${title} has no endpoint that is ready`, fix)];
      });
    });
  });
}

const APPLY = applyAgain('-k metacontroller');

/**
 * What Metacontroller trusts where hooks are called over TLS.
 *
 * @param pem the certificates of a target's bundle, or why they cannot be read
 * @param now milliseconds since the epoch
 */
export function checkTrust(
  targets: readonly HookTarget[],
  pem: (target: HookTarget) => string | { readonly problem: string },
  now: number,
): Diagnosis[] {
  const encrypted = targets.filter(({ protocol }) => protocol === 'https');
  const distinct = new Map(encrypted.map((one) => [`${originOf(one)} ${JSON.stringify(one.caBundle)}`, one]));
  return [...distinct.values()].map((target) => {
    const origin = originOf(target);
    if (target.caBundle === undefined) {
      const fix = 'set caBundle, unless a public authority has signed the certificate';
      return warning('hook-tls', `Metacontroller trusts the system's authorities only for ${origin}`, fix);
    }
    const text = pem(target);
    if (typeof text !== 'string') return unknown('hook-tls', `caBundle for ${origin}: ${text.problem}`);
    const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    try {
      const ends = certificates.map((certificate) => new X509Certificate(certificate).validToDate.getTime());
      if (ends.length === 0) throw new Error('no certificate in it');
      const last = new Date(Math.max(...ends)).toISOString().slice(0, 10);
      if (Math.max(...ends) <= now) {
        return error('hook-tls', `caBundle for ${origin} has expired on ${last}`, 'renew it');
      }
      return ok('hook-tls', `caBundle for ${origin} is valid until ${last}`);
    } catch (problem) {
      return error('hook-tls', `caBundle for ${origin}: ${(problem as Error).message}`, 'give it as PEM');
    }
  });
}
