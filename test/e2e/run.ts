/**
 * Runs the `*.e2e.ts` of this folder, two at a time on two cores. Files that install metaipam as usual share a control
 * plane, one after another.
 *
 *     npm run test:e2e                what there is
 *     npm run test:e2e -- claims      files whose names contain this
 *     npm run test:e2e -- --smoke     a claim, a node, a pod's address, a deletion
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { scriptArguments } from '../../lib/script.ts';
import { runTests, type Worker } from '../run-tests.ts';
import { ASSETS, missingPrograms } from './control-plane.ts';
import { LOAN, makeSharedPlane } from './shared-plane.ts';

/** Those that take longest, in this order: begun last they would keep everybody waiting. */
const FIRST = [
  ...['claims', 'nodes', 'deletion', 'parity', 'scale-server-side-apply', 'scale-dynamic-apply'],
  ...['parity-server-side-apply', 'nodes-scale', 'unrest', 'adopt'],
];
/** Those that make control planes of their own; they have the machine for themselves when the shared ones are gone. */
const ALONE = ['chart', 'doctor', 'docs', 'release', 'host-network', 'storage'];

const USAGE = `npm run test:e2e -- [--smoke] [text...]

Runs the tests on a real control plane, those files alone whose names contain one of the texts.

  --smoke  Only whether a claim, a node and a pod get what they should, in two minutes or less.
`;

const { values, positionals } = scriptArguments(USAGE, {
  options: { smoke: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const missing = missingPrograms();
if (missing.length > 0) {
  console.log(`SKIPPED: the end-to-end tests. Not in ${ASSETS}: ${missing.join(', ')}`);
  console.log('README.md, "Test against a real cluster", says how to get them.');
} else {
  const files = globSync('test/e2e/*.e2e.ts').sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  await runTests(files, values.smoke ? ['/smoke.'] : positionals, {
    parallel: Math.max(1, availableParallelism()),
    // Ten real processes a file, on whatever machine CI has.
    again: Boolean(process.env.CI),
    worker: lender,
    table: true,
  });
}

function nameOf(file: string): string {
  return basename(file, '.e2e.ts');
}

function rank(file: string): number {
  const name = nameOf(file);
  if (ALONE.includes(name)) return FIRST.length + 1 + ALONE.indexOf(name);
  return FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length;
}

/** Lends its files a control plane, and makes another when one of them failed: who knows what it left. */
function lender(): Worker {
  let shared: Awaited<ReturnType<typeof makeSharedPlane>> | undefined;
  const giveUp = async () => {
    await shared?.plane.stop();
    shared = undefined;
  };
  return {
    async env(file) {
      if (ALONE.includes(nameOf(file))) {
        await giveUp();
        return {};
      }
      try {
        shared ??= await makeSharedPlane();
      } catch (error) {
        console.log(`No control plane to lend to ${file}: ${error}`);
        return {};
      }
      return { [LOAN]: JSON.stringify(shared.loan) };
    },
    async done(failed) {
      if (failed) await giveUp();
    },
    end: giveUp,
  };
}
