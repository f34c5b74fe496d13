import { hash } from 'node:crypto';

const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Whether `text` may be the value of a label: at most 63 characters, alphanumeric at both ends. */
export function isLabelValue(text: string): boolean {
  return LABEL_VALUE.test(text);
}

/**
 * `text` itself if it may be the value of a label, otherwise its start and a hash of the whole.
 *
 * The two are joined by `_`, which no object's name contains: a shortened name never equals another's.
 */
export function labelValue(text: string): string {
  if (isLabelValue(text)) return text;
  const start = text.replace(/[^A-Za-z0-9.-]/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  const digest = hash('sha256', text).slice(0, 16);
  return start === '' ? digest : `${start.slice(0, 46)}_${digest}`;
}
