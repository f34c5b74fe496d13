import type { LabelSelector, LabelSelectorRequirement } from '../metacontroller/hook.ts';

export type Labels = Readonly<Record<string, string>>;

type Requirement = Omit<LabelSelectorRequirement, 'operator'>;

const MEETS: Readonly<Record<string, (requirement: Requirement, labels: Labels) => boolean>> = {
  In: ({ key, values = [] }, labels) => labels[key] !== undefined && values.includes(labels[key]),
  NotIn: ({ key, values = [] }, labels) => labels[key] === undefined || !values.includes(labels[key]),
  Exists: ({ key }, labels) => labels[key] !== undefined,
  DoesNotExist: ({ key }, labels) => labels[key] === undefined,
};

/** `selector` as a predicate. Absent or empty selects everything. Throws on an operator that does not exist. */
export function compileLabelSelector({
  matchLabels,
  matchExpressions,
}: LabelSelector = {}): (labels: Labels | undefined) => boolean {
  for (const { operator } of matchExpressions ?? []) {
    if (!Object.hasOwn(MEETS, operator))
      throw new Error(`${JSON.stringify(operator)} is not a valid label selector operator`);
  }
  return (labels = {}) => {
    for (const key in matchLabels) if (labels[key] !== matchLabels[key]) return false;
    for (const each of matchExpressions ?? []) if (!MEETS[each.operator]!(each, labels)) return false;
    return true;
  };
}
