/** Kubernetes' CEL libraries of lists and sets (k8s.io/apiserver/pkg/cel/library/lists.go; cel-go's ext/lists.go, sets.go). */
import {
  type CelFunc,
  type CelList,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  celList,
  celMethod,
  isCelError,
  isCelList,
  listType,
} from '@bufbuild/cel';
import { equals } from './equality.ts';
import { optionalOf } from './optional.ts';

const { BOOL, DYN, INT } = CelScalar;
const LIST = listType(DYN);

const { funcs: operators } = celEnv();

/** Throws where CEL has no such operator for these values. */
function operate(operator: string, a: CelValue, b: CelValue): CelValue {
  const result = operators.find(operator)!.call(0, undefined, [a, b]);
  if (result === undefined) throw new Error(`no such overload: ${operator}`);
  if (isCelError(result)) throw result;
  return result;
}

function isLess(a: CelValue, b: CelValue): boolean {
  return operate('_<_', a, b) === true;
}

function compare(a: CelValue, b: CelValue): number {
  return isLess(a, b) ? -1 : Number(isLess(b, a));
}

/** The first item that none comes before. */
function first(list: CelList, isBefore: (a: CelValue, b: CelValue) => boolean, name: string): CelValue {
  const [head, ...tail] = list;
  if (head === undefined) throw new Error(`${name} called on empty list`);
  return tail.reduce((best, item) => (isBefore(item, best) ? item : best), head);
}

function slice(list: CelList, start: number, end: number): CelList {
  if (start < 0 || end < start || end > list.size) {
    throw new Error(`cannot slice(${start}, ${end}), list is length ${list.size}`);
  }
  return celList([...list].slice(start, end));
}

function flatten(list: CelList, depth: bigint): CelValue[] {
  if (depth < 0n) throw new Error('level must be non-negative');
  return [...list].flatMap((item) => (isCelList(item) && depth > 0n ? flatten(item, depth - 1n) : [item]));
}

function contains(list: CelList, item: CelValue): boolean {
  return [...list].some((other) => equals(item, other));
}

function containsAll(list: CelList, items: CelList): boolean {
  return [...items].every((item) => contains(list, item));
}

export const listFunctions: CelFunc[] = [
  celMethod('isSorted', LIST, [], BOOL, function () {
    const items = [...this];
    return items.every((item, index) => index === 0 || !isLess(item, items[index - 1]!));
  }),
  celMethod('sum', LIST, [], DYN, function () {
    const [head, ...tail] = this;
    return tail.reduce<CelValue>((sum, item) => operate('_+_', sum, item), head ?? 0n);
  }),
  celMethod('min', LIST, [], DYN, function () {
    return first(this, isLess, 'min');
  }),
  celMethod('max', LIST, [], DYN, function () {
    return first(this, (a, b) => isLess(b, a), 'max');
  }),
  celMethod('indexOf', LIST, [DYN], INT, function (item) {
    return BigInt([...this].findIndex((other) => equals(item, other)));
  }),
  celMethod('lastIndexOf', LIST, [DYN], INT, function (item) {
    return BigInt([...this].findLastIndex((other) => equals(item, other)));
  }),
  celMethod('slice', LIST, [INT, INT], LIST, function (start, end) {
    return slice(this, Number(start), Number(end));
  }),
  celMethod('flatten', LIST, [], LIST, function () {
    return flatten(this, 1n);
  }),
  celMethod('flatten', LIST, [INT], LIST, function (depth) {
    return flatten(this, depth);
  }),
  celMethod('distinct', LIST, [], LIST, function () {
    const items = [...this];
    return items.filter((item, index) => items.findIndex((other) => equals(item, other)) === index);
  }),
  celMethod('reverse', LIST, [], LIST, function () {
    return [...this].reverse();
  }),
  celMethod('sort', LIST, [], LIST, function () {
    return [...this].sort(compare);
  }),
  celMethod('first', LIST, [], LIST, function () {
    return optionalOf(this.get(0));
  }),
  celMethod('last', LIST, [], LIST, function () {
    return optionalOf(this.get(this.size - 1));
  }),
  celFunc('lists.range', [INT], LIST, (count) =>
    Array.from({ length: Number(count) }, (_, index) => BigInt(index)),
  ),
  celFunc('sets.contains', [LIST, LIST], BOOL, containsAll),
  celFunc('sets.equivalent', [LIST, LIST], BOOL, (a, b) => containsAll(a, b) && containsAll(b, a)),
  celFunc('sets.intersects', [LIST, LIST], BOOL, (a, b) => [...a].some((item) => contains(b, item))),
];
