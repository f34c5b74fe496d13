/** What the engine says to the writes of the tables of cases. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { ApiResult } from '../../lib/engine/api.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import { type Unstructured, withMetadata } from '../../lib/engine/object.ts';
import { Resources } from '../../lib/engine/resources.ts';
import { type Admission, Store } from '../../lib/engine/store.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { AdmissionCase } from '../crds/admission-cases.ts';
import { RULED_KIND } from '../crds/rule-cases.ts';
import type { DeletionCase } from '../metacontroller/deletion-cases.ts';
import type { PolicyCase } from '../metacontroller/policy-cases.ts';

const FOLDER = join(import.meta.dirname, '../../metacontroller');

/** The admission policies of metacontroller/, and their bindings. */
export const policies = globSync(['*.yaml', 'admission/*.yaml'], { cwd: FOLDER })
  .flatMap((file) => loadAll(readFileSync(join(FOLDER, file), 'utf8')) as KubernetesObject[])
  .filter(({ apiVersion }) => apiVersion.startsWith('admissionregistration.k8s.io/'));

const crds = [...readCustomResourceDefinitions(), RULED_KIND];
/** The built-in kinds, those of the CRDs, and the one that only tests have. */
export const resources = new Resources(crds);
const byCRDs = crdAdmission(crds);
const byAll = crdAdmission(crds, policies);

/** Of an update, whether the engine has taken the object before, and then what it says to the other. */
export function judge({ object, newSpec }: AdmissionCase): ApiResult {
  const store = storeWith(byCRDs);
  const created = create(store, object);
  if (newSpec === undefined || created.error !== undefined) return created;
  return update(store, { ...object, spec: newSpec } as KubernetesObject);
}

export function judgeByPolicies({ before, isDeleting, after }: PolicyCase): ApiResult {
  const store = storeWith(byAll);
  if (before === undefined) return create(store, after);
  restore(store, before, isDeleting);
  return update(store, after);
}

export function judgeDeletion({ object, isDeleting, user }: DeletionCase): ApiResult {
  const store = storeWith(byAll);
  restore(store, object, isDeleting);
  return store.execute({ verb: 'delete', ...requestOf(object), ...(user !== undefined && { user }) });
}

/** What the engine with policies says to a status of an object from before them. */
export function judgeStatus(before: KubernetesObject, status: object): ApiResult {
  const store = storeWith(byAll);
  restore(store, before);
  const { object } = store.execute({ verb: 'get', ...requestOf(before) });
  const next = { ...object!, status };
  return store.execute({ verb: 'update', subresource: 'status', ...requestOf(before), object: next });
}

/** Whether the engine keeps objects of this version, which is how it judges them. */
export function isStored(object: KubernetesObject): boolean {
  return resources.of(object).apiVersions[0] === object.apiVersion;
}

function storeWith(admission: Admission): Store {
  return new Store({ resources, seed: 1, now: () => Date.UTC(2026, 0, 1), admission });
}

function requestOf(object: KubernetesObject) {
  const { resource, namespaced } = resources.of(object);
  const { apiVersion, metadata } = object;
  return { apiVersion, resource, name: metadata.name, ...(namespaced && { namespace: 'default' }) };
}

function create(store: Store, object: KubernetesObject): ApiResult {
  return store.execute({ verb: 'create', ...requestOf(object), object: object as Unstructured });
}

function update(store: Store, object: KubernetesObject): ApiResult {
  const { resourceVersion } = store.execute({ verb: 'get', ...requestOf(object) }).object!.metadata;
  const next = withMetadata(object as Unstructured, { resourceVersion });
  return store.execute({ verb: 'update', ...requestOf(object), object: next });
}

function restore(store: Store, object: KubernetesObject, isDeleting = false): void {
  const { namespace } = requestOf(object);
  const restored = withMetadata(object as Unstructured, {
    namespace,
    uid: 'u',
    ...(isDeleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
  });
  store.restore(restored, 'kubectl', restored);
}
