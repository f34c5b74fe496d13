import { ADDRESS_SPACE_ANNOTATION } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { PREFIX, poolKind } from '../kubernetes/pool-kinds.ts';
import { isSubdomain } from '../kubernetes/qualified-name.ts';

const LONGEST_LABEL_VALUE = 63;

/**
 * The address space that a pool shares with others; undefined if it has one of its own. A pool of prefixes always has:
 * names of slices keep two pools from one address, but not from prefixes of two lengths that overlap.
 */
export function sharedAddressSpace({ kind, metadata }: KubernetesObject): string | undefined {
  return poolKind(kind).unit === PREFIX ? undefined : metadata.annotations?.[ADDRESS_SPACE_ANNOTATION];
}

/** Whether an address space may have this name: it starts names of objects and is the value of a label. */
function isAddressSpaceName(name: string): boolean {
  return name.length <= LONGEST_LABEL_VALUE && isSubdomain(name);
}

/** Whether the pool names an address space that nothing can be given out of, as no object can have its name. */
export function isInBadAddressSpace(pool: KubernetesObject): boolean {
  const name = sharedAddressSpace(pool);
  return name !== undefined && !isAddressSpaceName(name);
}
