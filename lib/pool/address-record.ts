import { ADDRESS_ANNOTATION, ADDRESS_OF_ANNOTATION } from '../kubernetes/names.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';

/**
 * Whether what a claim's annotation says it has is its own record: not that of another cluster, which came along, nor what
 * it is to get again in the place of an earlier claim.
 */
export function isRecordedHere({ metadata }: IPAddressClaim): boolean {
  return metadata.annotations?.[ADDRESS_OF_ANNOTATION] === metadata.uid;
}

/** The address or prefix that the claim has recorded here; undefined before it has. */
export function recordedAddress(claim: IPAddressClaim): string | undefined {
  return isRecordedHere(claim) ? claim.metadata.annotations?.[ADDRESS_ANNOTATION] : undefined;
}
