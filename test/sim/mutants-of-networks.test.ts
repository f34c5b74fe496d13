import { test } from 'uvu';
import { NETWORK_MUTANTS } from './mutants.ts';
import { expectFound } from './search.ts';

for (const mutant of NETWORK_MUTANTS)
  test(`the search finds ${mutant.what}`, () => expectFound(mutant, 'nodes'));

test.run();
