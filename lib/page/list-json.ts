/** What the page shows, for programs. */
import { exactInteger } from '../json.ts';
import { matches, type Query, someNames } from './query.ts';
import type { Entry, Visit } from './render.ts';
import type { SeenNetwork } from './seen-network.ts';
import type { SeenPool, WaitingGroup } from './seen-pool.ts';

const POOLS = 200;
const NAMES = 20;

/** One page of the pools that the query asks for, with their counts and what waits for them, and the networks. */
export function listJson(
  { query, replica, now }: Pick<Visit, 'query' | 'replica' | 'now'>,
  pools: readonly Entry<SeenPool>[],
  networks: readonly Entry<SeenNetwork>[],
): object {
  const found = pools.filter(({ seen }) => matches(seen, query));
  const shown = found.slice((query.page - 1) * POOLS, query.page * POOLS);
  return {
    replica,
    count: found.length,
    page: query.page,
    pages: Math.max(1, Math.ceil(found.length / POOLS)),
    pools: shown.map(({ seen, at }) => poolJson(seen, query, now - at)),
    networks: networks.map(({ seen: { network }, at }) => ({
      name: network.metadata.name,
      status: network.status,
      seenSecondsAgo: Math.floor((now - at) / 1000),
    })),
  };
}

function poolJson({ pool, state, counts, waiting }: SeenPool, { text }: Query, age: number): object {
  const { kind, metadata } = pool;
  const { total, used, free, outOfRange } = counts;
  return {
    kind,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    name: metadata.name,
    ...state,
    addresses: {
      total: exactInteger(total),
      used: exactInteger(used),
      free: exactInteger(free),
      outOfRange: exactInteger(outOfRange),
    },
    waiting: waiting.map(({ reason, message, count, names }: WaitingGroup) => ({
      reason,
      message,
      count,
      claims: someNames(names, text, NAMES),
    })),
    seenSecondsAgo: Math.floor(age / 1000),
  };
}
