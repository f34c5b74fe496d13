import type { KubernetesObject } from '../../kubernetes/object.ts';
import type { HookContext } from '../../metacontroller/hook.ts';
import { readInventory } from '../inventory.ts';
import { overviewOfInventory } from '../overview.ts';
import { stuckDeletions } from './deletions.ts';
import { CHECKS, type Finding } from './finding.ts';
import {
  boundAddresses,
  duplicateAddresses,
  missingPools,
  poolLabels,
  readAddressBook,
  stuckClaims,
} from './held-addresses.ts';
import {
  duplicateCIDRs,
  nodeFamilies,
  nodesAmongServices,
  orphanedPodCIDRClaims,
  sharedAnnotations,
} from './node-blocks.ts';
import { unusableBlocks } from './pod-ranges.ts';
import {
  invalidObjects,
  missingNetworks,
  otherSubnets,
  outOfRange,
  overlappingPools,
  reservationConflicts,
} from './pool-specs.ts';
import { leakedAllocations, leftoverSlices, misnamedSlices, unrestoredSlices } from './slices.ts';

/**
 * Everything that is wrong among the objects of a cluster, errors first, then in the order of CHECKS.
 *
 * `objects` must be all of every kind: a claim that is left out counts as gone. What metaipam is about to mend by
 * itself is no finding yet, so `context.now` matters.
 */
export function check(objects: readonly KubernetesObject[], context: HookContext): Finding[] {
  const inventory = readInventory(objects);
  const book = readAddressBook(inventory, context);
  const overview = overviewOfInventory(inventory, context);
  const findings = [
    ...duplicateAddresses(inventory, book, context),
    ...duplicateCIDRs(inventory, context),
    ...nodesAmongServices(inventory),
    ...unusableBlocks(inventory),
    ...sharedAnnotations(inventory),
    ...nodeFamilies(overview),
    ...boundAddresses(inventory, book, context),
    ...stuckClaims(inventory, book, context),
    ...poolLabels(inventory),
    ...unrestoredSlices(inventory, context),
    ...leftoverSlices(inventory),
    ...misnamedSlices(inventory),
    ...leakedAllocations(inventory, context),
    ...orphanedPodCIDRClaims(inventory, context),
    ...missingPools(inventory, book),
    ...missingNetworks(inventory),
    ...invalidObjects(objects),
    ...outOfRange(overview, inventory),
    ...otherSubnets(inventory),
    ...reservationConflicts(overview, inventory),
    ...overlappingPools(inventory, context.config.installNamespace),
    ...stuckDeletions(inventory, context),
  ];
  const order = Object.keys(CHECKS);
  const rank = ({ severity, check }: Finding) => (severity === 'error' ? 0 : 100) + order.indexOf(check);
  return findings.sort((a, b) => rank(a) - rank(b));
}
