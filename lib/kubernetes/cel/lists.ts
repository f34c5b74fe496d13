/** Kubernetes' CEL libraries of lists and sets (k8s.io/apiserver/pkg/cel/library/lists.go; cel-go's ext/lists.go, sets.go). */
import {
  type CelFunc,
  type CelList,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  celList,
  isCelError,
  isCelList,
  listType,
} from '@bufbuild/cel';
import { equals } from './equality.ts';
import { method } from './method.ts';
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
  method('isSorted', LIST, [], BOOL, (self) => {
    const items = [...self];
    return items.every((item, index) => index === 0 || !isLess(item, items[index - 1]!));
  }),
  method('sum', LIST, [], DYN, ([head, ...tail]) => {
    return tail.reduce<CelValue>((sum, item) => operate('_+_', sum, item), head ?? 0n);
  }),
  method('min', LIST, [], DYN, (self) => first(self, isLess, 'min')),
  method('max', LIST, [], DYN, (self) => first(self, (a, b) => isLess(b, a), 'max')),
  method('indexOf', LIST, [DYN], INT, (self, item) =>
    BigInt([...self].findIndex((other) => equals(item, other))),
  ),
  method('lastIndexOf', LIST, [DYN], INT, (self, item) =>
    BigInt([...self].findLastIndex((other) => equals(item, other))),
  ),
  method('slice', LIST, [INT, INT], LIST, (self, start, end) => slice(self, Number(start), Number(end))),
  method('flatten', LIST, [], LIST, (self) => flatten(self, 1n)),
  method('flatten', LIST, [INT], LIST, (self, depth) => flatten(self, depth)),
  method('distinct', LIST, [], LIST, (self) => {
    const items = [...self];
    return items.filter((item, index) => items.findIndex((other) => equals(item, other)) === index);
  }),
  method('reverse', LIST, [], LIST, (self) => [...self].reverse()),
  method('sort', LIST, [], LIST, (self) => [...self].sort(compare)),
  method('first', LIST, [], LIST, (self) => optionalOf(self.get(0))),
  method('last', LIST, [], LIST, (self) => optionalOf(self.get(self.size - 1))),
  celFunc('lists.range', [INT], LIST, (count) =>
    Array.from({ length: Number(count) }, (_, index) => BigInt(index)),
  ),
  celFunc('sets.contains', [LIST, LIST], BOOL, containsAll),
  celFunc('sets.equivalent', [LIST, LIST], BOOL, (a, b) => containsAll(a, b) && containsAll(b, a)),
  celFunc('sets.intersects', [LIST, LIST], BOOL, (a, b) => [...a].some((item) => contains(b, item))),
];
