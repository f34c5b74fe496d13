/** What a network says of its ClusterCIDRs: their status is this, and nothing else. */
import { exactInteger } from '../json.ts';
import type { BlockCounts, SliceAnswer } from '../kubernetes/types.ts';
import { plural, shorten } from '../text.ts';
import type { NetworkStandstill } from './network-status.ts';
import type { NetworkReading } from './network-view.ts';
import type { Plan } from './plan.ts';
import { type BlockUsage, networkUsage, nodesByClusterCIDR } from './usage.ts';

/** The ClusterCIDR can serve a node. */
export const READY = 'Ready';
/** The network has seen that the ClusterCIDR is being deleted: it gives nothing of it any more. */
export const DELETING = 'Deleting';

const MAX_INT64 = 2n ** 63n - 1n;

/** By the uid of each ClusterCIDR in view. */
export function clusterCIDRAnswers(
  reading: NetworkReading,
  plan: Plan,
  standstill: NetworkStandstill | undefined,
): Map<string, SliceAnswer> {
  const usages = networkUsage(reading, plan);
  const counts = nodesByClusterCIDR(plan);
  const invalid = new Map(
    reading.invalidClusterCIDRs.map(({ clusterCIDR, message }) => [clusterCIDR.metadata.name, message]),
  );
  const network = reading.objects.network.metadata.name;
  return new Map(
    reading.objects.clusterCIDRs.map(({ metadata: { name, uid = '', deletionTimestamp } }) => {
      const nodes = counts.get(name) ?? 0;
      const blocks = usages.get(name) ?? [];
      const problem = invalid.get(name);
      const full = blocks.filter(({ free }) => free === 0n);
      const [reason, message] =
        deletionTimestamp !== undefined
          ? [DELETING, `${plural(nodes, 'node')} with blocks of this ClusterCIDR`]
          : problem !== undefined
            ? ['InvalidSpec', problem]
            : standstill !== undefined
              ? ['NetworkNotReady', `PodNetwork ${network}: ${standstill.message}`]
              : full.length > 0
                ? ['PoolExhausted', exhaustion(full)]
                : [READY];
      return [
        uid,
        {
          reason: reason!,
          ...(message && { message: shorten(message) }),
          nodes,
          ...Object.fromEntries(blocks.map((each) => [`ipv${each.family}`, exactCounts(each)])),
        },
      ];
    }),
  );
}

/** `no IPv4 and no IPv6 block is free`; with what withholds any of them. */
function exhaustion(full: readonly BlockUsage[]): string {
  const families = full.map(({ family }) => `IPv${family}`).join(' and no ');
  const withheld = full.flatMap(({ withheld = [] }) => withheld);
  return [`no ${families} block is free`, ...(withheld.length > 0 ? [withheld.join('; ')] : [])].join(': ');
}

/** Counts are int64 in the API. */
function exactCounts({ total, used, free }: BlockUsage): BlockCounts {
  const cap = (count: bigint) => exactInteger(count > MAX_INT64 ? MAX_INT64 : count);
  return { total: cap(total), used: cap(used), free: cap(free) };
}
