/** YAML as it is sent to an API server, and the line on which each field of it stands. */
import {
  boolYaml11Tag,
  CORE_SCHEMA,
  constructFromEvents,
  DUMP_SCHEMA,
  defineScalarTag,
  dump,
  EVENT_ID,
  type Event,
  getScalarValue,
  intCoreTag,
  intYaml11Tag,
  mergeTag,
  NOT_RESOLVED,
  parseEvents,
  YAMLException,
} from 'js-yaml';
import { exactInteger, type JsonObject, parseJson } from '../json.ts';
import { adviseTemplate } from '../validation/advice.ts';

/** One document that is not empty. */
export interface YamlDocument {
  /** Counted from 1, empty ones included. */
  readonly number: number;
  /** JSON: nothing is shared, and a null field of a mapping is absent, as the API server prunes it. */
  readonly value: unknown;
  /** The line, from 1, of `spec.addresses[2]`, or of the nearest field around it that is written. */
  readonly lineOf: (field: string) => number;
  /** How a number is written, such as `024` for 20, that would be another in decimal. Absent where there is none. */
  readonly octalAt?: (field: string) => string | undefined;
}

interface YamlProblem {
  readonly number: number;
  readonly line?: number;
  readonly message: string;
}

/** How many values the aliases of one document may stand for: a few of them, nested, are otherwise billions. */
const MOST_ALIASED_VALUES = 100_000;
const DEEPEST = 100;

/** Integers as kubectl reads them, `024` in octal and `1_000` too, with every digit, as Kubernetes' int64 has it. */
const exactIntTag = defineScalarTag<unknown>(intCoreTag.tagName, {
  implicit: true,
  implicitFirstChars: intCoreTag.implicitFirstChars,
  identify: (value) => Number.isInteger(value) || JSON.isRawJSON(value),
  represent: (value) => JSON.stringify(value),
  resolve(source) {
    const [, sign, digits = ''] = /^([-+]?)([0-9][0-9a-z_]*)$/i.exec(source) ?? [];
    const plain = digits.replaceAll('_', '').replace(/^0(?=[0-7]+$)/, '0o');
    if (!/^(0b[01]+|0o[0-7]+|0x[0-9a-f]+|[0-9]+)$/i.test(plain)) return NOT_RESOLVED;
    return exactInteger(sign === '-' ? -BigInt(plain) : BigInt(plain));
  },
});

/**
 * What kubectl makes of YAML: that of 1.2, where a date is a string, with the merge key, the integers and the booleans
 * of 1.1, among them `yes` and `off`. Duplicate keys are errors.
 */
const SCHEMA = CORE_SCHEMA.withTags(boolYaml11Tag, exactIntTag, mergeTag);

/** For others `10:20:30:40:50:1:2:3` is a number of base 60: a text that looks like one is quoted. */
const DUMPED = DUMP_SCHEMA.withTags({
  ...exactIntTag,
  resolve: (...source) => {
    const exact = exactIntTag.resolve(...source);
    return exact === NOT_RESOLVED ? intYaml11Tag.resolve(...source) : exact;
  },
});

/** `value` as YAML, integers with every digit. */
export function formatYaml(value: object): string {
  return dump(value, { schema: DUMPED, noRefs: true, lineWidth: -1 });
}

/** Every document of a text, and what is wrong with the others: one stops no other. `tick` is called for each. */
export function parseYaml(
  text: string,
  tick?: () => void,
): {
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly YamlProblem[];
  /** How many documents there are, empty ones included. */
  readonly count: number;
} {
  const documents: YamlDocument[] = [];
  const problems: YamlProblem[] = [];
  let linesAbove = 0;
  // Files that are put together may bring one each.
  const sources = splitDocuments(text.includes('\ufeff') ? text.replaceAll(/^\ufeff/gm, '') : text);
  for (const [index, source] of sources.entries()) {
    const [number, firstLine] = [index + 1, linesAbove + 1];
    linesAbove += lineBreaks(source);
    tick?.();
    const json = parseAsJson(source);
    if (json !== undefined) {
      documents.push({ number, value: json, lineOf: placesIn(source, firstLine).lineOf });
      continue;
    }
    try {
      const events = parseEvents(source, { maxDepth: DEEPEST });
      checkAliases(events, source);
      const places = placesIn(source, firstLine);
      for (const value of constructFromEvents(events, { source, schema: SCHEMA })) {
        if (value === null) continue;
        if (typeof value === 'string' && MERGE_MARK.test(source)) YAMLException.throwAt(source, 0, value);
        documents.push({ number, value: parseJson(JSON.stringify(value, asSent(source))), ...places });
      }
    } catch (error) {
      if (!(error instanceof YAMLException)) throw error;
      const { reason, mark } = error;
      if (mark === undefined) problems.push({ number, message: reason });
      else {
        const { at, message } = unfinished(reason, source, mark.position) ?? {
          at: mark.position,
          message: inWords(reason, source, mark.position),
        };
        problems.push({ number, line: firstLine + lineBreaks(source.slice(0, at)), message });
      }
    }
  }
  return { documents, problems, count: sources.length };
}

/**
 * What a parser of YAML makes of JSON, in a fraction of the time and memory; undefined of all that is no JSON, nests too
 * deep or gives a key twice, of which that parser says where.
 */
function parseAsJson(source: string): JsonObject | undefined {
  if (!/^\s*\{/.test(source)) return undefined;
  try {
    const value = parseJson(source) as JsonObject;
    const keys = prune(value, 0);
    return keys === countKeys(source) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Takes null fields of mappings away, as the API server does. Returns how many fields there were; NaN if it nests too deep, or a number is too large. */
function prune(value: unknown, depth: number): number {
  if (typeof value === 'number' && !Number.isFinite(value)) return Number.NaN;
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return 0;
  if (depth > DEEPEST - COUNTED_TOO) return Number.NaN;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + prune(item, depth + 1), 0);
  const fields = value as Record<string, unknown>;
  let count = 0;
  for (const key of Object.keys(fields)) {
    count += 1 + prune(fields[key], depth + 1);
    if (fields[key] === null) delete fields[key];
  }
  return count;
}

/** Levels that the parser of YAML counts beside those of JSON, and some. */
const COUNTED_TOO = 5;

/** How many keys a text of JSON has: strings with a colon behind. */
function countKeys(source: string): number {
  let count = 0;
  for (let start = source.indexOf('"'); start >= 0; ) {
    let end = source.indexOf('"', start + 1);
    while (isEscaped(source, end)) end = source.indexOf('"', end + 1);
    let next = end + 1;
    while (source.charAt(next).trim() === '' && next < source.length) next++;
    if (source[next] === ':') count++;
    start = source.indexOf('"', next);
  }
  return count;
}

function isEscaped(source: string, at: number): boolean {
  let backslashes = 0;
  while (source[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

/** What `JSON.stringify` is to make of a field. Throws YAMLException for a number that JSON does not have. */
function asSent(source: string): (this: unknown, key: string, value: unknown) => unknown {
  return function (_key, value) {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      const position = source.search(/(?<=[\s:,[{])[-+]?\.(?:inf|nan)\b/i);
      YAMLException.throwAt(
        source,
        Math.max(0, position),
        'no API server takes .nan and .inf: write a number',
      );
    }
    return value === null && !Array.isArray(this) ? undefined : value;
  };
}

function lineBreaks(text: string): number {
  return text.split('\n').length - 1;
}

/** Cuts at `---` and behind `...`. Comments and directives above a document belong to it. */
function splitDocuments(text: string): string[] {
  return splitYaml(text).flatMap(splitJson);
}

/** JSON may follow JSON with nothing but a line break between, as `jq '.items[]'` writes it. */
function splitJson(text: string): string[] {
  return /^(---)?\s*\{(?![{%])/.test(text) ? text.split(/(?=\{)(?<=\}\s*\n)/) : [text];
}

function splitYaml(text: string): string[] {
  const documents: string[] = [];
  let above = '';
  for (const part of text.split(/^(?=---(?:\s|$))|(?<=^\.\.\.[ \t]*\r?\n)/m)) {
    above += part;
    if (!/^(?!%)[^\S\n]*[^#\s]/m.test(part)) continue;
    documents.push(above);
    above = '';
  }
  const last = documents.pop() ?? '';
  return [...documents, last + above];
}

/** At the start of a line no text of an object can have one. */
const MERGE_MARK = /^(?:<{7}|={7}|>{7})(?=\s|$).*/m;
const COMPLEX_KEY = 'complex keys';

/** What is not to be mended where the parser stumbles: marks of a merge, and templates. */
function unfinished(
  reason: string,
  source: string,
  position: number,
): { readonly at: number; readonly message: string } | undefined {
  const mark = MERGE_MARK.exec(source);
  if (mark !== null) {
    const message = `a merge has left its marks, ${mark[0].trim()}; choose a side, and take them away`;
    return { at: mark.index, message };
  }
  const start = source.lastIndexOf('\n', position - 1) + 1;
  const at = reason.includes(COMPLEX_KEY) ? source.search(/^[^#'"\n]*\{\{/m) : start;
  const [line] = source.slice(at).split('\n', 1);
  const message = adviseTemplate(line);
  return message === undefined ? undefined : { at, message };
}

/** What mostly is the cause. */
const CAUSES: Readonly<Record<string, string>> = {
  'null byte is not allowed in input': 'save it as text in UTF-8',
  'deficient indentation': 'is a bracket or quote above left open?',
  'missed comma between flow collection entries': 'is a bracket above left open?',
  'bad indentation of a mapping entry':
    'is it indented other than its neighbours, or does a text with ": " in it lack quotes?',
};

/** What the parser says of a directive that stands elsewhere. */
const DIRECTIVE_FAULTS = ['directives end mark', 'end of the stream or a document separator'];

/** The parser's reason, with the key or the way out where it has none. */
function inWords(reason: string, source: string, position: number): string {
  const [line = ''] = source.slice(position).split('\n', 1);
  if (reason === 'duplicated mapping key') {
    const key = /^[^"'\s:,}]+|^[^"':]+/.exec(line)?.[0].trim() ?? line;
    return `the key ${key} is given twice in one mapping`;
  }
  if (reason.startsWith('tab characters')) return `${reason}; write spaces`;
  if (reason.startsWith('nesting exceeded')) return `nests deeper than ${DEEPEST} levels`;
  const text = reason.includes(COMPLEX_KEY) ? 'a key of a mapping must be a text' : reason;
  if (/^%/m.test(source) && DIRECTIVE_FAULTS.some((fault) => reason.includes(fault)))
    return 'a directive, as %YAML, stands behind a line "..." and above one "---", or is left out';
  const cause = /\{\{-?\s/.test(source)
    ? 'this looks like a template, which has to be rendered first'
    : CAUSES[reason];
  return cause === undefined ? text : `${text}; ${cause}`;
}

/** How much an anchor stands for. */
interface Extent {
  values: number;
  depth: number;
}

/** Throws YAMLException where the aliases of a document stand for too much, too deep, or for themselves. */
function checkAliases(events: readonly Event[], source: string): void {
  if (!source.includes('&')) return;
  const anchors = new Map<string, Extent | 'open'>();
  const open: (Extent & { anchor: string })[] = [];
  let aliased = 0;
  const add = ({ values, depth }: Extent) => {
    const parent = open.at(-1);
    if (parent === undefined) return;
    parent.values += values;
    parent.depth = Math.max(parent.depth, depth + 1);
  };
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      const { anchor, ...extent } = open.pop()!;
      if (anchor !== '') anchors.set(anchor, extent);
      add(extent);
    } else if (event.type === EVENT_ID.DOCUMENT) {
      anchors.clear();
      aliased = 0;
      open.push({ values: 0, depth: 0, anchor: '' });
    } else {
      const anchor = source.slice(Math.max(0, event.anchorStart), Math.max(0, event.anchorEnd));
      if (event.type === EVENT_ID.ALIAS) {
        const extent = anchors.get(anchor);
        const fail = (reason: string) => YAMLException.throwAt(source, event.anchorStart, reason);
        if (extent === 'open') fail(`the alias *${anchor} refers to what contains it`);
        if (extent === undefined || extent === 'open') continue;
        aliased += extent.values;
        if (aliased > MOST_ALIASED_VALUES) {
          fail(
            `the aliases up to *${anchor} stand for more than ${MOST_ALIASED_VALUES} values: write them out`,
          );
        }
        if (open.length + extent.depth > DEEPEST) fail(`*${anchor} nests deeper than ${DEEPEST} levels`);
        add(extent);
      } else if (event.type === EVENT_ID.SCALAR) {
        if (anchor !== '') anchors.set(anchor, { values: 1, depth: 0 });
        add({ values: 1, depth: 0 });
      } else {
        if (anchor !== '') anchors.set(anchor, 'open');
        open.push({ values: 1, depth: 0, anchor });
      }
    }
  }
}

/** What YAML 1.1 reads as octal, above seven: up to there it is the same in decimal. */
const OCTAL = /(?<![^\s:,[{-])[-+]?0[0_]*[1-7]_*[0-7][0-7_]*(?![^\s,\]}])/;

/**
 * Where a field is written. What it needs is worked out when it is first asked, and kept: a list of a
 * cluster's objects may have something wrong with each.
 *
 * A field is `spec.addresses[2]`; a key that is no plain word may stand in brackets, `metadata.labels[a.b/c]`.
 */
function placesIn(source: string, firstLine: number): Pick<YamlDocument, 'lineOf' | 'octalAt'> {
  let parsed: { readonly events: readonly Event[]; readonly lineStarts: readonly number[] } | undefined;
  const known = new Map<number, readonly Child[]>();
  const childrenAt = (events: readonly Event[], at: number) => {
    const children = known.get(at) ?? childrenOf(events, at, source);
    known.set(at, children);
    return children;
  };
  const placeOf = (field: string) => {
    parsed ??= {
      events: eventsOf(source),
      lineStarts: [0, ...Array.from(source.matchAll(/\n/g), ({ index }) => index + 1)],
    };
    const { events, lineStarts } = parsed;
    if (events.length === 0) return { line: firstLine, value: 0 };
    const { position, at } = placeIn(startOf(events[1]!), (at) => childrenAt(events, at), field);
    return { line: firstLine + countUpTo(lineStarts, position) - 1, value: startOf(events[at]!) };
  };
  const octalAt = (field: string) => {
    const here = new RegExp(OCTAL, 'y');
    here.lastIndex = placeOf(field).value;
    return here.exec(source)?.[0];
  };
  return { lineOf: (field) => placeOf(field).line, ...(OCTAL.test(source) && { octalAt }) };
}

/** None of JSON that YAML does not allow, such as a control character in a string. */
function eventsOf(source: string): readonly Event[] {
  try {
    return parseEvents(source, { maxDepth: DEEPEST });
  } catch (error) {
    if (error instanceof YAMLException) return [];
    throw error;
  }
}

/** How many of the ascending numbers are not above `limit`. */
function countUpTo(ascending: readonly number[], limit: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function placeIn(
  start: number,
  childrenAt: (at: number) => readonly Child[],
  field: string,
): Pick<Child, 'position' | 'at'> {
  let at = 1;
  let rest = field;
  let position = start;
  while (rest !== '') {
    const children = childrenAt(at);
    const [step, index] = /^\[(\d+)\]/.exec(rest) ?? [];
    const item = index === undefined ? undefined : children[Number(index)];
    // Of keys that all fit, as of labels with dots, the longest.
    const [best] =
      item?.spellings[0] === step && item !== undefined
        ? [{ ...item, step: step! }]
        : children
            .flatMap((child) =>
              child.spellings.filter((name) => isStep(rest, name)).map((step) => ({ ...child, step })),
            )
            .sort((a, b) => b.step.length - a.step.length);
    if (best === undefined) break;
    position = best.position;
    at = best.at;
    rest = rest.slice(best.step.length).replace(/^\./, '');
  }
  return { position, at };
}

function isStep(field: string, spelling: string): boolean {
  return (
    spelling !== '' && field.startsWith(spelling) && ['', '.', '['].includes(field.charAt(spelling.length))
  );
}

interface Child {
  /** How a path may name it. */
  readonly spellings: readonly string[];
  readonly position: number;
  /** The index of the event that its value starts with. */
  readonly at: number;
}

function childrenOf(events: readonly Event[], at: number, source: string): Child[] {
  const parent = events[at];
  if (parent?.type !== EVENT_ID.MAPPING && parent?.type !== EVENT_ID.SEQUENCE) return [];
  const children: Child[] = [];
  for (let index = at + 1; events[index]?.type !== EVENT_ID.POP; ) {
    const event = events[index]!;
    if (parent.type === EVENT_ID.SEQUENCE) {
      children.push({ spellings: [`[${children.length}]`], position: startOf(event), at: index });
    } else {
      const key = event.type === EVENT_ID.SCALAR ? getScalarValue(source, event) : '';
      index = after(events, index);
      children.push({ spellings: [key, `[${key}]`], position: startOf(event), at: index });
    }
    index = after(events, index);
  }
  return children;
}

/** The index of the event behind the node that starts at `index`. */
function after(events: readonly Event[], index: number): number {
  let depth = 0;
  do {
    const { type } = events[index++]!;
    if (type === EVENT_ID.MAPPING || type === EVENT_ID.SEQUENCE) depth++;
    else if (type === EVENT_ID.POP) depth--;
  } while (depth > 0);
  return index;
}

function startOf(event: Event): number {
  if ('start' in event) return event.start;
  if ('valueStart' in event) return Math.max(0, event.valueStart);
  return 'anchorStart' in event ? event.anchorStart : 0;
}
