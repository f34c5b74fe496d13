import { asCniError, CNI_CODES, CniError } from './cni-error.ts';
import type { Host } from './host.ts';
import { isObject, type JsonObject } from './network-config.ts';

const DEFAULT_DATA_FOLDER = '/var/lib/cni/networks';
/** Files of host-local that hold no address. */
const NOT_ADDRESSES = /^(?:lock|last_reserved_ip\.)/;

interface Attachment {
  readonly containerID: string;
  /** Old versions of host-local did not note it. */
  readonly ifname: string | undefined;
}

/**
 * Releases every address of the network whose container and interface are not among the valid attachments, one
 * `release` each: host-local has no GC of its own. Goes on after a failure, and reports the first.
 *
 * A list that is null or absent is empty, as it is for libcni, which writes both so. Throws code 7 if it is anything else.
 */
export function collectGarbage(
  host: Host,
  { whole, name, dataDir }: { whole: JsonObject; name: string; dataDir: string | undefined },
  release: (containerID: string, ifname: string) => void,
): void {
  const valid = validAttachments(whole);
  const folder = `${dataDir || DEFAULT_DATA_FOLDER}/${name}`;
  const stale = new Map<string, Attachment>();
  for (const file of host.listFolder(folder)) {
    if (NOT_ADDRESSES.test(file)) continue;
    const holder = readHolder(host.readFile(`${folder}/${file}`));
    if (holder === undefined || valid.some((attachment) => isSame(attachment, holder))) continue;
    stale.set(`${holder.containerID} ${holder.ifname}`, holder);
  }
  const problems: CniError[] = [];
  for (const { containerID, ifname = 'eth0' } of stale.values()) {
    try {
      release(containerID, ifname);
    } catch (error) {
      problems.push(asCniError(error));
    }
  }
  if (problems[0] !== undefined) throw problems[0];
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

/** host-local writes container and interface on two lines. */
function readHolder(text: string | undefined): Attachment | undefined {
  const [containerID = '', ifname] = (text ?? '').split(/\r?\n/).map((line) => line.trim());
  return containerID === '' ? undefined : { containerID, ifname: ifname || undefined };
}

function isSame(valid: Attachment, holder: Attachment): boolean {
  return valid.containerID === holder.containerID && (valid.ifname === holder.ifname || !holder.ifname);
}
