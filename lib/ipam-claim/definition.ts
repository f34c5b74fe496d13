import type { IPAMClaim } from '../kubernetes/core-types.ts';
import { IPAM_CLAIM_API_VERSION } from '../kubernetes/names.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { CustomResourceDefinition } from '../kubernetes/schema.ts';

const [group = '', version = ''] = IPAM_CLAIM_API_VERSION.split('/');
const TEXT = { type: 'string' } as const;

export function isIPAMClaim(object: KubernetesObject): object is IPAMClaim {
  return object.apiVersion === IPAM_CLAIM_API_VERSION && object.kind === 'IPAMClaim';
}

/** IPAMClaim as its CRD has it, for files, and clusters that are simulated; it is not ours to ship. */
export const IPAM_CLAIM_DEFINITION: CustomResourceDefinition = {
  kind: 'CustomResourceDefinition',
  metadata: { name: `ipamclaims.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind: 'IPAMClaim', plural: 'ipamclaims' },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['interface', 'network'],
                properties: { interface: TEXT, network: TEXT },
              },
              status: {
                type: 'object',
                required: ['ips'],
                properties: {
                  ips: { type: 'array', items: TEXT },
                  ownerPod: { type: 'object', properties: { name: TEXT } },
                  conditions: {
                    type: 'array',
                    items: {
                      type: 'object',
                      required: ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
                      properties: {
                        lastTransitionTime: { type: 'string', format: 'date-time' },
                        message: TEXT,
                        observedGeneration: { type: 'integer', format: 'int64' },
                        reason: TEXT,
                        status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
                        type: TEXT,
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};
