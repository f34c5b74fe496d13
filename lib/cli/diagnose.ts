/** Everything that is wrong with objects of files, or questionable about them. */

import { overlappingPools } from '../inspect/check/pool-specs.ts';
import { readInventory } from '../inspect/inventory.ts';
import { networkOverviews } from '../inspect/network-overview.ts';
import type { Space } from '../inspect/space.ts';
import { IPAM_CLAIM_DEFINITION, isIPAMClaim } from '../ipam-claim/definition.ts';
import { ADDRESS_POOL_KINDS } from '../ipam-claim/pools.ts';
import { isObject } from '../json.ts';
import { NETWORK_LABEL } from '../kubernetes/names.ts';
import { groupOf, type KubernetesObject, qualifiedName, titleOf } from '../kubernetes/object.ts';
import { POOL_KINDS, poolKind } from '../kubernetes/pool-kinds.ts';
import { CustomResources, readCustomResourceDefinitions, type Schema } from '../kubernetes/schema.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { nearest } from '../text.ts';
import { advise } from '../validation/advice.ts';
import { validateObjects } from '../validation/index.ts';
import { unknownKind } from '../validation/kinds.ts';
import { warningsOf } from '../validation/warnings.ts';
import { at, type Diagnostic } from './diagnostic.ts';
import type { LoadedObject } from './manifests.ts';

const DEFAULT_NAMESPACE = 'default';

/** Says of objects what is wrong with each and with all together, in their order. `tick` is called for each. */
export type Diagnose = (objects: readonly LoadedObject[], tick?: () => void) => readonly Diagnostic[];

/** By the CRDs and the rules of this version. */
function diagnoseBy(resources: CustomResources): Diagnose {
  return (objects, tick) => {
    const problems = validateObjects(objects, resources, tick).map((found): Diagnostic => {
      const { object, problem } = found;
      const { schema } = resources.ofKind(object.apiVersion, object.kind) ?? {};
      const fix = advise(problem, object, schema);
      const rule = ['apiVersion', 'kind'].includes(problem.field) ? 'unknown-version' : 'invalid';
      return at(found, { rule, severity: 'error', ...problem, ...(fix !== undefined && { fix }) });
    });
    const bad = new Set(problems.map(({ object }) => object));
    const good = objects.filter(({ object }) => !bad.has(object));
    const warnings = good.flatMap((loaded) =>
      warningsOf(loaded.object, resources).map((warning) => at(loaded, { severity: 'warning', ...warning })),
    );
    const all = [
      ...problems,
      ...duplicates(objects, resources),
      ...warnings,
      ...objects.flatMap((loaded) => octals(loaded, resources)),
      ...overlaps(good),
      ...unservedNetworks(good),
      ...withoutBlocks(good),
    ];
    return all.sort(inOrderOf(objects));
  };
}

/** Of objects that are taken for those of a cluster: which no cluster serves, and which none has twice. */
export function diagnoseState(objects: readonly LoadedObject[]): readonly Diagnostic[] {
  const resources = knownResources();
  const unknown = objects.flatMap((loaded) => {
    const { apiVersion, kind } = loaded.object;
    if (resources.ofKind(apiVersion, kind) !== undefined) return [];
    return unknownKind(loaded.object, resources).map((problem) =>
      at(loaded, { rule: 'unknown-version', severity: 'error', ...problem }),
    );
  });
  return [...unknown, ...duplicates(objects, resources)].sort(inOrderOf(objects));
}

function inOrderOf(objects: readonly LoadedObject[]): (a: Diagnostic, b: Diagnostic) => number {
  const order = new Map(objects.map(({ object }, index) => [object, index]));
  return (a, b) => order.get(a.object!)! - order.get(b.object!)!;
}

export function loadDiagnose(): Diagnose {
  return diagnoseBy(knownResources());
}

/** What files may have: metaipam's own, and IPAMClaims. */
export function knownResources(): CustomResources {
  return new CustomResources([...readCustomResourceDefinitions(), IPAM_CLAIM_DEFINITION]);
}

/** Of an object that is given twice, each but the first: which of them counts is nobody's choice. */
function duplicates(objects: readonly LoadedObject[], { all }: CustomResources): Diagnostic[] {
  const firsts = new Map<string, LoadedObject>();
  return objects.flatMap((loaded) => {
    const { apiVersion, kind, metadata } = loaded.object;
    const group = groupOf(apiVersion);
    const known = all.find((resource) => resource.kind === kind && groupOf(resource.apiVersion) === group);
    if (known === undefined && apiVersion !== 'v1') return [];
    const { name, namespace = DEFAULT_NAMESPACE } = metadata;
    const key = `${kind}.${group} ${known?.namespaced === false ? name : qualifiedName({ name, namespace })}`;
    const first = firsts.get(key);
    if (first === undefined) {
      firsts.set(key, loaded);
      return [];
    }
    const message = `is given twice, first in ${first.file}:${first.lineOf('')}`;
    return [at(loaded, { rule: 'duplicate', severity: 'error', message, fix: 'leave one of them' })];
  });
}

/** YAML has them octal, and hardly anybody means that. */
function octals(loaded: LoadedObject, resources: CustomResources): Diagnostic[] {
  const { octalAt, object } = loaded;
  const { schema } = resources.ofKind(object.apiVersion, object.kind) ?? {};
  if (octalAt === undefined || schema === undefined) return [];
  return numbersIn(object, schema).flatMap(([field, value, type]) => {
    const written = octalAt(field);
    if (written === undefined) return [];
    const decimal = Number(written.replaceAll('_', ''));
    const fix = type === 'integer' ? `write ${decimal} or ${value}` : `write "${written}"`;
    const message = `${written} is octal, and means ${value}`;
    return [at(loaded, { rule: 'octal', severity: 'warning', field, message, fix })];
  });
}

type Numbered = readonly [field: string, value: number, wanted: Schema['type']];

/** The fields that are numbers, whether they have to be or not. */
function numbersIn(value: unknown, schema: Schema = {}, path = ''): Numbered[] {
  if (typeof value === 'number') return [[path, value, schema.type]];
  if (Array.isArray(value))
    return value.flatMap((item, index) => numbersIn(item, schema.items, `${path}[${index}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const isKey = /^metadata\.(labels|annotations)$/.test(path) || !/^[\w-]+$/.test(name);
    const step = isKey ? `[${name}]` : `${path === '' ? '' : '.'}${name}`;
    return numbersIn(field, schema.properties?.[name], path + step);
  });
}

function overlaps(objects: readonly LoadedObject[]): Diagnostic[] {
  const givers = objects.filter(
    ({ object: { kind } }) => Object.hasOwn(POOL_KINDS, kind) || kind === 'ClusterCIDR',
  );
  const loaded = new Map(givers.map((each) => [titleOf(each.object), each]));
  const inventory = readInventory(givers.map(({ object }) => object));
  return [...overlappingPools(inventory, DEFAULT_CONFIG.installNamespace)].flatMap(({ object, message }) => {
    const place = loaded.get(object);
    return place === undefined
      ? []
      : [at(place, { rule: 'overlap', severity: 'warning', field: 'spec', message })];
  });
}

const GIVES_BLOCKS = ['PodNetwork', 'ClusterCIDR', 'ServiceCIDR'];

/** What takes blocks from nodes, by how pictures show it. */
const KEPT_BY: Readonly<Record<string, string>> = {
  reserved: 'serviceCIDRs',
  excluded: 'excludedAddresses or perNodeExclusions',
};

function keptBy({ segments }: Space): string {
  return [...new Set(segments.flatMap(({ state }) => KEPT_BY[state] ?? []))].join(', ');
}

/** Of ranges of which their network keeps everything from nodes. */
function withoutBlocks(objects: readonly LoadedObject[]): Diagnostic[] {
  const givers = objects.filter(({ object: { kind } }) => GIVES_BLOCKS.includes(kind));
  const loaded = new Map(givers.map((each) => [titleOf(each.object), each]));
  const inventory = readInventory(givers.map(({ object }) => object));
  const context = { now: 0, config: DEFAULT_CONFIG };
  return networkOverviews(inventory, context).flatMap(({ name, clusterCIDRs }) =>
    clusterCIDRs.flatMap(({ clusterCIDR, ranges }) =>
      ranges
        .filter(({ space }) => space.segments.every(({ state }) => state in KEPT_BY))
        .map(({ range, cidr, space }) =>
          at(loaded.get(titleOf(clusterCIDR))!, {
            rule: 'no-address',
            severity: 'warning',
            field: `spec.ipv${range.family}`,
            value: cidr,
            message: `has no block to give out: PodNetwork ${name} keeps all of it from nodes`,
            fix: `mend its ${keptBy(space)}, or take another range`,
          }),
        ),
    ),
  );
}

/** Of networks that no pool here serves others may have the pools, unless it is one letter that differs, or the namespace. */
function unservedNetworks(objects: readonly LoadedObject[]): Diagnostic[] {
  const served = objects.flatMap(({ object }) => {
    const network = object.metadata.labels?.[NETWORK_LABEL];
    return network !== undefined && ADDRESS_POOL_KINDS.includes(object.kind) ? [{ network, object }] : [];
  });
  return objects.flatMap((loaded) => {
    if (!isIPAMClaim(loaded.object)) return [];
    const { metadata, spec } = loaded.object;
    const value = spec?.network;
    const own = metadata.namespace ?? DEFAULT_NAMESPACE;
    const isNear = ({ kind, metadata: { namespace = DEFAULT_NAMESPACE } }: KubernetesObject) =>
      poolKind(kind).isGlobal || namespace === own;
    const pools = served.filter(({ network }) => network === value).map(({ object }) => object);
    const tell = (message: string, fix: string) => [
      at(loaded, {
        rule: 'unserved-network',
        severity: 'warning',
        field: 'spec.network',
        value,
        message,
        fix,
      }),
    ];
    if (pools.some(isNear)) return [];
    if (pools.length > 0)
      return tell(
        `is served by ${pools.map(titleOf).join(' and ')} alone, which serves claims of its namespace`,
        'use a GlobalInClusterIPPool, or one of the namespace of the claim',
      );
    const meant = nearest(String(value), new Set(served.map(({ network }) => network)));
    return meant === undefined ? [] : tell('is a network that no pool here serves', `use ${meant}`);
  });
}
