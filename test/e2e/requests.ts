/** What an API server was asked for, from its `/metrics`. */
import { samplesOf } from './prometheus.ts';

/** Requests answered so far, by `VERB resource[/subresource]`, refused ones apart as `… 409`. */
export type RequestCounts = ReadonlyMap<string, number>;

export interface RequestsAnObject {
  readonly sum: number;
  /** Most frequent first; Events too, which the sum leaves out. */
  readonly byRequest: RequestCounts;
}

/**
 * Lists and watches are few and long, leases are renewed by time alone, and what has no resource is discovery,
 * probes and the reading of this: none of it depends on the number of objects.
 */
export function requestCounts(metrics: string): RequestCounts {
  const counts = new Map<string, number>();
  for (const { labels, value } of samplesOf(metrics, 'apiserver_request_total')) {
    const { verb = '', resource = '', subresource = '', code = '' } = labels;
    if (verb === 'LIST' || verb === 'WATCH' || resource === 'leases' || resource === '') continue;
    const error = Number(code) >= 400 ? ` ${code}` : '';
    const request = `${verb} ${resource}${subresource && `/${subresource}`}${error}`;
    counts.set(request, (counts.get(request) ?? 0) + value);
  }
  return counts;
}

/**
 * What each of `objects` cost between two readings.
 *
 * @param made the request by which a user made each object, `POST nodes`; not counted
 */
export function requestsAnObject(
  before: RequestCounts,
  after: RequestCounts,
  objects: number,
  made: string,
): RequestsAnObject {
  const byRequest = [...after]
    .map(([request, count]): [string, number] => {
      const own = request === made ? objects : 0;
      return [request, (count - (before.get(request) ?? 0) - own) / objects];
    })
    .filter(([, count]) => count !== 0)
    .sort(([, a], [, b]) => b - a);
  const sum = byRequest.reduce((total, [request, count]) => total + (isEvent(request) ? 0 : count), 0);
  return { sum, byRequest: new Map(byRequest) };
}

/** Events tell people what happened; API servers store them apart, and clients drop them under load. */
export function isEvent(request: string): boolean {
  return request.split(' ')[1] === 'events';
}
