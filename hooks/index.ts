/** Every controller by its name: of its Metacontroller object, of its file here, and in its hooks' URLs. */
import type { Controller } from '../lib/metacontroller/hook.ts';
import * as claimRouter from './claim-router.ts';
import * as claims from './claims.ts';
import * as clusterCidrs from './cluster-cidrs.ts';
import * as globalPools from './global-pools.ts';
import * as globalPrefixPools from './global-prefix-pools.ts';
import * as ipamClaimRouter from './ipam-claim-router.ts';
import * as ipamClaims from './ipam-claims.ts';
import * as nodes from './nodes.ts';
import * as podNetworks from './pod-networks.ts';
import * as pools from './pools.ts';
import * as prefixPools from './prefix-pools.ts';

export const controllers: Readonly<Record<string, Controller>> = {
  pools,
  'global-pools': globalPools,
  'prefix-pools': prefixPools,
  'global-prefix-pools': globalPrefixPools,
  'claim-router': claimRouter,
  claims,
  'pod-networks': podNetworks,
  nodes,
  'cluster-cidrs': clusterCidrs,
  'ipam-claim-router': ipamClaimRouter,
  'ipam-claims': ipamClaims,
};
