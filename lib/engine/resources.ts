/** Which kinds a cluster serves: the built-in ones the project touches, and those of its CRDs. */
import { groupOf } from '../kubernetes/object.ts';
import { entryOf } from './entry-of.ts';
import type { Unstructured } from './object.ts';

export interface ResourceType {
  readonly group: string;
  readonly kind: string;
  /** The plural: `allocationslices`. */
  readonly resource: string;
  readonly namespaced: boolean;
  /** Served apiVersions (`group/version`), the storage version first. */
  readonly apiVersions: readonly string[];
  readonly statusSubresource: boolean;
  /** Custom resources have a generation, and a status write changes nothing but their status. */
  readonly custom: boolean;
  /** The paths, as `spec.entries`, of maps that an apply replaces as a whole. */
  readonly atomicMaps: ReadonlySet<string>;
}

/** The part of a CustomResourceDefinition that the engine reads. */
export interface ResourceDefinition {
  readonly kind: string;
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
      readonly subresources?: { readonly status?: object };
      readonly schema?: { readonly openAPIV3Schema?: Schema };
    }[];
  };
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly 'x-kubernetes-map-type'?: string;
}

const BUILT_IN: readonly ResourceType[] = [
  builtIn('Namespace', 'namespaces', false),
  builtIn('Node', 'nodes', false),
  builtIn('ConfigMap', 'configmaps', true),
];

function builtIn(kind: string, resource: string, namespaced: boolean): ResourceType {
  return {
    group: '',
    kind,
    resource,
    namespaced,
    apiVersions: ['v1'],
    statusSubresource: kind !== 'ConfigMap',
    custom: false,
    atomicMaps: new Set(),
  };
}

function resourceTypeOf(crd: ResourceDefinition): ResourceType {
  const { group, names, scope, versions } = crd.spec;
  const served = versions.filter((version) => version.served);
  const storage = served.find((version) => version.storage) ?? served[0];
  if (storage === undefined) throw new Error(`CRD ${names.plural}.${group} serves no version`);
  const others = served.filter((version) => version !== storage);
  return {
    group,
    kind: names.kind,
    resource: names.plural,
    namespaced: scope === 'Namespaced',
    apiVersions: [storage, ...others].map(({ name }) => (group === '' ? name : `${group}/${name}`)),
    statusSubresource: storage.subresources?.status !== undefined,
    custom: true,
    atomicMaps: new Set(atomicMapsOf(storage.schema?.openAPIV3Schema)),
  };
}

function atomicMapsOf({ properties = {} }: Schema = {}, path = ''): string[] {
  return Object.entries(properties).flatMap(([name, schema]) =>
    schema['x-kubernetes-map-type'] === 'atomic' ? `${path}${name}` : atomicMapsOf(schema, `${path}${name}.`),
  );
}

const typesByName = () => new Map<string, ResourceType>();

/** Discovery: finds resource types by plural or by kind. */
export class Resources {
  readonly all: readonly ResourceType[];
  /** By apiVersion, then by plural. */
  readonly #byResource = new Map<string, Map<string, ResourceType>>();
  /** By apiVersion or group, then by kind. */
  readonly #byKind = new Map<string, Map<string, ResourceType>>();

  constructor(crds: readonly ResourceDefinition[]) {
    this.all = [...BUILT_IN, ...crds.map(resourceTypeOf)];
    for (const type of this.all) {
      for (const apiVersion of type.apiVersions) {
        entryOf(this.#byResource, apiVersion, typesByName).set(type.resource, type);
        entryOf(this.#byKind, apiVersion, typesByName).set(type.kind, type);
      }
      entryOf(this.#byKind, type.group, typesByName).set(type.kind, type);
    }
  }

  find(apiVersion: string, resource: string): ResourceType | undefined {
    return this.#byResource.get(apiVersion)?.get(resource);
  }

  findKind(apiVersion: string, kind: string): ResourceType | undefined {
    return this.#byKind.get(apiVersion)?.get(kind);
  }

  /** Like `findKind`, for a reference that may name a version that is not served any more. */
  findGroupKind(apiVersion: string, kind: string): ResourceType | undefined {
    return this.#byKind.get(groupOf(apiVersion))?.get(kind);
  }

  /** Throws when the cluster serves no such resource, as Metacontroller's start-up fails. */
  get(apiVersion: string, resource: string): ResourceType {
    const type = this.find(apiVersion, resource);
    if (type === undefined)
      throw new Error(`can't find resource "${resource}" in apiVersion "${apiVersion}"`);
    return type;
  }

  /** The type of `object`. Throws when the cluster serves no such kind. */
  of(object: Pick<Unstructured, 'apiVersion' | 'kind'>): ResourceType {
    const type = this.findKind(object.apiVersion, object.kind);
    if (type === undefined) throw new Error(`no kind "${object.kind}" in apiVersion "${object.apiVersion}"`);
    return type;
  }
}
