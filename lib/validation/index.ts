/** Everything that is wrong with objects: what their schemas say, the rules beyond, and what they are together. */
import { CAPI_IPAM_GROUP } from '../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type { Problem } from '../kubernetes/problem.ts';
import { type CustomResources, plainJson } from '../kubernetes/schema.ts';
import type { IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import { brokenRules, groupOf } from './rules.ts';

/** An object and where it comes from: a file, a place in it. */
export interface SourcedObject {
  readonly source: string;
  readonly object: KubernetesObject;
}

export interface SourcedProblem extends SourcedObject {
  readonly problem: Problem;
}

/**
 * Everything that is wrong with one object: what its schema refuses, then what the hooks could not use, and then
 * what the API server's rules refuse of the rest. With kinds of other groups nothing is.
 */
export function validateObject(object: KubernetesObject, resources: CustomResources): Problem[] {
  const resource = resources.ofKind(object.apiVersion, object.kind);
  const refused = resource?.validateStructure(object) ?? unknownKind(object, resources);
  const problems = withMore(refused, brokenRules(plainJson(object) as KubernetesObject));
  const isTold = ({ field }: Problem) =>
    problems.some((told) => isWithin(field, told.field) || isWithin(told.field, field));
  return [...problems, ...(resource?.validate(object) ?? []).filter((problem) => !isTold(problem))];
}

/** Everything that is wrong with each of the objects, and with them together. */
export function validateObjects(
  objects: readonly SourcedObject[],
  resources: CustomResources,
): SourcedProblem[] {
  const claims = new Map(
    objects
      .filter(({ object }) => isOf(object, 'IPAddressClaim'))
      .map(({ object }) => [qualifiedName(object.metadata), object as IPAddressClaim]),
  );
  return objects.flatMap(({ source, object }) => {
    const alone = validateObject(object, resources);
    const problems = isOf(object, 'IPAddress')
      ? withMore(alone, validateAgainstClaim(object as IPAddress, claims))
      : alone;
    return problems.map((problem) => ({ source, object, problem }));
  });
}

/** `problems`, and those of `more` whose field has none yet. */
function withMore(problems: readonly Problem[], more: readonly Problem[]): Problem[] {
  return [...problems, ...more.filter((each) => !problems.some(({ field }) => isWithin(each.field, field)))];
}

function isWithin(field: string, outer: string): boolean {
  return outer === '' || (field.startsWith(outer) && ['', '.', '['].includes(field.charAt(outer.length)));
}

function unknownKind({ apiVersion, kind }: KubernetesObject, resources: CustomResources): Problem[] {
  const isKnownVersion = resources.all.some((resource) => resource.apiVersion === apiVersion);
  return isKnownVersion ? [{ field: 'kind', value: kind, message: `${apiVersion} has none` }] : [];
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
