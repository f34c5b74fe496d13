/** What a secondary network says of its blocks, for people. */
import { DEFAULT_NETWORK } from '../kubernetes/names.ts';
import type { IndexRange, PodNetwork, Route } from '../kubernetes/types.ts';
import { validatePodNetwork } from '../pod-network/validate.ts';

export interface NetworkTerm {
  /** Of the spec. */
  readonly field: string;
  readonly text: string;
}

/** Each field besides those that every network has, with its values; none of a spec that is invalid. */
export function networkTerms(network: PodNetwork | undefined): NetworkTerm[] {
  if (network === undefined || network.metadata.name === DEFAULT_NETWORK) return [];
  const { metadata, spec } = network;
  if (validatePodNetwork(metadata.name, spec).length > 0) return [];
  const texts = {
    subnets: spec.subnets?.map(({ cidr, gateway }) => (gateway ? `${cidr} with gateway ${gateway}` : cidr)),
    gatewayIndex: spec.gatewayIndex === undefined ? [] : [`${spec.gatewayIndex}`],
    routes: spec.routes?.map(routeText),
    excludedAddresses: spec.excludedAddresses,
    perNodeExclusions: spec.perNodeExclusions?.map(indexText),
    additionalBlocks: spec.additionalBlocks?.map(({ node, count }) => `${count} for Node ${node}`),
  };
  return Object.entries(texts).flatMap(([field, list = []]) => list.map((text) => ({ field, text })));
}

/** `10.96.0.0/12 by 10.0.0.1`. */
export function routeText({ dst, gw }: Route): string {
  return gw === undefined ? dst : `${dst} by ${gw}`;
}

function indexText({ startIndex, endIndex }: IndexRange): string {
  return startIndex === endIndex ? `${startIndex}` : `${startIndex} to ${endIndex}`;
}
