/** What Metacontroller leaves undone for pod networks. */
import { formatPrefix } from '../address/range.ts';
import { secondsSince } from '../allocation/hold.ts';
import { lostSlices, SLICES_MISSING } from '../allocation/lost.ts';
import { pieceOfName } from '../allocation/names.ts';
import { METAIPAM_API_VERSION, METAIPAM_GROUP } from '../kubernetes/names.ts';
import { controllerOf, qualifiedName } from '../kubernetes/object.ts';
import type { AllocationSlice, PodNetwork } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { networkSliceHead } from '../pod-network/network-slices.ts';
import type { Deed, ObjectPath } from './deed.ts';

export interface NetworkJanitorView {
  readonly slices: readonly AllocationSlice[];
  readonly networks: readonly PodNetwork[];
}

/** What is to be done now for pod networks, each by itself. */
export function networkDeeds({ slices, networks }: NetworkJanitorView, context: HookContext): Deed[] {
  const ofNetworks = slices.filter(({ spec }) => spec.poolRef.apiGroup === METAIPAM_GROUP);
  return [...restoreSlices(ofNetworks, networks, context), ...deleteLeftovers(ofNetworks, networks)];
}

/** Slices that were deleted by hand are made again, empty: what nodes have of them, the network finds on the nodes. */
function* restoreSlices(
  slices: readonly AllocationSlice[],
  networks: readonly PodNetwork[],
  { now, config }: HookContext,
): Generator<Deed> {
  const here = slices.filter(({ metadata }) => metadata.namespace === config.installNamespace);
  for (const network of networks) {
    const { metadata, status } = network;
    const missing = status?.conditions?.find(({ type }) => type === SLICES_MISSING);
    if (missing?.status !== 'True' || metadata.deletionTimestamp !== undefined) continue;
    // Until then blocks may still be on their way to their nodes.
    if (secondsSince(missing.lastTransitionTime, now) < config.cacheLagSeconds) continue;
    for (const name of lostSlices(status?.slices, here)) {
      const found = pieceOfName(name);
      if (found === undefined) continue;
      const { namespace, labels, annotations, poolRef } = networkSliceHead(network, config.installNamespace);
      const { piece, blockLength } = found;
      const path = slicePath(namespace, name);
      const object: AllocationSlice = {
        apiVersion: METAIPAM_API_VERSION,
        kind: 'AllocationSlice',
        metadata: {
          name,
          namespace,
          labels: { ...labels, 'controller-uid': poolRef.uid },
          ...(annotations && { annotations }),
          ownerReferences: [
            {
              apiVersion: METAIPAM_API_VERSION,
              kind: 'PodNetwork',
              name: metadata.name,
              uid: poolRef.uid,
              controller: true,
              blockOwnerDeletion: true,
            },
          ],
        },
        spec: {
          poolRef,
          cidr: formatPrefix(piece),
          ...(blockLength !== undefined && { blockLength }),
          entries: {},
        },
      };
      yield {
        why: `AllocationSlice ${namespace}/${name}: is missing, and made again`,
        checks: [
          { is: 'absent', path },
          { is: 'alive', path: networkPath(metadata.name), uid: poolRef.uid },
        ],
        act: { verb: 'create', path, object },
      };
    }
  }
}

/**
 * Slices that keep a network from their pieces, though it cannot write them: those of a network that is gone, and
 * those that one which is being deleted left without an owner (`--cascade=orphan`), which it then makes again.
 */
function* deleteLeftovers(
  slices: readonly AllocationSlice[],
  networks: readonly PodNetwork[],
): Generator<Deed> {
  const living = new Map(networks.map((network) => [network.metadata.uid, network]));
  for (const slice of slices) {
    const { metadata, spec } = slice;
    const { name, namespace = '', uid = '', resourceVersion = '', deletionTimestamp } = metadata;
    const { poolRef } = spec;
    if (deletionTimestamp !== undefined) continue;
    const network = living.get(poolRef.uid);
    const isOrphan = network?.metadata.deletionTimestamp !== undefined && controllerOf(slice) === undefined;
    if (network !== undefined && !isOrphan) continue;
    const path = networkPath(poolRef.name);
    yield {
      why: `AllocationSlice ${qualifiedName(metadata)}: PodNetwork ${poolRef.name} of then is ${isOrphan ? 'going' : 'gone'}`,
      checks: isOrphan ? [] : [{ is: 'gone', path, uid: poolRef.uid }],
      act: { verb: 'delete', path: slicePath(namespace, name), uid, resourceVersion },
    };
  }
}

function networkPath(name: string): ObjectPath {
  return { apiVersion: METAIPAM_API_VERSION, resource: 'podnetworks', name };
}

function slicePath(namespace: string, name: string): ObjectPath {
  return { apiVersion: METAIPAM_API_VERSION, resource: 'allocationslices', namespace, name };
}
