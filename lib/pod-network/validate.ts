import { FAMILY_BITS, type Family } from '../address/address.ts';
import { parseBlock, parsePrefix, sizeOf } from '../address/range.ts';
import { canBeListed, MOST_BLOCK_SIZE } from '../allocation/slice.ts';
import { isObject } from '../json.ts';
import { BLOCK_SIZE_ANNOTATION, DEFAULT_NETWORK } from '../kubernetes/names.ts';
import type { ObjectMeta } from '../kubernetes/object.ts';
import type { Problem } from '../kubernetes/problem.ts';
import { isQualifiedName, isSubdomain } from '../kubernetes/qualified-name.ts';
import type { ClusterCIDRSpec, PodNetworkSpec } from '../kubernetes/types.ts';
import { HOST_BITS_ANNOTATIONS, parseBlockSize, parseHostBits } from './block-size.ts';
import { networkLabelOf } from './network-label.ts';
import { RANGE_FIELDS, validateRangeSettings } from './node-ranges.ts';
import { parsePodCIDR } from './pod-cidr.ts';
import { parseInt64 } from './selector.ts';

/** The smallest block that a node may get: 16 addresses (KEP-2593). */
export const LEAST_HOST_BITS = 4;
/** The same in a secondary network, of one family: a link between two (RFC 3021, RFC 6164). */
const LEAST_SECONDARY_HOST_BITS = 1;

/**
 * Everything that is wrong with the spec of a ClusterCIDR, whatever it is (KEP-2593, and the API server's
 * rules for node selectors), and with what its annotations add. Nothing is taken for granted: the spec may come from a
 * file.
 */
export function validateClusterCIDR(
  spec: unknown,
  metadata: Pick<ObjectMeta, 'annotations' | 'labels'> = {},
): Problem[] {
  if (!isObject(spec)) return [{ field: 'spec', message: 'is required' }];
  const { perNodeHostBits, ipv4, ipv6, nodeSelector } = spec as Record<keyof ClusterCIDRSpec, unknown>;
  const problems: Problem[] = [];
  if (isUnset(ipv4) && isUnset(ipv6)) {
    problems.push({ field: 'spec', message: 'a CIDR is required for ipv4 or ipv6' });
  }
  if (!Number.isInteger(perNodeHostBits) || (perNodeHostBits as number) < LEAST_HOST_BITS) {
    problems.push({
      field: 'spec.perNodeHostBits',
      value: perNodeHostBits ?? null,
      message: `must be an integer of at least ${LEAST_HOST_BITS}`,
    });
  }
  problems.push(...validateRange('ipv4', 4, ipv4, perNodeHostBits));
  problems.push(...validateRange('ipv6', 6, ipv6, perNodeHostBits));
  problems.push(
    ...validateHostBits('ipv4', 4, ipv4, metadata),
    ...validateHostBits('ipv6', 6, ipv6, metadata),
    ...validateBlockSize([ipv4, ipv6], metadata),
  );
  if (nodeSelector !== undefined && nodeSelector !== null) problems.push(...validateSelector(nodeSelector));
  return problems;
}

/** Everything that is wrong with the spec of a PodNetwork of this name. */
export function validatePodNetwork(name: string, spec: unknown): Problem[] {
  if (!isObject(spec)) return [{ field: 'spec', message: 'is required' }];
  const { target, annotation, primaryIPFamily, serviceCIDRs, reservations, reuseGracePeriodSeconds } =
    spec as Record<keyof PodNetworkSpec, unknown>;
  const problems: Problem[] = [];
  if (target !== 'node.spec.podCIDRs' && target !== 'node.metadata.annotations') {
    problems.push({
      field: 'spec.target',
      value: target ?? null,
      message: 'must be node.spec.podCIDRs or node.metadata.annotations',
    });
  } else if ((name === 'default') !== (target === 'node.spec.podCIDRs')) {
    problems.push({
      field: 'spec.target',
      value: target,
      message: 'the network named default, and no other, has the target node.spec.podCIDRs',
    });
  }
  if (annotation !== undefined && (typeof annotation !== 'string' || !isQualifiedName(annotation))) {
    problems.push({
      field: 'spec.annotation',
      value: annotation,
      message: 'must be the key of an annotation',
    });
  } else if (annotation !== undefined && target === 'node.spec.podCIDRs') {
    problems.push({
      field: 'spec.annotation',
      value: annotation,
      message: 'annotation belongs to the target node.metadata.annotations',
    });
  }
  if (primaryIPFamily !== undefined && primaryIPFamily !== 'IPv4' && primaryIPFamily !== 'IPv6') {
    problems.push({ field: 'spec.primaryIPFamily', value: primaryIPFamily, message: 'must be IPv4 or IPv6' });
  }
  if (serviceCIDRs !== undefined && !Array.isArray(serviceCIDRs)) {
    problems.push({ field: 'spec.serviceCIDRs', value: serviceCIDRs, message: 'must be a list' });
  } else {
    for (const [index, text] of (serviceCIDRs ?? []).entries()) {
      if (typeof text === 'string' && parsePrefix(text) !== undefined) continue;
      problems.push({ field: `spec.serviceCIDRs[${index}]`, value: text, message: 'must be a CIDR' });
    }
  }
  const isDefault = target === 'node.spec.podCIDRs';
  problems.push(...validateReservations(reservations, isDefault), ...validateRangeSettings(spec));
  problems.push(...validateAdditionalBlocks(spec.additionalBlocks));
  if (isDefault) {
    for (const name of [...RANGE_FIELDS, 'additionalBlocks'].filter((name) => spec[name] !== undefined)) {
      const message = `${name} belongs to the target node.metadata.annotations`;
      problems.push({ field: `spec.${name}`, value: spec[name], message });
    }
  }
  const grace = reuseGracePeriodSeconds;
  if (grace !== undefined && (!Number.isInteger(grace) || (grace as number) < 0)) {
    problems.push({
      field: 'spec.reuseGracePeriodSeconds',
      value: grace,
      message: 'must be an integer that is not negative',
    });
  }
  return problems;
}

function validateReservations(list: unknown, isDefault: boolean): Problem[] {
  const field = 'spec.reservations';
  if (list === undefined) return [];
  if (!Array.isArray(list)) return [{ field, value: list, message: 'must be a list' }];
  return list.flatMap((each: unknown, index): Problem[] => {
    const at = `${field}[${index}]`;
    const { node, blocks } = isObject(each) ? each : {};
    if (typeof node !== 'string' || !isSubdomain(node)) {
      return [{ field: `${at}.node`, value: node ?? null, message: 'must be the name of a node' }];
    }
    if (!Array.isArray(blocks) || blocks.length === 0) {
      return [
        { field: `${at}.blocks`, value: blocks ?? null, message: 'must list a block, or one of each family' },
      ];
    }
    const parse = isDefault ? parsePrefix : parseBlock;
    const read = blocks.map((text) => (typeof text === 'string' ? parse(text) : undefined));
    const bad = read.indexOf(undefined);
    if (bad >= 0) {
      const message = isDefault ? 'must be a CIDR' : 'must be a CIDR or a range first-last';
      return [{ field: `${at}.blocks[${bad}]`, value: blocks[bad], message }];
    }
    const wide = read.findIndex((block) => !canBeListed(block!));
    if (wide >= 0) {
      const message = `must be a CIDR, or have at most ${MOST_BLOCK_SIZE} addresses, of IPv6 in one /96`;
      return [{ field: `${at}.blocks[${wide}]`, value: blocks[wide], message }];
    }
    const families = new Set(read.map((block) => block?.family));
    if (families.size === blocks.length) return [];
    return [{ field: `${at}.blocks`, value: blocks, message: 'must be of two families' }];
  });
}

/** Four of each family fit into what an entry lists. */
const MOST_ADDITIONAL_BLOCKS = 3;

function validateAdditionalBlocks(list: unknown): Problem[] {
  const field = 'spec.additionalBlocks';
  if (list === undefined) return [];
  if (!Array.isArray(list)) return [{ field, value: list, message: 'must be a list' }];
  const known = new Set<string>();
  return list.flatMap((each: unknown, index): Problem[] => {
    const { node, count } = isObject(each) ? each : {};
    const at = `${field}[${index}]`;
    if (typeof node !== 'string' || !isSubdomain(node)) {
      return [{ field: `${at}.node`, value: node ?? null, message: 'must be the name of a node' }];
    }
    if (known.has(node)) return [{ field: `${at}.node`, value: node, message: 'is there twice' }];
    known.add(node);
    if (Number.isInteger(count) && (count as number) >= 1 && (count as number) <= MOST_ADDITIONAL_BLOCKS)
      return [];
    const message = `must be an integer of 1 to ${MOST_ADDITIONAL_BLOCKS}`;
    return [{ field: `${at}.count`, value: count ?? null, message }];
  });
}

function validateRange(name: 'ipv4' | 'ipv6', family: Family, text: unknown, hostBits: unknown): Problem[] {
  if (isUnset(text)) return [];
  const prefix = typeof text === 'string' ? parsePrefix(text) : undefined;
  // An IPv4-mapped range is neither, to the API server.
  const read = typeof text === 'string' ? parsePodCIDR(text) : undefined;
  if (prefix?.family !== family || read?.family !== family) {
    return [{ field: `spec.${name}`, value: text, message: `must be an IPv${family} CIDR` }];
  }
  const most = FAMILY_BITS[family] - prefix.length;
  if (typeof hostBits !== 'number' || hostBits <= most) return [];
  const message = `must not be more than the ${most} host bits of ${name}`;
  return [{ field: 'spec.perNodeHostBits', value: hostBits, message }];
}

/** The size that an annotation gives to the blocks of one family. */
function validateHostBits(
  name: 'ipv4' | 'ipv6',
  family: Family,
  text: unknown,
  metadata: Pick<ObjectMeta, 'annotations' | 'labels'>,
): Problem[] {
  const key = HOST_BITS_ANNOTATIONS[family];
  const value: unknown = metadata.annotations?.[key];
  if (value === undefined) return [];
  const range = typeof text === 'string' ? parsePrefix(text) : undefined;
  const most = FAMILY_BITS[family] - (range?.length ?? 0);
  const bits = parseHostBits(value);
  const least = isOfDefault(metadata) ? LEAST_HOST_BITS : LEAST_SECONDARY_HOST_BITS;
  if (bits !== undefined && bits >= least && bits <= most) return [];
  const end = range === undefined ? '' : `, the host bits of ${name}`;
  const message = `must be an integer of ${least} to ${most}${end}`;
  return [{ field: `metadata.annotations[${key}]`, value, message }];
}

/** The size that an annotation gives to the blocks of each family of which no other annotation says it. */
function validateBlockSize(
  texts: readonly unknown[],
  metadata: Pick<ObjectMeta, 'annotations' | 'labels'>,
): Problem[] {
  const value: unknown = metadata.annotations?.[BLOCK_SIZE_ANNOTATION];
  if (value === undefined) return [];
  const field = `metadata.annotations[${BLOCK_SIZE_ANNOTATION}]`;
  if (isOfDefault(metadata)) {
    return [{ field, value, message: 'belongs to secondary networks: podCIDRs are CIDRs' }];
  }
  const most = texts
    .flatMap((text) => (typeof text === 'string' && parsePrefix(text)) || [])
    .filter(({ family }) => metadata.annotations?.[HOST_BITS_ANNOTATIONS[family]] === undefined)
    .reduce((least, range) => (sizeOf(range) < least ? sizeOf(range) : least), MOST_BLOCK_SIZE);
  const size = parseBlockSize(value);
  if (size !== undefined && size <= most) return [];
  return [{ field, value, message: `must be an integer of 1 to ${most}` }];
}

function isOfDefault(metadata: Pick<ObjectMeta, 'labels'>): boolean {
  return networkLabelOf({ metadata }) === DEFAULT_NETWORK;
}

function validateSelector(selector: unknown): Problem[] {
  const field = 'spec.nodeSelector.nodeSelectorTerms';
  const terms = isObject(selector) ? selector.nodeSelectorTerms : undefined;
  if (!Array.isArray(terms) || terms.length === 0) return [{ field, message: 'needs at least one term' }];
  return terms.flatMap((term, index) => validateTerm(`${field}[${index}]`, term));
}

function validateTerm(field: string, term: unknown): Problem[] {
  if (!isObject(term)) return [{ field, value: term, message: 'must be a term' }];
  const each = (
    name: string,
    validate: (field: string, requirement: Record<string, unknown>) => Problem[],
  ) => {
    const list = term[name] ?? [];
    if (!Array.isArray(list)) return [{ field: `${field}.${name}`, value: list, message: 'must be a list' }];
    return list.flatMap((requirement, index) => {
      const path = `${field}.${name}[${index}]`;
      const message = 'must be a requirement';
      return isObject(requirement)
        ? validate(path, requirement)
        : [{ field: path, value: requirement, message }];
    });
  };
  return [...each('matchExpressions', validateExpression), ...each('matchFields', validateField)];
}

function validateExpression(field: string, { key, operator, values }: Record<string, unknown>): Problem[] {
  const problems: Problem[] = [];
  if (typeof key !== 'string' || !isQualifiedName(key)) {
    problems.push({ field: `${field}.key`, value: key ?? null, message: 'must be the key of a label' });
  }
  const list = textsOf(values);
  const wrong = (message: string) =>
    problems.push({ field: `${field}.values`, value: values ?? null, message });
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (list === undefined || list.length === 0) wrong(`operator ${operator} needs values`);
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (list?.length !== 0) wrong(`operator ${operator} takes no values`);
      break;
    case 'Gt':
    case 'Lt':
      if (list?.length !== 1 || parseInt64(list[0]) === undefined) {
        wrong(`operator ${operator} needs exactly one integer`);
      }
      break;
    default: {
      const message = 'must be In, NotIn, Exists, DoesNotExist, Gt or Lt';
      problems.push({ field: `${field}.operator`, value: operator ?? null, message });
    }
  }
  return problems;
}

function validateField(field: string, { key, operator, values }: Record<string, unknown>): Problem[] {
  const problems: Problem[] = [];
  if (key !== 'metadata.name') {
    problems.push({ field: `${field}.key`, value: key ?? null, message: 'must be metadata.name' });
  }
  if (operator !== 'In' && operator !== 'NotIn') {
    problems.push({ field: `${field}.operator`, value: operator ?? null, message: 'must be In or NotIn' });
  }
  const list = textsOf(values);
  if (list?.length !== 1) {
    problems.push({ field: `${field}.values`, value: values ?? null, message: 'must be exactly one name' });
  } else if (!isSubdomain(list[0]!)) {
    problems.push({ field: `${field}.values[0]`, value: list[0], message: 'must be the name of a node' });
  }
  return problems;
}

/** The values of a requirement; undefined if they are no list of texts. */
function textsOf(values: unknown): string[] | undefined {
  const list = values ?? [];
  return Array.isArray(list) && list.every((value) => typeof value === 'string') ? list : undefined;
}

/** An empty text is as good as none. */
function isUnset(text: unknown): boolean {
  return text === undefined || text === null || text === '';
}
