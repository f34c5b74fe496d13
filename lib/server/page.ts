/** The page: pools and pod networks as the hooks saw them last, on the port of probes and metrics. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { HookContext } from '../metacontroller/hook.ts';
import { listJson } from '../page/list-json.ts';
import { parseQuery } from '../page/query.ts';
import { renderList, renderMissing, renderNetwork, renderPool, type Visit } from '../page/render.ts';
import type { SeenParents } from './seen.ts';

export interface PageOptions {
  readonly seen: SeenParents;
  /** Who has seen it: the name of the pod. */
  readonly replica: string;
  /** At the time of a visit. */
  readonly context: () => HookContext;
}

/** Milliseconds that drawing may take for one visit, while hooks wait. */
const BUDGET = 100;

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Adds `/` and `/api/pools` to the web server. */
export function addPage(app: FastifyInstance, { seen, replica, context }: PageOptions): void {
  app.get('/', async (request, reply) => {
    const nonce = randomBytes(16).toString('base64url');
    const query = parseQuery(new URL(request.url, 'http://localhost').search);
    const { status, text } = answer({ query, nonce, replica, now: context().now });
    reply.code(status).headers({
      ...HEADERS,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(nonce),
    });
    return text;
  });
  app.get('/api/pools', async (request, reply) => {
    const query = parseQuery(new URL(request.url, 'http://localhost').search);
    reply.headers({
      ...HEADERS,
      'content-type': 'application/json; charset=utf-8',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    return JSON.stringify(listJson({ query, replica, now: context().now }, seen.pools(), seen.networks()));
  });

  function answer(visit: Visit): { status: number; text: string } {
    const { pool, network } = visit.query;
    const painter = seen.painter(BUDGET, context());
    if (pool !== undefined) {
      const parent = seen.pool(pool);
      if (parent === undefined) return missing(visit, `pool ${pool}`);
      return { status: 200, text: renderPool(visit, parent, painter.pool(parent)) };
    }
    if (network !== undefined) {
      const parent = seen.network(network);
      if (parent === undefined) return missing(visit, `PodNetwork ${network}`);
      return { status: 200, text: renderNetwork(visit, parent, painter.network(parent)) };
    }
    return {
      status: 200,
      text: renderList(visit, seen.pools(), seen.networks(), seen.waitingForNoPool(), painter),
    };
  }
}

function missing(visit: Visit, what: string): { status: number; text: string } {
  return { status: 404, text: renderMissing(visit, what) };
}

/** Nothing may be loaded or run but what bears the nonce; the script may ask this server only. */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    'img-src data:',
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
