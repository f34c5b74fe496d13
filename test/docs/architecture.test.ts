import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { type ExecutedStep, SimulatedCluster } from '../../lib/engine/cluster.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { install } from '../../sim/install.ts';
import { ROOT } from './pages.ts';

const text = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
const picture = readFileSync(join(ROOT, 'docs/architecture.svg'), 'utf8');

const POOL = {
  apiVersion: 'ipam.cluster.x-k8s.io/v1alpha2',
  kind: 'InClusterIPPool',
  metadata: { name: 'machines', namespace: 'default' },
  spec: { addresses: ['10.0.0.10-10.0.0.99'], prefix: 24, gateway: '10.0.0.1' },
};
const CLAIM = {
  apiVersion: 'ipam.cluster.x-k8s.io/v1beta2',
  kind: 'IPAddressClaim',
  metadata: { name: 'machine-1', namespace: 'default' },
  spec: { poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'machines' } },
};

test('the life of a claim is what the simulated cluster does', () => {
  const shown = [...text.matchAll(/^\| `([a-z-]+)` \| `((?:create|update|delete) [^`]+)` \|/gm)];
  const writes: string[] = [];
  const configs = install();
  const cluster = new SimulatedCluster({
    ...configs,
    controllers: [...configs.controllers.values()],
    hooks: controllers,
    observe: (step) => writes.push(...writesOf(step)),
  });
  cluster.apply(POOL as Unstructured);
  cluster.settle();
  writes.length = 0;
  cluster.apply(CLAIM as Unstructured);
  cluster.settle();
  cluster.delete({ ...CLAIM, ...CLAIM.metadata });
  cluster.settle();
  assert.equal(
    shown.map(([, controller, request]) => `${controller} ${request}`),
    writes,
  );
});

function writesOf({ reconciler, step }: ExecutedStep): string[] {
  if (step.kind === 'hook' || step.request.verb === 'get') return [];
  const { verb, resource, name } = step.request;
  const isStatus = 'subresource' in step.request && step.request.subresource === 'status';
  return [`${reconciler} ${verb} ${resource}/${name}${isStatus ? '/status' : ''}`];
}

test('every controller and every folder of lib/ is on the page', () => {
  for (const controller of Object.keys(controllers)) {
    assert.match(text, new RegExp(`^\\| .*\`${controller}\``, 'm'));
    if (!/^global-|^prefix-|^ipam-/.test(controller))
      assert.match(picture.replaceAll(/<\/?text[^>]*>\s*/g, ''), controller);
  }
  for (const folder of globSync('lib/*/', { cwd: ROOT }))
    assert.match(text, `[${folder.replace(/\/?$/, '/')}]`);
});

test('the picture needs nothing from outside', () => {
  assert.equal(picture.match(/https?:[^"]*/g), ['http://www.w3.org/2000/svg']);
  assert.not.match(picture, /@import|<image|<script|href=/);
});

test.run();
