import { load } from 'js-yaml';
import { isObject, type JsonObject } from '../json.ts';

/** Where the API server is, and as whom to ask it. Certificates and keys are PEM texts. */
export interface Connection {
  readonly server: string;
  readonly ca?: string;
  readonly serverName?: string;
  readonly insecure?: boolean;
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** What finding credentials takes; nothing is kept, so a rotated token is found by the next call. */
interface Files {
  readonly env: Readonly<Record<string, string | undefined>>;
  readFile(path: string): string | undefined;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The connection of this process: that of its pod, else of `kubeconfig`, else of the first file of `KUBECONFIG` that
 * exists, else of `~/.kube/config`.
 *
 * Throws an Error that says what is missing.
 */
export function findConnection(files: Files, kubeconfig: string | undefined): Connection {
  const { env, readFile } = files;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, KUBECONFIG, HOME } = env;
  const token = host && port ? readFile(`${SERVICE_ACCOUNT}/token`) : undefined;
  if (token !== undefined) {
    const ca = readFile(`${SERVICE_ACCOUNT}/ca.crt`);
    const server = `https://${host!.includes(':') ? `[${host}]` : host}:${port}`;
    return { server, token: token.trim(), ...(ca !== undefined && { ca }) };
  }
  const paths = kubeconfig
    ? [kubeconfig]
    : KUBECONFIG
      ? KUBECONFIG.split(':')
      : [`${HOME || ''}/.kube/config`];
  for (const path of paths) {
    const text = readFile(path);
    if (text !== undefined) return readKubeconfig(text, path, files);
  }
  throw new Error(`no kubeconfig: ${paths.join(', ')}`);
}

/** The connection of the current context of a kubeconfig. Throws an Error that says what is wrong with it. */
export function readKubeconfig(
  text: string,
  path: string,
  { readFile }: Pick<Files, 'readFile'>,
): Connection {
  let config: unknown;
  try {
    config = load(text);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message.split('\n')[0]}`);
  }
  if (!isObject(config)) throw new Error(`${path}: no kubeconfig`);
  const context = named(config, 'contexts', config['current-context'], 'context', path);
  const cluster = named(config, 'clusters', context.cluster, 'cluster', path);
  const user = context.user ? named(config, 'users', context.user, 'user', path) : {};
  if (typeof cluster.server !== 'string') throw new Error(`${path}: the cluster has no server`);
  for (const unsupported of ['exec', 'auth-provider', 'username']) {
    if (user[unsupported]) throw new Error(`${path}: credentials by ${unsupported} are not supported`);
  }
  if (cluster['proxy-url']) throw new Error(`${path}: proxy-url is not supported`);
  /** Data in the file itself wins over a path; paths are relative to the kubeconfig. */
  const pem = (object: JsonObject, key: string) => {
    const data = object[`${key}-data`];
    if (typeof data === 'string' && data !== '') return fromBase64(data);
    return typeof object[key] === 'string' && object[key] !== '' ? content(object[key]) : undefined;
  };
  const content = (file: string) => {
    const absolute = file.startsWith('/') ? file : `${path.slice(0, path.lastIndexOf('/') + 1)}${file}`;
    const found = readFile(absolute);
    if (found === undefined) throw new Error(`${path}: cannot read ${absolute}`);
    return found;
  };
  const ca = pem(cluster, 'certificate-authority');
  const certificate = pem(user, 'client-certificate');
  const key = pem(user, 'client-key');
  const token =
    typeof user.tokenFile === 'string' && user.tokenFile !== '' ? content(user.tokenFile).trim() : user.token;
  const serverName = cluster['tls-server-name'];
  return {
    server: cluster.server,
    ...(ca !== undefined && { ca }),
    ...(typeof serverName === 'string' && serverName !== '' && { serverName }),
    ...(cluster['insecure-skip-tls-verify'] === true && { insecure: true }),
    ...(typeof token === 'string' && token !== '' && { token }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
  };
}

/** The entry of a list of `{name, <kind>}`. */
function named(config: JsonObject, list: string, name: unknown, kind: string, path: string): JsonObject {
  const entries = Array.isArray(config[list]) ? config[list] : [];
  const entry = entries.find((item) => isObject(item) && item.name === name);
  if (!isObject(entry?.[kind])) throw new Error(`${path}: no ${kind} ${JSON.stringify(name ?? '')}`);
  return entry[kind];
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** PEM is ASCII. Neither `atob` nor `Buffer` is there in every engine. */
function fromBase64(text: string): string {
  let bits = 0;
  let count = 0;
  let decoded = '';
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) continue;
    bits = ((bits << 6) | value) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded += String.fromCharCode((bits >> count) & 0xff);
  }
  return decoded;
}
