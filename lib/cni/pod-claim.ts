/** Addresses that the pod's IPAMClaim keeps for it, as ranges of one address for host-local. */
import { formatAddress, parseAddress } from '../address/address.ts';
import { covers, formatPrefix, type Prefix, parsePrefix, prefixOf, rangeOf } from '../address/range.ts';
import { decode, toJson } from './bytes.ts';
import type { ClaimAnswer, GivenClaim } from './claim-facts.ts';
import { CNI_CODES, CniError } from './cni-error.ts';
import { podArgument } from './environment.ts';
import type { ClaimRequest } from './fetch-claim.ts';
import type { Host } from './host.ts';
import type { Correction, HostLocalRange } from './host-local-ranges.ts';
import { type ClaimQuestion, claimsFile, knownAnswer, readClaims } from './known-claims.ts';
import { field, type NetworkConfig } from './network-config.ts';
import { DEADLINE, FETCHER } from './own-node.ts';
import type { CNIRoute, PluginRanges } from './ranges.ts';

interface ClaimedRanges {
  readonly ranges: readonly (readonly HostLocalRange[])[];
  readonly routes: readonly CNIRoute[];
  readonly corrections: readonly Correction[];
}

/** Milliseconds that a call waits for the agent to see a pod, or its claim to get addresses. */
const PATIENCE = 1_000;
const POLL_INTERVAL = 50;

/** The switch of KubeVirt's extension, which names claims in no other network. */
export function allowsClaims({ whole }: NetworkConfig): boolean {
  return field(whole, 'allowPersistentIPs') === true;
}

/**
 * The IPAMClaim that the pod names for its interface; undefined where it names none, and in networks that do not allow
 * it.
 *
 * The API server is asked for pod and claim if the node agent has not seen them. Throws code 11 if it does not answer,
 * or the claim has no addresses yet.
 */
export function namedClaim(
  host: Host,
  config: NetworkConfig,
  kubeconfig: string | undefined,
): GivenClaim | undefined {
  if (!allowsClaims(config)) return undefined;
  const [namespace, pod, uid] = ['NAMESPACE', 'NAME', 'UID'].map((key) =>
    podArgument(host.env, `K8S_POD_${key}`),
  );
  if (!namespace || !pod) return undefined;
  const ifname = host.env.CNI_IFNAME ?? '';
  const question = { namespace, pod, ...(uid && { uid }), ifname, network: config.name };
  const known = askAgent(host, question);
  const answer = 'answer' in known ? known.answer : askServer(host, question, kubeconfig);
  if ('problem' in answer) {
    const details = 'unseen' in known ? `${known.unseen}, and ${answer.problem}` : answer.problem;
    throw new CniError(CNI_CODES.tryAgainLater, 'Get the IPAMClaim of the pod', details);
  }
  return answer.claim ?? undefined;
}

/** What the node agent has seen, or that it has not. */
function askAgent(host: Host, question: ClaimQuestion): { answer: ClaimAnswer } | { unseen: string } {
  const file = claimsFile(host.env);
  for (let waited = 0; ; waited += POLL_INTERVAL) {
    const seen = readClaims(host.readFile(file), host.now());
    if (seen === undefined) return { unseen: `the node agent has written no ${file} of late` };
    const known = knownAnswer(seen, question);
    if (!known.mayChange || waited >= PATIENCE) {
      return 'answer' in known ? known : { unseen: `the node agent has not seen ${known.unseen}` };
    }
    host.sleep(POLL_INTERVAL);
  }
}

function askServer(
  { folder, isFile, run }: Host,
  claim: ClaimQuestion,
  kubeconfig: string | undefined,
): ClaimAnswer {
  const path = `${folder}/${FETCHER}`;
  if (!isFile(path)) return { problem: `${path} is missing` };
  const request: ClaimRequest = { deadline: DEADLINE, ...(kubeconfig && { kubeconfig }), claim };
  try {
    return JSON.parse(decode(run(path, {}, toJson(request)).output));
  } catch {
    return { problem: `${path} did not answer` };
  }
}

/**
 * What a claim gives an interface: its addresses, with the gateways of their pools or else of their subnets in the
 * network, and the routes of the network for their families.
 *
 * Throws code 100 if the claim's addresses cannot be read.
 */
export function claimedRanges({ name, ips, gateways }: GivenClaim, network: PluginRanges): ClaimedRanges {
  const all = ips.map((text) => {
    const [address = '', length = ''] = text.split('/');
    const parsed = parseAddress(address);
    const bits = parsed?.family === 4 ? 32 : 128;
    if (parsed === undefined || !/^\d+$/.test(length) || Number(length) > bits) {
      throw new CniError(CNI_CODES.failed, 'IPAMClaim', `${name} has ${JSON.stringify(text)}`);
    }
    const subnet = prefixOf(parsed, Number(length));
    const gateway =
      gateways.find((each) => {
        const router = parseAddress(each);
        return router !== undefined && covers(subnet, rangeOf(router));
      }) ?? network.subnets.find(({ prefix }) => formatPrefix(prefix) === formatPrefix(subnet))?.gateway;
    return { address: formatAddress(parsed), value: parsed.value, bits, subnet, gateway };
  });
  return {
    ranges: all.map(({ address, value, bits, subnet, gateway }) => {
      const outer = subnet.length > bits - 2 ? prefixOf({ family: subnet.family, value }, bits - 2) : subnet;
      const range = { subnet: formatPrefix(outer), rangeStart: address, rangeEnd: address };
      const isNamed = gateway !== undefined && outer === subnet;
      return [{ ...range, gateway: isNamed ? gateway : placeholder(outer, value) }];
    }),
    routes: network.routes.filter(({ dst }) =>
      all.some(({ subnet }) => subnet.family === parsePrefix(dst)?.family),
    ),
    corrections: all.map(({ subnet, gateway }) => ({ range: subnet, gateway })),
  };
}

/** host-local wants a gateway in the subnet, and gives it to nobody: here, one that is not the pod's address. */
function placeholder({ family, first, last }: Prefix, value: bigint): string {
  return formatAddress({ family, value: value === last ? first : last });
}
