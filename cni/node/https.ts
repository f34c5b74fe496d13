import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { type ApiAnswer, readAnswer } from '../../lib/cni/fetch-node.ts';
import type { Connection } from '../../lib/cni/kubeconfig.ts';

/** Bytes of an answer: a page of large Nodes has a tenth of it. */
const LARGEST_ANSWER = 64 << 20;
/** Milliseconds of silence after which the kernel asks whether the other side is still there. */
const SILENCE = 10_000;

/** GETs a path of the API server; resolves when the answer begins. Rejects with an Error that names the server. */
export function get(
  connection: Connection,
  path: string,
  signal: AbortSignal,
  accept = 'application/json',
): Promise<IncomingMessage> {
  const { server, ca, serverName, insecure, token, certificate, key } = connection;
  const options = {
    agent: false,
    signal,
    headers: { accept, ...(token && { authorization: `Bearer ${token}` }) },
    rejectUnauthorized: !insecure,
    ...(ca && { ca }),
    ...(serverName && { servername: serverName }),
    ...(certificate && { cert: certificate }),
    ...(key && { key }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const call = request(new URL(`${server.replace(/\/$/, '')}${path}`), options, resolve);
  call.on('socket', (socket) => socket.setKeepAlive(true, SILENCE));
  call.on('error', (error: NodeJS.ErrnoException) => {
    const reason = signal.aborted ? 'does not answer in time' : error.message || error.code;
    reject(new Error(`${server}: ${reason}`));
  });
  call.end();
  return promise;
}

/** GETs an object. Rejects with an Error if the answer is not whole, or none of an API server's. */
export async function getObject(...args: Parameters<typeof get>): Promise<ApiAnswer> {
  const response = await get(...args);
  return readAnswer(response.statusCode ?? 0, await bodyText(response));
}

/** The whole of an answer. Rejects with an Error if it is too large or torn off. */
export async function bodyText(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw new Error('the answer is too large');
  }
  return Buffer.concat(chunks).toString();
}
