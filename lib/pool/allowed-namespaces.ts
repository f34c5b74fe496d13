/** Which namespaces a cluster-scoped pool serves: those that its label selector selects. */
import { isLabelValue } from '../kubernetes/label-value.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { POOL_KINDS } from '../kubernetes/pool-kinds.ts';
import type { Problem } from '../kubernetes/problem.ts';
import { isQualifiedName } from '../kubernetes/qualified-name.ts';
import type { NamespaceSelector, NamespaceSelectorRequirement } from '../kubernetes/types.ts';

/** What a claim of another namespace is told. */
export const NAMESPACE_NOT_ALLOWED = 'NamespaceNotAllowed';

const OPERATORS: readonly unknown[] = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

/**
 * Reads `spec.allowedNamespaces`, and notes what is wrong with it. Undefined if every namespace is served: without a
 * selector, or with one that asks for nothing. Metacontroller cannot look for one that Kubernetes would refuse.
 */
export function readAllowedNamespaces(given: unknown, problems: Problem[]): NamespaceSelector | undefined {
  const field = 'spec.allowedNamespaces';
  if (given == null) return undefined;
  const before = problems.length;
  const add = (path: string, value: unknown, message: string) =>
    problems.push({ field: `${field}${path}`, value, message });
  if (typeof given !== 'object' || Array.isArray(given)) {
    add('', given, 'must be an object');
    return undefined;
  }
  const { matchLabels, matchExpressions } = given as { matchLabels?: unknown; matchExpressions?: unknown };
  for (const [key, value] of Object.entries(matchLabels ?? {})) {
    if (!isQualifiedName(key)) add('.matchLabels', matchLabels, 'the keys must be keys of labels');
    if (typeof value !== 'string' || !isLabelValue(value)) {
      add(`.matchLabels.${key}`, value, 'must be the value of a label');
    }
  }
  const requirements = matchExpressions ?? [];
  if (Array.isArray(requirements)) {
    for (const [index, each] of requirements.entries()) {
      const message = problemOf(each ?? {});
      if (message !== undefined) add(`.matchExpressions[${index}]`, each, message);
    }
  } else add('.matchExpressions', matchExpressions, 'must be a list');
  const isEmpty = Object.keys(matchLabels ?? {}).length === 0 && (requirements as unknown[]).length === 0;
  return problems.length > before || isEmpty ? undefined : (given as NamespaceSelector);
}

/** Whether it is a pool that serves only some namespaces. */
export function selectsNamespaces(object: KubernetesObject): boolean {
  const { spec } = object as { spec?: { allowedNamespaces?: unknown } };
  return Object.hasOwn(POOL_KINDS, object.kind) && spec?.allowedNamespaces != null;
}

function problemOf({ key, operator, values }: Partial<NamespaceSelectorRequirement>): string | undefined {
  if (typeof key !== 'string' || !isQualifiedName(key)) return 'key must be the key of a label';
  if (!OPERATORS.includes(operator)) return `operator must be one of ${OPERATORS.join(', ')}`;
  const isOfValues = operator === 'In' || operator === 'NotIn';
  if (values != null && !Array.isArray(values)) return 'values must be a list';
  const { length } = values ?? [];
  if (isOfValues && length === 0) return 'operator In and NotIn need values';
  if (!isOfValues && length > 0) return 'operator Exists and DoesNotExist take no values';
  const isBad = (value: unknown) => typeof value !== 'string' || !isLabelValue(value);
  return values?.some(isBad) ? 'values must be values of labels' : undefined;
}
