/** Text of a page. Whatever is put into a template is escaped, unless it is such text itself. */
import { escapeXml } from '../inspect/svg.ts';

export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | bigint | Html | readonly Html[] | undefined;

/** A template whose values are text: `html`<td>${name}</td>``. Undefined is nothing. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  let text = strings[0]!;
  for (const [index, value] of values.entries()) text += textOf(value) + strings[index + 1];
  return new Html(text);
}

function textOf(value: Part): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return escapeXml(String(value));
}

/** Markup from elsewhere that is known to be safe, such as our own pictures. */
export function trusted(markup: string): Html {
  return new Html(markup);
}
