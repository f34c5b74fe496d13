/** What scripts that people run from a clone say, in a line, of what they are given or lack. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Ends the process. */
export function endWith(message: string): never {
  console.error(message);
  process.exit(1);
}

/** `parseArgs` that ends the process with what is wrong, or with its usage if that is asked for. */
export function scriptArguments<T extends ParseArgsConfig>(
  usage: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  if (process.argv.slice(2).some((text) => text === '--help' || text === '-h')) {
    process.stdout.write(`Usage: ${usage}`);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ', 1);
    return endWith(sentence!);
  }
}
