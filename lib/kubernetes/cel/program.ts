/** Expressions of CEL as Kubernetes reads and evaluates them: its language and its function libraries. */
import { type CelError, type CelInput, type CelValue, celEnv, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { comprehensionFunctions } from './comprehensions.ts';
import { desugar } from './desugar.ts';
import { equalityFunctions } from './equality.ts';
import { namesIn } from './expr.ts';
import { formatFunctions } from './format.ts';
import { listFunctions } from './lists.ts';
import { networkFunctions } from './network.ts';
import { optionalFunctions } from './optional.ts';
import { type Path, pathsIn } from './reads.ts';
import { compileRegex, regexFunctions } from './regex.ts';
import { plainSyntax } from './syntax.ts';
import { ownTypes } from './types.ts';

/** Values by variable; a CelError is what a variable's own evaluation came to. */
export type Variables = Readonly<Record<string, CelInput | CelError>>;

export interface Program {
  /** The names that the expression mentions. */
  readonly names: ReadonlySet<string>;
  /** Where it looks in what Kubernetes binds. */
  readonly paths: readonly Path[];
  evaluate(variables: Variables): CelValue | CelError;
}

const environment = celEnv({
  registry: ownTypes,
  re2: { compile: compileRegex },
  funcs: [
    ...strings,
    ...equalityFunctions,
    ...optionalFunctions,
    ...comprehensionFunctions,
    ...regexFunctions,
    ...listFunctions,
    ...formatFunctions,
    ...networkFunctions,
  ],
});

const programs = new Map<string, Program>();

/**
 * Compiles `expression`, once per process. `optionals` are the variables whose value is optional. Throws Error if
 * it is no CEL or uses what is not supported: optional items of list and map literals.
 */
export function compile(expression: string, optionals: readonly string[] = []): Program {
  const key = [...optionals, expression].join('\n');
  const known = programs.get(key);
  if (known !== undefined) return known;
  const expr = desugar(parse(plainSyntax(expression)).expr, new Set(optionals));
  const run = plan(environment, expr) as (variables: Variables) => CelValue | CelError;
  const program = { names: namesIn(expr), paths: pathsIn(expr), evaluate: run };
  programs.set(key, program);
  return program;
}

/** What a `messageExpression` comes to; undefined where the API server falls back on the fixed message. */
export function evaluatedMessage(expression: Program | undefined, variables: Variables): string | undefined {
  const value = expression?.evaluate(variables);
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' || text.includes('\n') ? undefined : text;
}
