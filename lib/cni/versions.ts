import { type Bytes, toJson } from './bytes.ts';
import { CNI_CODES, CniError } from './cni-error.ts';

/** Every version of the CNI specification whose IPAM results host-local writes. */
export const CNI_VERSIONS: readonly string[] = [
  '0.1.0',
  '0.2.0',
  '0.3.0',
  '0.3.1',
  '0.4.0',
  '1.0.0',
  '1.1.0',
];

/** What a config without a version means. */
export const FIRST_CNI_VERSION = '0.1.0';

const SINCE: Readonly<Record<string, string>> = {
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
};

/** Throws unless `cniVersion` is known and has the command. */
export function checkVersion(cniVersion: string, command: string): void {
  const version = CNI_VERSIONS.indexOf(cniVersion);
  if (version < 0) {
    throw new CniError(
      CNI_CODES.incompatibleVersion,
      'incompatible CNI versions',
      `config is ${JSON.stringify(cniVersion)}, plugin supports ${JSON.stringify(CNI_VERSIONS)}`,
    );
  }
  const since = SINCE[command];
  if (since !== undefined && version < CNI_VERSIONS.indexOf(since)) {
    throw new CniError(
      CNI_CODES.incompatibleVersion,
      `config version does not allow ${command}`,
      `config is ${JSON.stringify(cniVersion)}, ${command} needs ${JSON.stringify(since)}`,
    );
  }
}

export function versionAnswer(cniVersion: string): Bytes {
  return `${toJson({ cniVersion, supportedVersions: CNI_VERSIONS })}\n`;
}
