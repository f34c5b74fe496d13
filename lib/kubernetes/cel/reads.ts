/** Which fields an expression reads, and what is there. */
import { isObject } from '../../json.ts';
import { BOUND, type Expr, isNull, literalText, withParts } from './expr.ts';
import { OPTIONAL_INDEX } from './optional.ts';
import { OPTIONAL_SELECT } from './syntax.ts';

/** Stands for the question whether what is there is null. */
const IS_NULL = Symbol('null');

/** The name of a variable that Kubernetes binds, of a field of its value, of a field of that, and so on. */
export type Path = readonly (string | typeof IS_NULL)[];

/** Where `expr`, as `desugar` makes it, looks: at no more than the whole of what there is at these paths. */
export function pathsIn(expr: Expr): Path[] {
  const paths: Path[] = [];
  const visit = (part: Expr): Expr => {
    const path = pathOf(part);
    if (path === undefined) return withParts(part, visit);
    paths.push(path);
    return part;
  };
  visit(expr);
  return paths;
}

/** The path that `expr` is. */
function pathOf(expr: Expr): Path | undefined {
  const { case: kind, value } = expr.exprKind;
  if (kind === 'identExpr') return BOUND.has(value.name) ? [value.name] : undefined;
  if (kind === 'selectExpr') return below(value.operand, value.field);
  if (kind !== 'callExpr') return undefined;
  const [first, second] = value.args;
  switch (value.function) {
    case 'dyn':
      return first && pathOf(first);
    case OPTIONAL_SELECT:
      return below(value.target, first && literalText(first));
    case OPTIONAL_INDEX:
    case '_[_]':
      return below(first, second && literalText(second));
    case '_==_':
    case '_!=_':
      return below(first, second && isNull(second) ? IS_NULL : undefined);
    default:
      return undefined;
  }
}

function below(of: Expr | undefined, field: Path[number] | undefined): Path | undefined {
  const path = of && pathOf(of);
  return path && field !== undefined ? [...path, field] : undefined;
}

/** Each of `paths` once, and none that another leads to. */
export function distinct(paths: readonly Path[]): Path[] {
  const isBelow = (path: Path, other: Path) =>
    other.length < path.length && other.every((name, depth) => name === path[depth]);
  const each = new Map(paths.map((path) => [JSON.stringify(path), path]));
  return [...each.values()].filter((path) => !paths.some((other) => isBelow(path, other)));
}

/** A text that is the same for other variables only if expressions that look at `paths` cannot tell them apart. */
export function textAt(paths: readonly Path[], variables: object): string {
  return JSON.stringify(paths.map((path) => at(path, variables)));
}

/** What there is in a list; or how far the path can be followed, and what is in its way but a map without the field. */
function at(path: Path, variables: object): unknown {
  let value: unknown = variables;
  for (let depth = 0; depth < path.length; depth++) {
    const field = path[depth]!;
    if (field === IS_NULL) return [value === null];
    if (!isObject(value) || JSON.isRawJSON(value)) return [value, depth];
    if (!Object.hasOwn(value, field)) return depth;
    value = value[field];
  }
  return [value];
}
