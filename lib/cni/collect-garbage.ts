import { parseAddress } from '../address/address.ts';
import { isObject, type JsonObject } from '../json.ts';
import { asCniError, CNI_CODES, CniError } from './cni-error.ts';
import { CONTAINER_ID, isInterfaceName } from './environment.ts';
import type { Host } from './host.ts';
import { addressFolder, release } from './host-local.ts';
import type { NetworkConfig } from './network-config.ts';

interface Attachment {
  readonly containerID: string;
  /** Old versions of host-local did not note it. */
  readonly ifname: string | undefined;
}

/** The file of an address that is taken. */
interface Reservation {
  readonly file: string;
  readonly text: string;
  readonly holder: Attachment | undefined;
}

/** Whom no runtime knows. */
const NOBODY: Attachment = { containerID: 'metaipam-gc', ifname: 'eth0' };

/**
 * Releases every address of the network whose container and interface are not among the valid attachments, one DEL of
 * host-local at `path` each, since it has no GC of its own. Goes on after a failure, and reports the first.
 *
 * A list that is null or absent is empty, as it is for libcni, which writes both so. Throws code 7 if it is anything else.
 */
export function collectGarbage(
  host: Host,
  path: string,
  network: Pick<NetworkConfig, 'name' | 'cniVersion' | 'whole'>,
  dataDir: string | undefined,
): void {
  const valid = validAttachments(network.whole);
  const folder = addressFolder(network.name, dataDir);
  const stale: Reservation[] = [];
  for (const name of host.listFolder(folder)) {
    const file = `${folder}/${name}`;
    const text = parseAddress(name) && host.readFile(file);
    if (text === undefined) continue;
    const holder = readHolder(text);
    if (!holder || !valid.some((attachment) => isSame(attachment, holder)))
      stale.push({ file, text, holder });
  }
  const holders = new Map(stale.map(({ holder = NOBODY }) => [Object.values(holder).join(' '), holder]));
  const problems: CniError[] = [];
  for (const { containerID, ifname = 'eth0' } of holders.values()) {
    try {
      release(host, path, network, dataDir, { containerID, ifname });
    } catch (error) {
      problems.push(asCniError(error));
    }
  }
  if (problems[0] !== undefined) throw problems[0];
  // What no DEL can name: an ADD that did not come to write down for whom. None of them is at it any more, since each
  // call of host-local holds its lock until it is done, and those above had it.
  for (const { file, text } of stale) if (host.readFile(file) === text) host.removeFile(file);
}

function validAttachments(whole: JsonObject): readonly Attachment[] {
  const list = whole['cni.dev/valid-attachments'] ?? whole['cni.dev/attachments'] ?? [];
  if (!Array.isArray(list) || !list.every(isAttachment)) {
    throw new CniError(
      CNI_CODES.config,
      'Invalid cni.dev/valid-attachments',
      'not a list of objects with containerID and ifname',
    );
  }
  return list;
}

function isAttachment(item: unknown): item is Attachment {
  return isObject(item) && typeof item.containerID === 'string' && typeof item.ifname === 'string';
}

/** host-local writes container and interface on two lines. Undefined if they are none that a runtime can name. */
function readHolder(text: string | undefined): Attachment | undefined {
  const [containerID = '', ifname = ''] = (text ?? '').split(/\r?\n/).map((line) => line.trim());
  if (!CONTAINER_ID.test(containerID) || (ifname !== '' && !isInterfaceName(ifname))) return undefined;
  return { containerID, ifname: ifname || undefined };
}

function isSame(valid: Attachment, holder: Attachment): boolean {
  return valid.containerID === holder.containerID && (valid.ifname === holder.ifname || !holder.ifname);
}
