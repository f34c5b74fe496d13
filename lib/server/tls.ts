/** The certificate of the hooks server, and the watch over its files: cert-manager replaces them while we run. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileBytes, TOO_LARGE, TOO_LARGE_TEXT } from '../file-bytes.ts';

/** Files in PEM: the certificate with its chain, leaf first, and its private key. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The least version that is spoken. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

export interface Credentials {
  readonly cert: string;
  readonly key: string;
  /** When the certificate runs out. */
  readonly expires: Date;
}

/** A certificate or key that cannot be used. The message names the file and the fix. */
export class TlsError extends Error {
  override readonly name = 'TlsError';
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; is the Secret mounted there?',
  EACCES: 'this process may not read it; give its user or group access',
  [TOO_LARGE]: `it ${TOO_LARGE_TEXT}`,
  EISDIR: 'that is a folder; name the file in it, such as tls.crt',
};

/** Reads both files and checks that they belong together. Throws TlsError. */
export function readCredentials({ certFile, keyFile }: TlsFiles): Credentials {
  const cert = readText('hooks-tls-cert-file', certFile);
  const key = readText('hooks-tls-key-file', keyFile);
  const leaf = parse('hooks-tls-cert-file', certFile, 'a certificate', () => new X509Certificate(cert));
  const privateKey = parse('hooks-tls-key-file', keyFile, 'a private key without a passphrase', () =>
    createPrivateKey(key),
  );
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new TlsError(
      `--hooks-tls-key-file: ${keyFile} is not the key of the certificate ${certFile}; its first certificate must be the server's own`,
    );
  }
  return { cert, key, expires: new Date(leaf.validTo) };
}

/**
 * Reads the files again every so many milliseconds. Calls `changed` with credentials other than the last, and
 * `failed` when they cannot be used, once for each reason: the former ones stay in use then. Returns what ends it.
 *
 * It reads instead of waiting for events of the file system: a mounted Secret changes by a symbolic link two folders
 * up.
 */
export function watchCredentials(
  files: TlsFiles,
  current: Credentials,
  changed: (credentials: Credentials) => void,
  failed: (error: TlsError) => void,
  milliseconds = 10_000,
): () => void {
  let last = current;
  let reported = '';
  const reload = () => {
    let credentials: Credentials;
    try {
      credentials = readCredentials(files);
    } catch (error) {
      if (!(error instanceof TlsError)) throw error;
      if (error.message !== reported) failed(error);
      reported = error.message;
      return;
    }
    reported = '';
    if (credentials.cert === last.cert && credentials.key === last.key) return;
    last = credentials;
    changed(credentials);
  };
  const timer = setInterval(reload, milliseconds).unref();
  return () => clearInterval(timer);
}

function readText(option: string, path: string): string {
  try {
    return readFileBytes(path).toString();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new TlsError(`--${option}: cannot read ${path}: ${REASONS[code] ?? message}`);
  }
}

function parse<T>(option: string, path: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new TlsError(`--${option}: ${path} does not hold ${what} in PEM: ${(error as Error).message}`);
  }
}
