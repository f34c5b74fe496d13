import { decode, toJson } from './bytes.ts';
import { CNI_CODES, CniError } from './cni-error.ts';
import type { FetchAnswer, FetchRequest } from './fetch-node.ts';
import type { Host } from './host.ts';
import { factsFile, type KnownNode, type NodeFacts, readFacts } from './node-facts.ts';

/** It lies beside the plugins. */
const FETCHER = 'fetch-node';
/** Milliseconds that the fetcher may take in all. */
const DEADLINE = 15_000;
/** Milliseconds after which facts are asked for again, behind the back of the call that saw their age. */
const REFRESH_AFTER = 300_000;
/** The same after a call that failed with them. */
const REFRESH_AFTER_FAILURE = 10_000;

/** The file's facts, if they are of the node that `NODE_NAME` names. */
export function knownNode({ env, readFile }: Host): KnownNode | undefined {
  const known = readFacts(readFile(factsFile(env)));
  return !env.NODE_NAME || known?.name === env.NODE_NAME ? known : undefined;
}

/**
 * What `choose` makes of the own node: of the facts at hand, or, if there are none or they are not enough for it, of
 * what the API server says.
 *
 * Throws what `choose` throws, or code 11 if the API server cannot be asked.
 */
export function ofOwnNode<T>(host: Host, kubeconfig: string | undefined, choose: (node: NodeFacts) => T): T {
  const known = knownNode(host);
  if (known === undefined) return choose(fetchNode(host, kubeconfig, {}));
  let problem: unknown;
  try {
    const choice = choose(known);
    refreshIfOlder(host, known, kubeconfig, REFRESH_AFTER);
    return choice;
  } catch (error) {
    problem = error;
  }
  let asked: NodeFacts;
  try {
    asked = fetchNode(host, kubeconfig, {});
  } catch {
    // What is wrong with the known facts says more than that there are no newer ones.
    throw problem;
  }
  return choose(asked);
}

/** After a call that failed: a changed node may be the reason, and the runtime calls again. */
export function refreshAfterFailure(host: Host, kubeconfig: string | undefined): void {
  const known = knownNode(host);
  if (known !== undefined) refreshIfOlder(host, known, kubeconfig, REFRESH_AFTER_FAILURE);
}

/**
 * Asks the API server: for the own node, which the file of facts then shows, or for another.
 *
 * Throws code 11 if it cannot be asked or does not know the node.
 */
export function fetchNode(
  host: Host,
  kubeconfig: string | undefined,
  { node }: { node?: string },
): NodeFacts {
  const { env, folder, run } = host;
  const request = fetchRequest(host, kubeconfig, node);
  const path = `${folder}/${FETCHER}`;
  if (!host.isFile(path)) {
    throw noNode(`the node agent has written no ${factsFile(env)}, and ${path} is missing`);
  }
  const { output } = run(path, {}, toJson(request));
  let answer: FetchAnswer;
  try {
    answer = JSON.parse(decode(output));
  } catch {
    throw noNode(`${path} did not answer`);
  }
  if ('problem' in answer) throw noNode(answer.problem);
  return answer.node;
}

function refreshIfOlder(host: Host, known: KnownNode, kubeconfig: string | undefined, age: number): void {
  const { env, folder } = host;
  const now = host.now();
  if (isWithin(age, known.seenAt, now)) return;
  // One at a time, or nearly so: a node that starts a hundred pods needs one answer.
  const marker = `${factsFile(env)}.refresh`;
  if (isWithin(DEADLINE, Number(host.readFile(marker) ?? 0), now)) return;
  const path = `${folder}/${FETCHER}`;
  if (!host.isFile(path)) return;
  try {
    host.replaceFile(marker, String(now));
    host.start(path, toJson(fetchRequest(host, kubeconfig, undefined)));
  } catch {
    // The call that came across old facts does not fail for them.
  }
}

/** A time to come is none: the clock was set back. */
function isWithin(milliseconds: number, time: number, now: number): boolean {
  return time <= now && now - time < milliseconds;
}

function fetchRequest({ env }: Host, kubeconfig: string | undefined, node: string | undefined): FetchRequest {
  const name = node ?? env.NODE_NAME;
  return {
    deadline: DEADLINE,
    ...(name && { name }),
    ...(kubeconfig && { kubeconfig }),
    ...(node === undefined && { file: factsFile(env) }),
  };
}

function noNode(details: string): CniError {
  return new CniError(CNI_CODES.tryAgainLater, 'Get the own node object', details);
}
