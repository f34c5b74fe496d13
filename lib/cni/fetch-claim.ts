/** The addresses of the IPAMClaim that a pod names for an interface, as the API server knows them. */
import { type FetchHost, readAnswer } from './fetch-node.ts';
import { findConnection } from './kubeconfig.ts';
import { isObject, type JsonObject } from './network-config.ts';

/** What the fetcher reads from stdin. */
export interface ClaimRequest {
  /** Milliseconds that all of it may take. */
  readonly deadline: number;
  readonly kubeconfig?: string;
  readonly claim: {
    readonly namespace: string;
    readonly pod: string;
    readonly ifname: string;
    /** The name of the network's configuration. */
    readonly network: string;
  };
}

export interface ClaimFacts {
  /** `namespace/name` */
  readonly name: string;
  /** With the prefix lengths of their subnets. */
  readonly ips: readonly string[];
  readonly gateways: readonly string[];
}

/** What it answers on stdout; null where the pod names no claim for the interface. */
export type ClaimAnswer = { readonly claim: ClaimFacts | null } | { readonly problem: string };

/** Multus': a JSON list of network selection elements, or names with commas between them. */
const NETWORKS = 'k8s.v1.cni.cncf.io/networks';
const GATEWAYS = 'metaipam.io/gateways';

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
    const below = (root: string, plural: string, name: string) =>
      `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}`;
    const found = await get(`Pod ${namespace}/${pod}`, below('/api/v1', 'pods', pod));
    const name = claimReference(annotationOf(found, NETWORKS), ifname);
    if (name === undefined) return { claim: null };
    const title = `IPAMClaim ${namespace}/${name}`;
    const object = await get(title, below('/apis/k8s.cni.cncf.io/v1alpha1', 'ipamclaims', name));
    return claimFacts(object, title, network);
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/**
 * The `ipam-claim-reference` of the element for an interface (multi-network specification 1.3): the element that asks
 * for its name, else the nth for `net<n>`, as Multus names them.
 */
export function claimReference(text: string, ifname: string): string | undefined {
  let elements: unknown;
  try {
    elements = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(elements)) return undefined;
  const index = elements.findIndex((element, index) => {
    const asked = isObject(element) ? element.interface : undefined;
    return (asked || `net${index + 1}`) === ifname;
  });
  const reference = isObject(elements[index]) ? elements[index]['ipam-claim-reference'] : undefined;
  return typeof reference === 'string' && reference !== '' ? reference : undefined;
}

function claimFacts(object: JsonObject, title: string, network: string): ClaimAnswer {
  const { spec, status, metadata } = object as { [key: string]: JsonObject | undefined };
  if (spec?.network !== network) {
    return { problem: `${title} is of network ${JSON.stringify(spec?.network)}, and this one is ${network}` };
  }
  const ips = (Array.isArray(status?.ips) ? status.ips : []).filter((ip) => typeof ip === 'string');
  if (ips.length === 0) {
    const conditions = Array.isArray(status?.conditions) ? status.conditions.filter(isObject) : [];
    const why = conditions.find(({ type }) => type === 'Ready')?.message;
    return { problem: `${title} has no address yet${why ? `: ${why}` : ''}` };
  }
  const gateways = annotationOf(object, GATEWAYS)
    .split(',')
    .filter((gateway) => gateway !== '');
  return { claim: { name: `${metadata?.namespace}/${metadata?.name}`, ips, gateways } };
}

function annotationOf({ metadata }: JsonObject, key: string): string {
  const annotations = isObject(metadata) ? metadata.annotations : undefined;
  const text = isObject(annotations) ? annotations[key] : undefined;
  return typeof text === 'string' ? text : '';
}
