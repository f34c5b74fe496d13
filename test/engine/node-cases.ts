/** Nodes with pod CIDRs, and what an API server says to them. */
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { AdmissionCase } from '../crds/admission-cases.ts';

const V4 = '10.1.0.0/24';
const V6 = 'fd00:1::/64';
const ONE_EACH = 'may specify no more than one CIDR for each IP family';
const ONCE = 'node updates may not change podCIDR except from "" to valid';

const CASES: readonly [
  id: string,
  podCIDRs: string[],
  newPodCIDRs?: string[] | undefined,
  refused?: string,
][] = [
  ['IPv4', [V4]],
  ['IPv6', [V6]],
  ['IPv4 first', [V4, V6]],
  ['IPv6 first', [V6, V4]],
  ['two of IPv4', [V4, '10.1.1.0/24'], undefined, ONE_EACH],
  ['two of IPv6', [V6, 'fd00:2::/64'], undefined, ONE_EACH],
  ['three', [V6, V4, 'fd00:2::/64'], undefined, ONE_EACH],
  ['none, then IPv6 first', [], [V6, V4]],
  ['IPv6 first, unchanged', [V6, V4], [V6, V4]],
  ['IPv6 first, then IPv4 first', [V6, V4], [V4, V6], ONCE],
  ['IPv6, then IPv4 as well', [V6], [V6, V4], ONCE],
  ['none, then two of IPv4', [], [V4, '10.1.1.0/24'], ONE_EACH],
];

/** `podCIDR` is what every client writes beside them. */
const specOf = (podCIDRs: readonly string[]) =>
  podCIDRs.length === 0 ? {} : { podCIDR: podCIDRs[0], podCIDRs };

export const nodeCases: readonly AdmissionCase[] = CASES.map(([id, podCIDRs, newPodCIDRs, refused]) => ({
  id: `${id}, Node`,
  object: {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'a' },
    spec: specOf(podCIDRs),
  } as KubernetesObject,
  ...(newPodCIDRs && { newSpec: specOf(newPodCIDRs) }),
  ...(refused && { refused }),
}));
