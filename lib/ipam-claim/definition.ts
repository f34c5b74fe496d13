import { IPAM_CLAIM_API_VERSION } from '../kubernetes/names.ts';
import type { CustomResourceDefinition } from '../kubernetes/schema.ts';

const [group = '', version = ''] = IPAM_CLAIM_API_VERSION.split('/');
const TEXT = { type: 'string' } as const;

/** IPAMClaim as far as it is read and written here, for clusters that are simulated; its CRD is not ours to ship. */
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
