/** What may stand where the cursor is, from the tables that parse the command line. */
import { flagNames, type Option, type OptionTable } from '../options/options.ts';

/** What completion needs to know of a command. */
export interface Completable {
  readonly options: OptionTable;
  /** What its arguments may be, if that can be told without a cluster. */
  readonly choices?: () => Promise<readonly string[]>;
}

interface Candidate {
  readonly text: string;
  readonly help?: string;
}

interface Completion {
  readonly candidates: readonly Candidate[];
  /** Whether files and folders are wanted as well. */
  readonly files: boolean;
}

const NOTHING: Completion = { candidates: [], files: false };
/** Placeholders of options that take a path. */
const PATHS = ['path', 'path...', 'file'];

/**
 * Completes the last of the words, which may be empty.
 *
 * @param words those after the name of the command; bash cuts them at `=`, other shells do not
 */
export async function complete(words: readonly string[], command: Completable): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  if (before.includes('--')) return argumentsOf(command, current);
  const names = flagNames(command.options);
  const optionOf = (flag: string): Option | undefined => command.options[names.get(flag) ?? ''];
  const isCut = before.at(-1) === '=' || current === '=';
  if (isCut) {
    const flag = before.at(current === '=' ? -1 : -2) ?? '';
    return valuesOf(optionOf(flag), current === '=' ? '' : current, '');
  }
  const [, flag = '', value = ''] = /^(--[^=]+=)(.*)$/s.exec(current) ?? [];
  if (flag !== '') return valuesOf(optionOf(flag.slice(0, -1)), value, flag);
  if (current.startsWith('-'))
    return { candidates: flagsLike(current, names, command.options), files: false };
  const option = optionOf(openFlag(before, optionOf) ?? '');
  return option === undefined ? argumentsOf(command, current) : valuesOf(option, current, '');
}

/** The flag whose value the next word is: the last, unless it takes none or has it. */
function openFlag(
  before: readonly string[],
  optionOf: (flag: string) => Option | undefined,
): string | undefined {
  const index = before.findLastIndex((word) => word.startsWith('-') && word !== '-');
  const flag = before[index];
  const option = optionOf(flag ?? '');
  if (option === undefined || option.type === 'boolean') return undefined;
  return option.type === 'list' || index === before.length - 1 ? flag : undefined;
}

function valuesOf(option: Option | undefined, start: string, prefix: string): Completion {
  if (option === undefined) return NOTHING;
  const values = option.type === 'enum' ? option.values : (option.choices ?? []);
  const booleans = option.type === 'boolean' ? ['true', 'false'] : [];
  const candidates = [...values, ...booleans]
    .filter((value) => value.startsWith(start))
    .map((value) => ({ text: prefix + value }));
  return { candidates, files: PATHS.includes(option.placeholder ?? '') };
}

function flagsLike(start: string, names: ReadonlyMap<string, string>, options: OptionTable): Candidate[] {
  const flags = [...names].map(([flag, name]) => ({ text: flag, help: firstSentence(options[name]!.help) }));
  return [...flags, { text: '--help', help: 'Print the help' }].filter(({ text }) => text.startsWith(start));
}

function firstSentence(help: string): string {
  return /^.*?[.:;](?=\s|$)/s.exec(help)?.[0].slice(0, -1) ?? help;
}

async function argumentsOf({ choices }: Completable, start: string): Promise<Completion> {
  const texts = (await choices?.()) ?? [];
  return {
    candidates: texts.filter((text) => text.startsWith(start)).map((text) => ({ text })),
    files: false,
  };
}

/** As the scripts of `completion` read it: a line each, its help behind a tab; `:files` asks for files. */
export function formatCompletion({ candidates, files }: Completion): string {
  const lines = candidates.map(({ text, help }) => (help === undefined ? text : `${text}\t${help}`));
  return [...lines, ...(files ? [':files'] : [])].map((line) => `${line}\n`).join('');
}
