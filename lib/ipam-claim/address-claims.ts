/** The IPAddressClaims of an IPAMClaim, one a family, and the addresses that they have. */
import { type Family, parseAddress } from '../address/address.ts';
import { readyCondition } from '../claim/status.ts';
import type { IPAMClaim } from '../kubernetes/core-types.ts';
import { digest } from '../kubernetes/digest.ts';
import {
  ADDRESS_ANNOTATION,
  CAPI_IPAM_GROUP,
  REQUESTED_ADDRESS_ANNOTATION,
  WATCH_FILTER_LABEL,
} from '../kubernetes/names.ts';
import { controllerOf, type ObjectMeta } from '../kubernetes/object.ts';
import type { IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import { ipamApiVersion } from '../metacontroller/api-version.ts';
import type { DesiredObject, HookConfig } from '../metacontroller/hook.ts';
import { FAMILIES, type PoolsByFamily } from './pools.ts';

/** Of a name of a custom resource. */
const LONGEST_NAME = 253;

/** `vm-a.blue` → `vm-a.blue-ipv4`; a name without room for that is cut, and hashed. */
export function addressClaimName({ name }: Pick<ObjectMeta, 'name'>, family: Family): string {
  const ending = `-ipv${family}`;
  if (name.length + ending.length <= LONGEST_NAME) return `${name}${ending}`;
  const hash = digest(name);
  const start = name.slice(0, LONGEST_NAME - ending.length - hash.length - 1).replace(/[^a-z0-9]+$/, '');
  return `${start}-${hash}${ending}`;
}

/**
 * What is asked for a family of a claim: of the address that it asks for itself, if it does, and of the one that it had
 * before. Metacontroller makes the claim its controller; it is made whole, and never changed.
 */
export function addressClaimOf(
  claim: IPAMClaim,
  family: Family,
  pools: PoolsByFamily,
  config: HookConfig,
): DesiredObject {
  const { kind, name } = pools.get(family)!;
  const { namespace } = claim.metadata;
  const requested = requestedAddress(claim, family, pools);
  const former = ipOf(claim, family)?.split('/')[0];
  const annotations = {
    ...(requested !== undefined && { [REQUESTED_ADDRESS_ANNOTATION]: requested }),
    ...(former !== undefined && { [ADDRESS_ANNOTATION]: former }),
  };
  return {
    apiVersion: ipamApiVersion(config),
    kind: 'IPAddressClaim',
    metadata: {
      name: addressClaimName(claim.metadata, family),
      ...(namespace !== undefined && { namespace }),
      ...(config.watchFilter !== undefined && { labels: { [WATCH_FILTER_LABEL]: config.watchFilter } }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: { poolRef: { apiGroup: CAPI_IPAM_GROUP, kind, name } },
  };
}

/** One that is there, and is to stay: Metacontroller would delete what is not asked for, and changes nothing of it. */
export function keptClaim({ apiVersion, kind, metadata, spec }: IPAddressClaim): DesiredObject {
  const { name, namespace } = metadata;
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) }, spec };
}

/** The addresses that a claim asks for, as they are written, in a file perhaps. */
export function requestedParts({ annotations }: ObjectMeta): string[] {
  return String(annotations?.[REQUESTED_ADDRESS_ANNOTATION] ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

/** Of the addresses that a claim asks for the one of a family. What cannot be read is told where the first is asked for. */
function requestedAddress({ metadata }: IPAMClaim, family: Family, pools: PoolsByFamily): string | undefined {
  const texts = requestedParts(metadata);
  const isFirst = pools.keys().next().value === family;
  return (
    texts.find((text) => parseAddress(text)?.family === family) ??
    (isFirst ? texts.find((text) => parseAddress(text) === undefined) : undefined)
  );
}

/** What the claim's status says of a family: `192.168.0.10/24`. */
export function ipOf({ status }: IPAMClaim, family: Family): string | undefined {
  return status?.ips?.find((text) => parseAddress(text.split('/')[0] ?? '')?.family === family);
}

/** The IPAddress that an IPAddressClaim has and keeps, once both say so. */
export function addressOfClaim(
  claim: IPAddressClaim | undefined,
  addresses: readonly IPAddress[],
): IPAddress | undefined {
  if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return undefined;
  if (readyCondition(claim)?.status !== 'True') return undefined;
  const { addressRef } = claim.status ?? {};
  return addresses.find(
    (address) =>
      address.metadata.name === addressRef?.name && controllerOf(address)?.uid === claim.metadata.uid,
  );
}

/** The families that a claim has, or is to have, addresses of. */
export function familiesOf(
  claim: IPAMClaim,
  pools: PoolsByFamily,
  claims: readonly IPAddressClaim[],
): Family[] {
  const names = new Set(claims.map(({ metadata }) => metadata.name));
  return FAMILIES.filter(
    (family) => pools.has(family) || names.has(addressClaimName(claim.metadata, family)),
  );
}
