/** Preloaded before a test file: fast-check's values are the same in every run. */
import fc from 'fast-check';

fc.configureGlobal({ seed: 1 });
