/**
 * Asks the API server for the facts of a node, a FetchRequest on stdin and a FetchAnswer on stdout; or for a pod's
 * IPAMClaim, with ClaimRequest and ClaimAnswer.
 */
import * as std from 'qjs:std';
import { exchange } from 'qjs:tls';
import { decode, toJson } from '../../lib/cni/bytes.ts';
import { type ClaimRequest, fetchClaim } from '../../lib/cni/fetch-claim.ts';
import { type FetchRequest, fetchNode } from '../../lib/cni/fetch-node.ts';
import { type HttpResponse, httpGet, readHttpResponse } from '../../lib/cni/http.ts';
import type { Connection } from '../../lib/cni/kubeconfig.ts';
import { quickjsHost } from './host.ts';

const host = quickjsHost();
const input: FetchRequest | ClaimRequest = JSON.parse(decode(host.readInput()));
const asking = { ...host, get };
const answering = 'claim' in input ? fetchClaim(asking, input) : fetchNode(asking, input);
answering.then((answer) => {
  host.write(`${toJson(answer)}\n`);
  std.exit(0);
});

async function get(connection: Connection, path: string, milliseconds: number): Promise<HttpResponse> {
  const { server, ca = '', serverName, insecure = false, certificate = '', key = '' } = connection;
  const { host: name, port, text } = httpGet(connection, path);
  try {
    const answer = exchange(
      name,
      port,
      serverName ?? name,
      ca,
      certificate,
      key,
      text,
      insecure,
      milliseconds,
    );
    return readHttpResponse(answer);
  } catch (error) {
    throw new Error(`${server}: ${(error as Error).message}`);
  }
}
