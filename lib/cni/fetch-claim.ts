/** The addresses of the IPAMClaim that a pod names for an interface, as the API server knows them. */

import type { JsonObject } from '../json.ts';
import { IPAM_CLAIM_API_VERSION } from '../kubernetes/names.ts';
import {
  annotationOf,
  answerOf,
  type ClaimAnswer,
  claimFacts,
  claimReferences,
  NETWORKS,
} from './claim-facts.ts';
import { type FetchHost, readAnswer } from './fetch-node.ts';
import type { ClaimQuestion } from './known-claims.ts';
import { findConnection } from './kubeconfig.ts';

/** What the fetcher reads from stdin; it answers a ClaimAnswer on stdout. */
export interface ClaimRequest {
  /** Milliseconds that all of it may take. */
  readonly deadline: number;
  readonly kubeconfig?: string;
  readonly claim: ClaimQuestion;
}

export const CLAIMS_PATH = `/apis/${IPAM_CLAIM_API_VERSION}/ipamclaims`;

/** Never rejects. */
export async function fetchClaim(
  host: FetchHost,
  { deadline, kubeconfig, claim }: ClaimRequest,
): Promise<ClaimAnswer> {
  const { namespace, pod, ifname, network } = claim;
  try {
    const connection = findConnection(host, kubeconfig);
    const endsAt = host.now() + deadline;
    const get = async (what: string, path: string): Promise<JsonObject> => {
      const { status, body } = await host.get(connection, path, endsAt - host.now());
      const answer = readAnswer(status, body);
      if ('object' in answer) return answer.object;
      throw new Error(`${what}: ${answer.message}`);
    };
    const podObject = await get(`Pod ${namespace}/${pod}`, pathOf('/api/v1/pods', namespace, pod));
    const references = claimReferences(annotationOf(podObject, NETWORKS));
    const reference = Object.hasOwn(references, ifname) ? references[ifname]! : null;
    if (reference === null) return { claim: null };
    const name = `${namespace}/${reference}`;
    const found = await get(`IPAMClaim ${name}`, ipamClaimPath(namespace, reference));
    return answerOf(name, claimFacts(found), network);
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

export function ipamClaimPath(namespace: string, name: string): string {
  return pathOf(CLAIMS_PATH, namespace, name);
}

/** Of an object, by the path of all of its kind. */
function pathOf(all: string, namespace: string, name: string): string {
  const slash = all.lastIndexOf('/');
  const inNamespace = `namespaces/${encodeURIComponent(namespace)}`;
  return `${all.slice(0, slash)}/${inNamespace}${all.slice(slash)}/${encodeURIComponent(name)}`;
}
