/** What Metacontroller leaves undone for pod networks. */
import {
  DECORATOR_ANNOTATION,
  METAIPAM_API_VERSION,
  METAIPAM_GROUP,
  NODES_CONTROLLER,
} from '../kubernetes/names.ts';
import { controllerOf, controllerReference, type ObjectPath, qualifiedName } from '../kubernetes/object.ts';
import type { AllocationSlice, PodCIDRClaim, PodNetwork } from '../kubernetes/types.ts';
import { isAttachment } from '../metacontroller/attachment.ts';
import type { Deed } from './deed.ts';
import { nodePath, pathOfSlice } from './release.ts';

interface NetworkJanitorView {
  readonly slices: readonly AllocationSlice[];
  readonly networks: readonly PodNetwork[];
  readonly podCIDRClaims: readonly PodCIDRClaim[];
}

export function networkDeeds(view: NetworkJanitorView): Deed[] {
  return [...deleteSlices(view), ...keepPodCIDRClaims(view)];
}

/**
 * Deletes slices that keep a network from their pieces, though it cannot write them: those of a network that is gone,
 * and those that one which is being deleted left without an owner (`--cascade=orphan`), which it then makes again.
 */
function* deleteSlices({ slices, networks }: NetworkJanitorView): Generator<Deed> {
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

/**
 * PodCIDRClaims that Metacontroller does not know, because somebody took their owner or their mark off: their Node gets
 * them back. Those that a Node was to leave (`--cascade=orphan`) go, as they would keep its blocks for ever, and the next
 * Node of the name from any.
 */
function* keepPodCIDRClaims({ podCIDRClaims }: NetworkJanitorView): Generator<Deed> {
  for (const claim of podCIDRClaims) {
    const { metadata, spec } = claim;
    const { name, uid = '', resourceVersion = '', deletionTimestamp, ownerReferences = [] } = metadata;
    const nodeUID = spec?.nodeUID;
    if (nodeUID === undefined || deletionTimestamp !== undefined) continue;
    const controller = controllerOf(claim);
    if (isAttachment(claim, NODES_CONTROLLER, nodeUID)) continue;
    if (controller !== undefined && controller.uid !== nodeUID) continue;
    const path = { apiVersion: METAIPAM_API_VERSION, resource: 'podcidrclaims', name };
    const node = nodePath(name);
    yield {
      why: `PodCIDRClaim ${name}: gets its Node as controller, and the mark by which Metacontroller knows it`,
      checks: [{ is: 'alive', path: node, uid: nodeUID }],
      act: {
        verb: 'update',
        path,
        object: {
          ...claim,
          metadata: {
            ...metadata,
            annotations: { ...metadata.annotations, [DECORATOR_ANNOTATION]: NODES_CONTROLLER },
            ownerReferences: [
              ...ownerReferences.filter((owner) => owner.uid !== nodeUID),
              controllerReference({ apiVersion: 'v1', kind: 'Node', metadata: { name, uid: nodeUID } }),
            ],
          },
        },
      },
    };
    if (controller !== undefined) continue;
    yield {
      why: `PodCIDRClaim ${name}: its Node is gone, and does not own it`,
      checks: [{ is: 'gone', path: node, uid: nodeUID }],
      act: { verb: 'delete', path, uid, resourceVersion },
    };
  }
}

function networkPath(name: string): ObjectPath {
  return { apiVersion: METAIPAM_API_VERSION, resource: 'podnetworks', name };
}
