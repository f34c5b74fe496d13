/** The page: who has what, how full it is, who waits, on whatever port it is given. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ask, parseQuestion, partAsked } from '../inspect/ask.ts';
import { plainAnswers } from '../inspect/plain.ts';
import type { Survey } from '../inspect/survey.ts';
import { parseQuery } from '../page/query.ts';
import { render } from '../page/render.ts';
import type { PageSource } from '../page/source.ts';

export interface PageOptions {
  readonly source: PageSource;
  /** Whose objects they are: the name of a cluster, files. */
  readonly of: string;
}

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
const NOTHING = "default-src 'none'; frame-ancestors 'none'";

/** Milliseconds in which changes are gathered before browsers are told. */
const GATHER_MS = 1_000;
/** Milliseconds between two signs of life, for proxies that end what is silent. */
const HEARTBEAT_MS = 20_000;
/** Browsers that are told; another one gets 503 and shows what it loads. */
const MOST_STREAMS = 100;

/** Adds `/`, `/api/show` and `/events`. */
export function addPage(app: FastifyInstance, { source, of }: PageOptions): void {
  app.get('/', async (request, reply) => {
    const nonce = randomBytes(16).toString('base64url');
    const query = parseQuery(searchOf(request.url));
    const isLive = source.subscribe !== undefined;
    const visit = { query, nonce, of, problems: source.problems(), isLive };
    const { status, text } = render(visit, source.survey());
    reply.code(status).headers(headers('text/html', policy(nonce)));
    return text;
  });
  app.get('/api/show', async (request, reply) => {
    reply.headers(headers('application/json', NOTHING));
    const survey = source.survey();
    if (survey === undefined) return reply.code(503).send('{}');
    const { text } = parseQuery(searchOf(request.url));
    const answers = text === '' ? [] : [ask(parseQuestion(text), survey)];
    return JSON.stringify(plainAnswers(answers, partAsked(answers, survey.overview), survey));
  });
  if (source.subscribe === undefined) return;
  const streams = new Streams(source);
  app.get('/events', (_request, reply) => streams.open(reply));
  app.addHook('preClose', async () => streams.close());
}

function headers(type: string, policy: string) {
  return { ...HEADERS, 'content-type': `${type}; charset=utf-8`, 'content-security-policy': policy };
}

function searchOf(url: string): string {
  return new URL(url, 'http://localhost').search;
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

/** Server-sent events: one for each time that there is something new to load. */
class Streams {
  readonly #source: PageSource;
  readonly #open = new Set<FastifyReply>();
  #seen: Survey | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor(source: PageSource) {
    this.#source = source;
    source.subscribe?.(() => this.#gather(), this.#closing.signal);
  }

  open(reply: FastifyReply): void {
    if (this.#open.size >= MOST_STREAMS) {
      reply.code(503).headers(HEADERS).send('too many browsers look on\n');
      return;
    }
    reply.hijack();
    const { raw } = reply;
    // nginx would keep them back.
    raw.writeHead(200, { ...headers('text/event-stream', NOTHING), 'x-accel-buffering': 'no' });
    raw.write('retry: 2000\n\n');
    this.#open.add(reply);
    // What the browser has loaded may be older than the last change, of which it was not told.
    this.#gather();
    const heartbeat = setInterval(() => raw.write(':\n\n'), HEARTBEAT_MS);
    raw.on('close', () => {
      clearInterval(heartbeat);
      this.#open.delete(reply);
    });
  }

  close(): void {
    this.#closing.abort();
    clearTimeout(this.#timer);
    for (const { raw } of this.#open) raw.end();
  }

  #gather(): void {
    if (this.#open.size === 0 || this.#timer !== undefined || this.#closing.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const survey = this.#source.survey();
      // What is new may have to wait, where looking at it is dear.
      if (survey === this.#seen) return this.#gather();
      this.#seen = survey;
      for (const { raw } of this.#open) raw.write('data: changed\n\n');
    }, GATHER_MS);
    this.#timer.unref();
  }
}
