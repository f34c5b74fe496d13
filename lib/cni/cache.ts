/** Where the CNI programs keep what they know, and in what form. */
import { isObject, type JsonObject } from '../json.ts';

/** A folder that is empty after a reboot: addresses of another life of the node are then gone too. */
const DEFAULT_FOLDER = '/run/metaipam/cni';
const VERSION = 1;

/** The folder; `METAIPAM_CNI_CACHE` names another. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  return env.METAIPAM_CNI_CACHE || DEFAULT_FOLDER;
}

/** The text of a file. */
export function writeKnown(known: JsonObject): string {
  return `${JSON.stringify({ version: VERSION, ...known })}\n`;
}

/** What a file says. One that is not whole, or of another version, is as good as absent. */
export function readKnown(text: string | undefined): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return isObject(value) && value.version === VERSION ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a time is less than so many milliseconds ago. One to come is none: the clock was set back. */
export function isWithin(milliseconds: number, time: number, now: number): boolean {
  return time <= now && now - time < milliseconds;
}
