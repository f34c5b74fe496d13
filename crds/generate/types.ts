/** Writes `types.ts` from the CustomResourceDefinitions in `crds/`: `npm run generate`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import {
  type CustomResourceDefinition,
  readCustomResourceDefinitions,
  type Schema,
} from '../../lib/kubernetes/schema.ts';

/**
 * Names of nested types, by `Kind.path` or by the last field of the path; `[]` is an array's item. `spec` and
 * `status` take the name of their kind, and an object that is not named here is written in place.
 */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  'GlobalInClusterIPPool.status': 'InClusterIPPoolStatus',
  'GlobalInClusterPrefixPool.status': 'InClusterIPPoolStatus',
  'InClusterPrefixPool.status': 'InClusterIPPoolStatus',
  'ClusterCIDR.status.ipv4': 'BlockCounts',
  'ClusterCIDR.status.ipv6': 'BlockCounts',
  'IPAddressClaim.status.deprecated.v1beta1.conditions[]': 'DeprecatedCondition',
  'IPAddress.spec.claimRef': 'IPAddressClaimReference',
  'AllocationSlice.spec.poolRef': 'PoolReference',
  'AllocationSlice.spec.answers{}.ipv4': 'BlockCounts',
  'AllocationSlice.spec.answers{}.ipv6': 'BlockCounts',
  'PodNetwork.spec.reservations[]': 'NodeReservation',
  'PodNetwork.spec.additionalBlocks[]': 'AdditionalBlocks',
  'PodNetwork.spec.subnets[]': 'NetworkSubnet',
  'PodNetwork.spec.routes[]': 'Route',
  'PodNetwork.spec.perNodeExclusions[]': 'IndexRange',
  'PodNetwork.status.nodes': 'NodeCounts',
  'GlobalInClusterIPPool.spec.allowedNamespaces.matchExpressions[]': 'NamespaceSelectorRequirement',
  'GlobalInClusterPrefixPool.spec.allowedNamespaces.matchExpressions[]': 'NamespaceSelectorRequirement',
  addressRef: 'IPAddressReference',
  allowedNamespaces: 'NamespaceSelector',
  'answers{}': 'SliceAnswer',
  'conditions[]': 'Condition',
  'entries{}': 'SliceEntry',
  ipAddresses: 'IPAddressCounts',
  'matchExpressions[]': 'NodeSelectorRequirement',
  'matchFields[]': 'NodeFieldRequirement',
  metadata: 'ObjectMeta',
  'InClusterPrefixPool.spec.reservations[]': 'PrefixReservation',
  'GlobalInClusterPrefixPool.spec.reservations[]': 'PrefixReservation',
  'reservations[]': 'Reservation',
  nodeSelector: 'NodeSelector',
  'nodeSelectorTerms[]': 'NodeSelectorTerm',
  poolRef: 'IPPoolReference',
  'subnets[]': 'PoolSubnet',
};

const WRITTEN_BY_HAND = new Set(['Condition', 'ObjectMeta']);

const HEADER = `/** The custom resources. Generated from crds/ by \`npm run generate\`: change the CRDs, not this file. */
import type { RawJson } from '../json.ts';
import type { Condition } from './conditions.ts';
import type { ObjectMeta } from './object.ts';

export type { Condition };
`;

/** The source of `types.ts`: an interface for each kind, in its storage version, and for each named part of it. */
export async function generateTypes(crds: readonly CustomResourceDefinition[]): Promise<string> {
  const interfaces = new Map<string, JSONSchema>();
  for (const { spec } of crds) {
    const { schema } = spec.versions.find((version) => version.storage)!;
    typeOf(schema.openAPIV3Schema, spec.names.kind, interfaces);
  }
  const sources: string[] = [];
  for (const [name, schema] of interfaces) {
    sources.push(
      await compile(schema, name, {
        additionalProperties: false,
        bannerComment: '',
        ignoreMinAndMaxItems: true,
        style: { singleQuote: true, printWidth: 110 },
      }),
    );
  }
  return [HEADER, ...sources.map(tidy)].join('\n');
}

/** The schema of a field as the compiler shall see it: a named type only by its name. */
function typeOf(schema: Schema, path: string, interfaces: Map<string, JSONSchema>): JSONSchema {
  const comment = path.endsWith('[]') ? {} : commentOf(schema);
  const name = nameOf(path);
  if (name === undefined) return { ...structureOf(schema, path, interfaces), ...comment };
  if (!WRITTEN_BY_HAND.has(name)) addInterface(name, schema, path, interfaces);
  return { tsType: name, ...comment };
}

/** Fields may share a type when they have the same shape, whatever their comments say. */
function addInterface(name: string, schema: Schema, path: string, interfaces: Map<string, JSONSchema>): void {
  const known = interfaces.get(name);
  if (known === undefined) interfaces.set(name, {}); // Ahead of its parts.
  const structure = structureOf(schema, path, interfaces);
  if (known === undefined) {
    const ownComment = path === name || path.endsWith('[]');
    interfaces.set(name, { ...structure, ...(ownComment && commentOf(schema)) });
  } else if (withoutComments(known) !== withoutComments(structure)) {
    throw new Error(`${path} has other fields than the other ${name}`);
  }
}

function structureOf(schema: Schema, path: string, interfaces: Map<string, JSONSchema>): JSONSchema {
  const { type, format, enum: values, items, properties, additionalProperties } = schema;
  if (items !== undefined) return { type: 'array', items: typeOf(items, `${path}[]`, interfaces) };
  if (additionalProperties !== undefined) {
    return { type: 'object', additionalProperties: typeOf(additionalProperties, `${path}{}`, interfaces) };
  }
  // Counts of addresses exceed 2^53; generations do not.
  if (format === 'int64' && lastField(path) !== 'observedGeneration') return { tsType: 'number | RawJson' };
  if (properties === undefined) return { type: type!, ...(values && { enum: [...values] as string[] }) };
  const fields = Object.entries(properties).map(([field, property]) => [
    field,
    typeOf(property, `${path}.${field}`, interfaces),
  ]);
  const isKind = !path.includes('.');
  return {
    type: 'object',
    required: [...(schema.required ?? []), ...(isKind ? ['apiVersion', 'kind', 'metadata'] : [])],
    properties: { ...Object.fromEntries(fields), ...(isKind && { kind: { enum: [path] } }) },
  };
}

function nameOf(path: string): string | undefined {
  const [kind = '', part = '', ...rest] = path.split('.');
  if (part === '') return kind;
  const isPart = rest.length === 0 && (part === 'spec' || part === 'status');
  const partName = isPart ? kind + part.charAt(0).toUpperCase() + part.slice(1) : undefined;
  return TYPE_NAMES[path] ?? TYPE_NAMES[lastField(path)] ?? partName;
}

function lastField(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** The description in lines of at most 100 characters. */
function commentOf({ description }: Schema): JSONSchema {
  return description === undefined
    ? {}
    : { description: description.replace(/(.{1,100})( |$)/g, '$1\n').trim() };
}

function withoutComments(schema: JSONSchema): string {
  return JSON.stringify(schema, (key, value) => (key === 'description' ? undefined : value));
}

function tidy(source: string): string {
  return source
    .replace(/\/\*\*\n +\* (.*)\n +\*\//g, '/** $1 */')
    .replace(/^( +)(?=(?:\w+|\[k: string\])\??: )/gm, '$1readonly ')
    .replace(/(\w+|\(.*\))\[\];/g, 'readonly $1[];');
}

if (import.meta.main) {
  writeFileSync(
    join(import.meta.dirname, '../../lib/kubernetes/types.ts'),
    await generateTypes(readCustomResourceDefinitions()),
  );
}
