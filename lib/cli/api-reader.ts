/** Plain requests of an API server, with the objects as it sends them. */
import { request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import type { RequestLog } from '../cluster/connection.ts';
import { isObject } from '../json.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { InputError } from './command.ts';

/** An answer that is not 2xx, in the API server's words, or no answer at all (status 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Objects in one answer. */
const PAGE = 500;
/** Milliseconds without a sign of life. */
const TIMEOUT = 15_000;
/** What an API server with too much to do answers, and how often that is taken for one. */
const TOO_MANY = 429;
const MOST_TRIES = 5;
/** Seconds between two tries, if the API server wants longer ones. */
const LONGEST_PAUSE = 10;

export const BAD_CREDENTIALS = 'the credentials of the kubeconfig cannot be used';

const UNAUTHORIZED = 401;
const NO_MORE_CREDENTIALS = 'the credentials of the kubeconfig are not known there, or have expired';
/** Of OpenSSL, where none of the authorities that it knows has signed. */
const UNKNOWN_AUTHORITY = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];

/** Of a server that answers, but not as one. */
const NO_API_SERVER = 'is it an API server? If not, --kubeconfig or --context names one';

/** Reads, and asks questions. */
export class ApiReader {
  readonly #config: KubeConfig;
  readonly #log: RequestLog | undefined;

  constructor(config: KubeConfig, log?: RequestLog) {
    this.#config = config;
    this.#log = log;
  }

  async get<T>(path: string): Promise<T> {
    return (await this.send('GET', path)) as T;
  }

  /** The version of Kubernetes. Throws ApiError of a server that answers as none. */
  async version(): Promise<string> {
    const answer = await this.get<{ gitVersion?: unknown } | null>('/version').catch((error) => {
      throw error instanceof ApiError && error.status === 404 ? this.noApiServer('answered 404') : error;
    });
    if (typeof answer?.gitVersion === 'string') return answer.gitVersion;
    throw this.noApiServer('does not say which version of Kubernetes it is');
  }

  /**
   * Throws ApiError of a server that answers as no API server: for one that has nothing of what it was asked for, as any
   * web server has nothing. Who may not ask for the version has been told so by one.
   */
  async requireApiServer(): Promise<void> {
    await this.version().catch((error) => {
      if (!(error instanceof ApiError && [401, 403].includes(error.status))) throw error;
    });
  }

  noApiServer(what: string, status = 404): ApiError {
    return new ApiError(status, `${this.#shownServer()} ${what}: ${NO_API_SERVER}`);
  }

  /** Creates what only asks a question, such as a SubjectAccessReview. */
  async ask<T>(path: string, question: object): Promise<T> {
    return (await this.send('POST', path, question)) as T;
  }

  /**
   * What `pick` makes of each object of a resource, page by page, so that a hundred thousand of them need little
   * memory. Objects get the apiVersion and kind that a list leaves out.
   *
   * @param path `/apis/apps/v1/deployments`
   */
  async list<T extends KubernetesObject, R = T>(
    path: string,
    pick: (object: T) => R | undefined = (object) => object as unknown as R,
    labelSelector?: string,
  ): Promise<R[]> {
    let picked: R[] = [];
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (labelSelector !== undefined) query.set('labelSelector', labelSelector);
    do {
      const page = await this.get<List<T>>(`${path}?${query}`).catch((error) => {
        if (!(error instanceof ApiError && error.status === 410 && query.get('continue'))) throw error;
        // The list took longer than the API server remembers: once more, in one answer.
        picked = [];
        for (const name of ['limit', 'continue']) query.delete(name);
        return this.get<List<T>>(`${path}?${query}`);
      });
      if (!isList(page)) throw this.noApiServer('answered with no list', 200);
      const type = { apiVersion: page.apiVersion, kind: page.kind.replace(/List$/, '') };
      for (const item of page.items ?? []) {
        const one = pick({ ...type, ...item });
        if (one !== undefined) picked.push(one);
      }
      query.set('continue', page.metadata?.continue ?? '');
    } while (query.get('continue'));
    return picked;
  }

  /** The same; nothing of a resource that is not served. */
  async listServed<T extends KubernetesObject, R = T>(
    path: string,
    pick?: (object: T) => R | undefined,
    labelSelector?: string,
  ): Promise<R[]> {
    return this.list(path, pick, labelSelector).catch((error) => {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    });
  }

  protected async send(
    method: string,
    path: string,
    body?: object,
    type = 'application/json',
  ): Promise<unknown> {
    const url = new URL(this.#server() + path);
    const options: RequestOptions = { method };
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (error) {
      const [reason] = (error as Error).message.split('\n', 1);
      throw new ApiError(0, `${BAD_CREDENTIALS}: ${reason}`);
    }
    options.headers = { ...options.headers, accept: 'application/json', 'content-type': type };
    let reply = await this.#exchange(url, options, body);
    for (let tries = 1; reply.status === TOO_MANY && tries < MOST_TRIES; tries++) {
      await delay(reply.retryAfterMs);
      reply = await this.#exchange(url, options, body);
    }
    const { status, text } = reply;
    const answer = parsed(text);
    if (status >= 200 && status < 300 && answer !== undefined) return answer;
    if (answer === undefined) throw this.noApiServer(`answered ${status} and no JSON`, status);
    const { kind, message } = (answer ?? {}) as { kind?: unknown; message?: unknown };
    const why = status === UNAUTHORIZED ? `: ${NO_MORE_CREDENTIALS}` : '';
    if (kind === 'Status' && typeof message === 'string') throw new ApiError(status, message + why);
    const words = typeof message === 'string' ? `: ${message}` : '';
    throw new ApiError(status, `${this.#shownServer()} answered ${status}${words}`);
  }

  /** Without a password; of a proxy for several clusters the path says which. */
  #shownServer(): string {
    const { origin, pathname } = new URL(this.#server());
    return origin + pathname.replace(/\/$/, '');
  }

  /** Without a slash at its end. */
  #server(): string {
    const server = this.#config.getCurrentCluster()?.server;
    if (server === undefined) throw new ApiError(0, 'the kubeconfig names no server for its context');
    return server.replace(/\/$/, '');
  }

  /** One request and its answer, whatever that is. Throws ApiError where there is none. */
  async #exchange(url: URL, options: RequestOptions, body?: object): Promise<Reply> {
    const start = performance.now();
    const log = (outcome: string) =>
      this.#log?.(`${options.method} ${url} ${outcome} in ${Math.round(performance.now() - start)} ms`);
    const reply = await new Promise<Reply>((resolve, reject) => {
      const send = url.protocol === 'http:' ? requestHttp : requestHttps;
      const request = send(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => {
          patience.refresh();
          chunks.push(chunk);
        });
        response.on('end', () => {
          const { statusCode = 0, headers } = response;
          const retryAfterMs = Math.min(Number(headers['retry-after']) || 1, LONGEST_PAUSE) * 1000;
          resolve({ status: statusCode, retryAfterMs, text: Buffer.concat(chunks).toString('utf8') });
        });
        response.on('error', reject);
      });
      // A timeout of Node.js' begins anew when a TLS handshake has been begun.
      const patience = setTimeout(
        () => request.destroy(new Error(`no answer in ${TIMEOUT / 1000} s`)),
        TIMEOUT,
      );
      request.on('close', () => clearTimeout(patience));
      request.on('error', reject);
      request.end(body === undefined ? '' : JSON.stringify(body));
    }).catch((error: NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] }) => {
      const { proxyUrl } = this.#config.getCurrentCluster() ?? {};
      const message = whyUnanswered(error.errors?.[0] ?? error, url, proxyUrl);
      log(message);
      throw new ApiError(0, message);
    });
    log(String(reply.status));
    return reply;
  }
}

interface Reply {
  readonly status: number;
  readonly retryAfterMs: number;
  readonly text: string;
}

/** Writes, too. */
export class ApiWriter extends ApiReader {
  /** A JSON merge patch (RFC 7386). */
  async patch(path: string, change: object): Promise<void> {
    await this.send('PATCH', path, change, 'application/merge-patch+json');
  }

  async delete(path: string): Promise<void> {
    await this.send('DELETE', path);
  }
}

/** What `ask` lists. Throws InputError where it throws ApiError. */
export async function listing<T>(what: string, ask: () => Promise<T>): Promise<T> {
  return ask().catch((error) => {
    throw error instanceof ApiError ? new InputError(`cannot list ${what}: ${error.message}`) : error;
  });
}

/** What to mend, the server or the kubeconfig that names it. */
function whyUnanswered(
  { code = '', message }: NodeJS.ErrnoException,
  { origin, host }: URL,
  proxyUrl?: string,
): string {
  // OpenSSL's, of certificates and keys before anything is sent.
  if (code.startsWith('ERR_OSSL'))
    return `${BAD_CREDENTIALS}: its certificates or keys are no PEM: ${message}`;
  if (code === 'EPROTO' && message.includes('wrong version number'))
    return `${origin} does not speak TLS: should it be http://${host}?`;
  if (UNKNOWN_AUTHORITY.includes(code))
    return `${origin}: ${message}: the kubeconfig names no certificate-authority that has signed it`;
  const proxy = proxyUrl === undefined ? '' : ` by the proxy ${new URL(proxyUrl).host}`;
  return `${origin}${proxy}: ${message}`;
}

interface List<T> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly items?: readonly T[];
  readonly metadata?: { readonly continue?: string };
}

function isList(answer: unknown): answer is List<KubernetesObject> {
  if (!isObject(answer) || typeof answer.kind !== 'string') return false;
  const { items } = answer;
  return items == null || (Array.isArray(items) && items.every((item) => isObject(item?.metadata)));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
