import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Connection } from '../../lib/cni/kubeconfig.ts';

/** GETs a path of the API server; resolves when the answer begins. Rejects with an Error that names the server. */
export function get(connection: Connection, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  const { server, ca, serverName, insecure, token, certificate, key } = connection;
  const options = {
    agent: false,
    signal,
    headers: { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    rejectUnauthorized: !insecure,
    ...(ca && { ca }),
    ...(serverName && { servername: serverName }),
    ...(certificate && { cert: certificate }),
    ...(key && { key }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const call = request(new URL(`${server.replace(/\/$/, '')}${path}`), options, resolve);
  call.on('error', (error: NodeJS.ErrnoException) => {
    const reason = signal.aborted ? 'does not answer in time' : error.message || error.code;
    reject(new Error(`${server}: ${reason}`));
  });
  call.end();
  return promise;
}
