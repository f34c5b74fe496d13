/** What Metacontroller leaves undone for pod networks. */
import { METAIPAM_API_VERSION, METAIPAM_GROUP } from '../kubernetes/names.ts';
import { controllerOf, type ObjectPath, qualifiedName } from '../kubernetes/object.ts';
import type { AllocationSlice, PodNetwork } from '../kubernetes/types.ts';
import type { Deed } from './deed.ts';
import { pathOfSlice } from './release.ts';

interface NetworkJanitorView {
  readonly slices: readonly AllocationSlice[];
  readonly networks: readonly PodNetwork[];
}

/**
 * Deletes slices that keep a network from their pieces, though it cannot write them: those of a network that is gone,
 * and those that one which is being deleted left without an owner (`--cascade=orphan`), which it then makes again.
 */
export function* networkDeeds({ slices, networks }: NetworkJanitorView): Generator<Deed> {
  const living = new Map(networks.map((network) => [network.metadata.uid, network]));
  for (const slice of slices) {
    const { metadata, spec } = slice;
    const { uid = '', resourceVersion = '', deletionTimestamp } = metadata;
    const { poolRef } = spec;
    if (poolRef.apiGroup !== METAIPAM_GROUP || deletionTimestamp !== undefined) continue;
    const network = living.get(poolRef.uid);
    const isOrphan = network?.metadata.deletionTimestamp !== undefined && controllerOf(slice) === undefined;
    if (network !== undefined && !isOrphan) continue;
    const path = networkPath(poolRef.name);
    yield {
      why: `AllocationSlice ${qualifiedName(metadata)}: PodNetwork ${poolRef.name} of then is ${isOrphan ? 'going' : 'gone'}`,
      checks: isOrphan ? [] : [{ is: 'gone', path, uid: poolRef.uid }],
      act: { verb: 'delete', path: pathOfSlice(slice), uid, resourceVersion },
    };
  }
}

function networkPath(name: string): ObjectPath {
  return { apiVersion: METAIPAM_API_VERSION, resource: 'podnetworks', name };
}
