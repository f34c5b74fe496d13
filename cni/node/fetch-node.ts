/** Asks the API server for the facts of a node: a FetchRequest on stdin, a FetchAnswer on stdout. */
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type FetchRequest, fetchNode } from '../../lib/cni/fetch-node.ts';
import type { HttpResponse } from '../../lib/cni/http.ts';
import type { Connection } from '../../lib/cni/kubeconfig.ts';
import { readFile, replaceFile } from './host.ts';

const input: FetchRequest = JSON.parse(readFileSync(0, 'utf8'));
// Whatever hangs, and be it the lookup of a name, must not hang the pod.
setTimeout(() => process.exit(1), input.deadline + 1_000).unref();
fetchNode({ env: process.env, now: Date.now, readFile, replaceFile, get }, input).then((answer) =>
  writeFileSync(1, `${JSON.stringify(answer)}\n`),
);

async function get(connection: Connection, path: string, milliseconds: number): Promise<HttpResponse> {
  const { server, ca, serverName, insecure, token, certificate, key } = connection;
  const url = new URL(`${server.replace(/\/$/, '')}${path}`);
  const options = {
    headers: { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    rejectUnauthorized: !insecure,
    ...(ca && { ca }),
    ...(serverName && { servername: serverName }),
    ...(certificate && { cert: certificate }),
    ...(key && { key }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  const timer = setTimeout(
    () => reject(new Error(`${server} does not answer in time`)),
    Math.max(0, milliseconds),
  );
  const call = request(url, options, (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      body += chunk;
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    response.on('error', reject);
  });
  call.on('error', (error: NodeJS.ErrnoException) =>
    reject(new Error(`${server}: ${error.message || error.code}`)),
  );
  call.end();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    call.destroy();
  }
}
