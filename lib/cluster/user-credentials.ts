/** Credentials of kubeconfigs as kubectl has them, where the client library knows them not, or less of them. */
import { spawn } from 'node:child_process';
import type { RequestOptions } from 'node:https';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node';
import { load } from 'js-yaml';
import { readFileBytes } from '../file-bytes.ts';
import { isObject, type JsonObject } from '../json.ts';

type Authenticator = Parameters<KubeConfig['addAuthenticator']>[0];

/** Marks the users whose credentials are found here. */
const OURS = 'metaipam';
const EXEC_CREDENTIAL = 'ExecCredential';
/** What requests would have to say, and several headers of one name cannot be sent. */
const NOT_SENT = ['as-groups', 'as-uid', 'as-user-extra'];

interface Plugin {
  readonly apiVersion?: string;
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly installHint?: string;
  readonly interactiveMode?: string;
  readonly provideClusterInfo?: boolean;
}

/** Of users that `withCredentials` returned. */
interface Provider {
  readonly name: typeof OURS;
  readonly config: { readonly plugin?: Plugin; readonly file?: string };
}

interface Credential {
  readonly token?: string;
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
  readonly expirationTimestamp?: string;
}

/**
 * The users in the text of a kubeconfig, those with a plugin or a token file for `CredentialFinder`. As in kubectl, paths in it are
 * relative to its folder. Throws Error for what cannot be asked for.
 */
export function withCredentials(users: readonly User[], kubeconfig: string, folder: string): User[] {
  const raw = load(kubeconfig) as JsonObject;
  const entries = new Map(
    (Array.isArray(raw.users) ? raw.users : []).flatMap((each): [unknown, JsonObject][] =>
      isObject(each) && isObject(each.user) ? [[each.name, each.user]] : [],
    ),
  );
  const absolute = (path: string) => resolve(folder, path);
  return users.map((user) => {
    const { tokenFile, exec, ...entry } = entries.get(user.name) ?? {};
    const refused = NOT_SENT.find((key) => key in entry);
    const known = { ...user, ...(refused !== undefined && { refused }) };
    if (typeof tokenFile === 'string' && tokenFile !== '')
      return withProvider({ ...known, token: undefined }, { file: absolute(tokenFile) });
    if (!isObject(exec) || typeof exec.command !== 'string') return known;
    const command = /[\\/]/.test(exec.command) ? absolute(exec.command) : exec.command;
    return withProvider({ ...known, exec: undefined }, { plugin: { ...exec, command } });
  });
}

function withProvider(user: object, config: Provider['config']): User {
  return { ...user, authProvider: { name: OURS, config } satisfies Provider } as unknown as User;
}

/** What a user asks for that requests would not say, and the API server would take them for another's. */
export function unsaidOf(user: User | null): string | undefined {
  const { refused } = (user ?? {}) as { refused?: string };
  return refused;
}

/** Finds the credentials of such users. A plugin is run once for all who wait for it, until what it said expires. */
export class CredentialFinder implements Authenticator {
  readonly #cluster: () => Cluster | null;
  /** By user, what a plugin says and until when, in milliseconds since 1970. */
  readonly #said = new Map<string, { until: number; readonly credential: Promise<Credential> }>();

  constructor(cluster: () => Cluster | null) {
    this.#cluster = cluster;
  }

  isAuthProvider(user: User): boolean {
    return user.authProvider?.name === OURS;
  }

  async applyAuthentication(user: User, options: RequestOptions): Promise<void> {
    const { file, plugin } = (user.authProvider as Provider).config;
    const { token, clientCertificateData, clientKeyData } =
      plugin === undefined
        ? { token: readFileBytes(file!).toString().trim() }
        : await this.#credentialOf(user.name, plugin);
    if (clientCertificateData !== undefined) options.cert = clientCertificateData;
    if (clientKeyData !== undefined) options.key = clientKeyData;
    if (token) options.headers = { ...options.headers, Authorization: `Bearer ${token}` };
  }

  async #credentialOf(name: string, plugin: Plugin): Promise<Credential> {
    const said = this.#said.get(name);
    if (said !== undefined && said.until > Date.now()) return said.credential;
    const running = { until: Number.POSITIVE_INFINITY, credential: run(plugin, this.#cluster()) };
    this.#said.set(name, running);
    try {
      const credential = await running.credential;
      const { expirationTimestamp } = credential;
      if (expirationTimestamp !== undefined) running.until = Date.parse(expirationTimestamp);
      return credential;
    } catch (error) {
      this.#said.delete(name);
      throw error;
    }
  }
}

/** Its words on stderr are for the person, who may have to answer. Throws Error. */
async function run(plugin: Plugin, cluster: Cluster | null): Promise<Credential> {
  const { command, apiVersion, installHint, interactiveMode } = plugin;
  const interactive = process.stdin.isTTY === true && interactiveMode !== 'Never';
  if (interactiveMode === 'Always' && !interactive)
    throw new Error(`${command} wants to ask, and stdin is no terminal`);
  const info = {
    apiVersion,
    kind: EXEC_CREDENTIAL,
    spec: { interactive, ...(plugin.provideClusterInfo && cluster && { cluster: infoOf(cluster) }) },
  };
  const own = Object.fromEntries((plugin.env ?? []).map(({ name, value }) => [name, value]));
  const child = spawn(command, [...(plugin.args ?? [])], {
    env: { ...process.env, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    stdio: [interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | NodeJS.Signals>((end, fail) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      const hint = installHint === undefined ? '' : `; ${installHint.trim()}`;
      fail(error.code === 'ENOENT' ? new Error(`there is no program ${command}${hint}`) : error);
    });
    child.on('close', (code, signal) => end(code ?? signal ?? 0));
  });
  const [code, said] = await Promise.all([ended, text(child.stdout)]);
  if (code !== 0) throw new Error(`${command} has ended with ${code}`);
  const { kind, status } = parsed(said);
  if (kind === EXEC_CREDENTIAL && isObject(status)) return status;
  throw new Error(`what ${command} writes is no ${EXEC_CREDENTIAL}`);
}

function parsed(said: string): { readonly kind?: unknown; readonly status?: unknown } {
  try {
    const value: unknown = JSON.parse(said);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function infoOf({ server, tlsServerName, skipTLSVerify, caFile, caData, proxyUrl }: Cluster): JsonObject {
  const data = caFile ? readFileBytes(caFile).toString('base64') : caData;
  return {
    server,
    ...(tlsServerName && { 'tls-server-name': tlsServerName }),
    ...(skipTLSVerify && { 'insecure-skip-tls-verify': true }),
    ...(data && { 'certificate-authority-data': data }),
    ...(proxyUrl && { 'proxy-url': proxyUrl }),
  };
}
