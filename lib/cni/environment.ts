import { CNI_CODES, CniError } from './cni-error.ts';

const COMMANDS = ['ADD', 'DEL', 'CHECK', 'VERSION', 'GC', 'STATUS'] as const;
export type CniCommand = (typeof COMMANDS)[number];

type Environment = Readonly<Record<string, string>>;

const REQUIRED: Readonly<Record<CniCommand, readonly string[]>> = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'],
  GC: ['CNI_PATH'],
  STATUS: [],
  VERSION: [],
};

export const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const LONGEST_INTERFACE_NAME = 15;

/** The command of this call. Throws code 4, naming the variables that are missing or wrong. */
export function readCommand(env: Environment): CniCommand {
  const command = COMMANDS.find((known) => known === env.CNI_COMMAND);
  if (command === undefined) {
    throw env.CNI_COMMAND
      ? environmentError(`unknown CNI_COMMAND: ${env.CNI_COMMAND}`)
      : environmentError('required env variables [CNI_COMMAND] missing');
  }
  const missing = REQUIRED[command].filter((name) => !env[name]);
  if (missing.length > 0) throw environmentError(`required env variables [${missing.join()}] missing`);
  const { CNI_CONTAINERID: containerID, CNI_IFNAME: ifname } = env;
  if (containerID && !CONTAINER_ID.test(containerID)) {
    throw environmentError('invalid characters in CNI_CONTAINERID', containerID);
  }
  if (ifname && !isInterfaceName(ifname)) throw environmentError('invalid CNI_IFNAME', ifname);
  return command;
}

/** The rule of the kernel, without its exception for colons. */
export function isInterfaceName(name: string): boolean {
  return name.length <= LONGEST_INTERFACE_NAME && name !== '.' && name !== '..' && !/[/:\s]/.test(name);
}

/** What the kubelet's runtimes say of the pod in `CNI_ARGS`: `K8S_POD_NAMESPACE`, `K8S_POD_NAME`. */
export function podArgument(env: Environment, name: string): string | undefined {
  const pairs = (env.CNI_ARGS ?? '').split(';').map((pair) => pair.split('='));
  return pairs.find(([key]) => key === name)?.[1];
}

/**
 * Of this environment, what changes for a plugin that does not know what runtimes say of pods: a runtime that does
 * not tell plugins to ignore what they do not know need not fail for what is known here.
 */
export function knownArgs(env: Environment): { CNI_ARGS?: string } {
  const pairs = (env.CNI_ARGS ?? '').split(';');
  if (pairs.some((pair) => /^IgnoreUnknown=(1|true)$/i.test(pair))) return {};
  const others = pairs.filter((pair) => !pair.startsWith('K8S_'));
  return others.length === pairs.length ? {} : { CNI_ARGS: others.join(';') };
}

function environmentError(message: string, details?: string): CniError {
  return new CniError(CNI_CODES.environment, message, details);
}
