/** Parsed expressions of CEL, and how to walk them. */
import type { parse } from '@bufbuild/cel';

export type Expr = ReturnType<typeof parse>['expr'];
export type Kind<Case> = Extract<Expr['exprKind'], { case: Case }>;

/** The variables that Kubernetes binds. */
export const BOUND = new Set(['self', 'oldSelf', 'object', 'oldObject', 'params', 'request']);

/** The names that `expr` mentions, of variables or of what it binds itself. */
export function namesIn(expr: Expr): Set<string> {
  const names = new Set<string>();
  const visit = (part: Expr): Expr => {
    const name = nameOf(part);
    if (name !== undefined) names.add(name);
    return withParts(part, visit);
  };
  visit(expr);
  return names;
}

/** `expr` with each of its parts as `change` makes it. */
export function withParts(expr: Expr, change: (part: Expr, place?: string) => Expr): Expr {
  const { exprKind } = expr;
  const maybe = <K extends string>(key: K, part: Expr | undefined) =>
    (part === undefined ? {} : { [key]: change(part, key) }) as { [P in K]?: Expr };
  switch (exprKind.case) {
    case 'selectExpr': {
      const value = { ...exprKind.value, ...maybe('operand', exprKind.value.operand) };
      return { ...expr, exprKind: { case: 'selectExpr', value } };
    }
    case 'callExpr': {
      const { target, args } = exprKind.value;
      const value = { ...exprKind.value, ...maybe('target', target), args: args.map((arg) => change(arg)) };
      return { ...expr, exprKind: { case: 'callExpr', value } };
    }
    case 'listExpr': {
      const value = { ...exprKind.value, elements: exprKind.value.elements.map((item) => change(item)) };
      return { ...expr, exprKind: { case: 'listExpr', value } };
    }
    case 'structExpr': {
      const entries = exprKind.value.entries.map((entry) => {
        const { keyKind } = entry;
        const key =
          keyKind.case === 'mapKey' ? { case: keyKind.case, value: change(keyKind.value) } : keyKind;
        return { ...entry, keyKind: key, ...maybe('value', entry.value) };
      });
      return { ...expr, exprKind: { case: 'structExpr', value: { ...exprKind.value, entries } } };
    }
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      const value = {
        ...exprKind.value,
        ...maybe('iterRange', iterRange),
        ...maybe('accuInit', accuInit),
        ...maybe('loopCondition', loopCondition),
        ...maybe('loopStep', loopStep),
        ...maybe('result', result),
      };
      return { ...expr, exprKind: { case: 'comprehensionExpr', value } };
    }
    default:
      return expr;
  }
}

/** The text that a literal is; undefined for everything else. */
export function literalText({ exprKind }: Expr): string | undefined {
  if (exprKind.case !== 'constExpr') return undefined;
  const { case: kind, value } = exprKind.value.constantKind;
  return kind === 'stringValue' ? value : undefined;
}

/** Whether `expr` is the literal null. */
export function isNull({ exprKind }: Expr): boolean {
  return exprKind.case === 'constExpr' && exprKind.value.constantKind.case === 'nullValue';
}

/** The name that an identifier is; undefined for everything else. */
export function nameOf({ exprKind }: Expr): string | undefined {
  return exprKind.case === 'identExpr' ? exprKind.value.name : undefined;
}
