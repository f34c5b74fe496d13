/** Admission by CRDs: defaults, structure and rules. */
import { formatProblem } from '../kubernetes/problem.ts';
import { type CustomResourceDefinition, CustomResources } from '../kubernetes/schema.ts';
import type { Unstructured } from './object.ts';
import type { Admission } from './store.ts';

/** Throws nothing: objects of kinds that no CRD defines pass as they are. */
export function crdAdmission(definitions: readonly CustomResourceDefinition[]): Admission {
  const kinds = new CustomResources(definitions);
  const find = ({ apiVersion, kind }: Unstructured) => kinds.ofKind(apiVersion, kind);
  return {
    prepare: (object) => find(object)?.withDefaults(object) ?? object,
    validate: (object, old) => find(object)?.validate(object, old).map(formatProblem) ?? [],
  };
}
