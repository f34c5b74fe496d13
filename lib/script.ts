/** What scripts that people run from a clone say, in a line, of what they are given or lack. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Ends the process. */
export function endWith(message: string): never {
  console.error(message);
  process.exit(1);
}

/** `parseArgs` that ends the process with what is wrong. */
export function scriptArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ', 1);
    return endWith(sentence!);
  }
}
