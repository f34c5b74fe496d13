import { asCniError, CNI_CODES, CniError } from './cni-error.ts';
import { collectGarbage } from './collect-garbage.ts';
import { ANY_RANGE, delegate, findPlugin, HOST_LOCAL, withIpam } from './delegate.ts';
import { podNamespace, readCommand } from './environment.ts';
import type { Host } from './host.ts';
import { fileLog } from './log.ts';
import {
  type JsonObject,
  keyOf,
  type NetworkConfig,
  parseNetworkConfig,
  readVersion,
  textField,
  textsField,
} from './network-config.ts';
import { ofOwnNode, refreshAfterFailure } from './own-node.ts';
import { nodeSubnets, subnetsFor } from './ranges.ts';
import { checkVersion, FIRST_CNI_VERSION, versionAnswer } from './versions.ts';

/** Of `ipam`: the fields that are kube-node's own, and those of host-local that the node's ranges stand for. */
const NOT_FOR_HOST_LOCAL = [
  ...['type', 'annotation', 'ipv4-namespaces', 'kubeconfig', 'logfile', 'loglevel'],
  ...['ranges', 'subnet', 'rangeStart', 'rangeEnd', 'gateway'],
];

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
    const settings = readSettings(config.ipam);
    const log = fileLog(host, settings.logfile, settings.loglevel);
    const startedAt = host.now();
    log('debug', 'called', { command, config: config.whole });
    try {
      const result = COMMANDS[command](host, config, settings);
      host.write(result);
      log('info', command, { network: config.name, ms: host.now() - startedAt });
      log('debug', 'answered', { result });
    } catch (error) {
      const { code, message, details } = asCniError(error);
      log('info', `${command} failed`, { network: config.name, code, error: message, details });
      throw error;
    }
    return 0;
  } catch (error) {
    host.write(asCniError(error).toLine(cniVersion));
    return 1;
  }
}

const COMMANDS = { ADD: add, DEL: release, CHECK: release, GC: gc, STATUS: status } as const;

function add(host: Host, config: NetworkConfig, settings: Settings): string {
  const subnets = ofOwnNode(host, settings.kubeconfig, (node) => nodeSubnets(node, settings.annotation));
  const allowed = subnetsFor(subnets, settings.ipv4Namespaces, podNamespace(host.env));
  const ranges = allowed.map(({ subnet }) => [{ subnet }]);
  try {
    return delegate(host, findPlugin(host, HOST_LOCAL), withRanges(config, ranges));
  } catch (error) {
    refreshAfterFailure(host, settings.kubeconfig);
    throw error;
  }
}

/** DEL and CHECK go by container and interface: no ranges, and so nobody else, needed. */
function release(host: Host, config: NetworkConfig): string {
  return delegate(host, findPlugin(host, HOST_LOCAL), withRanges(config, ANY_RANGE));
}

function gc(host: Host, config: NetworkConfig, { dataDir }: Settings): string {
  const path = findPlugin(host, HOST_LOCAL);
  const delConfig = withRanges(config, ANY_RANGE);
  collectGarbage(host, { ...config, dataDir }, (containerID, ifname) => {
    const env = { ...host.env, CNI_COMMAND: 'DEL', CNI_CONTAINERID: containerID, CNI_IFNAME: ifname };
    delegate(host, path, delConfig, env);
  });
  return '';
}

/** Ready if an ADD could be served: host-local is there, and ranges are known. */
function status(host: Host, _: NetworkConfig, { kubeconfig, annotation }: Settings): string {
  try {
    if (host.env.CNI_PATH) findPlugin(host, HOST_LOCAL);
    ofOwnNode(host, kubeconfig, (node) => nodeSubnets(node, annotation));
  } catch (error) {
    const { message, details } = asCniError(error);
    throw new CniError(CNI_CODES.notAvailable, message, details);
  }
  return '';
}

function readSettings(ipam: JsonObject): Settings {
  return {
    annotation: textField(ipam, 'annotation'),
    dataDir: textField(ipam, 'dataDir'),
    ipv4Namespaces: textsField(ipam, 'ipv4-namespaces'),
    kubeconfig: textField(ipam, 'kubeconfig'),
    logfile: textField(ipam, 'logfile'),
    loglevel: textField(ipam, 'loglevel'),
  };
}

/** The config for host-local: the runtime's and the user's fields stay, so requested IPs and routes reach it. */
function withRanges({ whole, ipam }: NetworkConfig, ranges: unknown): JsonObject {
  const own = new Set(NOT_FOR_HOST_LOCAL.map((key) => keyOf(ipam, key)));
  const others = Object.entries(ipam).filter(([key]) => !own.has(key));
  return withIpam(whole, { type: HOST_LOCAL, ...Object.fromEntries(others), ranges });
}
