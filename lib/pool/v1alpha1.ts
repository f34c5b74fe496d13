/** How v1alpha1 describes the addresses of a pool, as v1alpha2 does. */
import { formatAddress, parseAddress } from '../address/address.ts';
import { type Prefix, parsePrefix, sizeOf } from '../address/range.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { PoolSpec } from './spec.ts';

interface Conversion {
  /** Without `subnet`, `start` and `end`. */
  readonly spec: PoolSpec;
  /** What of the three cannot be read: then nothing of them is in `spec`. */
  readonly problems: readonly Problem[];
}

/**
 * The spec in the fields of v1alpha2 alone, as the conversion webhook of the Cluster API in-cluster provider has it:
 * `subnet` stands for its addresses from the second to the last but one, or from `start` and to `end`, and for its
 * length where `prefix` is absent or 0; `start` and `end` without it for the range between them.
 *
 * Other than there, a subnet of one or two addresses stands for all of them, where a range would be descending.
 */
export function withoutSubnet(given: PoolSpec): Conversion {
  const { subnet, start, end, ...spec } = given;
  if (!subnet && !start && !end) return { spec, problems: [] };
  const problems = [
    ...problemOf('subnet', subnet, whyNoPrefix),
    ...problemOf('start', start, whyNoAddress),
    ...problemOf('end', end, whyNoAddress),
  ];
  if (problems.length > 0) return { spec, problems };
  const prefix = subnet ? parsePrefix(subnet) : undefined;
  const inner = prefix && innerOf(prefix);
  const [first, last] = [start || inner?.first, end || inner?.last];
  const addresses = spec.addresses ?? [];
  const hasRange = first !== undefined && last !== undefined && Array.isArray(addresses);
  return {
    spec: {
      ...spec,
      ...(hasRange && { addresses: [...addresses, `${first}-${last}`] }),
      ...(prefix && { prefix: spec.prefix || prefix.length }),
    },
    problems: [],
  };
}

/** The ends of what a subnet stands for. */
function innerOf(prefix: Prefix): { first: string; last: string } {
  const { family, first, last } = prefix;
  const margin = sizeOf(prefix) > 2n ? 1n : 0n;
  return {
    first: formatAddress({ family, value: first + margin }),
    last: formatAddress({ family, value: last - margin }),
  };
}

function problemOf(
  field: keyof PoolSpec,
  value: unknown,
  why: (text: string) => string | undefined,
): Problem[] {
  if (value == null || value === '') return [];
  const message = typeof value === 'string' ? why(value) : 'must be a string';
  return message === undefined ? [] : [{ field: `spec.${field}`, value, message }];
}

function whyNoAddress(text: string): string | undefined {
  return parseAddress(text) === undefined
    ? `ParseAddr(${JSON.stringify(text)}): unable to parse IP`
    : undefined;
}

function whyNoPrefix(text: string): string | undefined {
  if (parsePrefix(text) !== undefined) return undefined;
  const slash = text.lastIndexOf('/');
  const reason = slash < 0 ? "no '/'" : (whyNoAddress(text.slice(0, slash)) ?? 'prefix length out of range');
  return `netip.ParsePrefix(${JSON.stringify(text)}): ${reason}`;
}
