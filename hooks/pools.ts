/** InClusterIPPool → IPAllocations in its namespace. */
export { customize, finalize, sync } from '../lib/pool/pool-hooks.ts';
