/**
 * What Kubernetes' CEL has and the parser of @bufbuild/cel does not read, as calls that it does read and that
 * `desugar` then takes for what they are: `a.?b`, `a[?i]` and fields in backticks.
 */

/** `a.?b` becomes `a.optional__select("b")`. */
export const OPTIONAL_SELECT = 'optional__select';
/** `a[?i]` becomes `a[optional__key(i)]`. */
export const OPTIONAL_KEY = 'optional__key';
/** A field in backticks becomes a call with its name. */
export const QUOTED_FIELD = 'quoted__field';

const RAW_TEXT = /[bB]?[rR][bB]?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')/;
const TEXT = /"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/;
const COMMENT = /\/\/[^\n]*/;
const FIELD = /\.\s*(?<optional>\?)?\s*(?:(?<name>[A-Za-z_]\w*)|`(?<quoted>[^`\n]+)`)/;
const BRACKET = /(?<open>\[\s*\?)|[[\]]/;
const TOKEN = new RegExp(
  [RAW_TEXT, TEXT, COMMENT, /[A-Za-z_]\w*/, FIELD, BRACKET].map(({ source }) => source).join('|'),
  'g',
);

/** `expression` without Kubernetes' own syntax. */
export function plainSyntax(expression: string): string {
  if (!/[?`]/.test(expression)) return expression;
  /** Of each open bracket, whether it is one of `[?`. */
  const brackets: boolean[] = [];
  return expression.replace(TOKEN, (token, ...rest) => {
    const { optional, name, quoted, open } = rest.at(-1) as Record<string, string | undefined>;
    if (optional !== undefined) return `.${OPTIONAL_SELECT}(${JSON.stringify(name ?? quoted)})`;
    if (quoted !== undefined) return `.${QUOTED_FIELD}(${JSON.stringify(quoted)})`;
    if (open !== undefined || token === '[') {
      brackets.push(open !== undefined);
      return open === undefined ? token : `[${OPTIONAL_KEY}(`;
    }
    return token === ']' && brackets.pop() ? ')]' : token;
  });
}
