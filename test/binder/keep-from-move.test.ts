import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keepFromMove } from '../../lib/binder/keep-from-move.ts';
import type { ObjectPath } from '../../lib/janitor/deed.ts';
import { FakeTime } from './fake-time.ts';

/** CRDs with and without the label, and what is asked of them. */
class Definitions {
  readonly labelled = new Set<string>();
  readonly patches: string[] = [];
  isRefusing = false;

  async read({ name }: ObjectPath) {
    const labels = { other: '', ...(this.labelled.has(name) && { 'clusterctl.cluster.x-k8s.io': '' }) };
    return { apiVersion: '', kind: '', metadata: { name, labels } };
  }

  async mergePatch({ name }: ObjectPath, body: object) {
    if (this.isRefusing) throw new Error('no');
    assert.equal(body, { metadata: { labels: { 'clusterctl.cluster.x-k8s.io': null } } });
    this.patches.push(name);
    this.labelled.delete(name);
  }
}

test('the label goes whenever it comes, and a refusal is told once', async () => {
  const time = new FakeTime();
  const definitions = new Definitions();
  const stop = new AbortController();
  const told: string[] = [];
  const log = { info: () => {}, warn: (text: string) => told.push(text) } as never;
  const running = keepFromMove(definitions, log, time.clock(), stop);
  await time.pass(60_000);
  assert.equal(definitions.patches, []);

  definitions.labelled.add('allocationslices.metaipam.io').add('podcidrclaims.metaipam.io');
  await time.pass(15_000);
  assert.equal(definitions.patches, ['allocationslices.metaipam.io', 'podcidrclaims.metaipam.io']);

  definitions.isRefusing = true;
  definitions.labelled.add('allocationslices.metaipam.io');
  await time.pass(60_000);
  assert.equal(told, ['clusterctl move may take allocationslices along: no']);
  definitions.isRefusing = false;
  await time.pass(15_000);
  assert.is(definitions.patches.length, 3);

  stop.abort();
  await running;
});

test.run();
