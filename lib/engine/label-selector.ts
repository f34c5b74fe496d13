import type { LabelSelector } from '../metacontroller/hook.ts';

export type Labels = Readonly<Record<string, string>>;

/** `selector` as a predicate. Absent or empty selects everything. Throws on an operator that does not exist. */
export function compileLabelSelector(
  selector: LabelSelector | undefined,
): (labels: Labels | undefined) => boolean {
  const tests: ((labels: Labels) => boolean)[] = [];
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) {
    tests.push((labels) => labels[key] === value);
  }
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    switch (operator) {
      case 'In':
        tests.push((labels) => labels[key] !== undefined && values.includes(labels[key]));
        break;
      case 'NotIn':
        tests.push((labels) => labels[key] === undefined || !values.includes(labels[key]));
        break;
      case 'Exists':
        tests.push((labels) => labels[key] !== undefined);
        break;
      case 'DoesNotExist':
        tests.push((labels) => labels[key] === undefined);
        break;
      default:
        throw new Error(`${JSON.stringify(operator)} is not a valid label selector operator`);
    }
  }
  return (labels = {}) => tests.every((test) => test(labels));
}
