/**
 * The node agent: puts the CNI programs on its host, and keeps the facts of its Node where they look for them.
 *
 * Environment: `NODE_NAME`; `PROGRAMS`, the folder to install from; `CNI_BIN`, the folder to install to;
 * `METAIPAM_CNI_CACHE`; `IPAM_CLAIMS`, `true` to keep those of the node's pods as well; `PORT` of the probes on loopback;
 * `HOST_KUBECONFIG`, if the host shall have credentials of its own; `KUBECONFIG` outside of a pod.
 */
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { claimsFile } from '../../lib/cni/known-claims.ts';
import { findConnection } from '../../lib/cni/kubeconfig.ts';
import { factsFile, type NodeFacts, writeFacts } from '../../lib/cni/node-facts.ts';
import { readFile, replaceFile } from '../node/host.ts';
import { installFile, installPrograms } from './install.ts';
import { keepClaims } from './keep-claims.ts';
import { watchNode } from './watch-node.ts';

/** Milliseconds between two signs that the facts still hold. Programs ask for themselves after five minutes. */
const HEARTBEAT = 60_000;
const RECONNECT_DELAY = 2_000;

const { NODE_NAME, PROGRAMS, CNI_BIN, PORT, HOST_KUBECONFIG, IPAM_CLAIMS } = process.env;
if (!NODE_NAME) throw new Error('NODE_NAME is not set');

const file = factsFile(process.env);
const stop = new AbortController();
let node: NodeFacts | undefined;
let isWatching = false;
/** The file shows the Node as it was last seen. */
let isWritten = false;

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
if (PROGRAMS && CNI_BIN)
  log('programs installed', { to: CNI_BIN, names: installPrograms(PROGRAMS, CNI_BIN) });
const heartbeat = setInterval(() => {
  try {
    if (isWatching) writeNode();
  } catch (error) {
    log('the facts could not be written', { error: (error as Error).message });
  }
}, HEARTBEAT);
const probes = createServer((request, response) => {
  const isGood = request.url === '/healthz' || (request.url === '/readyz' && isWritten);
  response.writeHead(isGood ? 200 : 503).end(isGood ? 'ok\n' : 'the Node has not been seen\n');
});
if (PORT) probes.listen(Number(PORT), '127.0.0.1');
const claims =
  IPAM_CLAIMS === 'true' &&
  keepClaims({ node: NODE_NAME, file: claimsFile(process.env), signal: stop.signal, log });

while (!stop.signal.aborted) {
  try {
    writeHostKubeconfig();
    await watchNode({ name: NODE_NAME, signal: stop.signal, onNode });
  } catch (error) {
    if (stop.signal.aborted) break;
    log('the watch failed', { error: (error as Error).message });
    await setTimeout(RECONNECT_DELAY, undefined, { signal: stop.signal }).catch(() => {});
  } finally {
    isWatching = false;
  }
}
await claims;
clearInterval(heartbeat);
probes.close();

function onNode(found: NodeFacts | undefined): void {
  const isNew = JSON.stringify(found) !== JSON.stringify(node);
  node = found;
  isWatching = true;
  isWritten = false;
  if (isNew) log('the Node', { podCIDRs: found?.podCIDRs ?? null });
  if (found === undefined) rmSync(file, { force: true });
  else writeNode();
}

function writeNode(): void {
  if (node === undefined) return;
  replaceFile(file, writeFacts(node, Date.now()));
  isWritten = true;
}

/** With the token that the pod has at the moment, which changes within the hour: each watch is shorter. */
function writeHostKubeconfig(): void {
  if (!HOST_KUBECONFIG) return;
  const { server, ca = '', token } = findConnection({ env: process.env, readFile }, undefined);
  if (!token) throw new Error('HOST_KUBECONFIG: the agent has no token that it could write there');
  const text = JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'metaipam' },
    contexts: [{ name: 'metaipam', context: { cluster: 'local', user: 'metaipam' } }],
    clusters: [
      {
        name: 'local',
        cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
      },
    ],
    users: [{ name: 'metaipam', user: { token } }],
  });
  if (installFile(HOST_KUBECONFIG, Buffer.from(`${text}\n`), 0o600))
    log('kubeconfig written', { to: HOST_KUBECONFIG });
}

function log(msg: string, fields: object): void {
  console.log(JSON.stringify({ level: 'info', time: new Date().toISOString(), msg, ...fields }));
}
