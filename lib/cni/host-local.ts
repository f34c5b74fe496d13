import { type Address, parseAddress } from '../address/address.ts';
import { type Bytes, toJson } from './bytes.ts';
import { delegate } from './delegate.ts';
import type { Host } from './host.ts';
import type { NetworkConfig } from './network-config.ts';

export const HOST_LOCAL = 'host-local';

const DEFAULT_DATA_FOLDER = '/var/lib/cni/networks';

/** Subnets live in files of one folder per network, whatever ranges a call names, but it has to name one. */
export const ANY_RANGE = [[{ subnet: '192.0.2.0/24' }]] as const;

/** The folder with a file for each address of a network that is taken. */
export function addressFolder(name: string, dataDir: string | undefined): string {
  return `${dataDir || DEFAULT_DATA_FOLDER}/${name}`;
}

/** The addresses of a network that are taken. */
export function heldAddresses(host: Host, name: string, dataDir: string | undefined): Address[] {
  const names = host.listFolder(addressFolder(name, dataDir));
  return names.map(parseAddress).filter((address) => address !== undefined);
}

/** Takes back what an ADD reserved that fails: why it fails says more than why this does. */
export function undo(...args: Parameters<typeof release>): void {
  try {
    release(...args);
  } catch {}
}

/**
 * Releases what host-local at `path` keeps for a container and an interface: by default those of this call.
 *
 * Nothing is passed on but what that takes. Whatever else is wrong with a configuration or the arguments, and kept the
 * ADD from succeeding, does not keep the DEL from it. Throws host-local's own error.
 */
export function release(
  host: Host,
  path: string,
  { name, cniVersion }: Pick<NetworkConfig, 'name' | 'cniVersion'>,
  dataDir: string | undefined,
  {
    containerID = host.env.CNI_CONTAINERID ?? '',
    ifname = host.env.CNI_IFNAME ?? '',
  }: { containerID?: string; ifname?: string } = {},
): Bytes {
  const ipam = { type: HOST_LOCAL, ...(dataDir && { dataDir }), ranges: ANY_RANGE };
  return delegate(host, path, toJson({ cniVersion, name, ipam }), {
    ...{ CNI_COMMAND: 'DEL', CNI_CONTAINERID: containerID, CNI_IFNAME: ifname },
    ...{ CNI_ARGS: '', CNI_NETNS: '' },
  });
}
