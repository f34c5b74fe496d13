import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { IPAM_CLAIM_DEFINITION } from '../../lib/ipam-claim/definition.ts';
import type { IPAMClaim } from '../../lib/kubernetes/core-types.ts';
import { NETWORK_LABEL } from '../../lib/kubernetes/names.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { qualifiedName } from '../../lib/kubernetes/object.ts';
import { POOL_KINDS, poolKind } from '../../lib/kubernetes/pool-kinds.ts';
import { formatProblem } from '../../lib/kubernetes/problem.ts';
import { CustomResources, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { ClusterCIDR, IPAddressClaim } from '../../lib/kubernetes/types.ts';

const folder = join(import.meta.dirname, '../../examples');
const files = globSync('*.yaml', { cwd: folder }).sort();
const resources = new CustomResources([...readCustomResourceDefinitions(), IPAM_CLAIM_DEFINITION]);
const examples = files.flatMap((file) =>
  (loadAll(readFileSync(join(folder, file), 'utf8')) as KubernetesObject[]).map((object) => ({
    file,
    object,
  })),
);
const ofKind = <T extends KubernetesObject>(kind: string) =>
  examples.map(({ object }) => object).filter((object) => object.kind === kind) as T[];

test('the files are numbered without gaps and begin with a comment', () => {
  assert.ok(files.length > 0);
  for (const [index, file] of files.entries()) {
    assert.match(file, new RegExp(`^${String(index + 1).padStart(2, '0')}-`));
    assert.match(readFileSync(join(folder, file), 'utf8'), /^# /, file);
  }
});

for (const { file, object } of examples) {
  const { apiVersion, kind, metadata } = object;
  if (apiVersion === 'v1') continue;
  test(`${file}: ${kind} ${qualifiedName(metadata)} is valid`, () => {
    assert.equal(resources.ofKind(apiVersion, kind)!.validate(object).map(formatProblem), []);
  });
}

test('all examples can be applied together', () => {
  const names = examples.map(({ object }) => `${object.kind} ${qualifiedName(object.metadata)}`);
  assert.equal(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

test('every claim has its pool, but for the one that waits for it', () => {
  const pools = Object.keys(POOL_KINDS).flatMap((kind) => ofKind(kind));
  const known = new Set(pools.map(({ kind, metadata }) => `${kind} ${qualifiedName(metadata)}`));
  const waiting = ofKind<IPAddressClaim>('IPAddressClaim').filter(({ metadata, spec: { poolRef } }) => {
    const namespace = poolKind(poolRef.kind).isGlobal ? '' : (metadata.namespace ?? '');
    return !known.has(`${poolRef.kind} ${qualifiedName({ namespace, name: poolRef.name })}`);
  });
  assert.equal(
    waiting.map(({ metadata }) => metadata.name),
    ['waits-for-its-pool'],
  );
});

test('every IPAMClaim is of a network that a pool serves, but for the one that is none of ours', () => {
  const pools = Object.keys(POOL_KINDS).flatMap((kind) => ofKind(kind));
  const served = new Set(pools.map(({ metadata }) => metadata.labels?.[NETWORK_LABEL]));
  const others = ofKind<IPAMClaim>('IPAMClaim').filter(({ spec }) => !served.has(spec?.network));
  assert.equal(
    others.map(({ metadata }) => metadata.name),
    ['vm-b.other'],
  );
});

test('every ClusterCIDR with a selector has a node that it selects', () => {
  const nodes = ofKind('Node').map(({ metadata }) => metadata.labels ?? {});
  for (const { metadata, spec } of ofKind<ClusterCIDR>('ClusterCIDR')) {
    for (const { matchExpressions = [] } of spec.nodeSelector?.nodeSelectorTerms ?? []) {
      const selects = nodes.some((labels) =>
        matchExpressions.every(({ key, operator, values = [] }) =>
          operator === 'Exists' ? key in labels : values.includes(labels[key] ?? ''),
        ),
      );
      assert.ok(selects, metadata.name);
    }
  }
});

test('every network that a ClusterCIDR names exists', () => {
  const networks = ofKind('PodNetwork').map(({ metadata }) => metadata.name);
  for (const { metadata } of ofKind('ClusterCIDR')) {
    assert.ok(networks.includes(metadata.labels?.['metaipam.io/network'] ?? 'default'), metadata.name);
  }
});

test.run();
