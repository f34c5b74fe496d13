/** The slices of a PodNetwork: what they have in common, and those that tell the nodes what to tell of themselves. */
import { type AddressSpace, labelKeysName } from '../allocation/names.ts';
import type { SliceHead } from '../allocation/slice.ts';
import { digest } from '../kubernetes/digest.ts';
import { labelValue } from '../kubernetes/label-value.ts';
import {
  DEFAULT_NETWORK,
  LABEL_KEYS_LABEL,
  METAIPAM_API_VERSION,
  METAIPAM_GROUP,
  NETWORK_LABEL,
  NODE_ANNOTATION_ANNOTATION,
  RANGE_SETTINGS_ANNOTATION,
  WITHDRAWN_AT_ANNOTATION,
} from '../kubernetes/names.ts';
import type { AllocationSlice, PodNetwork } from '../kubernetes/types.ts';
import type { DesiredObject } from '../metacontroller/hook.ts';
import { nodeAnnotationKey } from './node-annotation-key.ts';
import { type RangeSettings, rangeSettingsText } from './node-ranges.ts';

/** A slice of 256 keys of 317 characters stays far below what an annotation of Metacontroller may hold. */
const MOST_KEYS = 256;

/** Tells whether two have the same keys, sorted; 16 hexadecimal digits. */
export function labelKeysDigest(keys: readonly string[]): string {
  return digest(keys.join('\n'));
}

/** Names what is no piece: a pool of the same name in the install's namespace has answers too. */
function ownSpace(network: string): AddressSpace {
  return { name: network, marker: 'network' };
}

/** The slice that is there as long as the network is. */
export function presenceName(network: string): string {
  return labelKeysName(ownSpace(network), 0);
}

/**
 * @param settings what nodes are told of their blocks
 * @param withdrawnAt since when the blocks of a network that is being deleted should leave their nodes, RFC 3339
 */
export function networkSliceHead(
  { metadata, spec }: PodNetwork,
  namespace: string,
  settings: RangeSettings,
  withdrawnAt?: string,
): SliceHead {
  const { name, uid = '' } = metadata;
  const text = rangeSettingsText(settings);
  return {
    namespace,
    space: { name, marker: '' },
    own: ownSpace(name),
    poolRef: { apiGroup: METAIPAM_GROUP, kind: 'PodNetwork', name, uid },
    labels: { [NETWORK_LABEL]: labelValue(name) },
    ...(name !== DEFAULT_NETWORK && {
      annotations: {
        [NODE_ANNOTATION_ANNOTATION]: nodeAnnotationKey(name, spec?.annotation),
        ...(text !== undefined && { [RANGE_SETTINGS_ANNOTATION]: text }),
        ...(withdrawnAt !== undefined && { [WITHDRAWN_AT_ANNOTATION]: withdrawnAt }),
      },
    }),
  };
}

/**
 * The slices that list the keys of the node labels that the network selects by; the first is there even without any,
 * for its annotation and to show that the network is.
 *
 * Nodes look at these and not at ClusterCIDRs, of which each event would wake every node.
 *
 * @param keys sorted
 * @param slices those that there are
 */
export function labelKeySlices(
  head: SliceHead,
  keys: readonly string[],
  slices: readonly AllocationSlice[],
): DesiredObject[] {
  const known = new Map(slices.map(({ metadata, spec }) => [metadata.name, spec.poolRef]));
  const count = Math.max(1, Math.ceil(keys.length / MOST_KEYS));
  return Array.from({ length: count }, (_, index) => ({
    apiVersion: METAIPAM_API_VERSION,
    kind: 'AllocationSlice',
    metadata: {
      name: labelKeysName(head.own, index),
      namespace: head.namespace,
      labels: { ...head.labels, [LABEL_KEYS_LABEL]: '' },
      ...(head.annotations && { annotations: head.annotations }),
    },
    spec: {
      poolRef: known.get(labelKeysName(head.own, index)) ?? head.poolRef,
      labelKeys: keys.slice(index * MOST_KEYS, (index + 1) * MOST_KEYS),
    },
  }));
}
