import type { KubernetesObject } from '../kubernetes/object.ts';
import { differences } from './differences.ts';
import { applyAgain, type Diagnosis, ok, warning } from './finding.ts';

/** The policy of metacontroller/admission, which no install has to have. */
const CLAIM_ROUTING = { kind: 'MutatingAdmissionPolicy', metadata: { name: 'metaipam-claim-routing' } };
/** The parts of a policy that the API server adds nothing to. */
const PARTS = ['matchConditions', 'variables', 'validations'];

/**
 * Policies may be left out; half of one is a mistake: a policy without its binding does nothing, and one of another
 * release holds objects of this one, or lets them through.
 */
export function checkAdmissionPolicies(
  found: readonly KubernetesObject[],
  install: readonly KubernetesObject[],
): Diagnosis[] {
  const find = (kind: string, name: string) =>
    found.find((object) => object.kind === kind && object.metadata.name === name);
  const released = [...install.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy'), CLAIM_ROUTING];
  const findings: Diagnosis[] = [];
  const there: string[] = [];
  const leftOut: string[] = [];
  for (const policy of released) {
    const { kind, metadata } = policy;
    const { name } = metadata;
    const actual = find(kind, name);
    const fix = applyAgain(`-k metacontroller${policy === CLAIM_ROUTING ? '/admission' : ''}`);
    if (actual === undefined) {
      leftOut.push(name);
      continue;
    }
    there.push(name);
    if (find(`${kind}Binding`, name) === undefined) {
      findings.push(warning('admission', `${kind} ${name} has no binding`, fix));
    }
    const [path] = policy === CLAIM_ROUTING ? [] : differences(partsOf(policy), partsOf(actual));
    if (path !== undefined) {
      findings.push(warning('admission', `${kind} ${name} is not of this release: spec.${path}`, fix));
    }
  }
  if (findings.length > 0) return findings;
  const parts = [
    there.join(', ') || 'none',
    ...(leftOut.length > 0 ? [`left out: ${leftOut.join(', ')}`] : []),
  ];
  return [ok('admission', `admission policies: ${parts.join('; ')}`)];
}

function partsOf(policy: object): object {
  const { spec = {} } = policy as { spec?: Readonly<Record<string, unknown>> };
  return Object.fromEntries(PARTS.flatMap((part) => (spec[part] === undefined ? [] : [[part, spec[part]]])));
}
