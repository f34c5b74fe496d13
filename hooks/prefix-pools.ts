/** InClusterPrefixPool → the AllocationSlices that list who has which of its prefixes. */
import { poolParent } from '../lib/pool/view.ts';

export { customize, finalize, sync } from './pools.ts';
export const parent = poolParent('InClusterPrefixPool');
