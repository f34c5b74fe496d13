import { CNI_CODES, CniError } from './cni-error.ts';
import type { Host } from './host.ts';
import { isObject, type JsonObject, keyOf } from './network-config.ts';

export const HOST_LOCAL = 'host-local';

/** Subnets live in files of one folder per network, whatever ranges a call names, but it has to name one. */
export const ANY_RANGE = [[{ subnet: '192.0.2.0/24' }]] as const;

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
  const { status, output } = host.run(path, env, JSON.stringify(config));
  if (status === 0) return output;
  const error = readError(path, output);
  const versionKey = keyOf(config, 'cniVersion') ?? 'cniVersion';
  if (error.code !== CNI_CODES.incompatibleVersion || config[versionKey] !== '1.1.0') throw error;
  const result = delegate(host, path, { ...config, [versionKey]: '1.0.0' }, env);
  return result === '' ? '' : JSON.stringify({ ...JSON.parse(result), cniVersion: '1.1.0' }, null, 4);
}

/** host-local 1.9 can print a result and then its error. */
function readError(path: string, output: string): CniError {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const lastObject = output.lastIndexOf('\n{');
  for (const text of [output, output.slice(lastObject + 1)]) {
    try {
      const value: unknown = JSON.parse(text);
      if (isObject(value) && typeof value.code === 'number') {
        return new CniError(value.code, String(value.msg ?? ''), String(value.details ?? ''));
      }
    } catch {}
  }
  return new CniError(
    CNI_CODES.failed,
    `Invoke ${name} ipam`,
    `no error object: ${output.trim().slice(0, 200)}`,
  );
}
