/** Every controller by its name: of its Metacontroller object, of its file here, and in its hooks' URLs. */
import type { Controller } from '../lib/metacontroller/hook.ts';
import * as claimRouter from './claim-router.ts';
import * as claims from './claims.ts';
import * as globalPools from './global-pools.ts';
import * as pools from './pools.ts';

export const controllers: Readonly<Record<string, Controller>> = {
  pools,
  'global-pools': globalPools,
  'claim-router': claimRouter,
  claims,
};
