/** Paths at which `actual` is not what `expected` says, in order; a path that only `actual` has counts too. */
export function differences(expected: unknown, actual: unknown, path = ''): string[] {
  if (Object.is(expected, actual)) return [];
  if (!isObject(expected) || !isObject(actual) || Array.isArray(expected) !== Array.isArray(actual)) {
    return [path === '' ? '.' : path];
  }
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return [...keys].sort().flatMap((key) => {
    const step = Array.isArray(expected) ? `[${key}]` : `${path === '' ? '' : '.'}${key}`;
    return differences(expected[key], actual[key], `${path}${step}`);
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
