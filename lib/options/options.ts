/**
 * Command line options as a table: parsing, `--help` and error messages all come from it.
 *
 * A value is the flag's, else the first of its environment variables that is set (even to nothing), else the
 * default. Flags have two dashes, `--flag value` or `--flag=value`; a short letter exists only where the table
 * gives one, and then as kubectl has it: `-o json`, `-ojson`, `-o=json`, several booleans in one word. A boolean takes
 * no separate value: `--flag` is true, `--flag=false` is false, and so with its letter.
 */
import { type ParseArgsOptionDescriptor, parseArgs } from 'node:util';
import { suggestion, wrap } from '../text.ts';

interface OptionBase {
  readonly help: string;
  /** Environment variables, the first that is set wins. */
  readonly env?: string | readonly string[];
  /** As a user would write it. An option without a default may be undefined. */
  readonly default?: string;
  /** What stands for the value in the help text. */
  readonly placeholder?: string;
  readonly aliases?: readonly string[];
  readonly short?: string;
  /** What to use instead. */
  readonly deprecated?: string;
  /** Why it has no effect. Any value is taken, and the option is named in a sentence at the end of the help. */
  readonly ignored?: string;
  /**
   * Flags without which it has no effect, each with the reason: `page`, `no-bind=false`, or several of which one will do,
   * `page or --serve`. One that is set in the environment will do.
   */
  readonly needs?: Readonly<Record<string, string>>;
  /**
   * Flags that contradict it or take its effect away, each with the reason. Said by one of the two, and so of flags
   * alone: a variable is exported for other commands as well.
   */
  readonly excludes?: Readonly<Record<string, string>>;
  /** Manifests set it, whatever else they set: without effect it is warned of, as is a variable, and not refused. */
  readonly lenient?: boolean;
  /** A text that stands for the empty one. */
  readonly off?: string;
  /** Flags of kubectl that there are not here, and what to do instead. */
  readonly instead?: Readonly<Record<string, string>>;
  /** Values that shells offer; others are not refused for it. */
  readonly choices?: readonly string[];
  /** What to write instead of a value that is not of the type. */
  readonly advise?: (text: string) => string | undefined;
  /** What is wrong with a value of the right type, as the end of "must be …"; undefined if nothing is. */
  readonly check?: (value: never) => string | undefined;
}

/** `duration` gives milliseconds, `size` bytes, `list` every value of a repeatable option. */
export type Option =
  | (OptionBase & { readonly type: 'string' | 'boolean' | 'duration' | 'size' | 'integer' | 'list' })
  | (OptionBase & { readonly type: 'enum'; readonly values: readonly string[] });

/** Options by the name of their flag. */
export type OptionTable = Readonly<Record<string, Option>>;

type ValueOf<O> = O extends { type: 'boolean' }
  ? boolean
  : O extends { type: 'duration' | 'size' | 'integer' }
    ? number
    : O extends { type: 'enum'; values: readonly (infer V)[] }
      ? V
      : O extends { type: 'list' }
        ? string[]
        : string;

export type Values<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends { default: string } | { type: 'list' }
    ? ValueOf<T[K]>
    : ValueOf<T[K]> | undefined;
};

export interface Parsed<T extends OptionTable> {
  readonly values: Values<T>;
  readonly positionals: readonly string[];
  readonly help: boolean;
  /** Sentences for stderr: options in use that are deprecated or without effect. */
  readonly warnings: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** A mistake on the command line or in the environment. The message names the flag or variable. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Keeps the table's literal types, from which `Values` follow. */
export function defineOptions<const T extends OptionTable>(table: T): T {
  return table;
}

/** `-o`, with the formats there are: the first unless another is asked for. */
export function outputOption<const V extends readonly string[]>(values: V, help: string) {
  return { type: 'enum', values, short: 'o', default: values[0]!, help } as const;
}

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Milliseconds of a Go duration (`time.ParseDuration`): `15s`, `1m30s`, `1.5h`. Undefined if it is none. */
export function parseDuration(text: string): number | undefined {
  const [, sign, rest] = /^([+-]?)(.*)$/s.exec(text)!;
  if (rest === '0') return 0;
  if (!/^(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(rest!)) return undefined;
  let nanoseconds = 0;
  for (const [, amount, unit] of rest!.matchAll(/([0-9.]+)([a-zµμ]+)/g)) {
    nanoseconds += Number(amount) * NANOSECONDS[unit!]!;
  }
  return ((sign === '-' ? -1 : 1) * nanoseconds) / 1e6;
}

/** Bytes of `1048576`, `64KiB`, `256MiB`, `256Mi`, `1.5GB`. Undefined if it is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)(?:([kKMG])(i?))?B?$/.exec(text);
  if (match === null) return undefined;
  const power = match[2] === undefined ? 0 : 'KMG'.indexOf(match[2].toUpperCase()) + 1;
  return Math.floor(Number(match[1]) * (match[3] === 'i' ? 1024 : 1000) ** power);
}

/** The spellings of Go's `strconv.ParseBool`; empty is true. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(?:|1|t|T|true|TRUE|True)$/.test(text)) return true;
  return /^(?:0|f|F|false|FALSE|False)$/.test(text) ? false : undefined;
}

function parseInteger(text: string): number | undefined {
  const value = Number(text);
  return /^[+-]?[0-9]+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}

const TYPES = {
  string: { parse: (text: string) => text, accepts: 'text', placeholder: 'text' },
  boolean: { parse: parseBoolean, accepts: 'true or false', placeholder: '' },
  duration: {
    parse: parseDuration,
    accepts: 'a duration such as 15s, 1m30s or 1.5h',
    placeholder: 'duration',
  },
  size: { parse: parseSize, accepts: 'a size such as 512KiB, 256MiB or 1GiB', placeholder: 'size' },
  integer: { parse: parseInteger, accepts: 'a whole number', placeholder: 'number' },
  list: { parse: (text: string) => text, accepts: 'text', placeholder: 'text' },
} as const;

function parseValue(option: Option, text: string, source: string): unknown {
  const invalid = (accepted: string) => {
    const advice = option.advise?.(text);
    const fix = advice === undefined ? '' : `; ${advice}`;
    return new UsageError(`${source}: ${JSON.stringify(text)} must be ${accepted}${fix}`);
  };
  if (option.type === 'enum') {
    if (!option.values.includes(text)) throw invalid(`one of ${option.values.join(', ')}`);
    return text;
  }
  if (text === option.off) return '';
  const { parse, accepts } = TYPES[option.type];
  const value = parse(text);
  if (value === undefined) throw invalid(accepts);
  const complaint = option.check?.(value as never);
  if (complaint !== undefined) throw invalid(complaint);
  return value;
}

/**
 * Reads `argv` and `env` by the table.
 *
 * A list option also takes the arguments that follow its value, up to the next flag, as shells expand
 * `-f examples/*.yaml`. After `--` everything is positional. Throws UsageError.
 */
export function parseOptions<T extends OptionTable>(
  table: T,
  argv: readonly string[],
  env: Environment,
): Parsed<T> {
  const names = flagNames(table);
  const tokens = tokensOf(argv, table, names);
  if (tokens.some((token) => token.kind === 'option' && ['--help', '-h'].includes(token.rawName))) {
    return { values: defaults(table), positionals: [], help: true, warnings: [] };
  }
  const given = new Map<string, unknown>();
  /** The flag as it was written, or the variable. */
  const sources = new Map<string, string>();
  const positionals: string[] = [];
  const warnings: string[] = [];
  /** That of a list option, while nothing but its values followed. */
  let list: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === 'positional') (list ?? positionals).push(token.value);
    else list = undefined;
    if (token.kind !== 'option') continue;
    const flag = token.rawName;
    const name = names.get(flag);
    if (name === undefined) throw unknownFlag(argv[token.index]!, names, table);
    const option = table[name]!;
    sources.set(name, flag);
    if (option.deprecated !== undefined) warnings.push(`${flag} is deprecated: ${option.deprecated}`);
    if (option.ignored !== undefined) {
      if (!given.has(name)) warnings.push(`${flag} is ignored: ${option.ignored}`);
      given.set(name, undefined);
      continue;
    }
    if (option.type === 'boolean') {
      given.set(name, parseValue(option, token.value ?? '', flag));
      continue;
    }
    if (token.value === undefined || (!token.inlineValue && isFlag(token.value))) {
      throw new UsageError(`${flag} needs a value: ${accepted(option)}`);
    }
    // Go's flags take `-o=json` for `-o json`, where POSIX takes the equals sign for a part of the value.
    const text = isShort(flag) && token.inlineValue ? token.value.replace(/^=/, '') : token.value;
    const value = parseValue(option, text, flag);
    if (option.type === 'list') {
      list = [...((given.get(name) as string[] | undefined) ?? []), value as string];
      given.set(name, list);
    } else {
      given.set(name, value);
    }
  }

  for (const [name, option] of Object.entries(table)) {
    if (given.has(name)) continue;
    const variable = variables(option).find((key) => env[key] !== undefined);
    if (variable === undefined) continue;
    if (option.deprecated !== undefined && env[variable] !== '') {
      warnings.push(`${variable} is deprecated: ${option.deprecated}`);
    }
    sources.set(name, variable);
    const value = parseValue(option, env[variable]!, variable);
    given.set(name, option.type === 'list' ? [value] : value);
  }
  const paths = [...given.values()].filter((value) => Array.isArray(value)).flat();
  if (paths.filter((path) => path === '-').length > 1)
    throw new UsageError('- stands for stdin, which can be read once');
  const values = { ...defaults(table), ...Object.fromEntries(given) };
  return { values, positionals, help: false, warnings: [...warnings, ...useless(table, values, sources)] };
}

/** What says nothing beside the rest: throws UsageError, or warns. What is off, or set to nothing, is not there. */
function* useless<T extends OptionTable>(
  table: T,
  values: Values<T>,
  sources: ReadonlyMap<string, string>,
): Generator<string> {
  const isUsed = (name: string) => !([undefined, false, ''] as unknown[]).includes(values[name]);
  const holds = (condition: string) => {
    const name = condition.replace(/=false$/, '');
    return isUsed(name) === (name === condition);
  };
  for (const [name, source] of sources) {
    const { needs = {}, excludes = {}, lenient } = table[name]!;
    if (!isUsed(name)) continue;
    const isSaid = (other: string) =>
      lenient || [source, sources.get(other)].every((each) => each?.startsWith('-'));
    const lacking = Object.entries(needs).find(([others]) => !others.split(' or --').some(holds));
    const beside = Object.entries(excludes).find(([other]) => isUsed(other) && isSaid(other));
    if (beside !== undefined) {
      const [other, why] = [sources.get(beside[0]), beside[1]];
      if (!lenient) throw new UsageError(`${source} or ${other}, not both: ${why}`);
      yield `${source} has no effect beside ${other}: ${why}`;
    } else if (lacking !== undefined) {
      const [others, why] = lacking;
      if (!lenient) throw new UsageError(`${source} needs --${others}: ${why}`);
      yield `${source} has no effect without --${others}: ${why}`;
    }
  }
}

/** The option of each flag, as it is written: `--output` and `-o`. */
export function flagNames(table: OptionTable): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(table).flatMap(([name, { aliases = [], short }]) => [
      [`--${name}`, name],
      ...aliases.map((alias): [string, string] => [`--${alias}`, name]),
      ...(short === undefined ? [] : [[`-${short}`, name] as [string, string]]),
    ]),
  );
}

function tokensOf(argv: readonly string[], table: OptionTable, names: ReadonlyMap<string, string>) {
  const options: Record<string, ParseArgsOptionDescriptor> = { help: { type: 'boolean', short: 'h' } };
  for (const [flag, name] of names) {
    const { type, short } = table[name]!;
    if (isShort(flag)) continue;
    const isItsName = flag === `--${name}` && short !== undefined;
    options[flag.slice(2)] = {
      type: type === 'boolean' ? 'boolean' : 'string',
      ...(isItsName && { short }),
    };
  }
  const end = argv.indexOf('--');
  for (const argument of end < 0 ? argv : argv.slice(0, end)) {
    // Or it would be read as short flags, with a part of the word for a value.
    const word = withoutValue(argument);
    if (isShort(word) && word.length > 2 && names.has(`-${word}`)) throw unknownFlag(argument, names, table);
  }
  const args = argv.map((argument, index) => {
    const name = names.get(withoutValue(argument));
    // POSIX has no `-w=false`, Go's flags do.
    const isOfGo = /^-[^-]=/.test(argument) && name !== undefined && table[name]!.type === 'boolean';
    return isOfGo && (end < 0 || index < end) ? `--${name}${argument.slice(2)}` : argument;
  });
  return parseArgs({ args, options, strict: false, tokens: true }).tokens;
}

function unknownFlag(argument: string, names: ReadonlyMap<string, string>, table: OptionTable): UsageError {
  const flag = withoutValue(argument);
  // `-nx` is `-n x`.
  const words = isShort(flag) ? [flag, flag.slice(0, 2)] : [flag];
  const [instead] = Object.values(table).flatMap((option) =>
    words.flatMap((word) => option.instead?.[word] ?? []),
  );
  if (instead !== undefined) return new UsageError(`unknown flag ${flag}: ${instead}`);
  // One letter is like any other.
  const meant =
    flag.length > 2
      ? suggestion(
          flag,
          [...names.keys()].filter(({ length }) => length > 2),
        )
      : '';
  return new UsageError(`unknown flag ${flag}${meant}`);
}

function withoutValue(argument: string): string {
  return argument.replace(/=.*$/s, '');
}

function isShort(flag: string): boolean {
  return /^-[^-]/.test(flag);
}

/** `-` alone stands for stdin, and a negative number is a value. */
function isFlag(argument: string): boolean {
  return argument.length > 1 && argument.startsWith('-') && !/^-[0-9.]/.test(argument);
}

function defaults<T extends OptionTable>(table: T): Values<T> {
  const entries = Object.entries(table).map(([name, option]) => {
    if (option.type === 'list') return [name, []];
    return [name, option.default === undefined ? undefined : parseValue(option, option.default, `--${name}`)];
  });
  return Object.fromEntries(entries);
}

function variables(option: Option): readonly string[] {
  return typeof option.env === 'string' ? [option.env] : (option.env ?? []);
}

function accepted({ placeholder = 'text', ...option }: Option): string {
  if (option.type === 'enum') return `one of ${option.values.join(', ')}`;
  return ['string', 'list'].includes(option.type)
    ? placeholder.replace('...', '')
    : TYPES[option.type].accepts;
}

/** Of help texts, however wide a terminal is. */
export const HELP_WIDTH = 98;

/** The options as help text in lines of at most `width`, one block each: flag, meaning, environment, default. */
export function helpText(table: OptionTable, width = HELP_WIDTH): string {
  const ignored = Object.keys(table).filter((name) => table[name]!.ignored !== undefined);
  const known = Object.entries(table).filter(([name]) => !ignored.includes(name));
  const rows = known.map(([name, option]) => {
    const flags = [...(option.short === undefined ? [] : [`-${option.short}`]), `--${name}`];
    for (const alias of option.aliases ?? []) flags.push(`--${alias}`);
    const value =
      option.placeholder ??
      (option.type === 'enum' ? option.values.join('|') : TYPES[option.type].placeholder);
    const excluded = Object.keys(table)
      .filter((other) => option.excludes?.[other] ?? table[other]!.excludes?.[name])
      .map((other) => `--${other}`);
    const notes = [
      ...variables(option).map((variable) => `env ${variable}`),
      ...(option.default === undefined ? [] : [`default ${option.default === '' ? '""' : option.default}`]),
      ...Object.keys(option.needs ?? {}).map((other) => `with --${other}`),
      ...(excluded.length === 0 ? [] : [`not with ${excluded.join(' or ')}`]),
      ...(option.deprecated === undefined ? [] : [`deprecated: ${option.deprecated}`]),
    ];
    return [
      `  ${flags.join(', ')}${option.type === 'boolean' ? '[=true|false]' : ` <${value}>`}`,
      ...[option.help, ...(notes.length === 0 ? [] : [`(${notes.join(', ')})`])]
        .flatMap((text) => wrap(text, width - 6))
        .map((line) => `      ${line}`),
    ].join('\n');
  });
  const list = ignored.map((name) => `--${name}`).join(', ');
  const rest =
    ignored.length === 0
      ? []
      : [`\n${wrap(`Accepted with a warning, and ignored: ${list}.`, width).join('\n')}`];
  return [...rows, '  -h, --help\n      Print this text.', ...rest].join('\n');
}
