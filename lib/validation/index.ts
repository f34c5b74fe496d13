/** Everything that is wrong with objects: what their schemas say, the rules beyond, and what they are together. */

import { plainJson } from '../json.ts';
import { CAPI_IPAM_GROUP } from '../kubernetes/names.ts';
import { groupOf, type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { CustomResources } from '../kubernetes/schema.ts';
import type { IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import { unknownKind } from './kinds.ts';
import { validateMetadata, validateTypes } from './metadata.ts';
import { validateNode, validateNodeTypes } from './node.ts';
import { brokenRules } from './rules.ts';

/** An object, as a rule with where it comes from. */
interface SourcedObject {
  readonly object: KubernetesObject;
}

type SourcedProblem<T extends SourcedObject> = T & { readonly problem: Problem };

/**
 * Everything that is wrong with one object: what its schema refuses, then what the hooks could not use, and then
 * what the API server's rules refuse of the rest. With kinds of other groups nothing is.
 */
export function validateObject(object: KubernetesObject, resources: CustomResources): Problem[] {
  const { apiVersion, kind } = object;
  const resource = resources.ofKind(apiVersion, kind);
  const { structure, rules } = resource?.judge(object) ?? {
    structure: unknownKind(object, resources),
    rules: [],
  };
  const isKnown = resource !== undefined || (apiVersion === 'v1' && kind === 'Node');
  const named = isKnown
    ? withMore(structure, [...validateMetadata(object), ...validateNode(object)])
    : structure;
  const problems = withMore(named, brokenRules(plainJson(object) as KubernetesObject));
  const isTold = ({ field }: Problem) =>
    problems.some((told) => isWithin(field, told.field) || isWithin(told.field, field));
  return [...problems, ...rules.filter((problem) => !isTold(problem))];
}

/** Whether something is of another type than its own: no API server can have returned that. */
export function isMalformed(object: KubernetesObject, resources: CustomResources): boolean {
  const isShapeless = resources.ofKind(object.apiVersion, object.kind)?.isMalformed(object) ?? false;
  return isShapeless || [...validateTypes(object.metadata), ...validateNodeTypes(object)].length > 0;
}

/** Everything that is wrong with each of the objects, and with them together. `tick` is called for each. */
export function validateObjects<T extends SourcedObject>(
  objects: readonly T[],
  resources: CustomResources,
  tick?: () => void,
): SourcedProblem<T>[] {
  const claims = new Map(
    objects
      .filter(({ object }) => isOf(object, 'IPAddressClaim'))
      .map(({ object }) => [qualifiedName(object.metadata), object as IPAddressClaim]),
  );
  return objects.flatMap((sourced) => {
    const { object } = sourced;
    tick?.();
    const alone = validateObject(object, resources);
    const problems = isOf(object, 'IPAddress')
      ? withMore(alone, validateAgainstClaim(object as IPAddress, claims))
      : alone;
    return problems.map((problem) => ({ ...sourced, problem }));
  });
}

/** `problems`, and those of `more` whose field has none yet. */
function withMore(problems: readonly Problem[], more: readonly Problem[]): Problem[] {
  return [...problems, ...more.filter((each) => !problems.some(({ field }) => isWithin(each.field, field)))];
}

function isWithin(field: string, outer: string): boolean {
  return outer === '' || (field.startsWith(outer) && ['', '.', '['].includes(field.charAt(outer.length)));
}

function validateAgainstClaim(
  { metadata, spec }: IPAddress,
  claims: ReadonlyMap<string, IPAddressClaim>,
): Problem[] {
  const name = spec?.claimRef?.name ?? '';
  const claim = claims.get(qualifiedName({ ...metadata, name }));
  if (claim === undefined) return [];
  const wanted = claim.spec?.poolRef;
  const given = spec.poolRef;
  if (given?.name === wanted?.name && given?.kind === wanted?.kind && given?.apiGroup === wanted?.apiGroup) {
    return [];
  }
  return [
    {
      field: 'spec.poolRef',
      value: given ?? null,
      message: `must be that of IPAddressClaim ${qualifiedName(claim.metadata)}`,
    },
  ];
}

function isOf({ apiVersion, kind }: KubernetesObject, wanted: string): boolean {
  return kind === wanted && groupOf(apiVersion) === CAPI_IPAM_GROUP;
}
