/** Admission by CRDs, which have defaults, structure and rules, and by policies. */
import { AdmissionPolicies } from '../kubernetes/admission-policies.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { formatProblem } from '../kubernetes/problem.ts';
import { type CustomResourceDefinition, CustomResources } from '../kubernetes/schema.ts';
import type { Unstructured } from './object.ts';
import type { Admission } from './store.ts';

/**
 * Objects of kinds that no CRD defines have no structure and no rules. `policies` has admission policies and their
 * bindings, perhaps among others; by default there are none. Throws Error where a policy uses what is not supported.
 */
export function crdAdmission(
  definitions: readonly CustomResourceDefinition[],
  policies: readonly KubernetesObject[] = [],
): Admission {
  const kinds = new CustomResources(definitions);
  const find = ({ apiVersion, kind }: Unstructured) => kinds.ofKind(apiVersion, kind);
  return {
    prepare: (object) => find(object)?.withDefaults(object) ?? object,
    validate: (object, old) =>
      (find(object)?.validate(object, old) ?? []).map((problem) =>
        formatProblem({ ...problem, field: problem.field || '<nil>' }),
      ),
    ...(policies.length > 0 && { policies: new AdmissionPolicies(policies) }),
  };
}
