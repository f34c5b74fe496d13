import { type Condition, setCondition, setV1Beta1Condition } from '../kubernetes/conditions.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';

/** What a claim's status is to say. */
export interface ClaimOutcome {
  readonly ready: Condition['status'];
  /** Cluster API's IPAM contract names AddressAllocated, AllocationFailed, PoolNotReady and PoolExhausted. */
  readonly reason: string;
  readonly message: string;
  /** The claim's address is the IPAddress of this name; null where it has none. */
  readonly addressName: string | null;
}

/** Whether what the claim waits for is not its pool, of the reasons that its hook finds by itself. */
export function isOwnTrouble(reason: string): boolean {
  return ['Paused', 'ClusterNotFound', 'AddressMissing', 'AddressLost'].includes(reason);
}

/** The claim's whole status with `outcome` in it; what others wrote there stays. */
export function claimStatus(
  claim: IPAddressClaim,
  { ready, reason, message, addressName }: ClaimOutcome,
  { now, config }: HookContext,
): object {
  const { addressRef: _, conditions = [], deprecated, ...others } = claim.status ?? {};
  const condition = { type: 'Ready', status: ready, reason, message } as const;
  const older = setV1Beta1Condition(
    (config.clusterApiVersion === 'v1beta1' ? conditions : deprecated?.v1beta1?.conditions) as Condition[],
    condition,
    now,
  );
  return {
    ...others,
    ...(addressName !== null && { addressRef: { name: addressName } }),
    ...(config.clusterApiVersion === 'v1beta1'
      ? { conditions: older }
      : {
          conditions: setCondition(conditions, condition, now),
          // Consumers of before v1beta2 aggregate these (CAPV does).
          deprecated: { ...deprecated, v1beta1: { ...deprecated?.v1beta1, conditions: older } },
        }),
  };
}

/** The Ready condition as it stands. */
export function readyCondition({ status }: IPAddressClaim): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready');
}
