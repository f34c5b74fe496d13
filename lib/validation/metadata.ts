/** What the API server asks of the metadata of every object (`ValidateObjectMeta`), whatever its kind. */
import { isLabelValue } from '../kubernetes/label-value.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import type { Problem } from '../kubernetes/problem.ts';
import { isQualifiedName, isSubdomain } from '../kubernetes/qualified-name.ts';
import { isTime } from '../kubernetes/time.ts';
import { suggestion } from '../text.ts';

const ENDS = 'and must start and end with an alphanumeric character';
const SUBDOMAIN = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', ${ENDS}`;
const DNS_LABEL = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ${ENDS}`;
const QUALIFIED = `name part must consist of alphanumeric characters, '-', '_' or '.', ${ENDS}`;
const LABEL_VALUE = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ${ENDS}`;

const NO_TIME =
  'must be a time as in RFC 3339, such as 2026-01-31T15:04:05Z; leave it out and the API server sets it';

/** The fields of ObjectMeta (k8s.io/apimachinery/pkg/apis/meta/v1). */
const FIELDS = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
];

const LISTS = { finalizers: 'string', ownerReferences: 'object' } as const;
const TEXTS = ['uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp'] as const;

/** Everything that is wrong with an object's metadata, which may come from a file: only the name is certain. */
export function validateMetadata({ metadata }: KubernetesObject): Problem[] {
  const { name, namespace } = metadata as { name: string; namespace?: unknown };
  const problems: Problem[] = [];
  const refuse = (field: string, value: unknown, message: string) =>
    problems.push({ field: `metadata${field}`, value, message });
  for (const field of Object.keys(metadata)) {
    if (FIELDS.includes(field)) continue;
    problems.push({ field: `metadata.${field}`, message: `unknown field${suggestion(field, FIELDS)}` });
  }
  if (name.length > 253) refuse('.name', name, 'must be no more than 253 bytes');
  else if (!isSubdomain(name)) refuse('.name', name, SUBDOMAIN);
  if (namespace !== undefined && typeof namespace !== 'string')
    refuse('.namespace', namespace, 'must be a string');
  else if (namespace !== undefined && namespace !== '' && !isDnsLabel(namespace)) {
    refuse('.namespace', namespace, DNS_LABEL);
  }
  const owners = listOf(metadata.ownerReferences);
  problems.push(...owners.flatMap(validateOwner));
  if (owners.filter((owner) => (owner as { controller?: unknown } | null)?.controller === true).length > 1)
    problems.push({ field: 'metadata.ownerReferences', message: 'only one may be the controller' });
  for (const [index, finalizer] of listOf(metadata.finalizers).entries()) {
    if (typeof finalizer === 'string' && !isQualifiedName(finalizer))
      refuse(`.finalizers[${index}]`, finalizer, QUALIFIED);
  }
  for (const map of ['labels', 'annotations'] as const) {
    for (const [key, value] of entriesOf(metadata[map], () =>
      refuse(`.${map}`, metadata[map], 'must be a mapping'),
    )) {
      const field = `.${map}[${key}]`;
      if (!isQualifiedName(key)) refuse(field, key, QUALIFIED);
      else if (typeof value !== 'string') refuse(field, value, 'must be a string');
      else if (map === 'labels' && value.length > 63) refuse(field, value, 'must be no more than 63 bytes');
      else if (map === 'labels' && !isLabelValue(value)) refuse(field, value, LABEL_VALUE);
    }
  }
  return [...problems, ...validateTypes(metadata)];
}

const OWNER_FIELDS = ['apiVersion', 'kind', 'name', 'uid'] as const;

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Of what is no mapping the list is wrong. */
function validateOwner(owner: unknown, index: number): Problem[] {
  if (typeof owner !== 'object' || owner === null) return [];
  return OWNER_FIELDS.flatMap((name): Problem[] => {
    const [field, value] = [
      `metadata.ownerReferences[${index}].${name}`,
      (owner as Record<string, unknown>)[name],
    ];
    if (value == null || value === '') return [{ field, message: 'Required value' }];
    return typeof value === 'string' ? [] : [{ field, value, message: 'must be a string' }];
  });
}

/** Fields of the metadata that are of another type, or no times. */
export function validateTypes(metadata: KubernetesObject['metadata']): Problem[] {
  const problems: Problem[] = [];
  const refuse = (field: string, value: unknown, message: string) =>
    problems.push({ field: `metadata${field}`, value, message });
  for (const [list, type] of Object.entries(LISTS)) {
    const items: unknown = metadata[list as keyof typeof metadata];
    if (items == null) continue;
    if (!Array.isArray(items)) refuse(`.${list}`, items, 'must be a list');
    else if (!items.every((item) => typeof item === type && item !== null))
      refuse(`.${list}`, items, `must be a list of ${type}s`);
  }
  for (const field of TEXTS) {
    const text: unknown = metadata[field];
    if (text == null) continue;
    if (typeof text !== 'string') refuse(`.${field}`, text, 'must be a string');
    else if (field.endsWith('Timestamp') && !isTime(text)) refuse(`.${field}`, text, NO_TIME);
  }
  return problems;
}

function isDnsLabel(text: string): boolean {
  return text.length <= 63 && isSubdomain(text) && !text.includes('.');
}

function entriesOf(map: unknown, refuse: () => void): [string, unknown][] {
  if (map === undefined) return [];
  if (typeof map === 'object' && map !== null && !Array.isArray(map)) return Object.entries(map);
  refuse();
  return [];
}
