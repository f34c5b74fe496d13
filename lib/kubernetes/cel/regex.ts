/** Kubernetes' CEL library of regular expressions (k8s.io/apiserver/pkg/cel/library/regex.go), by RE2. */
import { type CelFunc, CelScalar, celMethod, listType } from '@bufbuild/cel';
import { RE2JS } from 're2js';

const compiled = new Map<string, RE2JS>();

/** Compiles `pattern` once per process. Throws Error if it is no regular expression of RE2. */
export function compileRegex(pattern: string): RE2JS {
  const regex = compiled.get(pattern) ?? RE2JS.compile(pattern);
  compiled.set(pattern, regex);
  return regex;
}

function findAll(text: string, pattern: string, most: number): string[] {
  const matcher = compileRegex(pattern).matcher(text);
  const found: string[] = [];
  while ((most < 0 || found.length < most) && matcher.find()) found.push(matcher.group() ?? '');
  return found;
}

const { INT, STRING } = CelScalar;
const TEXTS = listType(STRING);

export const regexFunctions: CelFunc[] = [
  celMethod('find', STRING, [STRING], STRING, function (pattern) {
    return findAll(this, pattern, 1)[0] ?? '';
  }),
  celMethod('findAll', STRING, [STRING], TEXTS, function (pattern) {
    return findAll(this, pattern, -1);
  }),
  celMethod('findAll', STRING, [STRING, INT], TEXTS, function (pattern, most) {
    return findAll(this, pattern, Number(most));
  }),
];
