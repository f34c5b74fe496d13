/**
 * Asks the API server for the facts of a node, a FetchRequest on stdin and a FetchAnswer on stdout; or for a pod's
 * IPAMClaim, with ClaimRequest and ClaimAnswer.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type ClaimRequest, fetchClaim } from '../../lib/cni/fetch-claim.ts';
import { type FetchHost, type FetchRequest, fetchNode } from '../../lib/cni/fetch-node.ts';
import { readFile, removeFile, replaceFile } from './host.ts';
import { bodyText, get } from './https.ts';

const input: FetchRequest | ClaimRequest = JSON.parse(readFileSync(0, 'utf8'));
// Whatever hangs, and be it the lookup of a name, must not hang the pod.
setTimeout(() => process.exit(1), input.deadline + 1_000).unref();

const host: FetchHost = {
  ...{ env: process.env, now: Date.now, readFile, replaceFile, removeFile },
  async get(connection, path, milliseconds) {
    const signal = AbortSignal.timeout(Math.max(1, milliseconds));
    const response = await get(connection, path, signal);
    try {
      const body = await bodyText(response);
      // An answer without a length ends where it is cut off.
      signal.throwIfAborted();
      return { status: response.statusCode ?? 0, body };
    } catch (error) {
      const reason = signal.aborted ? 'does not answer in time' : (error as Error).message;
      throw new Error(`${connection.server}: ${reason}`);
    }
  },
};
const answering = 'claim' in input ? fetchClaim(host, input) : fetchNode(host, input);
answering.then((answer) => writeFileSync(1, `${JSON.stringify(answer)}\n`));
