/** Documentation of values.yaml, from its comments. */
import { load } from 'js-yaml';

export interface Value {
  /** `image.repository` */
  readonly path: string;
  readonly meaning: string;
  readonly default: unknown;
}

/**
 * The values that have a comment that begins with `# --`, in their order. What is below such a value is its default.
 * Throws an Error that names the first value without a comment of its own or above it.
 */
export function readValues(yaml: string): Value[] {
  const defaults = load(yaml) as Record<string, unknown>;
  const values: Value[] = [];
  /** Keys above the line, outermost first. */
  const above: { readonly key: string; readonly indent: number; readonly documented: boolean }[] = [];
  let comment: string[] = [];
  for (const line of yaml.split('\n')) {
    const [, note] = /^\s*# ?(.*)$/.exec(line) ?? [];
    if (note !== undefined) {
      comment = note.startsWith('-- ') ? [note.slice(3)] : comment.length > 0 ? [...comment, note] : [];
      continue;
    }
    const [, spaces, key] = /^( *)([\w.-]+):/.exec(line) ?? [];
    const meaning = comment.join(' ');
    comment = [];
    if (spaces === undefined || key === undefined) continue;
    while (above.length > 0 && above.at(-1)!.indent >= spaces.length) above.pop();
    const path = [...above.map((parent) => parent.key), key];
    const isWithin = above.some(({ documented }) => documented);
    above.push({ key, indent: spaces.length, documented: meaning !== '' });
    if (isWithin) continue;
    const value = path.reduce<unknown>((object, name) => (object as Record<string, unknown>)[name], defaults);
    const isSection = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
    if (meaning !== '') values.push({ path: path.join('.'), meaning, default: value });
    else if (!isSection || Array.isArray(value))
      throw new Error(`${path.join('.')}: no comment says what it is`);
  }
  return values;
}

/** A Markdown table. */
export function valuesTable(yaml: string): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = readValues(yaml).map(
    ({ path, meaning, default: value }) =>
      `| \`${path}\` | \`${cell(JSON.stringify(value))}\` | ${cell(meaning)} |`,
  );
  return ['| value | default | |', '|---|---|---|', ...rows, ''].join('\n');
}
