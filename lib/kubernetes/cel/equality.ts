/** CEL's equality with Kubernetes' addition: lists that are sets, or maps by some of their fields, have no order. */
import {
  type CelFunc,
  type CelList,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  isCelList,
  isCelMap,
} from '@bufbuild/cel';

const { BOOL, DYN } = CelScalar;
const EQUALS = '_==_';
const NOT_EQUALS = '_!=_';

const plainEquals = celEnv().funcs.find(EQUALS)!;
const unordered = new WeakSet<CelList>();

/** Marks a list whose `x-kubernetes-list-type` is `set` or `map`. */
export function withoutOrder(list: CelList): CelList {
  unordered.add(list);
  return list;
}

export function equals(a: CelValue, b: CelValue): boolean {
  if (a === b) return true;
  if (isCelList(a)) return isCelList(b) && listEquals(a, b);
  if (!isCelMap(a)) return plainEquals.call(0, undefined, [a, b]) === true;
  if (!isCelMap(b) || a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !equals(value, other)) return false;
  }
  return true;
}

function listEquals(a: CelList, b: CelList): boolean {
  if (a.size !== b.size) return false;
  if (!unordered.has(a) && !unordered.has(b)) {
    return [...a].every((item, index) => equals(item, b.get(index)!));
  }
  const others = [...b];
  return [...a].every((item) => others.some((other) => equals(item, other)));
}

export const equalityFunctions: CelFunc[] = [
  celFunc(EQUALS, [DYN, DYN], BOOL, equals),
  celFunc(NOT_EQUALS, [DYN, DYN], BOOL, (a, b) => !equals(a, b)),
];
