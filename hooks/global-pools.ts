/** GlobalInClusterIPPool → AllocationSlices in the namespace of the install. */
export { customize, finalize, sync } from './pools.ts';
