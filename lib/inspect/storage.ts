/** What stands between a cluster of the in-cluster provider and pools that are read without a conversion webhook. */
import { type InstalledDefinition, staleVersions } from '../kubernetes/installed-definition.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { formatProblem } from '../kubernetes/problem.ts';
import type { CustomResourceDefinition } from '../kubernetes/schema.ts';
import { isPrefixPool, type Pool } from '../pool/pool.ts';
import { readAddressPool } from '../pool/spec.ts';
import { withoutSubnet } from '../pool/v1alpha1.ts';

/** A JSON merge patch (RFC 7386) with the resourceVersion it was made for, and what it does, in words. */
interface StorageChange {
  readonly patch: { readonly metadata: object; readonly spec?: object };
  readonly effects: readonly string[];
}

/** The v1alpha1 form of a pool, which the provider's conversion webhook keeps for those who ask in v1alpha1. */
const CONVERSION_DATA = 'cluster.x-k8s.io/conversion-data';

/**
 * Makes the API server read objects of all stored versions by itself: no conversion webhook, and in each version all
 * fields of all of them, or fields of one version would be pruned in another. Nothing where that is so already.
 */
export function definitionChange(
  installed: InstalledDefinition,
  released: CustomResourceDefinition,
): StorageChange | undefined {
  const isConverted = installed.spec.conversion?.strategy === 'Webhook';
  const isPruning = staleVersions(installed, released).length > 0 && lacksFields(installed, released);
  if (!isConverted && !isPruning) return undefined;
  return {
    patch: {
      metadata: { resourceVersion: installed.metadata.resourceVersion },
      spec: {
        versions: released.spec.versions,
        ...(isConverted && { conversion: { strategy: 'None', webhook: null } }),
      },
    },
    effects: [
      ...(isConverted ? ['freed of its conversion webhook'] : []),
      'given the versions of this release',
    ],
  };
}

function lacksFields(installed: InstalledDefinition, { spec }: CustomResourceDefinition): boolean {
  return spec.versions.some((version) => {
    const found = installed.spec.versions.find(({ name }) => name === version.name);
    const [wanted, present] = [version, found].map((one) =>
      Object.keys(one?.schema.openAPIV3Schema.properties?.spec?.properties ?? {}),
    );
    return found?.served !== true || wanted!.some((field) => !present!.includes(field));
  });
}

/**
 * Writes a pool in the fields of v1alpha2 alone. A pool whose addresses cannot be read stays as it is; the API server
 * stores it anew even so.
 */
export function poolChange(pool: Pool): StorageChange {
  const { metadata } = pool;
  const { resourceVersion, annotations = {} } = metadata;
  const given = isPrefixPool(pool) ? undefined : pool.spec;
  const { spec } = withoutSubnet(given ?? {});
  const { ranges } = readAddressPool(given);
  const isFlat = ranges !== undefined && spec.subnets === undefined;
  const isConverted = isFlat && (hasOldFields(pool) || spec.prefix === undefined);
  const prefix = spec.prefix ?? 0;
  const hasCopy = CONVERSION_DATA in annotations;
  return {
    patch: {
      metadata: { resourceVersion, ...(hasCopy && { annotations: { [CONVERSION_DATA]: null } }) },
      ...(isConverted && {
        spec: {
          addresses: spec.addresses,
          prefix,
          subnet: null,
          start: null,
          end: null,
        },
      }),
    },
    effects: [
      ...(isConverted ? [`given addresses: [${spec.addresses?.join(', ')}], prefix: ${prefix}`] : []),
      ...(hasCopy ? ['freed of the copy of its v1alpha1 form'] : []),
    ],
  };
}

/** Why `poolChange` leaves it as it is. */
export function unreadablePool(pool: Pool): string | undefined {
  if (isPrefixPool(pool) || !hasOldFields(pool)) return undefined;
  const { problems } = readAddressPool(pool.spec);
  return problems.length > 0 ? problems.map(formatProblem).join('; ') : undefined;
}

function hasOldFields({ spec }: Pool): boolean {
  return ['subnet', 'start', 'end'].some((field) => field in spec);
}

/** What the API server takes only when it serves the fields of v1alpha1 in v1alpha2; nobody is to store it. */
export function probeOf(kind: string, apiVersion: string): KubernetesObject & { readonly spec: object } {
  const spec = { subnet: '192.0.2.0/24' };
  return { apiVersion, kind, metadata: { name: 'metaipam-adopt-probe' }, spec };
}
