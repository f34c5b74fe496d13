import { isObject } from '../json.ts';
import { type Bytes, decode } from './bytes.ts';
import { CNI_CODES, CniError } from './cni-error.ts';
import type { Ended, Host } from './host.ts';
import { withMember } from './json-text.ts';
import { field } from './network-config.ts';

/** As libcni does it. */
const TRIES_IF_BUSY = 5;
/** Milliseconds. */
const DELAY_IF_BUSY = 1000;

type Changes = Readonly<Record<string, string>>;

/** What another plugin says instead of a result, or after it. */
export class DelegateError extends CniError {
  readonly isAfterResult: boolean;

  constructor(code: number, message: string, details: string, isAfterResult = false) {
    super(code, message, details);
    this.isAfterResult = isAfterResult;
  }
}

/** The first of the name in the folders of `CNI_PATH`. Throws code 100 if there is none. */
export function findPlugin({ env, isFile }: Host, name: string): string {
  const folders = (env.CNI_PATH ?? '').split(':').filter((folder) => folder !== '');
  const found = folders.map((folder) => `${folder}/${name}`).find((path) => isFile(path));
  if (found !== undefined) return found;
  const where = `failed to find plugin ${JSON.stringify(name)} in path [${folders.join(' ')}]`;
  throw new CniError(CNI_CODES.failed, `Invoke ${name} ipam`, where);
}

/**
 * Calls the plugin with the environment of this call but for `changes`, and answers what it wrote to stdout.
 *
 * A plugin that does not know 1.1.0 yet is called again with 1.0.0, whose IPAM results look the same.
 * Throws a DelegateError.
 */
export function delegate(host: Host, path: string, config: Bytes, changes: Changes = {}): Bytes {
  try {
    return callPlugin(host, path, config, changes);
  } catch (error) {
    const isTooNew = error instanceof CniError && error.code === CNI_CODES.incompatibleVersion;
    if (!isTooNew || field(JSON.parse(decode(config)), 'cniVersion') !== '1.1.0') throw error;
    const result = callPlugin(host, path, withMember(config, 'cniVersion', '"1.0.0"'), changes);
    if (result.trim() === '') return result;
    parseResult(path, result);
    return withMember(result, 'cniVersion', '"1.1.0"');
  }
}

/**
 * Calls the plugin with `input` as it is. One that is being copied to its place at the moment is called again, as
 * runtimes do with theirs. Throws a DelegateError.
 */
export function callPlugin(host: Host, path: string, input: Bytes, changes: Changes = {}): Bytes {
  for (let tries = 1; ; tries++) {
    const ended = host.run(path, changes, input);
    if (ended.status === 0) return ended.output;
    if (!ended.isBusy || tries === TRIES_IF_BUSY) throw readError(path, ended);
    host.sleep(DELAY_IF_BUSY);
  }
}

/** What a plugin answered. Throws a DelegateError if it is no JSON object. */
export function parseResult(path: string, result: Bytes): Record<string, unknown> {
  const value = parse(result);
  if (isObject(value)) return { ...value };
  throw failure(path, `no JSON object: ${excerpt(result)}`, true);
}

/** host-local 1.9 can print a result and then its error. */
function readError(path: string, { status, output, problem }: Ended): DelegateError {
  const last = Math.max(0, output.lastIndexOf('{\n'));
  for (const start of [0, last]) {
    const value = parse(output.slice(start));
    if (isObject(value) && typeof value.code === 'number') {
      const { code, msg = '', details = '' } = value;
      return new DelegateError(code, String(msg), String(details), isObject(parse(output.slice(0, start))));
    }
  }
  const said = excerpt(output);
  const reason = problem ?? (status < 0 ? `ended by signal ${-status}` : `exit ${status}, no error object`);
  return failure(path, `${reason}${said && `: ${said}`}`);
}

function failure(path: string, details: string, isAfterResult = false): DelegateError {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return new DelegateError(CNI_CODES.failed, `Invoke ${name} ipam`, `${path}: ${details}`, isAfterResult);
}

function excerpt(output: Bytes): string {
  return decode(output).trim().slice(0, 200);
}

function parse(text: Bytes): unknown {
  try {
    return JSON.parse(decode(text));
  } catch {
    return undefined;
  }
}
