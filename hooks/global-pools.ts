/** GlobalInClusterIPPool → IPAllocations in the namespace of the install. */
export { customize, finalize, sync } from '../lib/pool/pool-hooks.ts';
