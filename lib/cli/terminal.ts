/** What the terminal of the user can show. */
import type { Io } from './command.ts';

/** For locales without UTF-8; each sign of a picture keeps one that is its own. */
const ASCII: Readonly<Record<string, string>> = {
  '█': '#',
  '▒': '%',
  '◆': '@',
  '▓': '=',
  '▢': '~',
  '░': ':',
  '×': 'x',
  '·': '.',
  '✓': 'v',
  '→': '->',
  '…': '...',
};

/** Text for people: in ASCII where the locale names a character set other than UTF-8. */
export function textFor({ env }: Pick<Io, 'env'>, text: string): string {
  return hasUtf8(env) ? text : text.replaceAll(/[^\0-\x7f]/gu, (sign) => ASCII[sign] ?? '?');
}

/** Writes such text to stdout. */
export function writeText(io: Pick<Io, 'stdout' | 'env'>, text: string): void {
  io.stdout.write(textFor(io, text));
}

/** By POSIX' order of precedence; a locale that is not set says nothing, as in most containers. */
function hasUtf8({ LC_ALL, LC_CTYPE, LANG }: Io['env']): boolean {
  const locale = LC_ALL || LC_CTYPE || LANG || '';
  return locale === '' || /utf-?8/i.test(locale);
}

/** Whether stdout is a terminal that does what escape sequences say. */
export function takesEscapes({ stdout, env }: Pick<Io, 'stdout' | 'env'>): boolean {
  return stdout.isTTY === true && env.TERM !== 'dumb';
}

/** How many characters a line has room for; a terminal that does not know its width says 0. */
export function terminalWidth({ stdout }: Pick<Io, 'stdout'>): number {
  return stdout.columns || Number.POSITIVE_INFINITY;
}

/**
 * Characters of a picture's row: as many as fit, in steps that keep rows aligned with powers of two.
 *
 * @param width of the terminal
 * @param beside how many characters stand beside it
 */
export function pictureWidth(width: number, beside = BESIDE_A_PICTURE): number {
  return [64, 32].find((cells) => cells + beside <= width) ?? 16;
}

/** Indent, address and how much a character stands for. */
const BESIDE_A_PICTURE = 32;

/** Milliseconds of silence that a person takes for work, and between two signs of life. */
const PATIENCE_MS = 2000;
const REFRESH_MS = 200;
/** How many ticks pass between two looks at the clock. */
const STRIDE = 64;

interface Progress {
  /** One more piece of work is done. */
  readonly tick: () => void;
  /** Leaves the line as if nothing had been there. */
  readonly done: () => void;
}

/**
 * A line on stderr, if that is a terminal, for work that takes longer than a person waits without a word.
 *
 * @param isWaiting whether nothing may be done for long, as somebody else does not answer
 */
export function showProgress(
  { stderr }: Pick<Io, 'stderr'>,
  describe: (count: number) => string,
  isWaiting = false,
): Progress {
  const start = performance.now();
  let [count, shown, width] = [0, start + PATIENCE_MS - REFRESH_MS, 0];
  const show = () => {
    shown = performance.now();
    const text = describe(count).slice(0, (stderr.columns || 80) - 1);
    stderr.write(`\r${text.padEnd(width)}`);
    width = text.length;
  };
  const timer = stderr.isTTY && isWaiting ? setTimeout(show, PATIENCE_MS) : undefined;
  return {
    tick() {
      count++;
      if (stderr.isTTY && count % STRIDE === 0 && performance.now() - shown >= REFRESH_MS) show();
    },
    done() {
      clearTimeout(timer);
      if (width > 0) stderr.write(`\r${' '.repeat(width)}\r`);
      width = 0;
    },
  };
}
