/** Addresses that the pod's IPAMClaim keeps for it, as ranges of one address for host-local. */
import { formatAddress, parseAddress } from '../address/address.ts';
import { covers, formatPrefix, type Prefix, prefixOf, rangeOf } from '../address/range.ts';
import { decode, toJson } from './bytes.ts';
import { CNI_CODES, CniError } from './cni-error.ts';
import { podArgument } from './environment.ts';
import type { ClaimAnswer, ClaimFacts, ClaimRequest } from './fetch-claim.ts';
import type { Host } from './host.ts';
import type { Correction, HostLocalRange } from './host-local-ranges.ts';
import { field, type NetworkConfig } from './network-config.ts';
import { DEADLINE, FETCHER } from './own-node.ts';

export interface ClaimedRanges {
  readonly ranges: readonly (readonly HostLocalRange[])[];
  readonly corrections: readonly Correction[];
}

/**
 * What the pod's IPAMClaim gives its interface; undefined where it names none, and in networks that do not allow it.
 *
 * The API server is asked for pod and claim. Throws code 11 if it does not answer, or the claim has no addresses yet.
 */
export function claimedRanges(
  host: Host,
  { name: network, whole }: NetworkConfig,
  kubeconfig: string | undefined,
): ClaimedRanges | undefined {
  // The switch of KubeVirt's extension, which names claims in no other network.
  if (field(whole, 'allowPersistentIPs') !== true) return undefined;
  const { env } = host;
  const [namespace, pod] = ['K8S_POD_NAMESPACE', 'K8S_POD_NAME'].map((key) => podArgument(env, key));
  if (!namespace || !pod) return undefined;
  const claim = { namespace, pod, ifname: env.CNI_IFNAME ?? '', network };
  const found = askForClaim(host, { deadline: DEADLINE, ...(kubeconfig && { kubeconfig }), claim });
  return found === null ? undefined : rangesOf(found);
}

function askForClaim({ folder, isFile, run }: Host, request: ClaimRequest): ClaimFacts | null {
  const path = `${folder}/${FETCHER}`;
  if (!isFile(path)) throw noClaim(`${path} is missing`);
  let answer: ClaimAnswer;
  try {
    answer = JSON.parse(decode(run(path, {}, toJson(request)).output));
  } catch {
    throw noClaim(`${path} did not answer`);
  }
  if ('problem' in answer) throw noClaim(answer.problem);
  return answer.claim;
}

/** Throws code 100 if the claim's addresses cannot be read. */
export function rangesOf({ name, ips, gateways }: ClaimFacts): ClaimedRanges {
  const all = ips.map((text) => {
    const [address = '', length = ''] = text.split('/');
    const parsed = parseAddress(address);
    const bits = parsed?.family === 4 ? 32 : 128;
    if (parsed === undefined || !/^\d+$/.test(length) || Number(length) > bits) {
      throw new CniError(CNI_CODES.failed, 'IPAMClaim', `${name} has ${JSON.stringify(text)}`);
    }
    const subnet = prefixOf(parsed, Number(length));
    const gateway = gateways.find((each) => {
      const router = parseAddress(each);
      return router !== undefined && covers(subnet, rangeOf(router));
    });
    return { address: formatAddress(parsed), value: parsed.value, bits, subnet, gateway };
  });
  return {
    ranges: all.map(({ address, value, bits, subnet, gateway }) => {
      const outer = subnet.length > bits - 2 ? prefixOf({ family: subnet.family, value }, bits - 2) : subnet;
      const range = { subnet: formatPrefix(outer), rangeStart: address, rangeEnd: address };
      const isNamed = gateway !== undefined && outer === subnet;
      return [{ ...range, gateway: isNamed ? gateway : placeholder(outer, value) }];
    }),
    corrections: all.map(({ subnet, gateway }) => ({ range: subnet, gateway })),
  };
}

/** host-local wants a gateway in the subnet, and gives it to nobody: here, one that is not the pod's address. */
function placeholder({ family, first, last }: Prefix, value: bigint): string {
  return formatAddress({ family, value: value === last ? first : last });
}

function noClaim(details: string): CniError {
  return new CniError(CNI_CODES.tryAgainLater, 'Get the IPAMClaim of the pod', details);
}
