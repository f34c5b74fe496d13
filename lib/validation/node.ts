/** What is read of a Node, which has no schema here. */
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { Problem } from '../kubernetes/problem.ts';

/** Nothing for other kinds. An absent field and null are the same to the API server. */
export function validateNode({
  apiVersion,
  kind,
  ...node
}: KubernetesObject & { spec?: unknown }): Problem[] {
  const { spec } = node;
  if (apiVersion !== 'v1' || kind !== 'Node' || spec == null) return [];
  const refuse = (field: string, value: unknown, type: string): Problem[] => [
    { field, value, message: `must be ${type}` },
  ];
  if (typeof spec !== 'object' || Array.isArray(spec)) return refuse('spec', spec, 'a mapping');
  const { podCIDR, podCIDRs } = spec as { podCIDR?: unknown; podCIDRs?: unknown };
  if (podCIDR != null && typeof podCIDR !== 'string') return refuse('spec.podCIDR', podCIDR, 'a string');
  if (podCIDRs == null) return [];
  if (!Array.isArray(podCIDRs)) return refuse('spec.podCIDRs', podCIDRs, 'a list');
  return podCIDRs.flatMap((cidr, index) =>
    typeof cidr === 'string' || cidr === null ? [] : refuse(`spec.podCIDRs[${index}]`, cidr, 'a string'),
  );
}
