import { createHash } from 'node:crypto';

/** Tells two texts apart in a name or a label: 16 hexadecimal digits of the text's SHA-256. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
