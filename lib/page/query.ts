/** What a visitor asks for: the part of the URL behind the question mark. */
import { qualifiedName } from '../kubernetes/object.ts';
import type { SeenPool } from './seen-pool.ts';

export const FILTERS = {
  all: 'All',
  waiting: 'With waiting claims',
  full: 'Full',
  trouble: 'Not ready',
} as const;

export type Filter = keyof typeof FILTERS;

export interface Query {
  /** Part of a pool's or a claim's name, in lower case. */
  readonly text: string;
  readonly filter: Filter;
  /** From 1. */
  readonly page: number;
  /** `InClusterIPPool/default/pool-a`: show this one only. */
  readonly pool: string | undefined;
  /** Show this pod network only. */
  readonly network: string | undefined;
}

const LONGEST = 300;

/** Whatever cannot be understood counts as not given. */
export function parseQuery(search: string): Query {
  const parameters = new URLSearchParams(search);
  const filter = parameters.get('show') ?? '';
  const page = Number(parameters.get('page'));
  return {
    text: (parameters.get('q') ?? '').trim().slice(0, LONGEST).toLowerCase(),
    filter: Object.hasOwn(FILTERS, filter) ? (filter as Filter) : 'all',
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
    pool: parameters.get('pool')?.slice(0, LONGEST * 2) ?? undefined,
    network: parameters.get('network')?.slice(0, LONGEST) ?? undefined,
  };
}

/** The query as the end of a relative URL: `?q=a&page=2`; `?` when it asks for nothing. */
export function formatQuery({ text, filter, page, pool, network }: Partial<Query>): string {
  const parameters = new URLSearchParams({
    ...(text && { q: text }),
    ...(filter && filter !== 'all' && { show: filter }),
    ...(page !== undefined && page > 1 && { page: String(page) }),
    ...(pool !== undefined && { pool }),
    ...(network !== undefined && { network }),
  });
  return `?${parameters}`;
}

/** How a URL names a pool. */
export function poolPath({ pool: { kind, metadata } }: SeenPool): string {
  return `${kind}/${qualifiedName(metadata)}`;
}

/** Whether the pool, or a claim that waits for it, has the text in its name, and the filter lets it through. */
export function matches(seen: SeenPool, { text, filter }: Pick<Query, 'text' | 'filter'>): boolean {
  if (filter === 'waiting' && seen.waitingCount === 0) return false;
  if (filter === 'full' && !(seen.counts.free === 0n && seen.counts.total > 0n)) return false;
  if (filter === 'trouble' && seen.state.isReady) return false;
  if (text === '') return true;
  return (
    poolPath(seen).toLowerCase().includes(text) || seen.waiting.some(({ names }) => names.includes(text))
  );
}

/** Up to `most` of the names, those with the text in them first. */
export function someNames(names: string, text: string, most: number): string[] {
  const all = names.split('\n');
  const found = text === '' ? [] : all.filter((name) => name.includes(text));
  return [...new Set([...found.slice(0, most), ...all.slice(0, most)])].slice(0, most);
}
