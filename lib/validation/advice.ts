/** What to write instead of what is refused, where that can be told. */
import { formatAddress, parseAddress } from '../address/address.ts';
import { formatPrefix, parsePrefix, parseRange, prefixOf, type Range } from '../address/range.ts';
import { isObject } from '../json.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { Schema } from '../kubernetes/schema.ts';
import { parseDuration } from '../options/options.ts';
import { nearest } from '../text.ts';

/** A mistake, as the reason that a person is told, and the text without it. */
type Mend = readonly [reason: string, mend: (text: string) => string];

const MENDS: readonly Mend[] = [
  ['without quotes', (text) => text.replaceAll(/["'`\u2018-\u201f]/g, '')],
  ['without spaces', (text) => text.replaceAll(/\s+/g, '')],
  ['without signs that do not show', (text) => text.replaceAll(/\p{Cf}+/gu, '')],
  ['without brackets and port', (text) => text.replace(/^\[([^\]]+)\](?::\d+)?$/, '$1')],
  ['without the port', (text) => text.replace(/^((?:\d+\.){3}\d+):\d+$/, '$1')],
  ['without the interface', (text) => text.replaceAll(/%[^-/]+/g, '')],
  ['digits for letters', withDigits],
  [
    'one dash between first and last',
    (text) => text.replace(/(?:\.\.\.?|[\u2010-\u2015\u2212]|_|:-)(?=[^.]*\.)/, '-'),
  ],
  ['without leading zeros, which some programs read as octal', withoutLeadingZeros],
  ['the last address in full', (text) => text.replace(/^((?:\d+\.){3})(\d+)-(\d{1,3})$/, '$1$2-$1$3')],
  ['all four numbers of the address', withFourNumbers],
  ['a prefix length for a netmask', withPrefixLength],
  ['a CIDR for a wildcard', withoutWildcard],
  [
    'addresses without prefix length in a range',
    (text) => text.replace(/^([^-/]+)\/\d+-([^-/]+)\/\d+$/, '$1-$2'),
  ],
  ['the lower address first', ascending],
];

function withDigits(text: string): string {
  if (!/^[\d.oOlI/-]+$/.test(text)) return text;
  return text.replaceAll(/[oO]/g, '0').replaceAll(/[lI]/g, '1');
}

function withFourNumbers(text: string): string {
  const [, address = '', length] = /^((?:\d+\.){0,2}\d+)(\/\d+)$/.exec(text) ?? [];
  if (length === undefined) return text;
  return `${[...address.split('.'), '0', '0', '0'].slice(0, 4).join('.')}${length}`;
}

function withoutLeadingZeros(text: string): string {
  return text.includes(':') ? text : text.replaceAll(/(?<![0-9])0+(?=[0-9])/g, '');
}

function withPrefixLength(text: string): string {
  const [, address, mask = ''] = /^(.+)\/(\d+\.\d+\.\d+\.\d+)$/.exec(text) ?? [];
  const bits = parseAddress(mask)?.value.toString(2).padStart(32, '0') ?? '';
  const [, ones] = /^(1*)0*$/.exec(bits) ?? [];
  return bits === '' || ones === undefined ? text : `${address}/${ones.length}`;
}

function withoutWildcard(text: string): string {
  const [, fixed = '', wild] = /^((?:\d+\.){1,3})(\*(?:\.\*)*)$/.exec(text) ?? [];
  if (wild === undefined) return text;
  const octets = fixed.split('.').length - 1;
  return `${fixed}${Array.from({ length: 4 - octets }, () => '0').join('.')}/${octets * 8}`;
}

function ascending(text: string): string {
  const [first, last] = text.split('-').map((end) => parseAddress(end));
  if (first === undefined || last === undefined || first.family !== last.family) return text;
  return first.value <= last.value ? text : `${formatAddress(last)}-${formatAddress(first)}`;
}

const READERS: readonly [field: RegExp, read: (text: string) => unknown][] = [
  [/^spec\.(subnets\[\d+\]\.)?(addresses|excludedAddresses|excludedPrefixes)\b/, parseRange],
  [/^spec\.(ipv4|ipv6|(prefixes|serviceCIDRs|podCIDRs)\b.*|reservations\[\d+\]\.prefix)$/, parsePrefix],
  [
    /^(spec\.((subnets\[\d+\]\.)?gateway|address|reservations\[\d+\]\.address)|metadata\.annotations\[metaipam\.io\/requested-address\])$/,
    parseAddress,
  ],
];

/** A sentence without a full stop, or undefined when only the object's author can tell. */
export function advise(
  { field, value, message }: Problem,
  object: KubernetesObject,
  schema?: Schema,
): string | undefined {
  const [unrendered] = [value, valueAt(field, object), field].flatMap((text) => adviseTemplate(text) ?? []);
  if (unrendered !== undefined) return unrendered;
  if (message === 'unknown field') return knownField(field, schema);
  if (message.endsWith('must be a string')) return asText(value);
  const [, wanted, found] = / must be of type (\w+): "(\w+)"$/.exec(message) ?? [];
  if (wanted === 'integer' && found === 'string') return asNumber(field, object);
  if (wanted === 'string' && isEmptyMapping(valueAt(field, object)))
    return 'put it in quotes, if it ends in a colon: that makes a key of it';
  if (wanted !== undefined) return ofType(wanted, found!);
  const [, supported] = /^Unsupported value: .*: supported values: "(.+)"$/.exec(message) ?? [];
  if (supported !== undefined) return toUse(nearest(String(value), supported.split('", "')));
  const [, bits] = /^Checked value must be .* format int(\d+)$/.exec(message) ?? [];
  if (bits !== undefined) return `write ${2n ** (BigInt(bits) - 1n) - 1n} or less`;
  if (message === 'provided prefix is not valid') return 'a prefix length of IPv4 is at most 32';
  if (typeof value !== 'string') return undefined;
  if (field.endsWith('.poolRef.name') && value.includes('/'))
    return `write ${value.slice(value.lastIndexOf('/') + 1)}: a pool is one of the claim's namespace, or of all`;
  if (message.includes('lowercase RFC 1123')) return asName(value);
  const [, group = '', version] = /^([a-z0-9.-]+)\/(v\w+)$/.exec(value) ?? [];
  if (field.endsWith('.apiGroup') && version !== undefined) return `write ${group}: without the version`;
  const [, pattern] = / should match '(.+)'$/.exec(message) ?? [];
  if (pattern !== undefined) return PATTERNS.find(([of]) => pattern.startsWith(of))?.[1](value);
  const read = READERS.find(([fields]) => fields.test(field))?.[1];
  if (read === undefined) return undefined;
  if (message.includes('subnet')) return outside(value, field, object);
  return (
    mended(value, read) ?? (read === parsePrefix ? asPrefix(value) : undefined) ?? unreadable(value, field)
  );
}

/** Of a text that is no value yet: a template, as those of clusterctl, Helm and Jinja are, or what sops has encrypted. */
export function adviseTemplate(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  if (text.startsWith('ENC[')) return 'it is encrypted, by sops: decrypt it first';
  const [part] = /\{\{.*?(?:\}\}|$)|\{%.*?(?:%\}|$)|\$\{.*?(?:\}|$)|\$[a-z_]\w*/im.exec(text) ?? [];
  if (part === undefined) return undefined;
  const renders = part.startsWith('$') ? 'envsubst or clusterctl generate does' : 'helm template does';
  return `${part} is of a template: render it first, as ${renders}`;
}

/** By what a pattern of a schema begins with, which for people is a riddle. */
const PATTERNS: readonly [of: string, advise: (value: string) => string | undefined][] = [
  [
    '^([a-z0-9](',
    () =>
      'a key has at most 63 letters, digits, -, _ and ., and may have a DNS name and a slash before it, such as example.com/group',
  ],
  ['^[a-z0-9](', asName],
  [
    '^([A-Za-z0-9](',
    () => "a label's value has letters, digits, -, _ and . alone, the first and last a letter or digit",
  ],
  ['^[a-zA-Z](', () => 'a kind is one word, such as InClusterIPPool'],
];

function asName(value: string): string | undefined {
  const name = value
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/(?<=^|\.)[^a-z0-9]+|[^a-z0-9]+(?=\.|$)/g, '');
  return name === '' ? undefined : `${name} would do`;
}

const IN_QUOTES = 'put it in quotes';

/** How to write a value where a string has to be. */
export function asText(value: unknown): string {
  // How it was written is not known: 7 may have been 0x7, or 007.
  return typeof value !== 'object' || JSON.isRawJSON(value) ? IN_QUOTES : 'write a text';
}

/** How the types of OpenAPI are written. */
function ofType(wanted: string, found: string): string | undefined {
  if (found === 'null') return 'write a value, or leave it out';
  switch (wanted) {
    case 'string':
      return ['object', 'array'].includes(found) ? 'write a text' : IN_QUOTES;
    case 'integer':
      return 'write a whole number';
    case 'boolean':
      return 'write true or false, without quotes';
    case 'array':
      return 'write a list: each item in a line of its own, behind a dash';
    case 'object':
      return 'write its fields below it, indented';
    default:
      return undefined;
  }
}

function valueAt(field: string, object: KubernetesObject): unknown {
  const names = field.replaceAll(/\[(\d+)\]/g, '.$1').split('.');
  return names.reduce<unknown>((part, name) => (part as Record<string, unknown>)?.[name], object);
}

/** What `fd00::` is at the end of a line, as fields without a value are left out. */
function isEmptyMapping(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

/** What to write for a text where a number has to be: `/24`, `8`, `5m`. */
function asNumber(field: string, object: KubernetesObject): string {
  const text = String(valueAt(field, object)).trim();
  if (/^-?\d+$/.test(text)) return `write ${BigInt(text)}, without quotes`;
  const seconds = field.endsWith('Seconds') ? (parseDuration(text) ?? Number.NaN) / 1000 : Number.NaN;
  if (Number.isInteger(seconds)) return `write ${seconds}`;
  const length = lengthIn(text);
  if (field.endsWith('HostBits') && length !== undefined) return asHostBits(length, object);
  return /(prefix|PrefixLength)$/.test(field) && length !== undefined
    ? `write ${length}`
    : 'write a number, without quotes';
}

/** Of a ClusterCIDR, whose blocks of both families have as many. */
function asHostBits(length: number, { spec }: KubernetesObject & { spec?: Record<string, unknown> }): string {
  const [family, bits] = length <= 32 && spec?.ipv4 !== undefined ? ['IPv4', 32] : ['IPv6', 128];
  return `write ${bits - length}: the bits behind the prefix of a block, which are so many in a /${length} of ${family}`;
}

/** `use addresses`, for a field that is misspelt. */
function knownField(field: string, schema: Schema | undefined): string | undefined {
  const names = field.replaceAll(/\[[^\]]*\]/g, '.[]').split('.');
  const parent = names.slice(0, -1).reduce<Schema | undefined>((part, name) => {
    return name === '[]' ? part?.items : part?.properties?.[name];
  }, schema);
  const [name, known] = [names.at(-1)!, Object.keys(parent?.properties ?? {})];
  if (/^[^\S ]/.test(name)) return 'it begins with spaces that are no plain ones: write plain ones';
  if (name === 'apiVersion' && known.includes('apiGroup')) return 'use apiGroup, without the version';
  return toUse(nearest(name, known));
}

function toUse(meant: string | undefined): string | undefined {
  return meant && `use ${meant}`;
}

/** The same of what somebody types for an address or a range; undefined of what looks like neither, or is one. */
export function adviseRange(text: string): string | undefined {
  const isMeant = /^(\d+\.|\[?[\da-f]*:)/i.test(text);
  return isMeant ? (mended(text, parseRange) ?? unreadable(text, '')) : undefined;
}

/** The same of what somebody types for a CIDR. */
export function adviseCIDR(text: string): string | undefined {
  return mended(text, parsePrefix) ?? asPrefix(text) ?? unreadable(text, '');
}

/** The same of what somebody types for the length of a prefix. */
export function adviseLength(text: string): string | undefined {
  const length = lengthIn(text);
  return length === undefined || String(length) === text ? undefined : `write ${length}`;
}

/** Of `/24`, `24 bits`, `10.0.0.0/24`, `255.255.255.0`. */
function lengthIn(text: string): number | undefined {
  const [, length] = /\/\s*(\d{1,3})\s*(?:\/|bits?)?$/i.exec(withPrefixLength(`0/${text.trim()}`)) ?? [];
  return length === undefined || Number(length) > 128 ? undefined : Number(length);
}

/** What is to be done to an address, or a range, to make it a CIDR. */
function asPrefix(text: string): string | undefined {
  const range = parseRange(text);
  if (range === undefined || parsePrefix(text) !== undefined) return undefined;
  if (range.first === range.last) return 'the prefix length is missing';
  const around = commonPrefix([range])!;
  const isSame = around.first === range.first && around.last === range.last;
  return isSame
    ? `write ${formatPrefix(around)}: a CIDR for a range`
    : `no CIDR is just that: the smallest around it is ${formatPrefix(around)}`;
}

/** What the text becomes when its mistakes are mended; undefined if it has none that are known. */
function mended(text: string, read: (text: string) => unknown): string | undefined {
  const unmapped = text.replaceAll(/[\da-f:.]+(?=-|$)/gi, (part) => {
    const address = parseAddress(part);
    const [, mapped] = /^::ffff:(.+\..+)$/.exec(address === undefined ? '' : formatAddress(address)) ?? [];
    return mapped ?? part;
  });
  if (unmapped !== text && read(unmapped) !== undefined) return `write ${unmapped}: IPv4 as it is`;
  if (read(text) !== undefined) return undefined;
  const reasons: string[] = [];
  let result = text;
  for (const [reason, mend] of MENDS) {
    const next = mend(result);
    if (next !== result) reasons.push(reason);
    result = next;
  }
  return read(result) === undefined || result === text ? undefined : `write ${result}: ${reasons.join(', ')}`;
}

function unreadable(text: string, field: string): string | undefined {
  const ends = text.split('-').map((end) => parseAddress(end));
  if (ends.length === 2 && ends[0] && ends[1] && ends[0].family !== ends[1].family) {
    return 'both ends of a range are of one family';
  }
  const octet = /(?<![0-9:a-f.])(?:\d+\.){3}\d+/i
    .exec(text)?.[0]
    .split('.')
    .find((part) => Number(part) > 255);
  if (octet !== undefined) return `${octet} is more than 255`;
  if (/[,;\s]/.test(text.trim())) return 'write each as an item of its own';
  if (
    !field.endsWith('gateway') &&
    /^[^/]+\/\d+$/.test(text) &&
    parseAddress(text.split('/')[0]!) !== undefined
  ) {
    const most = text.includes(':') ? 128 : 32;
    if (Number(text.split('/')[1]) > most) return `a prefix length is at most ${most}`;
  }
  if (/gateway$|address(\]|$)/.test(field) && parsePrefix(text) !== undefined) {
    const why = field.endsWith('gateway') ? 'the prefix length is spec.prefix' : 'without prefix length';
    return `write ${text.split('/')[0]}: ${why}`;
  }
  return parseRange(text) === undefined ? notAnAddress(text) : undefined;
}

function notAnAddress(text: string): string | undefined {
  if (/^[A-Za-z][-A-Za-z0-9.]*$/.test(text) && !/^[0-9a-f]+$/i.test(text)) return 'names are not looked up';
  if (/^[^-]+-$/.test(text)) return 'the last address of the range is missing';
  if (text.endsWith('/')) return 'the prefix length is missing';
  if (text.includes(':')) {
    const [other] = /[^0-9a-f:./-]/i.exec(text) ?? [];
    return other === undefined
      ? 'an IPv6 address has eight groups of hexadecimal digits, of which one run of zeros may be ::'
      : `${other} is no hexadecimal digit`;
  }
  return /\d/.test(text) ? 'an IPv4 address has four decimal numbers, none above 255' : undefined;
}

interface PrefixedAddresses {
  readonly prefix?: unknown;
  readonly addresses?: unknown;
  readonly subnets?: readonly PrefixedAddresses[];
}

/** Addresses of a pool that are not in the subnet of its lowest. */
function outside(text: string, field: string, object: KubernetesObject): string | undefined {
  const { spec } = object as { spec?: PrefixedAddresses };
  const [, index] = /^spec\.subnets\[(\d+)\]/.exec(field) ?? [];
  const { prefix, addresses } = (index === undefined ? spec : spec?.subnets?.[Number(index)]) ?? {};
  const range = parseRange(text);
  if (range === undefined || typeof prefix !== 'number' || !Array.isArray(addresses)) return undefined;
  const common = commonPrefix(
    addresses.flatMap((entry) => (typeof entry === 'string' ? (parseRange(entry) ?? []) : [])),
  );
  const own = commonPrefix([range]);
  if (own !== undefined && own.length < prefix) {
    return `it is larger than a /${prefix}: prefix is the length of the subnet around all addresses, so write prefix: ${common?.length ?? own.length}, or less of the range`;
  }
  if (common === undefined) return 'a pool has addresses of one family';
  return `with prefix ${prefix} all must lie in one /${prefix}: write prefix: ${common.length}, if ${formatPrefix(common)} is one subnet, or list each subnet in spec.subnets`;
}

/** The longest prefix that covers all; undefined if they are of two families. */
function commonPrefix(ranges: readonly Range[]) {
  const [one] = ranges;
  if (one === undefined || ranges.some(({ family }) => family !== one.family)) return undefined;
  const firsts = ranges.map(({ first }) => first);
  const lasts = ranges.map(({ last }) => last);
  const [low, high] = [firsts.reduce((a, b) => (b < a ? b : a)), lasts.reduce((a, b) => (b > a ? b : a))];
  const bits = one.family === 4 ? 32 : 128;
  const differing = (low ^ high).toString(2);
  const length = bits - (differing === '0' ? 0 : differing.length);
  return prefixOf({ family: one.family, value: low }, length);
}
