import { parseAddress } from '../address/address.ts';
import { parsePrefix } from '../address/range.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { IPAllocation } from '../kubernetes/types.ts';

/** The rules that the CRD of IPAllocation has in CEL, but for those on updates. */
export function validateAllocation({ spec }: IPAllocation): Problem[] {
  const { address, prefix, gateway, adopted, cidr, blocks, refusal } = spec ?? {};
  const list: readonly unknown[] = Array.isArray(blocks) ? blocks : [];
  const [first, second] = list.map(familyOf);
  const hasAddress = address !== undefined;
  const notAddress = 'must be an IP address';
  const notBlock = 'must be a CIDR without host bits';
  const rules: [holds: boolean, problem: Problem][] = [
    [
      [address, cidr, refusal].filter((given) => given !== undefined).length === 1,
      { field: 'spec', message: 'exactly one of address, cidr and refusal is required' },
    ],
    [hasAddress === (prefix !== undefined), { field: 'spec', message: 'address and prefix belong together' }],
    [
      hasAddress || (gateway === undefined && adopted === undefined),
      { field: 'spec', message: 'gateway and adopted belong to an address' },
    ],
    [
      cidr === undefined ? blocks === undefined : list.includes(cidr),
      { field: 'spec', message: 'blocks belong to a cidr and include it' },
    ],
    [isAddress(address ?? '::'), { field: 'spec.address', value: address, message: notAddress }],
    [isAddress(gateway ?? '::'), { field: 'spec.gateway', value: gateway, message: notAddress }],
    [isBlock(cidr ?? '::/0'), { field: 'spec.cidr', value: cidr, message: notBlock }],
    ...list.map((block, index): [boolean, Problem] => [
      isBlock(block),
      { field: `spec.blocks[${index}]`, value: block, message: notBlock },
    ]),
    [
      list.length < 2 || (first === 4 && second === 6),
      { field: 'spec.blocks', message: 'two blocks are one of IPv4 and one of IPv6, in this order' },
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, problem]) => problem);
}

function isAddress(text: unknown): boolean {
  return typeof text === 'string' && parseAddress(text) !== undefined;
}

function isBlock(text: unknown): boolean {
  const block = typeof text === 'string' ? parsePrefix(text) : undefined;
  return block !== undefined && parseAddress((text as string).split('/')[0]!)?.value === block.first;
}

function familyOf(text: unknown): number | undefined {
  return typeof text === 'string' ? parsePrefix(text)?.family : undefined;
}
