import type { Io } from './command.ts';
import { takesEscapes } from './terminal.ts';

const CODES = { bold: 1, red: 31, green: 32, yellow: 33, cyan: 36, grey: 90 } as const;

export type Paint = (style: keyof typeof CODES, text: string) => string;

export const plain: Paint = (_style, text) => text;

const coloured: Paint = (style, text) => `\u001b[${CODES[style]}m${text}\u001b[0m`;

/**
 * Colours on a terminal that is not dumb and whose user has not set NO_COLOR (no-color.org); FORCE_COLOR, as Node.js
 * reads it, is for what passes them on, such as a CI's log, and wins.
 */
export function paintFor(io: Pick<Io, 'stdout' | 'env'>): Paint {
  const { FORCE_COLOR, NO_COLOR } = io.env;
  if (FORCE_COLOR !== undefined) return ['0', 'false'].includes(FORCE_COLOR) ? plain : coloured;
  return takesEscapes(io) && !NO_COLOR ? coloured : plain;
}
