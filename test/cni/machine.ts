/** Nodes with networks of their own, on which plugins run as a runtime calls them, and their pods. */

import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { PLUGINS } from '../../cni/build.ts';
import { type NodeFacts, writeFacts } from '../../lib/cni/node-facts.ts';
import { FETCHER } from '../../lib/cni/own-node.ts';
import { cniEnv, type Ended, HOST_LOCAL_FOLDER, held, ip, programs, run, scratch } from './kit.ts';

const OTHER_PLUGINS = ['bridge', 'host-local', 'portmap'];

/** What it takes, but for the right to make network namespaces. */
export const MACHINE_TOOLS = [
  ...OTHER_PLUGINS.map((name) => [`${HOST_LOCAL_FOLDER}/${name}`, 'containernetworking-plugins'] as const),
  ['ip', 'iproute2'],
  ['iptables', 'iptables'],
  ['nsenter', 'util-linux'],
  ['unshare', 'util-linux'],
  ['ping', 'iputils-ping'],
] as const;

interface Plugin {
  readonly type: string;
  readonly ipam?: object;
  readonly capabilities?: Record<string, boolean>;
}

export interface NetworkList {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly Plugin[];
}

export interface Pod {
  readonly name: string;
  readonly netns: string;
  readonly ifname: string;
}

export interface PodResult {
  readonly ips: readonly { readonly address: string; readonly gateway?: string }[];
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[];
}

/** A folder with our programs and the plugins that they are used with. */
export async function pluginFolder(): Promise<string> {
  const { folder } = await programs();
  const bin = scratch();
  const files = [
    ...[...PLUGINS, FETCHER].map((name) => join(folder, name)),
    ...OTHER_PLUGINS.map((name) => join(HOST_LOCAL_FOLDER, name)),
  ];
  for (const file of files) {
    const copy = join(bin, file.slice(file.lastIndexOf('/')));
    copyFileSync(file, copy);
    chmodSync(copy, 0o755);
  }
  return bin;
}

const namespaces: string[] = [];

/** Ends what machines and pods there are. */
export function removeMachines(): void {
  for (const name of namespaces.splice(0)) ip('netns', 'del', name);
}

/** A node with its own network, `/run/metaipam` and `/var/lib/cni`. */
export class Machine {
  readonly name: string;
  readonly #bin: string;
  readonly work = scratch();
  readonly netns: string;

  /** @param bin with the plugins */
  constructor(name: string, bin: string) {
    this.name = name;
    this.#bin = bin;
    this.netns = this.#namespace('host');
    for (const folder of ['run/cni', 'lib']) mkdirSync(join(this.work, folder), { recursive: true });
    for (const folder of ['/run/metaipam', '/var/lib/cni']) mkdirSync(folder, { recursive: true });
  }

  #namespace(name: string): string {
    const full = `metaipam-${process.pid}-${this.name}-${name}`;
    ip('netns', 'add', full);
    namespaces.push(full);
    return `/run/netns/${full}`;
  }

  pod(name: string, ifname = 'eth0'): Pod {
    return { name, ifname, netns: this.#namespace(name) };
  }

  /** As the agent writes it. */
  know(facts: Partial<NodeFacts>): void {
    const node = { name: 'worker-1', podCIDRs: [], annotations: {}, ...facts };
    writeFileSync(join(this.work, 'run/cni/node.json'), writeFacts(node, Date.now()));
  }

  /** One call of one plugin of a list. */
  async plugin(
    command: string,
    { cniVersion, name }: NetworkList,
    plugin: Plugin,
    pod: Pod,
    more: object = {},
  ): Promise<Ended> {
    const env = cniEnv(command, pod.name, {
      ...{ CNI_NETNS: pod.netns, CNI_IFNAME: pod.ifname, CNI_PATH: this.#bin, PATH: process.env.PATH ?? '' },
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod.name}`,
    });
    const mounts = `mount --bind ${this.work}/run /run/metaipam && mount --bind ${this.work}/lib /var/lib/cni`;
    return run('/usr/bin/nsenter', {
      args: [
        `--net=${this.netns}`,
        'unshare',
        '--mount',
        'sh',
        '-c',
        `${mounts} && exec ${this.#bin}/${plugin.type}`,
      ],
      env,
      stdin: JSON.stringify({ ...plugin, cniVersion, name, ...more }),
    });
  }

  /** Each plugin after the other, as libcni calls them; the result of the last. */
  async call(command: string, list: NetworkList, pod: Pod, result?: PodResult): Promise<PodResult> {
    let prevResult = result;
    for (const plugin of command === 'DEL' ? list.plugins.toReversed() : list.plugins) {
      // portmap looks for the addresses of both families in the rules of each, when it checks.
      const isMapped = plugin.capabilities?.portMappings && command !== 'CHECK';
      const runtimeConfig = isMapped && {
        portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
      };
      const more = { prevResult, ...(runtimeConfig && { runtimeConfig }) };
      const ended = await this.plugin(command, list, plugin, pod, more);
      assert.is(ended.status, 0, `${command} ${list.name} ${plugin.type}: ${ended.out}${ended.err}`);
      if (command === 'ADD') prevResult = JSON.parse(ended.out);
    }
    return prevResult!;
  }

  held(): string[] {
    return [...held(join(this.work, 'run/addresses')), ...held(join(this.work, 'lib/networks'))];
  }
}

/** Runs in the network of a pod. */
export function within(netns: string, program: string, ...args: string[]): Promise<Ended> {
  return run('/usr/bin/nsenter', {
    args: [`--net=${netns}`, program, ...args],
    env: { PATH: process.env.PATH ?? '' },
  });
}

export async function pings(pod: Pod, target: string): Promise<void> {
  const { status, out, err } = await within(pod.netns, 'ping', '-c1', '-w10', target);
  assert.is(status, 0, `${pod.name} to ${target}: ${out}${err}`);
}
