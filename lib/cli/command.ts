/** What a subcommand is, and the part that all of them share: options, `--help`, errors as one line. */
import { TOO_LARGE, TOO_LARGE_TEXT } from '../file-bytes.ts';
import {
  type Environment,
  HELP_WIDTH,
  helpText,
  type OptionTable,
  type Parsed,
  parseOptions,
  UsageError,
} from '../options/options.ts';
import { PROGRAM } from '../program.ts';
import { wrap } from '../text.ts';
import { hang, printable } from './table.ts';
import { terminalWidth, textFor } from './terminal.ts';

/** The process as a command sees it; tests pass their own. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
}

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly options: OptionTable;
  /** See `Completable`. */
  readonly choices?: () => Promise<readonly string[]>;
  /** Resolves to the exit code. */
  readonly run: (argv: readonly string[], io: Io) => Promise<number>;
}

interface Definition<T extends OptionTable> {
  readonly name: string;
  readonly summary: string;
  /** What follows `metaipam <name>` in the usage line. */
  readonly usage: string;
  /** Paragraphs between the usage line and the options. */
  readonly description: string;
  readonly options: T;
  readonly choices?: () => Promise<readonly string[]>;
  readonly main: (parsed: Parsed<T>, io: Io) => Promise<number>;
}

/** Input that a person can mend: reported as its message alone, exit code 1. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** What the user may not read. */
export class ForbiddenError extends InputError {}

/** A command from its definition: exit 0 on `--help`, 1 with one line on stderr on wrong flags or input. */
export function defineCommand<T extends OptionTable>(definition: Definition<T>): Command {
  const { name, summary, usage, description, options, choices, main } = definition;
  async function run(argv: readonly string[], io: Io): Promise<number> {
    const called = `${PROGRAM} ${name}`;
    try {
      const parsed = parseOptions(options, argv, io.env);
      if (parsed.help) {
        const width = Math.min(terminalWidth(io), HELP_WIDTH);
        io.stdout.write(
          `${hang(`Usage: ${called} `, usage, width).join('\n')}\n\n${refilled(description, width)}\n\nOptions:\n${helpText(options, width)}\n`,
        );
        return 0;
      }
      for (const warning of parsed.warnings) io.stderr.write(`${called}: warning: ${warning}\n`);
      return await main(parsed, io);
    } catch (error) {
      if (!(error instanceof UsageError || error instanceof InputError)) throw error;
      const more = error instanceof UsageError ? `See ${called} --help.\n` : '';
      io.stderr.write(textFor(io, `${called}: ${printableLines(error.message)}\n${more}`));
      return 1;
    }
  }
  return { name, summary, options, ...(choices && { choices }), run };
}

/** Throws UsageError for arguments of a command that takes none. */
export function refuseArguments(positionals: readonly string[], advice = ''): void {
  if (positionals.length > 0)
    throw new UsageError(`no arguments are expected, found ${positionals.join(' ')}${advice}`);
}

/** What users and kubeconfigs name may be anything. */
function printableLines(message: string): string {
  return message.split('\n').map(printable).join('\n');
}

/** Each paragraph in lines of one width; of lists each line, and not what is to be copied. */
function refilled(description: string, width: number): string {
  const paragraphs = description.trim().split('\n\n');
  return paragraphs
    .map((text) => {
      if (!/^ /m.test(text)) return wrap(text.replaceAll('\n', ' '), width).join('\n');
      return text.replaceAll(/^( +\S+ {2,})(.+)$/gm, (_, name, what) => hang(name, what, width).join('\n'));
    })
    .join('\n\n');
}

/** Why a file cannot be read or written, from what the system call threw. */
export function fileFault(
  { code = '', message }: NodeJS.ErrnoException,
  doing: 'read' | 'written' = 'read',
): string {
  if (['ENOENT', 'ENOTDIR'].includes(code)) return 'no such file or folder';
  if (['EACCES', 'EPERM'].includes(code)) return `may not be ${doing}: permission denied`;
  if (code === 'ELOOP') return 'is a link that leads back to itself';
  if (code === TOO_LARGE) return TOO_LARGE_TEXT;
  return code === 'EISDIR' ? 'is a folder' : message;
}

/** Whether a file, and not the program, is what has failed. */
export function isFileFault(error: unknown): error is NodeJS.ErrnoException {
  const { syscall, code } = error as NodeJS.ErrnoException;
  return syscall !== undefined || code === TOO_LARGE;
}
