/** What is read of a Node, which has no schema here. */
import type { Node } from '../kubernetes/core-types.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { Problem } from '../kubernetes/problem.ts';
import { parsePodCIDR } from '../pod-network/pod-cidr.ts';

/** Everything that is wrong with a Node: its types, then what the API server asks of podCIDRs (`ValidateNode`). */
export function validateNode(object: KubernetesObject): Problem[] {
  const mistyped = validateNodeTypes(object);
  if (mistyped.length > 0 || !isNode(object)) return mistyped;
  const { podCIDRs } = (object as Node).spec ?? {};
  const read = (podCIDRs ?? []).map((text: string | null) => parsePodCIDR(text ?? ''));
  const unread = read.flatMap((prefix, index) => {
    const [field, value] = [`spec.podCIDRs[${index}]`, podCIDRs?.[index]];
    return prefix === undefined ? [{ field, value, message: 'must be a CIDR' }] : [];
  });
  if (unread.length > 0 || new Set(read.map((prefix) => prefix?.family)).size === read.length) return unread;
  const message = 'may specify no more than one CIDR for each IP family';
  return [{ field: 'spec.podCIDRs', value: podCIDRs, message }];
}

function isNode({ apiVersion, kind }: KubernetesObject): boolean {
  return apiVersion === 'v1' && kind === 'Node';
}

/** Fields of a Node that are of another type; nothing for other kinds. Null is the same as absent to the API server. */
export function validateNodeTypes({
  apiVersion,
  kind,
  ...node
}: KubernetesObject & { spec?: unknown }): Problem[] {
  const { spec } = node;
  if (spec == null || !isNode({ apiVersion, kind, ...node })) return [];
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
