/** The rules for single objects that go beyond the CRDs', or say more than these what is wrong. */
import { parseAddress } from '../address/address.ts';
import { parsePrefix } from '../address/range.ts';
import { requestedParts } from '../ipam-claim/address-claims.ts';
import type { IPAMClaim } from '../kubernetes/core-types.ts';
import {
  ADDRESS_SPACE_ANNOTATION,
  CAPI_IPAM_GROUP,
  CLUSTER_CIDR_API_VERSION,
  IPAM_CLAIM_API_VERSION,
  METAIPAM_GROUP,
  REQUESTED_ADDRESS_ANNOTATION,
} from '../kubernetes/names.ts';
import { groupOf, type KubernetesObject } from '../kubernetes/object.ts';
import { POOL_KINDS, PREFIX, poolKind } from '../kubernetes/pool-kinds.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { ClusterCIDR, IPAddressClaim, PodNetwork } from '../kubernetes/types.ts';
import { validateClusterCIDR, validatePodNetwork } from '../pod-network/validate.ts';
import { isInBadAddressSpace, sharedAddressSpace } from '../pool/address-space.ts';
import { type Pool, readPool } from '../pool/pool.ts';

type Validate = (object: never) => Problem[];

/** By `kind.group`, whatever the version. */
const VALIDATORS: Readonly<Record<string, Validate>> = {
  ...Object.fromEntries(Object.keys(POOL_KINDS).map((kind) => [`${kind}.${CAPI_IPAM_GROUP}`, validatePool])),
  [`IPAddressClaim.${CAPI_IPAM_GROUP}`]: validateClaim,
  [`IPAMClaim.${groupOf(IPAM_CLAIM_API_VERSION)}`]: validateIPAMClaim,
  [`PodNetwork.${METAIPAM_GROUP}`]: ({ metadata, spec }: PodNetwork) =>
    validatePodNetwork(metadata.name, spec),
  [`ClusterCIDR.${groupOf(CLUSTER_CIDR_API_VERSION)}`]: ({ metadata, spec }: ClusterCIDR) =>
    validateClusterCIDR(spec, metadata),
};

/**
 * The rules that an object breaks. There are none for kinds that are not metaipam's.
 *
 * The object may come from a file: nothing but its kind, apiVersion and metadata is taken for granted, and that
 * no field of it is null.
 */
export function brokenRules(object: KubernetesObject): Problem[] {
  return VALIDATORS[`${object.kind}.${groupOf(object.apiVersion)}`]?.(object as never) ?? [];
}

function validatePool(pool: Pool): Problem[] {
  const problems = [...readPool(pool).problems];
  const given = pool.metadata.annotations?.[ADDRESS_SPACE_ANNOTATION];
  const space = sharedAddressSpace(pool);
  if (given !== undefined && space === undefined) {
    const message = 'is for pools of addresses: a pool of prefixes shares its address space with no other';
    problems.push({ field: annotation(ADDRESS_SPACE_ANNOTATION), value: given, message });
  }
  if (isInBadAddressSpace(pool)) {
    problems.push({
      field: annotation(ADDRESS_SPACE_ANNOTATION),
      value: space,
      message: 'must be a DNS name of at most 63 characters',
    });
  }
  return problems;
}

function validateClaim({ metadata, spec }: IPAddressClaim): Problem[] {
  const requested = metadata.annotations?.[REQUESTED_ADDRESS_ANNOTATION];
  if (requested === undefined) return [];
  const isOfPrefixes = poolKind(spec?.poolRef?.kind ?? '').unit === PREFIX;
  const isReadable = (text: string) =>
    parseAddress(text) !== undefined || (isOfPrefixes && parsePrefix(text) !== undefined);
  if (typeof requested === 'string' && isReadable(requested)) return [];
  return [
    {
      field: annotation(REQUESTED_ADDRESS_ANNOTATION),
      value: requested,
      message: isOfPrefixes ? 'must be a CIDR' : 'must be an IP address',
    },
  ];
}

/** It may ask for an address of each family. */
function validateIPAMClaim({ metadata }: IPAMClaim): Problem[] {
  const field = annotation(REQUESTED_ADDRESS_ANNOTATION);
  const parts = requestedParts(metadata);
  const unreadable = parts.filter((text) => parseAddress(text) === undefined);
  if (unreadable.length > 0)
    return unreadable.map((value) => ({ field, value, message: 'must be an IP address' }));
  const families = parts.map((text) => parseAddress(text)!.family);
  if (new Set(families).size === families.length) return [];
  return [{ field, value: parts.join(), message: 'must be one address of each family at most' }];
}

function annotation(key: string): string {
  return `metadata.annotations[${key}]`;
}
