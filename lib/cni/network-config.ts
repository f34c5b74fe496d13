import { isObject, type JsonObject } from '../json.ts';
import { type Bytes, decode } from './bytes.ts';
import { CNI_CODES, CniError } from './cni-error.ts';
import { LARGEST_INPUT } from './host.ts';
import { isSameKey } from './json-text.ts';
import { FIRST_CNI_VERSION } from './versions.ts';

/** A CNI network configuration as a plugin gets it on stdin. */
export interface NetworkConfig {
  readonly name: string;
  readonly cniVersion: string;
  /** The configuration of the IPAM plugin. */
  readonly ipam: JsonObject;
  readonly whole: JsonObject;
  /** Everything, as it came. */
  readonly text: Bytes;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const DECODE = 'Decode stdin';

/**
 * Reads stdin. Keys are found whatever their case, as Go's decoder finds them.
 *
 * Throws code 6 if it is not JSON, has no `ipam` or a field of the wrong type, 7 if the network has no valid name.
 */
export function parseNetworkConfig(text: Bytes): NetworkConfig {
  const whole = parseObject(text);
  const ipam = field(whole, 'ipam');
  if (ipam === undefined || ipam === null) throw decodeError('No IPAM found');
  if (!isObject(ipam)) throw decodeError('ipam: not an object');
  const name = textField(whole, 'name');
  const cniVersion = versionOf(whole);
  if (name === undefined || !NAME.test(name)) {
    const details = `name: ${JSON.stringify(name ?? '')}: set letters, digits, '_', '.' and '-', the first a letter or digit`;
    throw new CniError(CNI_CODES.config, 'Invalid network name', details);
  }
  return { name, cniVersion, ipam, whole, text };
}

/** The version that an error or VERSION answers with, read from whatever stdin holds. */
export function readVersion(text: Bytes): string {
  return versionOf(parseObject(text));
}

function versionOf(whole: JsonObject): string {
  return textField(whole, 'cniVersion') || FIRST_CNI_VERSION;
}

function parseObject(text: Bytes): JsonObject {
  if (text.trim() === '') throw decodeError('stdin is empty');
  if (text.length > LARGEST_INPUT) throw decodeError(`stdin is larger than ${LARGEST_INPUT} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(decode(text));
  } catch (error) {
    throw decodeError((error as Error).message);
  }
  if (!isObject(value)) throw decodeError('not an object');
  return value;
}

/** The value under `key` in any case; of several, the last counts, as for Go's decoder. */
export function field(object: JsonObject, key: string): unknown {
  return object[Object.keys(object).findLast((other) => isSameKey(other, key)) ?? key];
}

/** A text, or undefined if it is absent or null. */
export function textField(object: JsonObject, key: string): string | undefined {
  const value = field(object, key) ?? undefined;
  if (value !== undefined && typeof value !== 'string') throw decodeError(`${key}: not a string`);
  return value;
}

/** A list of texts, or undefined if it is absent or null. */
export function textsField(object: JsonObject, key: string): readonly string[] | undefined {
  const value = field(object, key) ?? undefined;
  if (value === undefined) return undefined;
  if (!isTexts(value)) throw decodeError(`${key}: not a list of strings`);
  return value;
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function decodeError(details: string): CniError {
  return new CniError(CNI_CODES.decode, DECODE, details);
}
