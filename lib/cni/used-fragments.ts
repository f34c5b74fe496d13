import { isObject } from '../json.ts';
import { type Bytes, decode, encode } from './bytes.ts';
import { cacheFolder } from './cache.ts';
import type { Host } from './host.ts';

/**
 * The fragments of configuration that ADDs of a network were made with, as JSON objects: what they reserved is to be
 * found there, whatever the annotation says since.
 */
export function usedFragments(host: Host, network: string): readonly Bytes[] {
  try {
    const value: unknown = JSON.parse(host.readFile(fileOf(host, network)) ?? '');
    const fragments = Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
    return fragments.filter((text) => isObject(JSON.parse(text))).map(encode);
  } catch {
    return [];
  }
}

/** An ADD does not fail because this cannot be written down. */
export function rememberFragments(host: Host, network: string, fragments: readonly Bytes[]): void {
  try {
    host.replaceFile(fileOf(host, network), JSON.stringify(fragments.map(decode)));
  } catch {}
}

/** The name of a network is one of a file too. */
function fileOf({ env }: Host, network: string): string {
  return `${cacheFolder(env)}/node-annotation/${network}.json`;
}
