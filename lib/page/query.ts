/** What a visitor asks for: the part of the URL behind the question mark. */
import { formatRange, parseRange, type Range } from '../address/range.ts';
import type { PoolOverview } from '../inspect/overview.ts';
import { countPending } from '../inspect/state.ts';
import { qualifiedName } from '../kubernetes/object.ts';
import type { Pool } from '../pool/pool.ts';

export const FILTERS = {
  all: 'All',
  waiting: 'With waiting claims',
  full: 'Full',
  trouble: 'Not ready',
} as const;

type Filter = keyof typeof FILTERS;

export interface Query {
  /** An address, a range, or a name or part of one. */
  readonly text: string;
  readonly filter: Filter;
  /** From 1. */
  readonly page: number;
  /** `InClusterIPPool/default/pool-a`: show this one only. */
  readonly pool: string | undefined;
  /** Show this pod network only. */
  readonly network: string | undefined;
  /** Show this part of it only. */
  readonly at: Range | undefined;
}

const LONGEST = 300;

/** Whatever cannot be understood counts as not given. */
export function parseQuery(search: string): Query {
  const parameters = new URLSearchParams(search);
  const filter = parameters.get('show') ?? '';
  const page = Number(parameters.get('page'));
  return {
    text: (parameters.get('q') ?? '').trim().slice(0, LONGEST),
    filter: Object.hasOwn(FILTERS, filter) ? (filter as Filter) : 'all',
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
    pool: parameters.get('pool')?.slice(0, LONGEST * 2) ?? undefined,
    network: parameters.get('network')?.slice(0, LONGEST) ?? undefined,
    at: parseRange(parameters.get('at') ?? ''),
  };
}

/** The query as the end of a relative URL: `?q=a&page=2`; `?` when it asks for nothing. */
export function formatQuery({ text, filter, page, pool, network, at }: Partial<Query>): string {
  const parameters = new URLSearchParams({
    ...(text && { q: text }),
    ...(filter && filter !== 'all' && { show: filter }),
    ...(page !== undefined && page > 1 && { page: String(page) }),
    ...(pool !== undefined && { pool }),
    ...(network !== undefined && { network }),
    ...(at !== undefined && { at: formatRange(at) }),
  });
  return `?${parameters}`;
}

/** How a URL names a pool. */
export function poolPath({ kind, metadata }: Pool): string {
  return `${kind}/${qualifiedName(metadata)}`;
}

/** A question that means the claim or node of the title alone: `claim/default/web-0`. */
export function questionAbout(title: string): string {
  const [kind = '', name = ''] = title.split(' ');
  return `${kind.toLowerCase()}/${name}`;
}

/** Whether the filter lets the pool through. */
export function passes({ waiting, state, isExhausted }: PoolOverview, filter: Filter): boolean {
  if (filter === 'waiting') return countPending(waiting) > 0;
  if (filter === 'full') return isExhausted;
  return filter === 'all' || !state.isReady;
}

/** Whether the pool, or a claim that waits for it, has the text in its name. */
export function isLike({ pool, waiting }: PoolOverview, text: string): boolean {
  const wanted = text.toLowerCase();
  return poolPath(pool).toLowerCase().includes(wanted) || waiting.some(({ name }) => name.includes(wanted));
}
