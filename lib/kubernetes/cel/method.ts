import {
  type CelFunc,
  type CelInput,
  type CelType,
  type CelValue,
  type celFunc,
  celMethod,
} from '@bufbuild/cel';

/** The values of arguments of these types. */
type Values<P extends readonly CelType[]> = Parameters<Parameters<typeof celFunc<P, CelType>>[3]>;

/** A method of CEL's, as a function whose first argument is what it is called on. */
export function method<const T extends CelType, const P extends readonly CelType[], const R extends CelType>(
  name: string,
  target: T,
  args: P,
  result: R,
  run: (self: CelValue<T>, ...args: Values<P>) => CelInput<R>,
): CelFunc {
  return celMethod(name, target, args, result, function (...given) {
    return run(this, ...given);
  });
}
