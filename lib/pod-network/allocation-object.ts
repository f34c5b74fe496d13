import type { Prefix } from '../address/range.ts';
import { blockAllocationName } from '../allocation/names.ts';
import { labelValue } from '../kubernetes/label-value.ts';
import {
  CLAIM_UID_LABEL,
  CLUSTER_CIDR_LABEL,
  METAIPAM_API_VERSION,
  NETWORK_LABEL,
  NODE_ANNOTATION_ANNOTATION,
  RELEASED_AT_ANNOTATION,
  WITHDRAWN_AT_ANNOTATION,
} from '../kubernetes/names.ts';
import type { IPAllocation, IPAllocationSpec } from '../kubernetes/types.ts';
import type { DesiredObject } from '../metacontroller/hook.ts';

const OUR_ANNOTATIONS = [NODE_ANNOTATION_ANNOTATION, RELEASED_AT_ANNOTATION, WITHDRAWN_AT_ANNOTATION];

/** The allocation as it is, but for our annotations: by default those that it has. */
export function keptAllocation(
  network: string,
  { metadata, spec }: Pick<IPAllocation, 'metadata' | 'spec'>,
  annotations = ownAnnotations(metadata.annotations),
): DesiredObject {
  const { name, namespace } = metadata;
  return {
    apiVersion: METAIPAM_API_VERSION,
    kind: 'IPAllocation',
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: {
        [CLAIM_UID_LABEL]: spec.claimRef.uid,
        [NETWORK_LABEL]: labelValue(network),
        [CLUSTER_CIDR_LABEL]: labelValue(spec.poolRef.name),
      },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec,
  };
}

export function newAllocation(
  network: string,
  namespace: string,
  { block, spec }: { block: Prefix; spec: IPAllocationSpec },
  annotations: Record<string, string>,
): DesiredObject {
  const metadata = { name: blockAllocationName(network, block), namespace };
  return keptAllocation(network, { metadata, spec }, annotations);
}

/** Wanted exactly as it is, whatever it is. */
export function untouched({ apiVersion, kind, metadata, spec }: IPAllocation): DesiredObject {
  const { name, namespace, labels, annotations } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations: ownAnnotations(annotations) }),
    },
    spec,
  };
}

function ownAnnotations(annotations: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => OUR_ANNOTATIONS.includes(key)));
}
