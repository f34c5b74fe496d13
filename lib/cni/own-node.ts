import { decode, toJson } from './bytes.ts';
import { isWithin } from './cache.ts';
import { CNI_CODES, CniError } from './cni-error.ts';
import type { FetchAnswer, FetchRequest } from './fetch-node.ts';
import type { Host } from './host.ts';
import { factsFile, type KnownNode, type NodeFacts, questionFile, readFacts } from './node-facts.ts';

/** It lies beside the plugins. */
export const FETCHER = 'fetch-node';
/** Milliseconds that the fetcher may take in all. */
export const DEADLINE = 15_000;
/** Milliseconds after which facts are asked for again, behind the back of the call that saw their age. */
const REFRESH_AFTER = 300_000;
/** The same after a call that failed with them. */
const REFRESH_AFTER_FAILURE = 10_000;
/** Milliseconds that a call waits where an earlier one has waited in vain for the deadline. */
const PATIENCE = 1_000;
const POLL_INTERVAL = 20;

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
  if (known === undefined) return choose(askForOwnNode(host, kubeconfig));
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
    asked = askForOwnNode(host, kubeconfig, known.seenAt);
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
 * Asks the API server for the own node. The first call that gets no answer waits for the whole deadline; those that
 * come meanwhile, for the rest of it; and later ones do no more than to see whether an answer comes after all.
 *
 * @param seenAt of the facts that are not enough
 */
function askForOwnNode(host: Host, kubeconfig: string | undefined, seenAt = 0): NodeFacts {
  const marker = questionFile(factsFile(host.env));
  const question = toJson([host.env.NODE_NAME ?? '', kubeconfig ?? '']);
  const isSame = () => readQuestion(host, marker).question === question;
  const { since } = readQuestion(host, marker);
  const waited = isSame() ? host.now() - since : -1;
  if (waited >= DEADLINE) {
    refresh(host, kubeconfig);
    const until = host.now() + PATIENCE;
    while (isSame() && host.now() < until) {
      host.sleep(POLL_INTERVAL);
      const known = knownNode(host);
      if (known !== undefined && known.seenAt > seenAt) return known;
    }
    if (isSame()) throw noNode(`the API server has not answered since ${new Date(since).toISOString()}`);
  }
  if (waited < 0 || !isSame()) writeQuietly(host, marker, JSON.stringify({ question, since: host.now() }));
  const left = waited < 0 || waited >= DEADLINE ? DEADLINE : Math.max(PATIENCE, DEADLINE - waited);
  return askForNode(host, kubeconfig, { deadline: left });
}

/** The question that the fetcher has not answered yet, and since when. */
function readQuestion({ readFile }: Host, marker: string): { question?: unknown; since: number } {
  try {
    const { question, since } = JSON.parse(readFile(marker) ?? '');
    if (typeof since === 'number' && since >= 0) return { question, since };
  } catch {}
  return { since: 0 };
}

/**
 * Asks the API server: for the own node, which the file of facts then shows, or for another.
 *
 * Throws code 11 if it cannot be asked or does not know the node.
 */
export function askForNode(
  host: Host,
  kubeconfig: string | undefined,
  { node, deadline = DEADLINE }: { node?: string; deadline?: number },
): NodeFacts {
  const { env, folder, run } = host;
  const request = { ...fetchRequest(host, kubeconfig, node), deadline };
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
  if (!isWithin(age, known.seenAt, host.now())) refresh(host, kubeconfig);
}

/** Asks behind the back of this call. */
function refresh(host: Host, kubeconfig: string | undefined): void {
  const { env, folder } = host;
  const now = host.now();
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

function writeQuietly(host: Host, path: string, text: string): void {
  try {
    host.replaceFile(path, text);
  } catch {
    // What cannot be remembered is asked again.
  }
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
