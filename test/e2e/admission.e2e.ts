/** Whether a real API server judges writes as the tables say, and the engine as the API server. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ApiResult } from '../../lib/engine/api.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { admissionCases } from '../crds/admission-cases.ts';
import { RULED_KIND, ruleCases } from '../crds/rule-cases.ts';
import { isStored, judge, judgeByPolicies, judgeDeletion, resources } from '../engine/judge.ts';
import { nodeCases } from '../engine/node-cases.ts';
import { type DeletionCase, deletionCases } from '../metacontroller/deletion-cases.ts';
import { type PolicyCase, policyCases } from '../metacontroller/policy-cases.ts';
import { type Answer, ControlPlane, eventually } from './control-plane.ts';

const ROOT = join(import.meta.dirname, '..', '..');

const test = suite<{ plane: ControlPlane }>('admission');
test.before(async (context) => {
  context.plane = await ControlPlane.start();
  const { plane } = context;
  await plane.kubectl(['apply', '--server-side', '-k', join(ROOT, 'crds')]);
  await plane.kubectl(['apply', '--server-side', '-k', join(ROOT, 'crds', 'cluster-api')]);
  await plane.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(RULED_KIND));
  await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
});
test.after(({ plane }) => plane?.stop());

/** The path of an object's collection, or of the object. */
function pathOf(object: KubernetesObject, name = ''): string {
  const { group, resource, namespaced } = resources.of(object);
  const version = `${group === '' ? 'api' : 'apis'}/${object.apiVersion}`;
  return `/${version}/${namespaced ? 'namespaces/default/' : ''}${resource}${name && `/${name}`}`;
}

const create = (plane: ControlPlane, object: KubernetesObject, query = '') =>
  plane.api('POST', `${pathOf(object)}?fieldValidation=Strict${query}`, object);

async function update(plane: ControlPlane, object: KubernetesObject, query = ''): Promise<Answer> {
  const path = pathOf(object, object.metadata.name);
  const { resourceVersion } = (await plane.api('GET', path)).body.metadata;
  const metadata = { ...object.metadata, resourceVersion };
  return plane.api('PUT', `${path}?fieldValidation=Strict${query}`, { ...object, metadata });
}

/** Refused as the table says, and in the words of the engine, but where the API server quotes a parser of Go's. */
function check({ status, body }: Answer, refused?: string, engine?: ApiResult, code = 422): void {
  if (refused === undefined) assert.ok(status < 300, body.message);
  else {
    assert.is(status, code, body.message);
    assert.match(body.message, refused);
    if (engine && !body.message.includes('parse error')) assert.is(engine.error?.message, body.message);
  }
}

for (const each of [...admissionCases, ...ruleCases, ...nodeCases]) {
  const { id, object, newSpec, refused } = each;
  const engine = isStored(object) ? judge(each) : undefined;
  test(id, async ({ plane }) => {
    if (newSpec === undefined) return check(await create(plane, object, '&dryRun=All'), refused, engine);
    check(await create(plane, object));
    try {
      const updated = { ...object, spec: newSpec } as KubernetesObject;
      check(await update(plane, updated, '&dryRun=All'), refused, engine);
    } finally {
      await plane.api('DELETE', pathOf(object, object.metadata.name));
    }
  });
}

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const APPLY = 'application/apply-patch+yaml';

test('no patch and no forced apply takes an address in use from who has it', async ({ plane }) => {
  const slice = (entries: object) => ({
    apiVersion: 'metaipam.io/v1alpha1',
    kind: 'AllocationSlice',
    metadata: { name: 'p.10.0.0.0-27' },
    spec: {
      poolRef: { apiGroup: 'ipam.cluster.x-k8s.io', kind: 'InClusterIPPool', name: 'p', uid: 'u' },
      cidr: '10.0.0.0/27',
      entries,
    },
  });
  const entry = (uid: string) => ({ uid, namespace: 'n', name: uid });
  const object = slice({ '10.0.0.7': entry('u1'), '10.0.0.8': entry('u2') });
  const path = pathOf(object, object.metadata.name);
  const patch = (body: object, type: string, manager = 'other') =>
    plane.api('PATCH', `${path}?fieldManager=${manager}${type === APPLY ? '&force=true' : ''}`, body, type);
  check(await patch(object, APPLY, 'metacontroller'));
  const key = '/spec/entries/10.0.0.7';
  const attempts: [title: string, attempt: Promise<Answer>][] = [
    ['its manager leaves it out', patch(slice({ '10.0.0.8': entry('u2') }), APPLY, 'metacontroller')],
    ['its manager leaves all out', patch(slice({}), APPLY, 'metacontroller')],
    ['another manager gives it away', patch(slice({ '10.0.0.7': entry('u3') }), APPLY)],
    ['a merge patch drops it', patch({ spec: { entries: { '10.0.0.7': null } } }, MERGE)],
    ['a merge patch drops all', patch({ spec: { entries: null } }, MERGE)],
    ['a merge patch gives it away', patch({ spec: { entries: { '10.0.0.7': { uid: 'u3' } } } }, MERGE)],
    ['a JSON patch drops it', patch([{ op: 'remove', path: key }], JSON_PATCH)],
    ['a JSON patch moves it', patch([{ op: 'move', from: key, path: '/spec/entries/10.0.0.9' }], JSON_PATCH)],
    ['a JSON patch swaps', patch([{ op: 'copy', from: '/spec/entries/10.0.0.8', path: key }], JSON_PATCH)],
  ];
  for (const [title, attempt] of attempts) assert.is((await attempt).status, 422, title);
  assert.equal((await plane.api('GET', path)).body.spec.entries, object.spec.entries);
  await plane.api('DELETE', path);
});

const write = (plane: ControlPlane, { before, after }: PolicyCase): Promise<Answer> =>
  (before === undefined ? create : update)(plane, after, '&dryRun=All');

test('the policies come after some objects', async ({ plane }) => {
  for (const { before, isDeleting } of policyCases) {
    if (before === undefined) continue;
    check(await create(plane, before));
    if (isDeleting) await plane.api('DELETE', pathOf(before, before.metadata.name));
  }
  const folder = join(ROOT, 'metacontroller');
  const files = ['validation.yaml', 'delete-protection.yaml'].map(
    (file) => `--filename=${join(folder, file)}`,
  );
  await plane.kubectl(['apply', '--server-side', ...files]);
  await plane.kubectl(['apply', '--server-side', '-k', join(folder, 'admission')]);
  for (const each of policyCases) {
    const hasEffect = async () => {
      const { status, body } = await write(plane, each);
      return each.refused ? status === 422 : body.metadata.finalizers !== undefined;
    };
    if (each.refused || each.id === 'a claim')
      await eventually(`an answer by policy to ${each.id}`, hasEffect);
  }
});

for (const each of policyCases) {
  test(`policies: ${each.id}`, async ({ plane }) => {
    const answer = await write(plane, each);
    check(answer, each.refused, judgeByPolicies(each));
    if (each.added === undefined) return;
    const { labels, finalizers } = answer.body.metadata;
    assert.equal({ labels, finalizers }, { labels: undefined, finalizers: undefined, ...each.added });
  });
}

const COLLECTOR = 'system:serviceaccount:kube-system:namespace-controller';
const remove = ({ plane, object, user }: { plane: ControlPlane } & DeletionCase): Promise<Answer> =>
  plane.api('DELETE', `${pathOf(object, object.metadata.name)}?dryRun=All`, undefined, undefined, user);

test('what is to be deleted is there', async ({ plane }) => {
  for (const { object, isDeleting } of deletionCases) {
    check(await create(plane, object));
    const path = pathOf(object, object.metadata.name);
    const { status } = object as { status?: object };
    if (status) check(await plane.api('PATCH', `${path}/status`, { status }, MERGE));
    if (isDeleting) check(await plane.api('DELETE', path, undefined, undefined, COLLECTOR));
  }
});

for (const each of deletionCases) {
  test(`deletions: ${each.id}`, async ({ plane }) => {
    check(await remove({ plane, ...each }), each.refused, judgeDeletion(each), 403);
  });
}

test('what kubectl says of a pool in use, of several, and of a namespace', async ({ plane }) => {
  const { object } = deletionCases.find(({ id }) => id === 'a pool in use')!;
  const { name } = object.metadata;
  const refusal = await plane.kubectl(['delete', 'inclusterippool', name]).then(String, String);
  assert.match(
    refusal,
    `Error from server (Forbidden): inclusterippools.ipam.cluster.x-k8s.io "${name}" is forbidden: `,
  );
  assert.match(refusal, 'Cannot delete Pool until all IPAddresses have been removed.');
  const collection = await plane.api('DELETE', `${pathOf(object)}?dryRun=All`);
  assert.is(collection.status, 403, collection.body.message);
});

test.run();
