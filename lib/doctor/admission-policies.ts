import type { KubernetesObject } from '../kubernetes/object.ts';
import { type Finding, ok, warning } from './finding.ts';

/** The optional policies: those of metacontroller/admission, by kind and name. */
const POLICIES = {
  ValidatingAdmissionPolicy: ['metaipam-pools', 'metaipam-claims', 'metaipam-cluster-cidrs'],
  MutatingAdmissionPolicy: ['metaipam-claim-routing'],
};

/** Policies are a choice; half of one is a mistake: a policy without its binding does nothing. */
export function checkAdmissionPolicies(objects: readonly KubernetesObject[]): Finding[] {
  const has = (kind: string, name: string) =>
    objects.some((object) => object.kind === kind && object.metadata.name === name);
  const all = Object.entries(POLICIES).flatMap(([kind, names]) => names.map((name) => ({ kind, name })));
  const there = all.filter(({ kind, name }) => has(kind, name));
  const unbound = there.filter(({ kind, name }) => !has(`${kind}Binding`, name));
  if (unbound.length > 0) {
    return unbound.map(({ kind, name }) =>
      warning('admission', `${kind} ${name} has no binding`, 'kubectl apply -k metacontroller/admission'),
    );
  }
  if (there.length === 0) return [ok('admission', 'no admission policies, which are optional')];
  return [ok('admission', `admission policies: ${there.map(({ name }) => name).join(', ')}`)];
}
