import { test } from 'uvu';
import { PREFIX_MUTANTS } from './mutants.ts';
import { expectFound } from './search.ts';

for (const mutant of PREFIX_MUTANTS)
  test(`the search finds ${mutant.what}`, () => expectFound(mutant, 'prefixes'));

test.run();
