import { isObject, type JsonObject } from '../json.ts';
import { GATEWAYS_ANNOTATION, NETWORK_LABEL } from '../kubernetes/names.ts';

/** What the CNI programs know of an IPAMClaim. */
export interface ClaimFacts {
  readonly uid: string;
  readonly resourceVersion: string;
  /** The name of the network's configuration. */
  readonly network: string;
  /** With the prefix lengths of their subnets; none while the claim waits. */
  readonly ips: readonly string[];
  readonly gateways: readonly string[];
  /** Why it waits. */
  readonly why?: string;
}

/** What a pod is told of its claim. */
export type ClaimAnswer =
  | { readonly claim: GivenClaim | null }
  /** Of a claim that the pod cannot have yet. */
  | { readonly problem: string };

/** A claim that has addresses. */
export interface GivenClaim {
  /** `namespace/name` */
  readonly name: string;
  readonly ips: readonly string[];
  readonly gateways: readonly string[];
}

/** Multus': a JSON list of network selection elements, or names with commas between them. */
export const NETWORKS = 'k8s.v1.cni.cncf.io/networks';

/** The facts in an IPAMClaim. */
export function claimFacts(claim: JsonObject): ClaimFacts {
  const { metadata, spec, status } = claim as { [key: string]: JsonObject | undefined };
  const ips = (Array.isArray(status?.ips) ? status.ips : []).filter((ip) => typeof ip === 'string');
  const conditions = Array.isArray(status?.conditions) ? status.conditions.filter(isObject) : [];
  const labels = isObject(metadata?.labels) ? metadata.labels : {};
  const why = conditions.find(({ type }) => type === 'Ready')?.message;
  return {
    uid: String(metadata?.uid ?? ''),
    resourceVersion: String(metadata?.resourceVersion ?? ''),
    // Of which network its addresses are, should its spec say another one by now.
    network: String(labels[NETWORK_LABEL] ?? spec?.network ?? ''),
    ips,
    gateways: annotationOf(claim, GATEWAYS_ANNOTATION)
      .split(',')
      .filter((gateway) => gateway !== ''),
    ...(ips.length === 0 && typeof why === 'string' && why !== '' && { why }),
  };
}

/** What a pod in `network` is told of the claim `name`, which is `namespace/name`. */
export function answerOf(name: string, facts: ClaimFacts, network: string): ClaimAnswer {
  const { ips, gateways, why } = facts;
  const title = `IPAMClaim ${name}`;
  if (facts.network !== network) {
    return { problem: `${title} is of network ${JSON.stringify(facts.network)}, and this one is ${network}` };
  }
  if (ips.length === 0) return { problem: `${title} has no address yet${why ? `: ${why}` : ''}` };
  return { claim: { name, ips, gateways } };
}

/**
 * The `ipam-claim-reference` that a pod's annotation has for each interface (multi-network specification 1.3), or null:
 * of the element that asks for its name, else of the nth for `net<n>`, as Multus names them.
 */
export function claimReferences(text: string): Readonly<Record<string, string | null>> {
  const pairs = networkElements(text).map((element, index): [string, string | null] => {
    const { interface: asked, 'ipam-claim-reference': reference } = element;
    const ifname = typeof asked === 'string' && asked !== '' ? asked : `net${index + 1}`;
    return [ifname, typeof reference === 'string' && reference !== '' ? reference : null];
  });
  // Of several for one interface the first counts.
  return Object.fromEntries(pairs.reverse());
}

function networkElements(text: string): readonly JsonObject[] {
  // Multus' own test for JSON.
  if (!/[[{"]/.test(text)) {
    const names = text.split(',').filter((name) => name.trim() !== '');
    return names.map((name) => ({ interface: name.split('@')[1]?.trim() }));
  }
  let elements: unknown;
  try {
    elements = JSON.parse(text);
  } catch {}
  return Array.isArray(elements) ? elements.map((element) => (isObject(element) ? element : {})) : [];
}

export function annotationOf({ metadata }: JsonObject, key: string): string {
  const annotations = isObject(metadata) ? metadata.annotations : undefined;
  const text = isObject(annotations) ? annotations[key] : undefined;
  return typeof text === 'string' ? text : '';
}
