/** Moves the pools of the in-cluster provider into what this release stores, step by step. */

import { setTimeout as delay } from 'node:timers/promises';
import { definitionChange, poolChange, probeOf, unreadablePool } from '../inspect/storage.ts';
import { type InstalledDefinition, staleVersions } from '../kubernetes/installed-definition.ts';
import { CAPI_IPAM_GROUP } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { type CustomResourceDefinition, readCustomResourceDefinitions } from '../kubernetes/schema.ts';
import type { Pool } from '../pool/pool.ts';
import { ApiError, type ApiWriter, listing } from './api-reader.ts';
import { InputError } from './command.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const POLL_INTERVAL_MS = 500;

/** Does one thing and says so. Resolves to whether it is worth another try. */
type Attempt = (object: KubernetesObject, effect: string, action: () => Promise<unknown>) => Promise<boolean>;

interface Migration {
  readonly api: ApiWriter;
  readonly attempt: Attempt;
  readonly isDryRun: boolean;
  /** Takes what has to stay as it is, and why. */
  readonly complain: (pool: Pool, why: string) => void;
  /** Milliseconds, on the clock of `performance.now`. */
  readonly deadline: number;
}

/**
 * For each CRD of pools: first what makes the API server read every object, then every object in the fields and the
 * version of this release, and last that nothing else is stored. An earlier step does not undo a later one, so that
 * it can be run again after any failure. Resolves to whether pools can be read now, which a dry run may not reach.
 *
 * Throws InputError.
 */
export async function migrateStorage(migration: Migration): Promise<boolean> {
  const { api } = migration;
  const installed = await listing('CRDs', () => api.list<InstalledDefinition>(DEFINITIONS));
  const ours = readCustomResourceDefinitions().filter(
    ({ spec }) => spec.group === CAPI_IPAM_GROUP && spec.names.kind.endsWith('Pool'),
  );
  let isReadable = true;
  for (const released of ours) {
    const found = installed.find(({ metadata }) => metadata.name === released.metadata.name);
    if (found !== undefined && !(await migrate(migration, found, released))) isReadable = false;
  }
  return isReadable;
}

async function migrate(
  { api, attempt, isDryRun, complain, deadline }: Migration,
  installed: InstalledDefinition,
  released: CustomResourceDefinition,
): Promise<boolean> {
  const { name } = released.metadata;
  const path = `${DEFINITIONS}/${name}`;
  const definition = {
    ...installed,
    kind: 'CustomResourceDefinition',
    apiVersion: 'apiextensions.k8s.io/v1',
  };
  const retry = async (what: string, once: () => Promise<boolean>) => {
    while (!(await once())) {
      if (performance.now() >= deadline) throw new InputError(`${what}: not in time; run it again`);
      await delay(POLL_INTERVAL_MS);
    }
  };

  const change = definitionChange(installed, released);
  const stale = staleVersions(installed, released);
  if (change !== undefined) {
    const effect = change.effects.join(', ');
    if (await attempt(definition, effect, () => api.patch(path, change.patch)))
      throw new InputError(
        `CustomResourceDefinition ${name}: somebody else changed it meanwhile; run it again`,
      );
    if (isDryRun && stale.length > 0) return false;
    if (!isDryRun) await retry(`CustomResourceDefinition ${name}`, () => isServed(api, released));
  }

  const { plural } = released.spec.names;
  const written = new Set<string | undefined>();
  await retry(plural, async () => {
    const pools = await listing(plural, () => readPools(api, released));
    if (pools === undefined) return false;
    for (const pool of pools.filter(({ metadata }) => !written.has(metadata.uid))) {
      const { patch, effects } = poolChange(pool);
      const why = unreadablePool(pool);
      if (why !== undefined) complain(pool, why);
      if (effects.length === 0 && stale.length === 0) continue;
      const effect = effects.length === 0 ? `stored as ${storageOf(released)}` : effects.join(', ');
      const isLeft = await attempt(pool, effect, () => api.patch(pathOf(released, pool), patch));
      if (!isLeft) written.add(pool.metadata.uid);
      else if (!isDryRun) return false;
    }
    return true;
  });
  if (stale.length > 0) {
    const storedVersions = [storageOf(released)];
    const effect = `nothing stored as ${stale.join(', ')} any more`;
    await attempt(definition, effect, () => api.patch(`${path}/status`, { status: { storedVersions } }));
  }
  return true;
}

/** Undefined while this API server still asks the webhook that the CRD has had. */
async function readPools(api: ApiWriter, released: CustomResourceDefinition): Promise<Pool[] | undefined> {
  try {
    return await api.list<Pool>(pathOf(released));
  } catch (error) {
    const isOld =
      error instanceof ApiError && error.status === 500 && error.message.includes('conversion webhook');
    if (isOld) return undefined;
    throw error;
  }
}

/** Whether this API server works with the fields of this release already. */
async function isServed(api: ApiWriter, released: CustomResourceDefinition): Promise<boolean> {
  const { group, names, scope, versions } = released.spec;
  if (versions.length === 1) return true;
  const probe = probeOf(names.kind, `${group}/${storageOf(released)}`);
  const namespace = scope === 'Namespaced' ? 'default' : undefined;
  try {
    await api.ask(`${pathOf(released, undefined, namespace)}?dryRun=All&fieldValidation=Strict`, probe);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if ([400, 404, 422, 500].includes(error.status)) return false;
    throw new InputError(`cannot try a ${names.kind} out: ${error.message}`);
  }
}

function storageOf({ spec }: CustomResourceDefinition): string {
  return spec.versions.find((version) => version.storage)!.name;
}

/** Of an object, or of the list of all. */
function pathOf(
  released: CustomResourceDefinition,
  object?: KubernetesObject,
  namespace = object?.metadata.namespace,
): string {
  const { group, names } = released.spec;
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  const name = object === undefined ? '' : `/${object.metadata.name}`;
  return `/apis/${group}/${storageOf(released)}${scope}/${names.plural}${name}`;
}
