/** GlobalInClusterPrefixPool → AllocationSlices in the namespace of the install. */
import { poolParent } from '../lib/pool/view.ts';

export { customize, finalize, sync } from './pools.ts';
export const parent = poolParent('GlobalInClusterPrefixPool');
