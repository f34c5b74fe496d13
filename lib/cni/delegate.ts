import { CNI_CODES, CniError } from './cni-error.ts';
import type { Ended, Host } from './host.ts';
import { isObject, type JsonObject, keyOf } from './network-config.ts';

export const HOST_LOCAL = 'host-local';

/** Subnets live in files of one folder per network, whatever ranges a call names, but it has to name one. */
export const ANY_RANGE = [[{ subnet: '192.0.2.0/24' }]] as const;

/** As libcni does it. */
const TRIES_IF_BUSY = 5;
/** Milliseconds. */
const DELAY_IF_BUSY = 1000;

/** The first of the name in the folders of `CNI_PATH`. Throws code 100 if there is none. */
export function findPlugin({ env, isFile }: Host, name: string): string {
  const folders = (env.CNI_PATH ?? '').split(':').filter((folder) => folder !== '');
  const found = folders.map((folder) => `${folder}/${name}`).find((path) => isFile(path));
  if (found !== undefined) return found;
  const where = `failed to find plugin ${JSON.stringify(name)} in path [${folders.join(' ')}]`;
  throw new CniError(CNI_CODES.failed, `Invoke ${name} ipam`, where);
}

/** The same config for another IPAM plugin, every other part of it untouched. */
export function withIpam(whole: JsonObject, ipam: JsonObject): JsonObject {
  return { ...whole, [keyOf(whole, 'ipam') ?? 'ipam']: ipam };
}

/**
 * Calls the plugin with the environment of this call and answers what it wrote to stdout.
 *
 * A plugin that does not know 1.1.0 yet is called again with 1.0.0, whose IPAM results look the same.
 * Throws the plugin's own error.
 */
export function delegate(host: Host, path: string, config: JsonObject, env = host.env): string {
  try {
    return callPlugin(host, path, JSON.stringify(config), env);
  } catch (error) {
    const versionKey = keyOf(config, 'cniVersion') ?? 'cniVersion';
    const isTooNew = error instanceof CniError && error.code === CNI_CODES.incompatibleVersion;
    if (!isTooNew || config[versionKey] !== '1.1.0') throw error;
    const result = callPlugin(host, path, JSON.stringify({ ...config, [versionKey]: '1.0.0' }), env);
    return result === '' ? '' : JSON.stringify({ ...JSON.parse(result), cniVersion: '1.1.0' }, null, 4);
  }
}

/**
 * Calls the plugin with `input` as it is. One that is being copied to its place at the moment is called again, as
 * runtimes do with theirs. Throws the plugin's own error.
 */
export function callPlugin(host: Host, path: string, input: string, env = host.env): string {
  for (let tries = 1; ; tries++) {
    const ended = host.run(path, env, input);
    if (ended.status === 0) return ended.output;
    if (!ended.isBusy || tries === TRIES_IF_BUSY) throw readError(path, ended);
    host.sleep(DELAY_IF_BUSY);
  }
}

/** host-local 1.9 can print a result and then its error. */
function readError(path: string, { status, output, problem }: Ended): CniError {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const lastObject = output.lastIndexOf('{\n');
  for (const text of [output, output.slice(lastObject)]) {
    try {
      const value: unknown = JSON.parse(text);
      if (isObject(value) && typeof value.code === 'number') {
        return new CniError(value.code, String(value.msg ?? ''), String(value.details ?? ''));
      }
    } catch {}
  }
  const said = output.trim().slice(0, 200);
  const reason = problem ?? (status < 0 ? `ended by signal ${-status}` : `exit ${status}, no error object`);
  return new CniError(CNI_CODES.failed, `Invoke ${name} ipam`, `${path}: ${reason}${said && `: ${said}`}`);
}
