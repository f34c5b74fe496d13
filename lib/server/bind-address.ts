import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Where a server listens; without a host on every address of the machine. */
export interface BindAddress {
  readonly host: string | undefined;
  readonly port: number;
}

/** `:8081`, `127.0.0.1:0`, `localhost:80` or `[::1]:8081`. Undefined if it is none of these. */
export function parseBindAddress(text: string): BindAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[^\]]+)?)\]|([^:[\]\s]*)):([0-9]{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65535) return undefined;
  return { host: match[1] ?? (match[2] || undefined), port: Number(match[3]) };
}

/** An address that could not be listened on, with the option that named it. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is already in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'not permitted',
  ENOTFOUND: 'no such host',
};

/** Listens and returns the address in use, with the real port. Throws ListenError, naming `option`. */
export async function listen(app: FastifyInstance, address: BindAddress, option: string): Promise<string> {
  const { host, port } = address;
  try {
    await app.listen({
      port,
      host: host ?? '::',
      listenTextResolver: (url) => `listening on ${url} (--${option})`,
    });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    // A machine with IPv6 switched off cannot listen on `::`.
    if (host === undefined && code === 'EAFNOSUPPORT') return listen(app, { host: '0.0.0.0', port }, option);
    const where = host?.includes(':') ? `[${host}]:${port}` : `${host ?? ''}:${port}`;
    throw new ListenError(`cannot listen on ${where} (--${option}): ${REASONS[code] ?? message}`);
  }
  const bound = app.server.address() as AddressInfo;
  return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}
