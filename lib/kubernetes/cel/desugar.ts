/**
 * Turns what the planner of @bufbuild/cel cannot plan into what it can: optional values, comprehensions over two
 * variables, and the objects that mutating admission policies make.
 */
import { parse } from '@bufbuild/cel';
import { ENTRIES, TO_MAP } from './comprehensions.ts';
import { BOUND, type Expr, type Kind, literalText, nameOf, withParts } from './expr.ts';
import { FLATTEN_OPTIONAL, OPTIONAL_INDEX, TO_OPTIONAL } from './optional.ts';
import { OPTIONAL_KEY, OPTIONAL_SELECT, QUOTED_FIELD } from './syntax.ts';

type Call = Kind<'callExpr'>['value'];

/** By name and number of arguments. `${e}` is a pair of key and value. */
const TWO_VARIABLES: Readonly<Record<string, (e: string) => string>> = {
  all3: (e) => `${ENTRIES}(range__).all(${e}, arg0__)`,
  exists3: (e) => `${ENTRIES}(range__).exists(${e}, arg0__)`,
  existsOne3: (e) => `${ENTRIES}(range__).exists_one(${e}, arg0__)`,
  exists_one3: (e) => `${ENTRIES}(range__).exists_one(${e}, arg0__)`,
  transformList3: (e) => `${ENTRIES}(range__).map(${e}, arg0__)`,
  transformList4: (e) => `${ENTRIES}(range__).map(${e}, arg0__, arg1__)`,
  transformMap3: (e) => `${TO_MAP}(${ENTRIES}(range__).map(${e}, [dyn(${e}[0]), dyn(arg0__)]))`,
  transformMap4: (e) => `${TO_MAP}(${ENTRIES}(range__).map(${e}, arg0__, [dyn(${e}[0]), dyn(arg1__)]))`,
};

/**
 * `expr` without what is not planned. `optionals` are variables whose value is optional. Throws Error where
 * something is not supported.
 */
export function desugar(expr: Expr, optionals: ReadonlySet<string>): Expr {
  const isOptional = (part: Expr): boolean => {
    const { case: kind, value } = part.exprKind;
    if (kind === 'identExpr') return optionals.has(value.name);
    if (kind !== 'callExpr') return false;
    if ([OPTIONAL_SELECT, OPTIONAL_INDEX, TO_OPTIONAL, FLATTEN_OPTIONAL].includes(value.function))
      return true;
    if (value.function === '_?_:_') return value.args.slice(1).some(isOptional);
    if (value.target === undefined) return false;
    return value.function === 'or' ? isOptional(value.target) : nameOf(value.target) === 'optional';
  };
  const select = (at: Expr, of: Expr, field: string, testOnly: boolean): Expr => {
    if (!isOptional(of)) {
      // Else @bufbuild/cel looks for what is called `object.spec` before it reads a field.
      const operand = BOUND.has(nameOf(of) ?? '') ? call(of, 'dyn', [of]) : of;
      const value = { $typeName: 'cel.expr.Expr.Select' as const, operand, field, testOnly };
      return { ...at, exprKind: { case: 'selectExpr', value } };
    }
    const selected = call(at, OPTIONAL_SELECT, [text(at, field)], of);
    return testOnly ? call(at, 'hasValue', [], selected) : selected;
  };
  const desugarCall = (at: Expr, { function: name, target, args }: Call): Expr => {
    const [first, second] = args;
    if (name === QUOTED_FIELD && target !== undefined) return select(at, target, literalText(first!)!, false);
    if (name === 'has' && target === undefined && args.length === 1) return presence(at, first!);
    if (name === '_[_]') {
      const key = second!.exprKind;
      if (key.case === 'callExpr' && key.value.function === OPTIONAL_KEY) {
        return call(at, OPTIONAL_INDEX, [first!, key.value.args[0]!]);
      }
      return isOptional(first!) ? call(at, OPTIONAL_INDEX, args) : at;
    }
    const variable = first && nameOf(first);
    if (target === undefined || variable === undefined) return at;
    if (name === 'optMap' || name === 'optFlatMap') {
      const make = name === 'optMap' ? TO_OPTIONAL : FLATTEN_OPTIONAL;
      return fill(`${make}(range__.map(${variable}, arg0__))`, { range__: target, arg0__: second! });
    }
    const template = TWO_VARIABLES[`${name}${args.length}`];
    const other = second && nameOf(second);
    if (template === undefined || other === undefined) return at;
    const pair = `entry__${at.id}`;
    const variables = { [variable]: parse(`${pair}[0]`).expr, [other]: parse(`${pair}[1]`).expr };
    const [arg0__, arg1__] = args.slice(2).map((arg) => substitute(arg, variables));
    return fill(template(pair), { range__: target, arg0__: arg0__!, ...(arg1__ && { arg1__ }) });
  };
  const presence = (at: Expr, tested: Expr): Expr => {
    const { case: kind, value } = tested.exprKind;
    if (kind === 'selectExpr') return select(at, value.operand!, value.field, true);
    if (kind === 'callExpr' && isOptional(tested)) return call(at, 'hasValue', [], tested);
    throw new Error('invalid argument to has() macro');
  };
  const visit = (before: Expr): Expr => {
    const at = withParts(before, visit);
    const { case: kind, value } = at.exprKind;
    if (kind === 'selectExpr') return select(at, value.operand!, value.field, value.testOnly);
    if (kind === 'callExpr') return desugarCall(at, value);
    if (kind === 'listExpr' && value.elements.some((item) => isCallOf(item, OPTIONAL_KEY))) {
      throw new Error('optional items of a list are not supported');
    }
    return kind === 'structExpr' && /^Object(\.|$)/.test(value.messageName) ? asMap(at, value) : at;
  };
  return visit(expr);
}

/** `Object{metadata: Object.metadata{…}}` of a mutating admission policy, as a map. */
function asMap(at: Expr, { entries, ...value }: Kind<'structExpr'>['value']): Expr {
  const keyed = entries.map((entry) => {
    const key = text(at, String(entry.keyKind.value));
    return { ...entry, keyKind: { case: 'mapKey' as const, value: key } };
  });
  return { ...at, exprKind: { case: 'structExpr', value: { ...value, messageName: '', entries: keyed } } };
}

/** The expression that `template` is when its names stand for `parts`. */
function fill(template: string, parts: Readonly<Record<string, Expr>>): Expr {
  return substitute(parse(template).expr, parts);
}

function substitute(expr: Expr, parts: Readonly<Record<string, Expr>>): Expr {
  const name = nameOf(expr);
  if (name !== undefined) return Object.hasOwn(parts, name) ? parts[name]! : expr;
  const { exprKind } = expr;
  const bound = exprKind.case === 'comprehensionExpr' ? exprKind.value.iterVar : '';
  const { [bound]: _, ...inner } = parts;
  return withParts(expr, (part, place) =>
    substitute(part, place === 'iterRange' || place === 'accuInit' ? parts : inner),
  );
}

function call({ id }: Expr, name: string, args: Expr[], target?: Expr): Expr {
  const value = { $typeName: 'cel.expr.Expr.Call' as const, function: name, args, ...(target && { target }) };
  return { $typeName: 'cel.expr.Expr', id, exprKind: { case: 'callExpr', value } };
}

function text({ id }: Expr, value: string): Expr {
  return {
    $typeName: 'cel.expr.Expr',
    id,
    exprKind: {
      case: 'constExpr',
      value: { $typeName: 'cel.expr.Constant', constantKind: { case: 'stringValue', value } },
    },
  };
}

function isCallOf({ exprKind }: Expr, name: string): boolean {
  return exprKind.case === 'callExpr' && exprKind.value.function === name;
}
