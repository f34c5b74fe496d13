/** CustomResourceDefinitions as a cluster has them. */
import type { KubernetesObject } from './object.ts';
import type { CustomResourceDefinition } from './schema.ts';

export interface InstalledDefinition extends KubernetesObject {
  readonly kind: 'CustomResourceDefinition';
  readonly spec: CustomResourceDefinition['spec'] & {
    readonly conversion?: {
      readonly strategy?: string;
      readonly webhook?: {
        readonly clientConfig?: { readonly service?: { readonly namespace: string; readonly name: string } };
      };
    };
  };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
    readonly storedVersions?: readonly string[];
  };
}

/** Versions in which some objects may be stored, other than the one in which this release stores them. */
export function staleVersions(
  { status }: Pick<InstalledDefinition, 'status'>,
  { spec }: CustomResourceDefinition,
): string[] {
  const storage = spec.versions.find((version) => version.storage)?.name;
  return (status?.storedVersions ?? []).filter((version) => version !== storage);
}
