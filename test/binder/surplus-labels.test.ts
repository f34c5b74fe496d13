import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { takeOffSurplusLabels } from '../../lib/binder/surplus-labels.ts';
import type { ObjectPath } from '../../lib/kubernetes/object.ts';
import { FakeTime } from './fake-time.ts';

const CLUSTERCTL = 'clusterctl.cluster.x-k8s.io';
const PROVIDER = 'cluster.x-k8s.io/provider';

/** CRDs as clusterctl and others label them, and what is asked of them. */
class Definitions {
  readonly labels = new Map<string, Record<string, string>>();
  readonly patches: string[] = [];
  isRefusing = false;

  label(name: string, labels: Record<string, string>) {
    this.labels.set(name, labels);
  }

  async read({ name }: ObjectPath) {
    const labels = this.labels.get(name);
    return labels && { apiVersion: '', kind: '', metadata: { name, labels } };
  }

  async mergePatch({ name }: ObjectPath, body: object) {
    if (this.isRefusing) throw new Error('no');
    const [[label, value] = [], ...others] = Object.entries(
      (body as { metadata: { labels: Record<string, null> } }).metadata.labels,
    );
    assert.equal([value, others], [null, []]);
    this.patches.push(`${name} ${label}`);
    const { [label!]: _, ...left } = this.labels.get(name)!;
    this.label(name, left);
  }
}

test('labels go whenever they come, and a refusal is told once', async () => {
  const time = new FakeTime();
  const definitions = new Definitions();
  const stop = new AbortController();
  const told: string[] = [];
  const log = { info: () => {}, warn: (text: string) => told.push(text) } as never;
  const running = takeOffSurplusLabels(definitions, log, time.clock(), stop);
  await time.pass(60_000);
  assert.equal(definitions.patches, []);

  const installed = { [CLUSTERCTL]: '', [PROVIDER]: 'ipam-metaipam', other: '' };
  const [slices, claims] = ['allocationslices.metaipam.io', 'podcidrclaims.metaipam.io'] as const;
  const [ours, others] = ['composite', 'decorator'].map((kind) => `${kind}controllers.metacontroller.k8s.io`);
  for (const name of [slices, claims, ours!]) definitions.label(name, installed);
  definitions.label(others!, { ...installed, [PROVIDER]: 'addon-other' });
  await time.pass(15_000);
  assert.equal(definitions.patches, [
    `${slices} ${CLUSTERCTL}`,
    `${claims} ${CLUSTERCTL}`,
    `${ours} ${PROVIDER}`,
  ]);
  assert.equal(definitions.labels.get(slices), { [PROVIDER]: 'ipam-metaipam', other: '' });

  definitions.isRefusing = true;
  definitions.label(slices, installed);
  await time.pass(60_000);
  assert.equal(told, ['clusterctl move may take allocationslices along: no']);
  definitions.isRefusing = false;
  await time.pass(15_000);
  assert.is(definitions.patches.length, 4);

  stop.abort();
  await running;
});

test.run();
