import { test } from 'uvu';
import { POOL_MUTANTS } from './mutants.ts';
import { expectFound } from './search.ts';

for (const mutant of POOL_MUTANTS)
  test(`the search finds ${mutant.what}`, () => expectFound(mutant, 'pools'));

test.run();
