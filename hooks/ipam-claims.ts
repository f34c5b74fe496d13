/** IPAMClaim → an IPAddressClaim for each family, and their addresses in its status. */

import { secondsSince } from '../lib/allocation/hold.ts';
import { looksAgainIn } from '../lib/allocation/look-again.ts';
import { readyCondition } from '../lib/claim/status.ts';
import {
  addressClaimName,
  addressClaimOf,
  addressOfClaim,
  familiesOf,
  keptClaim,
} from '../lib/ipam-claim/address-claims.ts';
import { FAMILIES, poolsOnClaim } from '../lib/ipam-claim/pools.ts';
import { type Condition, setCondition } from '../lib/kubernetes/conditions.ts';
import type { IPAMClaim } from '../lib/kubernetes/core-types.ts';
import { GATEWAYS_ANNOTATION, NETWORK_LABEL } from '../lib/kubernetes/names.ts';
import { qualifiedName } from '../lib/kubernetes/object.ts';
import type { IPAddress, IPAddressClaim } from '../lib/kubernetes/types.ts';
import { ipamApiVersion } from '../lib/metacontroller/api-version.ts';
import { addressGroup, claimGroup } from '../lib/metacontroller/groups.ts';
import {
  type CustomizeRequest,
  type CustomizeResponse,
  type DecoratorRequest,
  type DecoratorResponse,
  type HookContext,
  objectsOf,
  type ParentType,
} from '../lib/metacontroller/hook.ts';

/** How long an IPAddressClaim may take to appear before it is said that it has not. */
const APPEARING_SECONDS = 30;

/** What is said of IPAddressClaims that are not there to be asked. */
const WITHOUT_CLAIM = ['AddressClaimMissing', 'AddressClaimDeleting'];

export const parent: ParentType = {
  type: 'decorator',
  kind: 'IPAMClaim',
  groups: (config) => ({ own: [claimGroup(config)], related: [addressGroup(config)] }),
};

/** An IPAddress has the name of its IPAddressClaim. */
export function customize(
  { parent: { metadata } }: CustomizeRequest<IPAMClaim>,
  { config }: HookContext,
): CustomizeResponse {
  const { namespace } = metadata;
  return {
    relatedResources: [
      {
        apiVersion: ipamApiVersion(config),
        resource: 'ipaddresses',
        ...(namespace !== undefined && { namespace }),
        names: FAMILIES.map((family) => addressClaimName(metadata, family)),
      },
    ],
  };
}

/**
 * The status shows addresses once there is one of each family, and their gateways before: who reads them has both. What
 * it shows stays until there are others.
 *
 * Nothing ends here: garbage collection takes the IPAddressClaims after the claim is gone, whatever keeps that.
 */
export function sync(request: DecoratorRequest<IPAMClaim>, context: HookContext): DecoratorResponse {
  const { config, now } = context;
  const claim = request.object;
  const claims = objectsOf<IPAddressClaim>(request, 'attachments', claimGroup(config));
  const addresses = objectsOf<IPAddress>(request, 'related', addressGroup(config));
  const kept = claims.map(keptClaim);
  const pools = poolsOnClaim(claim);
  // The router writes it anew.
  if (pools === undefined) return { labels: { [NETWORK_LABEL]: null }, attachments: kept };
  const byName = new Map(claims.map((each) => [each.metadata.name, each]));
  const wanted = familiesOf(claim, pools, claims).map((family) => {
    const own = byName.get(addressClaimName(claim.metadata, family));
    return { family, own, address: addressOfClaim(own, addresses) };
  });
  const made = wanted.filter(({ own }) => own === undefined);
  const attachments = [...kept, ...made.map(({ family }) => addressClaimOf(claim, family, pools, config))];
  const given = wanted.flatMap(({ address }) => address ?? []);
  const changed = whyOfOtherNetwork(claim);
  if (given.length < wanted.length) {
    const age = secondsSince(claim.metadata.creationTimestamp, now);
    const whys = wanted.flatMap(({ family, own, address }) =>
      address === undefined ? (whyNot(own, qualifiedName(named(claim, family)), age) ?? []) : [],
    );
    const why = changed ?? whys[0] ?? whyStillNot(claim);
    return {
      ...(why !== undefined && { status: statusOf(claim, claim.status?.ips ?? [], why, now) }),
      attachments,
      resyncAfterSeconds:
        made.length > 0 ? APPEARING_SECONDS : looksAgainIn(claim.metadata.creationTimestamp, now),
    };
  }
  const gateways = given.flatMap(({ spec }) => spec.gateway || []).join() || null;
  if ((claim.metadata.annotations?.[GATEWAYS_ANNOTATION] ?? null) !== gateways) {
    return { annotations: { [GATEWAYS_ANNOTATION]: gateways }, attachments };
  }
  const ips = given.map(({ spec: { address, prefix } }) => `${address}/${prefix}`);
  const ready = { status: 'True', reason: 'AddressAllocated', message: '' } as const;
  return { status: statusOf(claim, ips, changed ?? ready, now), attachments };
}

type Outcome = Pick<Condition, 'status' | 'reason' | 'message'>;

/** Which network it is served in has been decided once. */
function whyOfOtherNetwork({ metadata, spec }: IPAMClaim): Outcome | undefined {
  const served = metadata.labels?.[NETWORK_LABEL];
  const { network } = spec ?? {};
  if (served === undefined || served === network) return undefined;
  const message = `has addresses of network ${served}, and none of ${network}: make another claim for that`;
  return { status: 'False', reason: 'NetworkChanged', message };
}

/** Why a family has no address: what its IPAddressClaim says, once it says something. */
function whyNot(own: IPAddressClaim | undefined, name: string, age: number): Outcome | undefined {
  if (own === undefined) {
    if (age < APPEARING_SECONDS) return undefined;
    const message = `waits for IPAddressClaim ${name}, unless there is one that is not this claim's: delete that`;
    return { status: 'False', reason: 'AddressClaimMissing', message };
  }
  if (own.metadata.deletionTimestamp !== undefined) {
    const message = `IPAddressClaim ${name} is being deleted, and is made again once it is gone`;
    return { status: 'False', reason: 'AddressClaimDeleting', message };
  }
  const ready = readyCondition(own);
  if (ready === undefined || ready.status === 'True') return undefined;
  return { status: 'False', reason: ready.reason, message: `IPAddressClaim ${name}: ${ready.message}` };
}

/** What is to be said of IPAddressClaims that are there again, and say nothing, in the place of what was said before. */
function whyStillNot({ status }: IPAMClaim): Outcome | undefined {
  const { reason = '' } = status?.conditions?.find(({ type }) => type === 'Ready') ?? {};
  if (!WITHOUT_CLAIM.includes(reason)) return undefined;
  const message = 'waits for IPAddresses that its IPAddressClaims control';
  return { status: 'False', reason: 'AddressMissing', message };
}

function named({ metadata }: IPAMClaim, family: 4 | 6) {
  return { ...metadata, name: addressClaimName(metadata, family) };
}

/** The whole status, with what others have in it. */
function statusOf({ metadata, status }: IPAMClaim, ips: readonly string[], outcome: Outcome, now: number) {
  const condition = {
    type: 'Ready',
    ...outcome,
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
  };
  const { ips: _, conditions, ...others } = status ?? {};
  return { ...others, ips, conditions: setCondition(conditions, condition, now) };
}
