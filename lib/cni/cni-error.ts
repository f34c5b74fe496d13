import { type Bytes, toJson } from './bytes.ts';
import type { Host } from './host.ts';

/** Error codes of the CNI specification 1.1.0; from 100 on they are the plugin's own. */
export const CNI_CODES = {
  incompatibleVersion: 1,
  environment: 4,
  decode: 6,
  config: 7,
  tryAgainLater: 11,
  notAvailable: 50,
  limited: 51,
  failed: 100,
} as const;

/** What a CNI program says instead of a result. */
export class CniError extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, message: string, details = '') {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** The one line that goes to stdout. */
  toLine(cniVersion: string): Bytes {
    const { code, message: msg, details } = this;
    return `${toJson({ cniVersion, code, msg, ...(details && { details }) })}\n`;
  }
}

/** Whatever was thrown, as an error that the runtime can read. */
export function asCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  return new CniError(
    CNI_CODES.failed,
    'Internal error',
    error instanceof Error ? error.message : String(error),
  );
}

/** What `ask` gives. Throws code 50 with the words of whatever that throws. */
export function orNotAvailable<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    const { message, details } = asCniError(error);
    throw new CniError(CNI_CODES.notAvailable, message, details);
  }
}

/** Writes to stdout whatever was thrown. */
export function tellError(host: Host, error: unknown, cniVersion: string): void {
  try {
    host.write(asCniError(error).toLine(cniVersion));
  } catch {
    // There is nobody left to tell.
  }
}
