/** The chart as Helm renders it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { CHART } from '../../charts/build.ts';

/** $HELM, else the one on PATH; undefined if there is none. */
export const HELM = [process.env.HELM, 'helm'].find(
  (program) => program && spawnSync(program, ['version']).status === 0,
);

export const NO_HELM = '# SKIPPED: no helm here; charts/install-helm.sh gets it';

// biome-ignore lint/suspicious/noExplicitAny: manifests of every kind
export type Manifest = any;

/** Runs helm; its stdout, or an Error with its stderr. */
export function helm(args: readonly string[], env: NodeJS.ProcessEnv = {}, input = ''): string {
  return execFileSync(HELM!, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    input,
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 2 ** 26,
  });
}

/** What a cluster would say: a helm that `go install` made knows no version of its own. */
export const KUBE_VERSION = '--kube-version=1.36.0';

/** The objects of the release `metaipam` in `metaipam-system`. Values are a file of ci/ by its name, or an object. */
export function template(values: string | object = {}, ...args: string[]): Manifest[] {
  const file = typeof values === 'string' ? join(CHART, 'ci', `${values}-values.yaml`) : '-';
  const input = typeof values === 'string' ? '' : JSON.stringify(values);
  const text = helm(
    ['template', 'metaipam', CHART, KUBE_VERSION, '--namespace=metaipam-system', '--values', file, ...args],
    {},
    input,
  );
  return (loadAll(text) as Manifest[]).filter(Boolean);
}

/** The one object of a kind, or of a kind and a name. */
export function find(objects: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = objects.filter(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
  if (found.length !== 1) throw new Error(`${found.length} of ${kind} ${name ?? ''}`);
  return found[0];
}
