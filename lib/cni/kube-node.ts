import { isObject, type JsonObject } from '../json.ts';
import { type Bytes, decode, toJson } from './bytes.ts';
import { asCniError, orNotAvailable, tellError } from './cni-error.ts';
import { collectGarbage } from './collect-garbage.ts';
import { DelegateError, delegate, findPlugin } from './delegate.ts';
import { type CniCommand, knownArgs, podArgument, readCommand } from './environment.ts';
import type { Host } from './host.ts';
import { ANY_RANGE, HOST_LOCAL, heldAddresses, release, undo } from './host-local.ts';
import { checkSpace, corrected, hostLocalRanges } from './host-local-ranges.ts';
import { isSameKey, membersOf, toObject, withMember } from './json-text.ts';
import { fileLog } from './log.ts';
import {
  field,
  type NetworkConfig,
  parseNetworkConfig,
  readVersion,
  textField,
  textsField,
} from './network-config.ts';
import type { NodeFacts } from './node-facts.ts';
import { ofOwnNode, refreshAfterFailure } from './own-node.ts';
import { allowsClaims, claimedRanges, namedClaim } from './pod-claim.ts';
import { type CNIRoute, nodeRanges, type PluginRanges, rangesFor } from './ranges.ts';
import { checkVersion, FIRST_CNI_VERSION, versionAnswer } from './versions.ts';

/** Of `ipam`: the fields that are kube-node's own, and those of host-local that the node's ranges stand for. */
const NOT_FOR_HOST_LOCAL = [
  ...['type', 'annotation', 'ipv4-namespaces', 'kubeconfig', 'logfile', 'loglevel'],
  ...['ranges', 'subnet', 'rangeStart', 'rangeEnd', 'gateway'],
];

const NO_RANGES: PluginRanges = { subnets: [], routes: [] };

interface Settings {
  readonly annotation: string | undefined;
  readonly dataDir: string | undefined;
  readonly ipv4Namespaces: readonly string[] | undefined;
  readonly kubeconfig: string | undefined;
  readonly logfile: string | undefined;
  readonly loglevel: string | undefined;
}

/**
 * One call of the CNI IPAM plugin kube-node: host-local, with the subnets of the own node as its ranges.
 *
 * Answers the exit status; result or error are on stdout.
 */
export function kubeNode(host: Host): number {
  if (host.args[0] === '-version' || host.args[0] === '--version') {
    host.write(versionAnswer(FIRST_CNI_VERSION));
    return 0;
  }
  let cniVersion: string = FIRST_CNI_VERSION;
  try {
    const command = readCommand(host.env);
    const text = host.readInput();
    cniVersion = readVersion(text);
    if (command === 'VERSION') {
      host.write(versionAnswer(cniVersion));
      return 0;
    }
    const config = parseNetworkConfig(text);
    checkVersion(cniVersion, command);
    const settings = readSettings(config.ipam, command);
    const log = fileLog(host, settings.logfile, settings.loglevel);
    const startedAt = host.now();
    log('debug', 'called', { command, config: config.whole });
    try {
      const result = COMMANDS[command](host, config, settings);
      answer(host, command, config, settings, result);
      log('info', command, { network: config.name, ms: host.now() - startedAt });
      log('debug', 'answered', { result });
    } catch (error) {
      const { code, message, details } = asCniError(error);
      log('info', `${command} failed`, { network: config.name, code, error: message, details });
      throw error;
    }
    return 0;
  } catch (error) {
    tellError(host, error, cniVersion);
    return 1;
  }
}

const COMMANDS = { ADD: add, DEL: del, CHECK: check, GC: gc, STATUS: status } as const;

/** Nobody knows of an address that nobody is told of, so nobody would release it. */
function answer(
  host: Host,
  command: CniCommand,
  config: NetworkConfig,
  settings: Settings,
  result: Bytes,
): void {
  try {
    host.write(result);
  } catch (error) {
    if (command === 'ADD') undo(host, findPlugin(host, HOST_LOCAL), config, settings.dataDir);
    throw error;
  }
}

function add(host: Host, config: NetworkConfig, settings: Settings): Bytes {
  const { ranges, routes, corrections } = claimedOnes(host, config, settings) ?? nodesRanges(host, settings);
  const path = findPlugin(host, HOST_LOCAL);
  try {
    const result = delegate(host, path, withRanges(config, ranges, routes), knownArgs(host.env));
    return corrected(path, result, corrections);
  } catch (error) {
    if (error instanceof DelegateError && error.isAfterResult) undo(host, path, config, settings.dataDir);
    refreshAfterFailure(host, settings.kubeconfig);
    throw error;
  }
}

/** Those of the claim that the pod names, if it does, with what the node's annotation says of the network, if it does. */
function claimedOnes(host: Host, config: NetworkConfig, { kubeconfig, annotation }: Settings) {
  const claim = namedClaim(host, config, kubeconfig);
  if (claim === undefined) return undefined;
  return claimedRanges(
    claim,
    annotation ? ofOwnNode(host, kubeconfig, (node) => rangesOrNone(node, annotation)) : NO_RANGES,
  );
}

function rangesOrNone(node: NodeFacts, annotation: string): PluginRanges {
  return Object.hasOwn(node.annotations, annotation) ? nodeRanges(node, annotation) : NO_RANGES;
}

/** Those of the node, of which the pod gets any address. */
function nodesRanges(host: Host, { kubeconfig, annotation, ipv4Namespaces }: Settings) {
  const all = ofOwnNode(host, kubeconfig, (node) => nodeRanges(node, annotation));
  const { subnets, routes } = rangesFor(all, ipv4Namespaces, podArgument(host.env, 'K8S_POD_NAMESPACE'));
  return { ...hostLocalRanges(subnets), routes };
}

/** DEL, CHECK and GC go by container and interface: no ranges, and so nobody else, needed. */
function del(host: Host, config: NetworkConfig, { dataDir }: Settings): Bytes {
  return release(host, findPlugin(host, HOST_LOCAL), config, dataDir);
}

function check(host: Host, config: NetworkConfig): Bytes {
  return delegate(host, findPlugin(host, HOST_LOCAL), withRanges(config, ANY_RANGE), knownArgs(host.env));
}

function gc(host: Host, config: NetworkConfig, { dataDir }: Settings): Bytes {
  collectGarbage(host, findPlugin(host, HOST_LOCAL), config, dataDir);
  return '';
}

/**
 * Ready if an ADD could be served: host-local is there, ranges are known, and none is full. A network may be for claims
 * alone.
 */
function status(host: Host, config: NetworkConfig, settings: Settings): Bytes {
  const { kubeconfig, annotation, dataDir, ipv4Namespaces } = settings;
  const ranges = orNotAvailable(() => {
    if (host.env.CNI_PATH) findPlugin(host, HOST_LOCAL);
    const isForClaims = annotation !== undefined && allowsClaims(config);
    const all = ofOwnNode(host, kubeconfig, (node) =>
      isForClaims ? rangesOrNone(node, annotation) : nodeRanges(node, annotation),
    );
    if (isForClaims && all.subnets.length === 0) return [];
    const isIPv4Used = ipv4Namespaces === undefined || ipv4Namespaces.length > 0;
    return hostLocalRanges(rangesFor(all, isIPv4Used ? undefined : [], undefined).subnets).ranges;
  });
  try {
    checkSpace(ranges, heldAddresses(host, config.name, dataDir));
  } catch (error) {
    refreshAfterFailure(host, kubeconfig);
    throw error;
  }
  return '';
}

/** A pod goes whatever has become of the fields that only its ADD needed. */
function readSettings(ipam: JsonObject, command: CniCommand): Settings {
  const isStrict = command === 'ADD' || command === 'STATUS';
  const text = (key: string) =>
    isStrict || typeof field(ipam, key) === 'string' ? textField(ipam, key) : undefined;
  return {
    annotation: text('annotation'),
    dataDir: textField(ipam, 'dataDir'),
    ipv4Namespaces: isStrict ? textsField(ipam, 'ipv4-namespaces') : undefined,
    kubeconfig: text('kubeconfig'),
    logfile: text('logfile'),
    loglevel: text('loglevel'),
  };
}

/** The config for host-local: the runtime's and the user's fields stay, so requested IPs and routes reach it. */
function withRanges({ text }: NetworkConfig, ranges: unknown, routes: readonly CNIRoute[] = []): Bytes {
  const ipam = membersOf(text).findLast(({ key }) => isSameKey(key, 'ipam'))!;
  const others = membersOf(ipam.value).filter(
    ({ key }) => !NOT_FOR_HOST_LOCAL.some((own) => isSameKey(key, own)),
  );
  const members = [
    `"type":${toJson(HOST_LOCAL)}`,
    ...others.map((member) => member.text),
    `"ranges":${toJson(ranges)}`,
  ];
  const whole = toObject(members);
  return withMember(text, 'ipam', routes.length === 0 ? whole : withRoutes(whole, routes));
}

/** The routes of the network after those of the configuration, which come first where both know a destination. */
function withRoutes(ipam: Bytes, routes: readonly CNIRoute[]): Bytes {
  const given = membersOf(ipam).findLast(({ key }) => isSameKey(key, 'routes'))?.value;
  const own: unknown = given && JSON.parse(decode(given));
  if (own && !Array.isArray(own)) return ipam;
  const known = ((own as unknown[]) || []).map((route) => isObject(route) && field(route, 'dst'));
  const added = routes.filter(({ dst }) => !known.includes(dst)).map(toJson);
  const before = known.length > 0 ? [given!.trim().slice(1, -1)] : [];
  return withMember(ipam, 'routes', `[${[...before, ...added].join(',')}]`);
}
