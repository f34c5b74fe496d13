/** Who may read what, by the API server's word: as controller-runtime's filter for metrics has it. */

/** As a TokenReview names somebody. */
export interface User {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Asks the API server. Both throw when it does not answer. */
export interface Reviewer {
  /** By TokenReview. Undefined for a token that is nobody's. */
  whoIs(token: string): Promise<User | undefined>;
  /** By SubjectAccessReview of a path, which is no resource. */
  may(user: User, verb: string, path: string): Promise<boolean>;
}

interface AccessVerdict {
  readonly status: 200 | 401 | 403 | 500;
  readonly message: string;
}

/** How long an answer holds, in milliseconds: those of controller-runtime. */
const KNOWN_MS = 60_000;
const ALLOWED_MS = 300_000;
const DENIED_MS = 30_000;
/** Answers that are kept. */
const MOST_KEPT = 1000;

/** Judges requests, and remembers for a while what the API server said. */
export class Gatekeeper {
  readonly #reviewer: Reviewer;
  readonly #now: () => number;
  readonly #users = new Memory<User>();
  readonly #rights = new Memory<boolean>();

  /** @param now milliseconds from any fixed point */
  constructor(reviewer: Reviewer, now: () => number) {
    this.#reviewer = reviewer;
    this.#now = now;
  }

  /** @param authorization the header of a request */
  async judge(authorization: string | undefined, method: string, path: string): Promise<AccessVerdict> {
    const [, token] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
    if (token === undefined) return { status: 401, message: 'Unauthorized' };
    let user: User | undefined;
    try {
      user = await this.#whoIs(token);
    } catch (error) {
      return { status: 500, message: `Authentication failed: ${(error as Error).message}` };
    }
    if (user === undefined) return { status: 401, message: 'Unauthorized' };
    try {
      if (await this.#may(user, method.toLowerCase(), path)) return { status: 200, message: '' };
    } catch (error) {
      const message = `Authorization for user ${user.username} failed: ${(error as Error).message}`;
      return { status: 500, message };
    }
    return { status: 403, message: `Authorization denied for user ${user.username}` };
  }

  async #whoIs(token: string): Promise<User | undefined> {
    const now = this.#now();
    const known = this.#users.get(token, now);
    if (known !== undefined) return known;
    const user = await this.#reviewer.whoIs(token);
    if (user !== undefined) this.#users.set(token, user, now + KNOWN_MS);
    return user;
  }

  async #may(user: User, verb: string, path: string): Promise<boolean> {
    const now = this.#now();
    const key = JSON.stringify([user, verb, path]);
    const known = this.#rights.get(key, now);
    if (known !== undefined) return known;
    const allowed = await this.#reviewer.may(user, verb, path);
    this.#rights.set(key, allowed, now + (allowed ? ALLOWED_MS : DENIED_MS));
    return allowed;
  }
}

/** What was answered, each for its time, the oldest going first when there is too much. */
class Memory<T> {
  readonly #kept = new Map<string, { readonly value: T; readonly until: number }>();

  get(key: string, now: number): T | undefined {
    const found = this.#kept.get(key);
    if (found !== undefined && found.until > now) return found.value;
    this.#kept.delete(key);
    return undefined;
  }

  set(key: string, value: T, until: number): void {
    this.#kept.set(key, { value, until });
    if (this.#kept.size <= MOST_KEPT) return;
    const [oldest] = this.#kept.keys();
    this.#kept.delete(oldest!);
  }
}
