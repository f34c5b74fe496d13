/** Whether the server looks at the cluster's ServiceCIDR objects, where it should. */
import { intersection, overlaps, parsePrefix } from '../address/range.ts';
import { RangeSet } from '../address/range-set.ts';
import type { ServiceCIDR } from '../kubernetes/core-types.ts';
import { DEFAULT_NETWORK } from '../kubernetes/names.ts';
import type { ClusterCIDR, PodNetwork } from '../kubernetes/types.ts';
import { serviceRanges } from '../pod-network/network-view.ts';
import { type Diagnosis, error, judge, ok, type Reading, warning } from './finding.ts';

const CHECK = 'service-cidrs';

/**
 * @param isWatched the server's `--watch-service-cidrs`
 * @param clusterCIDRs those of the network `default`
 */
export function checkServiceCIDRs(
  isWatched: boolean,
  serviceCIDRs: Reading<ServiceCIDR>,
  clusterCIDRs: readonly ClusterCIDR[],
  networks: readonly PodNetwork[],
): readonly Diagnosis[] {
  if (!isWatched && clusterCIDRs.length === 0) return [];
  return judge(CHECK, serviceCIDRs, (found) => {
    if (isWatched) {
      const looks = 'the server looks at ServiceCIDR objects, and the cluster has';
      const fix =
        'start it without --watch-service-cidrs; list the ranges in serviceCIDRs of the PodNetwork default';
      return [found.length > 0 ? ok(CHECK, `${looks} them`) : error(CHECK, `${looks} none`, fix)];
    }
    const network = networks.find(({ metadata }) => metadata.name === DEFAULT_NETWORK);
    const listed = RangeSet.of(network === undefined ? [] : serviceRanges(network, []));
    const clash = overlapOf(found, clusterCIDRs, listed);
    if (clash === undefined) {
      const none =
        'no ClusterCIDR of the network default has addresses of ServiceCIDR objects that it may give';
      return [ok(CHECK, none)];
    }
    const message = `${clash}, and the server does not look at ServiceCIDR objects: nodes may get addresses of services`;
    const fix =
      'start the server with --watch-service-cidrs, or list the range in serviceCIDRs of the PodNetwork default';
    return [warning(CHECK, message, fix)];
  });
}

/** @param listed what the network leaves alone */
function overlapOf(
  serviceCIDRs: readonly ServiceCIDR[],
  clusterCIDRs: readonly ClusterCIDR[],
  listed: RangeSet,
): string | undefined {
  for (const { metadata: service, spec } of serviceCIDRs) {
    for (const { metadata, spec: given } of clusterCIDRs) {
      for (const text of spec?.cidrs ?? []) {
        const services = parsePrefix(text);
        const ranges = [given?.ipv4, given?.ipv6].flatMap((range) => parsePrefix(range ?? '') ?? []);
        const range = ranges.find((each) => services !== undefined && overlaps(each, services));
        if (range !== undefined && !listed.covers(intersection(range, services!))) {
          return `ClusterCIDR ${metadata.name} overlaps ServiceCIDR ${service.name} (${text})`;
        }
      }
    }
  }
  return undefined;
}
