/** Specs of v1alpha1, and what they are in v1alpha2. The ids are those of the conformance tables. */
import type { PoolSpec } from '../../lib/pool/spec.ts';

export interface ConversionCase {
  readonly id: string;
  readonly given: PoolSpec;
  /** What can be given out of it; without it the pool is refused or not ready. */
  readonly total?: bigint;
  readonly addresses?: readonly string[];
  readonly prefix?: number;
  /** Part of what is wrong, as the hooks see it. */
  readonly problem?: string;
  /** Part of the API server's refusal, where it sees that as well. */
  readonly refused?: string;
}

const SUBNET = { subnet: '10.0.0.0/24' };
const RANGE = { start: '10.0.0.10', end: '10.0.0.20' };
const ONE = { addresses: ['10.0.0.5'] };
const NOT_AN_ADDRESS = 'provided address is not a valid IP, range, nor CIDR';
const NO_ADDRESSES = { problem: 'addresses is required', refused: 'addresses is required' };

const whole = (id: string, given: PoolSpec, total: bigint, addresses: string[], prefix?: number) => ({
  id,
  given,
  total,
  addresses,
  ...(prefix !== undefined && { prefix }),
});

export const CONVERSION_CASES: readonly ConversionCase[] = [
  whole('C1', SUBNET, 254n, ['10.0.0.1-10.0.0.254'], 24),
  whole('C2', { ...SUBNET, gateway: '10.0.0.1' }, 253n, ['10.0.0.1-10.0.0.254'], 24),
  whole('C3', { ...SUBNET, start: '10.0.0.10' }, 245n, ['10.0.0.10-10.0.0.254'], 24),
  whole('C4', { ...SUBNET, end: '10.0.0.20' }, 20n, ['10.0.0.1-10.0.0.20'], 24),
  whole('C5', { ...SUBNET, prefix: 16 }, 254n, ['10.0.0.1-10.0.0.254'], 16),
  whole('C6', { subnet: '10.0.0.77/24' }, 254n, ['10.0.0.1-10.0.0.254'], 24),
  whole('C7', { subnet: '10.0.0.0/30' }, 2n, ['10.0.0.1-10.0.0.2'], 30),
  // Subnets of one and two addresses, which the reference refuses.
  whole('C8', { subnet: '10.0.0.0/31' }, 2n, ['10.0.0.0-10.0.0.1'], 31),
  whole('C9', { subnet: '10.0.0.0/32' }, 1n, ['10.0.0.0-10.0.0.0'], 32),
  whole('C10', { subnet: '0.0.0.0/0' }, 2n ** 32n - 2n, ['0.0.0.1-255.255.255.254'], 0),
  whole('C11', { subnet: 'fd00::/64' }, 2n ** 64n - 2n, ['fd00::1-fd00::ffff:ffff:ffff:fffe'], 64),
  whole('C12', { subnet: 'fd00::/126' }, 2n, ['fd00::1-fd00::2'], 126),
  whole('C13, /127', { subnet: 'fd00::/127' }, 2n, ['fd00::-fd00::1'], 127),
  whole('C13, /128', { subnet: 'fd00::7/128' }, 1n, ['fd00::7-fd00::7'], 128),
  whole('C14', { subnet: '::/0' }, 2n ** 128n - 2n, ['::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe'], 0),
  whole('C15', { subnet: '255.255.255.0/24' }, 254n, ['255.255.255.1-255.255.255.254'], 24),
  whole('C16', RANGE, 11n, ['10.0.0.10-10.0.0.20']),
  whole('C17', { ...RANGE, prefix: 24 }, 11n, ['10.0.0.10-10.0.0.20'], 24),
  { id: 'C18, start only', given: { start: '10.0.0.10', prefix: 24 }, ...NO_ADDRESSES },
  { id: 'C18, end only', given: { end: '10.0.0.20', prefix: 24 }, ...NO_ADDRESSES },
  { id: 'C18, empty', given: {}, ...NO_ADDRESSES },
  whole('C19', { ...ONE, prefix: 24 }, 1n, ['10.0.0.5'], 24),
  whole('C20', ONE, 1n, ['10.0.0.5']),
  whole('C21', { ...ONE, ...SUBNET }, 254n, ['10.0.0.5', '10.0.0.1-10.0.0.254'], 24),
  whole('C22', { ...ONE, ...RANGE, prefix: 24 }, 12n, ['10.0.0.5', '10.0.0.10-10.0.0.20'], 24),
  {
    id: 'C23',
    given: { start: '10.0.0.20', end: '10.0.0.10', prefix: 24 },
    problem: `spec.end: Invalid value: "10.0.0.20-10.0.0.10": ${NOT_AN_ADDRESS}`,
  },
  whole('C24', { ...SUBNET, start: '10.0.1.1', end: '10.0.1.9' }, 9n, ['10.0.1.1-10.0.1.9'], 24),
  {
    id: 'C25',
    given: { ...SUBNET, start: 'x', end: '10.0.1.9' },
    problem: 'spec.start: Invalid value: "x": ParseAddr("x"): unable to parse IP',
    refused: 'spec.start: Invalid value: "x": unable to parse IP',
  },
  {
    id: 'C26, no CIDR',
    given: { subnet: 'nonsense' },
    problem: `spec.subnet: Invalid value: "nonsense": netip.ParsePrefix("nonsense"): no '/'`,
    refused: 'spec.subnet: Invalid value: "nonsense": must be a CIDR, such as 10.0.0.0/24',
  },
  {
    id: 'C26, too long',
    given: { subnet: '10.0.0.0/33' },
    problem: 'netip.ParsePrefix("10.0.0.0/33"): prefix length out of range',
    refused: 'must be a CIDR',
  },
  // An API server's CEL knows no IPv4-mapped addresses; the reference's webhook did.
  {
    ...whole('C27', { subnet: '::ffff:10.0.0.0/120' }, 254n, ['::ffff:10.0.0.1-::ffff:10.0.0.254'], 120),
    refused: 'must be a CIDR',
  },
];
