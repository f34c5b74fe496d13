/** Asks the API server for the facts of a node: a FetchRequest on stdin, a FetchAnswer on stdout. */
import { readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { type FetchHost, type FetchRequest, fetchNode } from '../../lib/cni/fetch-node.ts';
import { readFile, replaceFile } from './host.ts';
import { get } from './https.ts';

const input: FetchRequest = JSON.parse(readFileSync(0, 'utf8'));
// Whatever hangs, and be it the lookup of a name, must not hang the pod.
setTimeout(() => process.exit(1), input.deadline + 1_000).unref();

const host: FetchHost = {
  ...{ env: process.env, now: Date.now, readFile, replaceFile },
  async get(connection, path, milliseconds) {
    const response = await get(connection, path, AbortSignal.timeout(Math.max(1, milliseconds)));
    return { status: response.statusCode ?? 0, body: await text(response) };
  },
};
fetchNode(host, input).then((answer) => writeFileSync(1, `${JSON.stringify(answer)}\n`));
