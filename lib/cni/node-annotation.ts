import { isObject } from '../json.ts';
import { type Bytes, decode, encode, toJson } from './bytes.ts';
import { asCniError, CNI_CODES, CniError, orNotAvailable, tellError } from './cni-error.ts';
import { collectGarbage } from './collect-garbage.ts';
import { callPlugin, DelegateError, delegate, parseResult } from './delegate.ts';
import { fragmentJson } from './fragment.ts';
import type { Host } from './host.ts';
import { ANY_RANGE, HOST_LOCAL, heldAddresses, release, undo } from './host-local.ts';
import { checkSpace } from './host-local-ranges.ts';
import { membersOf, toObject, withMember } from './json-text.ts';
import { lineLog } from './log.ts';
import { field, type NetworkConfig, parseNetworkConfig, textField } from './network-config.ts';
import type { NodeFacts } from './node-facts.ts';
import { askForNode, knownNode, ofOwnNode, refreshAfterFailure } from './own-node.ts';
import { rememberFragments, usedFragments } from './used-fragments.ts';

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
    tellError(host, error, CNI_VERSION);
    lineLog(host, log)(`ERROR: ${cniError.message} ${cniError.details}`.replace(/\s+/g, ' ').trimEnd());
    return 1;
  }
}

const SUBCOMMANDS = { ipam, my_node: myNode, get_annotation: getAnnotation, error_quit: errorQuit } as const;

function errorQuit(_: Host, __: Settings, ___: string | undefined, [message]: readonly string[]): string {
  throw failure(message || 'node-annotation');
}

function myNode(host: Host, { kubeconfig }: Settings): string {
  return encode(`${ofOwnNode(host, kubeconfig, ({ name }) => name)}\n`);
}

function getAnnotation(
  host: Host,
  settings: Settings,
  node: string | undefined,
  [key]: readonly string[],
): string {
  if (!key) throw failure('Parameter missing');
  return encode(`${readAnnotation(host, settings, node, key)}\n`);
}

/** Of these, nothing that only an ADD needs is looked at. */
const RELEASING = ['DEL', 'CHECK', 'GC'];

function ipam(host: Host, settings: Settings, node: string | undefined): Bytes {
  const { env } = host;
  const { nextipam, kubeconfig, log } = settings;
  const text = host.readInput();
  if (!host.isFile(nextipam)) throw new CniError(CNI_CODES.failed, `FAILED: no plugin ${nextipam}`);
  if (env.CNI_COMMAND === 'VERSION') return callPlugin(host, nextipam, text);
  const config = parseNetworkConfig(text);
  const found = field(config.ipam, 'annotation');
  lineLog(host, log)(`Ipam from annotation: [${found ?? ''}]`);
  if (RELEASING.includes(env.CNI_COMMAND ?? '')) {
    const known = typeof found === 'string' ? found : undefined;
    return forEachFragment(host, settings, config, fragmentsForRelease(host, settings, config, node, known));
  }
  const key = textField(config.ipam, 'annotation');
  if (!key) throw new CniError(CNI_CODES.config, 'FAILED: No annotation specified');
  if (env.CNI_COMMAND === 'STATUS') return status(host, settings, config, node, key);
  const fragment = readFragment(readAnnotation(host, settings, node, key));
  remember(host, settings, config, fragment);
  let result: Bytes | undefined;
  try {
    result = delegate(host, nextipam, withFragment(settings, config, fragment));
    if (isHostLocal(settings)) parseResult(nextipam, result);
    // Nobody would release an address that nobody is told of.
    host.write(result);
    return '';
  } catch (error) {
    const isLeft = result !== undefined || (error instanceof DelegateError && error.isAfterResult);
    if (isLeft && isHostLocal(settings)) undo(host, nextipam, config, dataDirOf(fragment));
    refreshAfterFailure(host, kubeconfig);
    throw error;
  }
}

/** The configuration for the next plugin: all of this one but `ipam`, which the fragment is. */
function withFragment({ nextipam }: Settings, { text }: NetworkConfig, fragment: Bytes): Bytes {
  const members = membersOf(fragment);
  const type = members.some(({ key }) => key === 'type') ? [] : [`"type":${toJson(nameOf(nextipam))}`];
  return withMember(text, 'ipam', toObject([...type, ...members.map((member) => member.text)]));
}

/** DEL, CHECK or GC wherever an ADD may have reserved something. Goes on after a failure, and reports the first. */
function forEachFragment(
  host: Host,
  settings: Settings,
  config: NetworkConfig,
  fragments: readonly Bytes[],
): Bytes {
  const { nextipam } = settings;
  const command = host.env.CNI_COMMAND;
  const problems: unknown[] = [];
  for (const fragment of fragments) {
    try {
      if (!isHostLocal(settings) || command === 'CHECK')
        delegate(host, nextipam, withFragment(settings, config, fragment));
      else if (command === 'DEL') release(host, nextipam, config, dataDirOf(fragment));
      else collectGarbage(host, nextipam, config, dataDirOf(fragment));
    } catch (error) {
      problems.push(error);
    }
  }
  // What is there need not be everywhere.
  const isFailed = command === 'CHECK' ? problems.length === fragments.length : problems.length > 0;
  if (isFailed) throw problems[0];
  return '';
}

/**
 * The fragments that ADDs were made with, and the annotation as it was last known, of which host-local needs no more
 * than the folder of its addresses: ranges that it would refuse must not keep a pod from going. Where nothing is known
 * that is the default one, since a pod must be able to go while the API server is away.
 */
function fragmentsForRelease(
  host: Host,
  settings: Settings,
  { name }: NetworkConfig,
  node: string | undefined,
  key: string | undefined,
): readonly Bytes[] {
  const used = usedFragments(host, name);
  const current = key && annotationForRelease(host, settings, node, key, used.length === 0);
  if (!isHostLocal(settings)) return [current ?? used[0] ?? fragmentOf(undefined)];
  const folders = [...used, ...(current ? [current] : [])].map(dataDirOf);
  return [...new Set(folders.length > 0 ? folders : [undefined])].map(fragmentOf);
}

function annotationForRelease(
  host: Host,
  settings: Settings,
  node: string | undefined,
  key: string,
  mayAsk: boolean,
): Bytes | undefined {
  const known = node === undefined ? knownNode(host) : undefined;
  try {
    if (known && Object.hasOwn(known.annotations, key)) return fragmentJson(known.annotations[key]!);
    return mayAsk ? fragmentJson(readAnnotation(host, settings, node, key)) : undefined;
  } catch {
    return undefined;
  }
}

/** Before anything is reserved. Of folders that host-local had, those stay in mind that hold addresses. */
function remember(host: Host, settings: Settings, { name }: NetworkConfig, fragment: Bytes): void {
  const used = usedFragments(host, name);
  if (!isHostLocal(settings)) {
    if (used[0] !== fragment) rememberFragments(host, name, [fragment]);
    return;
  }
  const own = fragmentOf(dataDirOf(fragment));
  if (used.includes(own)) return;
  const isInUse = (other: Bytes) => heldAddresses(host, name, dataDirOf(other)).length > 0;
  rememberFragments(host, name, [own, ...used.filter(isInUse)]);
}

/** The part of a fragment that host-local needs to find its addresses. */
function fragmentOf(dataDir: string | undefined): Bytes {
  return toJson({ ranges: ANY_RANGE, ...(dataDir && { dataDir }) });
}

/** What is no text is none: host-local reserves nothing with it. */
function dataDirOf(fragment: Bytes): string | undefined {
  const dataDir = field(JSON.parse(decode(fragment)), 'dataDir');
  return typeof dataDir === 'string' && dataDir !== '' ? dataDir : undefined;
}

function isHostLocal({ nextipam }: Settings): boolean {
  return nameOf(nextipam) === HOST_LOCAL;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether an ADD could be served is for the next plugin to say, but for host-local, which does not. */
function status(
  host: Host,
  settings: Settings,
  config: NetworkConfig,
  node: string | undefined,
  key: string,
): Bytes {
  const fragment = orNotAvailable(() => readFragment(readAnnotation(host, settings, node, key)));
  if (isHostLocal(settings)) {
    const ipam = JSON.parse(decode(fragment));
    const ranges = [...(ipam.subnet ? [[ipam]] : []), ...(Array.isArray(ipam.ranges) ? ipam.ranges : [])];
    try {
      checkSpace(ranges, heldAddresses(host, config.name, dataDirOf(fragment)));
    } catch (error) {
      refreshAfterFailure(host, settings.kubeconfig);
      throw error;
    }
    return '';
  }
  return delegate(host, settings.nextipam, withFragment(settings, config, fragment));
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
    : choose(askForNode(host, kubeconfig, { node }));
}

function readFragment(text: string): Bytes {
  try {
    return fragmentJson(text);
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

/** Something that may be there when the runtime tries again. */
function failure(message: string, details?: string): CniError {
  return new CniError(CNI_CODES.tryAgainLater, `FAILED: ${message}`, details);
}
