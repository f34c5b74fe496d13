/**
 * CEL's optional values, which @bufbuild/cel does not have: lists of at most one value that are told from other
 * lists by a mark.
 */
import {
  type CelFunc,
  type CelList,
  CelScalar,
  type CelValue,
  celFunc,
  celList,
  isCelList,
  isCelMap,
  isCelUint,
  listType,
} from '@bufbuild/cel';
import { method } from './method.ts';
import { OPTIONAL_SELECT } from './syntax.ts';

/** `a[?i]`: a function of `a` and `i`. */
export const OPTIONAL_INDEX = 'optional__index';
/** The first item of a list, if it has one. */
export const TO_OPTIONAL = 'to__optional';
/** The first item of a list of optional values, if it has one. */
export const FLATTEN_OPTIONAL = 'flatten__optional';

const { BOOL, DYN, STRING } = CelScalar;
const LIST = listType(DYN);

const OPTIONAL = Symbol('optional');

function make(...values: CelValue[]): CelList {
  return Object.assign(celList(values), { [OPTIONAL]: true });
}

export const NONE: CelList = make();

export function optionalOf(value: CelValue | undefined): CelList {
  return value === undefined ? NONE : make(value);
}

function isOptional(value: CelValue): value is CelList {
  return isCelList(value) && OPTIONAL in value;
}

/** Throws where CEL's type checker would have refused the expression. */
function only(value: CelValue): CelList {
  if (!isOptional(value)) throw new Error('no such overload: the value is not optional');
  return value;
}

function select(from: CelValue, key: CelValue): CelList {
  if (isOptional(from)) return from.size === 0 ? NONE : select(from.get(0)!, key);
  if (isCelMap(from)) return optionalOf(from.get(key as string));
  if (isCelList(from) && typeof key === 'bigint') return optionalOf(from.get(Number(key)));
  throw new Error(`no such overload: ${String(key)} of what has no fields`);
}

function dereference(optional: CelValue): CelValue {
  const value = only(optional).get(0);
  if (value === undefined) throw new Error('optional.none() dereference');
  return value;
}

function isZero(value: CelValue): boolean {
  if (isCelList(value) || isCelMap(value)) return value.size === 0;
  if (isCelUint(value)) return value.value === 0n;
  if (value instanceof Uint8Array) return value.length === 0;
  return value === null || value === '' || value === false || value === 0n || value === 0;
}

export const optionalFunctions: CelFunc[] = [
  celFunc('optional.of', [DYN], LIST, (value) => optionalOf(value)),
  celFunc('optional.none', [], LIST, () => NONE),
  celFunc('optional.ofNonZeroValue', [DYN], LIST, (value) => (isZero(value) ? NONE : optionalOf(value))),
  method('hasValue', DYN, [], BOOL, (self) => only(self).size > 0),
  method('value', DYN, [], DYN, dereference),
  method('or', DYN, [DYN], LIST, (self, other) => (only(self).size > 0 ? only(self) : only(other))),
  method('orValue', DYN, [DYN], DYN, (self, other) => only(self).get(0) ?? other),
  method(OPTIONAL_SELECT, DYN, [STRING], LIST, select),
  celFunc(OPTIONAL_INDEX, [DYN, DYN], LIST, select),
  celFunc(TO_OPTIONAL, [LIST], LIST, (list) => optionalOf(list.get(0))),
  celFunc(FLATTEN_OPTIONAL, [LIST], LIST, (list) => (list.size === 0 ? NONE : only(list.get(0)!))),
];
