/** Everything that is wrong with objects of files, or questionable about them. */

import { overlappingPools } from '../inspect/check/pool-specs.ts';
import { readInventory } from '../inspect/inventory.ts';
import { groupOf, qualifiedName, titleOf } from '../kubernetes/object.ts';
import { CustomResources, readCustomResourceDefinitions } from '../kubernetes/schema.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { advise } from '../validation/advice.ts';
import { validateObjects } from '../validation/index.ts';
import { warningsOf } from '../validation/warnings.ts';
import { at, type Diagnostic } from './diagnostic.ts';
import type { LoadedObject } from './manifests.ts';

/** Says of objects what is wrong with each and with all together, in their order. */
export type Diagnose = (objects: readonly LoadedObject[]) => readonly Diagnostic[];

/** By the CRDs and the rules of this version. */
function diagnoseBy(resources: CustomResources): Diagnose {
  return (objects) => {
    const problems = validateObjects(objects, resources).map((found): Diagnostic => {
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
    const all = [...problems, ...duplicates(objects, resources), ...warnings, ...overlaps(good)];
    const order = new Map(objects.map(({ object }, index) => [object, index]));
    return all.sort((a, b) => order.get(a.object!)! - order.get(b.object!)!);
  };
}

export function loadDiagnose(): Diagnose {
  return diagnoseBy(new CustomResources(readCustomResourceDefinitions()));
}

/** Of an object that is given twice, each but the first: which of them counts is nobody's choice. */
function duplicates(objects: readonly LoadedObject[], { all }: CustomResources): Diagnostic[] {
  const firsts = new Map<string, LoadedObject>();
  return objects.flatMap((loaded) => {
    const { apiVersion, kind, metadata } = loaded.object;
    const group = groupOf(apiVersion);
    const known = all.find((resource) => resource.kind === kind && groupOf(resource.apiVersion) === group);
    if (known === undefined && apiVersion !== 'v1') return [];
    const { name, namespace = 'default' } = metadata;
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

function overlaps(objects: readonly LoadedObject[]): Diagnostic[] {
  const loaded = new Map(objects.map((each) => [titleOf(each.object), each]));
  const inventory = readInventory(objects.map(({ object }) => object));
  return [...overlappingPools(inventory, DEFAULT_CONFIG.installNamespace)].flatMap(({ object, message }) => {
    const place = loaded.get(object);
    return place === undefined
      ? []
      : [at(place, { rule: 'overlap', severity: 'warning', field: 'spec', message })];
  });
}
