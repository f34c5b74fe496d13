/** The overview of a cluster for programs. */
import { formatPrefix, formatRange, lengthOfSize, type Range } from '../address/range.ts';
import { keyOf } from '../allocation/slice.ts';
import { exactInteger } from '../json.ts';
import type { ReservationState } from '../pool/reservation.ts';
import { type Answer, outsideText } from './ask.ts';
import { placesOf } from './holding.ts';
import type { Overview, PoolOverview } from './overview.ts';
import type { Survey } from './survey.ts';
import type { SubnetUsage, Usage } from './usage.ts';

/** Answers as one object: who has addresses; or pools and networks, who has what of them, claims and nodes. */
export function plainAnswers(answers: readonly Answer[], overview: Overview, survey: Survey): object {
  if (answers.some(({ question: { is } }) => is === 'range')) {
    return {
      addresses: answers.map(({ question, holdings, overlaps }) => {
        if (question.is !== 'range') return { asked: question.text, holdings };
        const note = holdings.length > 0 ? undefined : outsideText(question, survey);
        return {
          asked: formatRange(question.range),
          holdings,
          ...(overlaps.length > 0 && { overlaps }),
          ...(note !== undefined && { note }),
        };
      }),
    };
  }
  return {
    ...plainOverview(overview),
    holdings: placesOf(overview, survey)
      .filter(({ holder }) => holder !== undefined)
      .map(({ describe }) => describe()),
    subjects: answers.flatMap(({ subjects }) => subjects),
  };
}

/** Addresses as text, integers exact, every segment. */
function plainOverview({ pools, networks, waitingForNoPool }: Overview): object {
  return {
    pools: pools.map(plainPool),
    networks: networks.map(({ name, state, nodes, allocated, waiting, clusterCIDRs }) => ({
      name,
      state,
      nodes,
      allocated,
      waiting,
      clusterCIDRs: clusterCIDRs.map(({ clusterCIDR, state, nodes, ranges }) => ({
        name: clusterCIDR.metadata.name,
        state,
        nodes,
        ranges: ranges.map(({ range, blockSize, ...usage }) => ({
          cidr: formatPrefix(range),
          ...plainSize(range, blockSize),
          ...plainUsage(usage),
        })),
      })),
    })),
    waitingForNoPool,
  };
}

function plainSize({ family }: Range, size: bigint): object {
  const blockLength = lengthOfSize(family, size);
  return blockLength === undefined ? { blockSize: exactInteger(size) } : { blockLength };
}

function plainPool({
  pool,
  state,
  waiting,
  reservations,
  subnets,
  overQuota,
  ...usage
}: PoolOverview): object {
  const { kind, metadata } = pool;
  return {
    kind,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    name: metadata.name,
    state,
    ...plainUsage(usage),
    waiting,
    ...(overQuota.size > 0 && { overQuota: Object.fromEntries(overQuota) }),
    ...(subnets.length > 0 && { subnets: subnets.map(plainSubnet) }),
    ...(reservations.length > 0 && { reservations: reservations.map(plainReservation) }),
  };
}

function plainSubnet({ listed, prefix, gateway, total, used, free }: SubnetUsage): object {
  return {
    addresses: listed.ranges.map(formatRange),
    prefix,
    ...(gateway && { gateway }),
    ...exact({ total, used, free }),
  };
}

function plainReservation({ reservation, ...state }: ReservationState): object {
  const { block, ...said } = reservation;
  const key = keyOf(block);
  return { ...said, ...(key.includes('/') ? { prefix: key } : { address: key }), ...state };
}

function plainUsage({ total, used, free, outOfRange, counts, fragmentation, space }: Usage): object {
  const { adopted, taken, kept, reserved, excluded, gateway } = counts;
  const withheld = reserved + excluded + gateway;
  return {
    ...exact({ total, used, free, outOfRange, adopted, taken, kept, withheld }),
    fragmentation,
    segments: space.segments.map((segment) => ({ addresses: formatRange(segment), state: segment.state })),
  };
}

function exact(counts: Readonly<Record<string, bigint>>): object {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, exactInteger(count)]));
}
