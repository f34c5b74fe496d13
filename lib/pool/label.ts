import { labelValue } from '../kubernetes/label-value.ts';

/** What the pool label says: kind and name of the pool, hashed where a label has no room for them. */
export function poolLabel(kind: string, name: string): string {
  return labelValue(`${kind}.${name}`);
}
