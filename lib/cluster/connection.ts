/** How this process reaches the API server. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { KubeConfig, type RequestContext, type User } from '@kubernetes/client-node';
import { readFileBytes, TOO_LARGE, TOO_LARGE_TEXT } from '../file-bytes.ts';
import { CredentialFinder, unsaidOf, withCredentials } from './user-credentials.ts';

/** Where every pod finds its own. */
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
/** Milliseconds after which connections are made anew, as certificates on disk may have been replaced. */
const CONNECTIONS_KEPT = 10 * 60_000;

/** Takes one line for each request. */
export type RequestLog = (line: string) => void;

export interface ConnectionOptions {
  /** URL that replaces the kubeconfig's server. */
  readonly apiserver?: string;
  /** Path of a kubeconfig; without it the process is taken to run in a pod. */
  readonly kubeconfig?: string;
}

/** The connection that the options describe, or why there is none. */
export function connect({
  apiserver,
  kubeconfig,
}: ConnectionOptions): { config: SharedConnections } | { problem: string } {
  const config = new SharedConnections();
  if (kubeconfig) {
    try {
      config.loadFromFile(kubeconfig);
    } catch (error) {
      return { problem: unreadable(kubeconfig, error) };
    }
  } else if (existsSync(SERVICE_ACCOUNT_TOKEN)) {
    config.loadFromCluster();
  } else if (apiserver) {
    config.loadFromClusterAndUser(
      { name: 'apiserver', server: apiserver, skipTLSVerify: false },
      { name: 'anonymous' },
    );
  } else {
    return { problem: 'this process runs in no pod and has no kubeconfig' };
  }
  if (apiserver) config.clusters = config.clusters.map((cluster) => ({ ...cluster, server: apiserver }));
  const server = config.getCurrentCluster()?.server ?? '';
  if (!URL.canParse(server)) {
    return {
      problem:
        apiserver || !kubeconfig
          ? `${JSON.stringify(server)} is no URL of an API server`
          : `the kubeconfig ${kubeconfig} names no server for its context`,
    };
  }
  const unsaid = config.unsaid();
  if (unsaid !== undefined) return { problem: unsaid };
  config.allowPlainHttp();
  return { config };
}

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read',
  [TOO_LARGE]: `it ${TOO_LARGE_TEXT}`,
};

/** Why the kubeconfig `file` cannot be loaded, from what its loading threw. */
export function unreadable(file: string, error: unknown): string {
  const { code = '', name, message } = error as NodeJS.ErrnoException;
  // What is read is taken for granted, so that other files fail with a TypeError.
  const [reason] = name === 'TypeError' ? ['it is no kubeconfig'] : message.split('\n', 1);
  return `cannot read the kubeconfig ${file}: ${SYSTEM_ERRORS[code] ?? reason}`;
}

/**
 * Requests of one process share their connections. Left to itself, the client makes one for each request, and its TLS
 * handshake costs both sides more than the request.
 */
export class SharedConnections extends KubeConfig {
  #dispatcher: ReturnType<RequestContext['getDispatcher']>;
  #madeAt = Number.NEGATIVE_INFINITY;
  readonly #finder = new CredentialFinder(() => this.getCurrentCluster());

  constructor() {
    super();
    this.addAuthenticator(this.#finder);
  }

  override loadFromFile(...[file, options]: Parameters<KubeConfig['loadFromFile']>): void {
    // Once: it may be a pipe.
    const text = readFileBytes(file).toString();
    this.loadFromString(text, options);
    this.makePathsAbsolute(dirname(file));
    this.users = withCredentials(this.users, text, dirname(file));
  }

  /** Without one, the client would leave out the certificates of the cluster as well. */
  override getCurrentUser(): User | null {
    return super.getCurrentUser() ?? { name: '' };
  }

  /** Lets a plugin ask what it has to, before anything else is shown. Throws what it says. */
  async logIn(): Promise<void> {
    const user = this.getCurrentUser()!;
    if (this.#finder.isAuthProvider(user)) await this.#finder.applyAuthentication(user, {});
  }

  /** What of the user is not supported, as a sentence. */
  unsaid(): string | undefined {
    const user = this.getCurrentUser();
    const key = unsaidOf(user);
    return (
      key && `user ${user!.name} of the kubeconfig has ${key}, which is not supported: name another user`
    );
  }

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    const made = context.getDispatcher();
    if (performance.now() - this.#madeAt > CONNECTIONS_KEPT) {
      this.#dispatcher = made;
      this.#madeAt = performance.now();
    }
    if (this.#dispatcher !== undefined) context.setDispatcher(this.#dispatcher);
  }

  /** The client takes plain HTTP, as of `kubectl proxy`, only when told that there is no certificate to check. */
  allowPlainHttp(): void {
    this.clusters = this.clusters.map((cluster) =>
      URL.parse(cluster.server)?.protocol === 'http:' ? { ...cluster, skipTLSVerify: true } : cluster,
    );
  }

  /** Connects anew from now on: one of the connections is silent, and TCP may take minutes to say that it is dead. */
  renew(): void {
    this.#madeAt = Number.NEGATIVE_INFINITY;
  }
}
