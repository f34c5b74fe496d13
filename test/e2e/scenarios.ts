import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Installation, type InstallOptions, install } from './install.ts';
import { complaints, Sandbox } from './sandbox.ts';

type Body = (sandbox: Sandbox) => Promise<void>;

export interface Scenarios {
  /** Registers a scenario. It runs beside all others of the suite, in a namespace named by the title's first word. */
  scenario(title: string, body: Body): void;
  /** @param expected the errors of Metacontroller that are none */
  run(expected?: RegExp): void;
}

/** A suite on one installation, whose scenarios run at the same time and are reported one by one. */
export function scenarios(name: string, options: InstallOptions): Scenarios {
  const test = suite(name);
  const bodies = new Map<string, Body>();
  const runs: Promise<void>[] = [];
  let installation: Installation;

  test.before(async () => {
    const serveArgs = ['--log-level=debug', ...(options.serveArgs ?? [])];
    installation = await install({ ...options, serveArgs });
    for (const [namespace, body] of bodies) {
      const run = Sandbox.create(installation, namespace).then(body);
      run.catch(() => {});
      runs.push(run);
    }
  });
  test.after(() => installation?.stop());

  return {
    scenario(title, body) {
      const word = (/[\w.]+/.exec(title)?.[0] ?? '').toLowerCase().replaceAll('.', '-');
      const index = bodies.size;
      bodies.set(bodies.has(word) ? `${word}-${index}` : word, body);
      test(title, () => runs[index]);
    },
    run(expected = /^$/) {
      test('Metacontroller had nothing to complain about', async () => {
        await Promise.allSettled(runs);
        const unexpected = (await complaints(installation)).filter((complaint) => !expected.test(complaint));
        assert.equal(unexpected.slice(0, 10), []);
      });
      test.run();
    },
  };
}
