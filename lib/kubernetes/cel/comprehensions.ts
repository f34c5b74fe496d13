/** What stands for comprehensions over two variables, which @bufbuild/cel does not have. */
import {
  type CelFunc,
  type CelList,
  CelScalar,
  type CelValue,
  celFunc,
  celList,
  celMap,
  listType,
  mapType,
} from '@bufbuild/cel';

/** Pairs of key and value of a map, of index and item of a list. */
export const ENTRIES = 'entries__of';
/** The map of such pairs. */
export const TO_MAP = 'map__of';

const { DYN } = CelScalar;
const LIST = listType(DYN);
const MAP = mapType(DYN, DYN);

const pair = (key: CelValue, value: CelValue) => celList([key, value]);

export const comprehensionFunctions: CelFunc[] = [
  celFunc(ENTRIES, [MAP], LIST, (map) => celList([...map].map(([key, value]) => pair(key, value)))),
  celFunc(ENTRIES, [LIST], LIST, (list) =>
    celList([...list].map((item, index) => pair(BigInt(index), item))),
  ),
  celFunc(TO_MAP, [LIST], MAP, (list) =>
    celMap(
      new Map([...list].map((entry) => [(entry as CelList).get(0) as string, (entry as CelList).get(1)!])),
    ),
  ),
];
