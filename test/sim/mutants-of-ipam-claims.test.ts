import { test } from 'uvu';
import { IPAM_CLAIM_MUTANTS } from './mutants.ts';
import { expectFound } from './search.ts';

for (const mutant of IPAM_CLAIM_MUTANTS)
  test(`the search finds ${mutant.what}`, () => expectFound(mutant, 'ipam-claims'));

test.run();
