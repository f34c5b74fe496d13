/** One thing wrong with an object. */
export interface Problem {
  /** Path from the object's root: `spec.addresses[2]`. Empty for the object as a whole. */
  readonly field: string;
  /** The offending value, when showing it helps. */
  readonly value?: unknown;
  readonly message: string;
}

/** Types of errors whose messages say the value, or leave it out as too long. */
const SAYS_VALUE = /^((Unsupported|Duplicate) value|Too long): /;

/** In the API server's form: `spec.prefix: Invalid value: 33: provided prefix is not valid`. */
export function formatProblem({ field, value, message }: Problem): string {
  const isSaid = value === undefined || SAYS_VALUE.test(message);
  const text = isSaid ? message : `Invalid value: ${JSON.stringify(value)}: ${message}`;
  return field === '' ? text : `${field}: ${text}`;
}
