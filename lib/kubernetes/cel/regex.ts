/** Kubernetes' CEL library of regular expressions (k8s.io/apiserver/pkg/cel/library/regex.go), by RE2. */
import { type CelFunc, CelScalar, listType } from '@bufbuild/cel';
import { RE2JS } from 're2js';
import { method } from './method.ts';

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
  method('find', STRING, [STRING], STRING, (self, pattern) => findAll(self, pattern, 1)[0] ?? ''),
  method('findAll', STRING, [STRING], TEXTS, (self, pattern) => findAll(self, pattern, -1)),
  method('findAll', STRING, [STRING, INT], TEXTS, (self, pattern, most) =>
    findAll(self, pattern, Number(most)),
  ),
];
