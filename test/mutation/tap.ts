/**
 * Preloaded before a test file: says by TAP, which Stryker reads, whether the file passed. What is the matter need not
 * be found out, so the first test that fails ends the file, and no property looks for its smallest counterexample.
 */
import fc from 'fast-check';

/** What uvu writes for a test that failed. */
const FAIL = '✘';

fc.configureGlobal({ endOnFailure: true });
const write = process.stdout.write.bind(process.stdout) as (...args: unknown[]) => boolean;
process.stdout.write = (...args: unknown[]) => {
  if (String(args[0]).includes(FAIL)) process.exit(1);
  return write(...args);
};
process.on('exit', (code) => console.log(`1..1\n${code === 0 ? 'ok' : 'not ok'} 1`));
