import { asCniError, CNI_CODES, CniError } from './cni-error.ts';
import { collectGarbage } from './collect-garbage.ts';
import { ANY_RANGE, callPlugin, delegate, HOST_LOCAL, withIpam } from './delegate.ts';
import { parseFragment } from './fragment.ts';
import type { Host } from './host.ts';
import {
  isObject,
  type JsonObject,
  type NetworkConfig,
  parseNetworkConfig,
  textField,
} from './network-config.ts';
import type { NodeFacts } from './node-facts.ts';
import { fetchNode, knownNode, ofOwnNode, refreshAfterFailure } from './own-node.ts';

const CONFIG_FILE = '/etc/cni/node-annotation.conf';
/** What the errors of this plugin have always carried. */
const CNI_VERSION = '0.4.0';

const HELP = `node-annotation [command]

  An IPAM CNI plugin that takes the configuration of the next IPAM plugin from an annotation of its Node.

  ipam [--node=NAME]                    be the plugin: configuration on stdin (the default)
  my_node                               print the name of the own node
  get_annotation [--node=NAME] KEY      print the value of an annotation
  error_quit [MESSAGE]                  print an error as CNI wants it, and fail

Its own configuration is JSON, in $NODE_ANNOTATION_CFG or ${CONFIG_FILE}:
kubeconfig, nextipam (path of the next plugin; default host-local beside this program), log (file).
`;

interface Settings {
  readonly kubeconfig: string | undefined;
  /** Path of the plugin that the annotation is for. */
  readonly nextipam: string;
  readonly log: string | undefined;
}

/** One call of the program. Answers the exit status. */
export function nodeAnnotation(host: Host): number {
  const [command = 'ipam', ...rest] = host.args;
  if (/^help|-h/i.test(command)) {
    host.write(HELP);
    return 0;
  }
  if (!Object.hasOwn(SUBCOMMANDS, command)) {
    host.writeError(`ERROR: Invalid command [${command}]\n`);
    return 1;
  }
  let log: string | undefined;
  try {
    const settings = readSettings(host);
    log = settings.log;
    const node = rest.find((arg) => arg.startsWith('--node='))?.slice('--node='.length);
    const parameters = rest.filter((arg) => !arg.startsWith('--'));
    host.write(SUBCOMMANDS[command as keyof typeof SUBCOMMANDS](host, settings, node, parameters));
    return 0;
  } catch (error) {
    const cniError = asCniError(error);
    host.write(cniError.toLine(CNI_VERSION));
    append(host, log, `ERROR: ${cniError.message} ${cniError.details}`.replace(/\s+/g, ' ').trimEnd());
    return 1;
  }
}

const SUBCOMMANDS = { ipam, my_node: myNode, get_annotation: getAnnotation, error_quit: errorQuit } as const;

function errorQuit(_: Host, __: Settings, ___: string | undefined, [message]: readonly string[]): string {
  throw failure(message || 'node-annotation');
}

function myNode(host: Host, { kubeconfig }: Settings): string {
  return `${ofOwnNode(host, kubeconfig, ({ name }) => name)}\n`;
}

function getAnnotation(
  host: Host,
  settings: Settings,
  node: string | undefined,
  [key]: readonly string[],
): string {
  if (!key) throw failure('Parameter missing');
  return `${readAnnotation(host, settings, node, key)}\n`;
}

function ipam(host: Host, settings: Settings, node: string | undefined): string {
  const { env } = host;
  const { nextipam, kubeconfig, log } = settings;
  const type = nextipam.slice(nextipam.lastIndexOf('/') + 1);
  const text = host.readInput();
  if (!host.isFile(nextipam)) throw new CniError(CNI_CODES.failed, `FAILED: no plugin ${nextipam}`);
  if (env.CNI_COMMAND === 'VERSION') return callPlugin(host, nextipam, text);
  const config = parseNetworkConfig(text);
  const key = textField(config.ipam, 'annotation');
  if (!key) throw new CniError(CNI_CODES.config, 'FAILED: No annotation specified');
  append(host, log, `Ipam from annotation: [${key}]`);
  const next = (fragment: JsonObject) => withIpam(config.whole, { type, ...fragment });
  switch (env.CNI_COMMAND) {
    case 'DEL':
    case 'CHECK':
      return delegate(host, nextipam, next(fragmentForRelease(host, settings, node, key)));
    case 'GC':
      return gc(host, settings, config, next(fragmentForRelease(host, settings, node, key)));
    case 'STATUS':
      return status(host, settings, node, key);
  }
  const fragment = readFragment(readAnnotation(host, settings, node, key));
  try {
    return delegate(host, nextipam, next(fragment));
  } catch (error) {
    refreshAfterFailure(host, kubeconfig);
    throw error;
  }
}

/**
 * The annotation as it was last known: what is to be released lies where that says. Without it, an address is
 * released from where host-local keeps them by default, since a pod must be able to go while the API server is away.
 * Ranges do not matter to host-local then, and those that it would refuse must not keep a pod from going.
 */
function fragmentForRelease(
  host: Host,
  settings: Settings,
  node: string | undefined,
  key: string,
): JsonObject {
  const known = node === undefined ? knownNode(host) : undefined;
  try {
    const value =
      known && Object.hasOwn(known.annotations, key)
        ? known.annotations[key]!
        : readAnnotation(host, settings, node, key);
    const fragment = readFragment(value);
    if (!isHostLocal(settings)) return fragment;
    const { dataDir } = fragment;
    return { ranges: ANY_RANGE, ...(dataDir !== undefined && { dataDir }) };
  } catch {
    return { ranges: ANY_RANGE };
  }
}

function isHostLocal({ nextipam }: Settings): boolean {
  return nextipam.endsWith(`/${HOST_LOCAL}`);
}

function gc(host: Host, settings: Settings, { whole, name }: NetworkConfig, config: JsonObject): string {
  const { nextipam } = settings;
  if (!isHostLocal(settings)) return delegate(host, nextipam, config);
  const dataDir = textField(config.ipam as JsonObject, 'dataDir');
  collectGarbage(host, { whole, name, dataDir }, (containerID, ifname) => {
    const env = { ...host.env, CNI_COMMAND: 'DEL', CNI_CONTAINERID: containerID, CNI_IFNAME: ifname };
    delegate(host, nextipam, config, env);
  });
  return '';
}

function status(host: Host, settings: Settings, node: string | undefined, key: string): string {
  try {
    readFragment(readAnnotation(host, settings, node, key));
  } catch (error) {
    const { message, details } = asCniError(error);
    throw new CniError(CNI_CODES.notAvailable, message, details);
  }
  return '';
}

function readAnnotation(host: Host, { kubeconfig }: Settings, node: string | undefined, key: string): string {
  const choose = ({ name, annotations }: NodeFacts) => {
    if (!Object.hasOwn(annotations, key)) {
      throw failure('Annotation not found', `node ${name} has no annotation ${key} yet`);
    }
    return annotations[key]!;
  };
  return node === undefined
    ? ofOwnNode(host, kubeconfig, choose)
    : choose(fetchNode(host, kubeconfig, { node }));
}

function readFragment(text: string): JsonObject {
  try {
    return parseFragment(text);
  } catch (error) {
    throw new CniError(CNI_CODES.failed, 'FAILED: The annotation is no JSON', (error as Error).message);
  }
}

function readSettings({ env, folder, readFile }: Host): Settings {
  const path = env.NODE_ANNOTATION_CFG || CONFIG_FILE;
  const text = readFile(path);
  let config: unknown = {};
  try {
    if (text !== undefined) config = JSON.parse(text);
  } catch (error) {
    throw new CniError(CNI_CODES.config, `FAILED: ${path}`, (error as Error).message);
  }
  if (!isObject(config)) throw new CniError(CNI_CODES.config, `FAILED: ${path}`, 'not an object');
  return {
    kubeconfig: textField(config, 'kubeconfig'),
    nextipam: textField(config, 'nextipam') || `${folder}/${HOST_LOCAL}`,
    log: textField(config, 'log'),
  };
}

function append(host: Host, file: string | undefined, line: string): void {
  if (!file) return;
  try {
    host.appendFile(file, `${line}\n`);
  } catch {
    // A pod does not go without its address for want of a log.
  }
}

/** Something that may be there when the runtime tries again. */
function failure(message: string, details?: string): CniError {
  return new CniError(CNI_CODES.tryAgainLater, `FAILED: ${message}`, details);
}
