/** Kubernetes' CEL libraries of IP addresses and CIDRs (k8s.io/apiserver/pkg/cel/library: ip.go, cidr.go). */
import { type CelFunc, CelScalar, celFunc } from '@bufbuild/cel';
import { create, type Message } from '@bufbuild/protobuf';
import type { ReflectMessage } from '@bufbuild/protobuf/reflect';
import { type Address, type Family, formatAddress, parseAddress } from '../../address/address.ts';
import { covers, parsePrefix, prefixOf, rangeOf } from '../../address/range.ts';
import { method } from './method.ts';
import { CIDR, CIDR_TYPE, IP, IP_TYPE } from './types.ts';

interface Fields {
  readonly family: Family;
  readonly high: bigint;
  readonly low: bigint;
  readonly length: number;
}

const LOW_BITS = 64n;
const LOW_MASK = (1n << LOW_BITS) - 1n;
const MAPPED_PREFIX = 0xffffn;

function fieldsOf({ family, value }: Address) {
  return { family, high: value >> LOW_BITS, low: value & LOW_MASK };
}

function ipOf(address: Address): Message {
  return create(IP, fieldsOf(address));
}

function cidrOf(address: Address, length: number): Message {
  return create(CIDR, { ...fieldsOf(address), length });
}

function addressIn({ message }: ReflectMessage): Address {
  const { family, high, low } = message as Message as Message & Fields;
  return { family, value: (high << LOW_BITS) | low };
}

function lengthOf({ message }: ReflectMessage): number {
  return (message as Message as Message & Fields).length;
}

function blockOf(cidr: ReflectMessage) {
  return prefixOf(addressIn(cidr), lengthOf(cidr));
}

/** The same function, which remembers its latest answer: rules ask several things of one text. */
function remembering<T>(read: (text: string) => T): (text: string) => T {
  let latest: { readonly text: string; readonly value: T } | undefined;
  return (text) => {
    if (latest?.text !== text) latest = { text, value: read(text) };
    return latest.value;
  };
}

/** Neither of the libraries reads IPv4-mapped IPv6 addresses. */
const readIP = remembering((text): Address | undefined => {
  const address = parseAddress(text);
  const isMapped = address?.family === 6 && address.value >> 32n === MAPPED_PREFIX;
  return isMapped ? undefined : address;
});

function readCIDR(text: string): { address: Address; length: number } | undefined {
  const prefix = parsePrefix(text);
  const address = prefix && readIP(text.slice(0, text.lastIndexOf('/')));
  return address && { address, length: prefix.length };
}

function ip(text: string): Address {
  const address = readIP(text);
  if (address === undefined) {
    throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  }
  return address;
}

function cidr(text: string): { address: Address; length: number } {
  const read = readCIDR(text);
  if (read !== undefined) return read;
  throw new Error(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
}

function isIn(block: string): (address: Address) => boolean {
  const prefix = parsePrefix(block)!;
  return (address) => covers(prefix, rangeOf(address));
}

/** Of either family. */
function isAnyOf(...blocks: readonly string[]): (address: Address) => boolean {
  const tests = blocks.map(isIn);
  return (address) => tests.some((test) => test(address));
}

// As Go's netip has them.
const isUnspecified = isAnyOf('0.0.0.0/32', '::/128');
const isLoopback = isAnyOf('127.0.0.0/8', '::1/128');
const isMulticast = isAnyOf('224.0.0.0/4', 'ff00::/8');
const isLinkLocalUnicast = isAnyOf('169.254.0.0/16', 'fe80::/10');
const isLocalMulticast4 = isIn('224.0.0.0/24');
const isBroadcast = isIn('255.255.255.255/32');

/** Of an IPv6 address the scope counts, whatever the flags before it. */
function isLinkLocalMulticast(address: Address): boolean {
  if (address.family === 4) return isLocalMulticast4(address);
  return ((address.value >> 112n) & 0xff0fn) === 0xff02n;
}

function isGlobalUnicast(address: Address): boolean {
  return ![isUnspecified, isLoopback, isMulticast, isLinkLocalUnicast, isBroadcast].some((is) => is(address));
}

const { BOOL, INT, STRING } = CelScalar;

const test = (name: string, is: (address: Address) => boolean): CelFunc =>
  method(name, IP_TYPE, [], BOOL, (self) => is(addressIn(self)));

export const networkFunctions: CelFunc[] = [
  celFunc('isIP', [STRING], BOOL, (text) => readIP(text) !== undefined),
  celFunc('ip', [STRING], IP_TYPE, (text) => ipOf(ip(text))),
  celFunc('ip.isCanonical', [STRING], BOOL, (text) => formatAddress(ip(text)) === text),
  celFunc('string', [IP_TYPE], STRING, (value) => formatAddress(addressIn(value))),
  method('family', IP_TYPE, [], INT, (self) => BigInt(addressIn(self).family)),
  test('isUnspecified', isUnspecified),
  test('isLoopback', isLoopback),
  test('isLinkLocalMulticast', isLinkLocalMulticast),
  test('isLinkLocalUnicast', isLinkLocalUnicast),
  test('isGlobalUnicast', isGlobalUnicast),

  celFunc('isCIDR', [STRING], BOOL, (text) => readCIDR(text) !== undefined),
  celFunc(
    'cidr',
    [STRING],
    CIDR_TYPE,
    remembering((text) => {
      const { address, length } = cidr(text);
      return cidrOf(address, length);
    }),
  ),
  celFunc('string', [CIDR_TYPE], STRING, (value) => `${formatAddress(addressIn(value))}/${lengthOf(value)}`),
  method('ip', CIDR_TYPE, [], IP_TYPE, (self) => ipOf(addressIn(self))),
  method('prefixLength', CIDR_TYPE, [], INT, (self) => BigInt(lengthOf(self))),
  method('masked', CIDR_TYPE, [], CIDR_TYPE, (self) => {
    const { family, first, length } = blockOf(self);
    return cidrOf({ family, value: first }, length);
  }),
  method('containsIP', CIDR_TYPE, [STRING], BOOL, (self, text) => covers(blockOf(self), rangeOf(ip(text)))),
  method('containsIP', CIDR_TYPE, [IP_TYPE], BOOL, (self, value) =>
    covers(blockOf(self), rangeOf(addressIn(value))),
  ),
  method('containsCIDR', CIDR_TYPE, [STRING], BOOL, (self, text) => {
    const { address, length } = cidr(text);
    return covers(blockOf(self), prefixOf(address, length));
  }),
  method('containsCIDR', CIDR_TYPE, [CIDR_TYPE], BOOL, (self, value) =>
    covers(blockOf(self), blockOf(value)),
  ),
];
