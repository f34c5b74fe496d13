/** The CompositeControllers and DecoratorControllers, beside those of this release. */
import { CAPI_IPAM_GROUP } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { listSome, plural } from '../text.ts';
import { differences } from './differences.ts';
import { applyAgain, type Diagnosis, error, ok, warning } from './finding.ts';
import { type EndpointConfig, type HookTarget, hookTarget, type Webhook } from './hook-target.ts';

export interface ControllerObject extends KubernetesObject {
  readonly spec: {
    readonly hooks: Readonly<Record<string, { readonly version?: string; readonly webhook?: Webhook }>>;
    readonly endpointConfigs?: readonly EndpointConfig[];
  } & Readonly<Record<string, unknown>>;
}

const APPLY = applyAgain('-k metacontroller');

/** The targets of all hooks of all controllers; of what is no webhook, none. */
export function hookTargets(controllers: readonly ControllerObject[]): HookTarget[] {
  return controllers.flatMap(({ spec }) =>
    Object.values(spec.hooks).flatMap(({ webhook }) => hookTarget(webhook ?? {}, spec.endpointConfigs) ?? []),
  );
}

/** Of all controllers in a cluster those that bear the names of ours. */
export function ourControllers<T extends KubernetesObject>(
  found: readonly T[],
  released: readonly KubernetesObject[],
): T[] {
  return found.filter((one) =>
    released.some(({ kind, metadata }) => kind === one.kind && metadata.name === one.metadata.name),
  );
}

/**
 * Each controller of the release is there and does the same; where its hooks are is free, as long as their paths
 * end as they must.
 *
 * @param clusterApiVersion what the server speaks: the controllers of claims must name the same
 */
export function checkControllers(
  found: readonly ControllerObject[],
  released: readonly ControllerObject[],
  clusterApiVersion: string,
): Diagnosis[] {
  const bad = released.flatMap((expected) => {
    const { kind, metadata } = expected;
    const title = `${kind} ${metadata.name}`;
    const actual = found.find((one) => one.kind === kind && one.metadata.name === metadata.name);
    if (actual === undefined) return [error('controllers', `${title} is missing`, APPLY)];
    return checkController(title, actual, withApiVersion(expected, clusterApiVersion), clusterApiVersion);
  });
  if (bad.length > 0) return bad;
  return [ok('controllers', `${plural(released.length, 'controller')} as of this release`)];
}

function checkController(
  title: string,
  actual: ControllerObject,
  expected: ControllerObject,
  clusterApiVersion: string,
): Diagnosis[] {
  const spoken = apiVersionsOf(actual).filter((version) => version !== clusterApiVersion);
  if (spoken.length > 0) {
    const message = `${title} speaks ${listSome(spoken)} of Cluster API, and the server ${clusterApiVersion}`;
    const fix = 'use or leave out the component metacontroller/cluster-api-v1beta1 for both';
    return [error('controllers', message, fix)];
  }
  const findings: Diagnosis[] = [];
  if (actual.metadata.deletionTimestamp !== undefined) {
    findings.push(error('controllers', `${title} is being deleted`, APPLY));
  }
  const paths = differences(withoutWebhooks(expected), withoutWebhooks(actual));
  if (paths.length > 0) {
    findings.push(error('controllers', `${title} is not of this release: spec.${listSome(paths)}`, APPLY));
  }
  for (const [hook, { webhook: released = {} }] of Object.entries(expected.spec.hooks)) {
    const webhook = actual.spec.hooks[hook]?.webhook;
    if (webhook === undefined) continue; // Among the differences.
    const field = `spec.hooks.${hook}.webhook`;
    const path = `/hooks/${expected.metadata.name}/${hook}`;
    const target = hookTarget(webhook, actual.spec.endpointConfigs);
    if (target === undefined) {
      findings.push(error('controllers', `${title}: ${field} names no URL`, APPLY));
    } else if (!target.path.endsWith(path)) {
      findings.push(error('controllers', `${title}: ${field} calls ${target.path}, not ${path}`, APPLY));
    }
    const [given, wanted] = [seconds(webhook.timeout), seconds(released.timeout)];
    if (given < wanted) {
      const message = `${title}: ${field}.timeout is ${given} s, this release has ${wanted} s`;
      findings.push(warning('controllers', message, `${APPLY}: a large pool takes its time`));
    }
  }
  return findings;
}

/** Whole seconds of `60s`, `1m` or `1m30s`; 10 without one, as in Metacontroller. */
function seconds(timeout = '10s'): number {
  const [, minutes = '0', rest = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(timeout) ?? [];
  return Number(minutes) * 60 + Number(rest);
}

function withoutWebhooks({ spec }: ControllerObject): object {
  const { endpointConfigs: _endpointConfigs, hooks, ...rest } = spec;
  const entries = Object.entries(hooks).map(([hook, { webhook, ...settings }]) => [
    hook,
    { ...settings, webhook: webhook !== undefined },
  ]);
  return { ...rest, hooks: Object.fromEntries(entries) };
}

const CLUSTER_API = new RegExp(`^${CAPI_IPAM_GROUP.replaceAll('.', '\\.')}/(v1beta\\d+)$`);

function apiVersionsOf({ spec }: ControllerObject): string[] {
  const versions = new Set<string>();
  JSON.stringify(spec, (key, value) => {
    const version = key === 'apiVersion' ? CLUSTER_API.exec(value)?.[1] : undefined;
    if (version !== undefined) versions.add(version);
    return value;
  });
  return [...versions];
}

function withApiVersion(controller: ControllerObject, version: string): ControllerObject {
  return JSON.parse(JSON.stringify(controller), (key, value) =>
    key === 'apiVersion' && CLUSTER_API.test(value) ? `${CAPI_IPAM_GROUP}/${version}` : value,
  );
}
