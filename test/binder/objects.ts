import type { Node } from '../../lib/kubernetes/core-types.ts';
import type { ObjectMeta } from '../../lib/kubernetes/object.ts';

/** A Node with the uid `uid-<name>`, created at the epoch of FakeTime unless `metadata` says otherwise. */
export function node(name: string, podCIDRs?: readonly string[], metadata: Partial<ObjectMeta> = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: `uid-${name}`, creationTimestamp: '2026-06-01T12:00:00Z', ...metadata },
    spec: podCIDRs === undefined ? {} : { podCIDR: podCIDRs[0]!, podCIDRs },
  };
}
