/** Writes what the CustomResourceDefinitions in `crds/` say into `docs/reference.md`: `npm run generate`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CustomResourceDefinition,
  readCustomResourceDefinitions,
  type Schema,
} from '../../lib/kubernetes/schema.ts';

/** What of a CRD only this page reads. */
interface DocumentedSchema extends Schema {
  readonly items?: DocumentedSchema;
  readonly properties?: Readonly<Record<string, DocumentedSchema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
}

interface Names {
  readonly plural: string;
  readonly shortNames?: readonly string[];
}

interface Column {
  readonly name: string;
  readonly priority?: number;
}

export const REFERENCE = join(import.meta.dirname, '../../docs/reference.md');

/** The page with the part of each kind anew: what stands between `<!-- fields of KIND -->` and `<!-- end -->`. */
export function generateReference(page: string, crds: readonly CustomResourceDefinition[]): string {
  return page.replaceAll(
    /(<!-- fields of (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, kind: string, end: string) => {
      const crd = crds.find(({ spec }) => spec.names.kind === kind);
      if (crd === undefined) throw new Error(`docs/reference.md: no CRD is of kind ${kind}`);
      return `${begin}\n${describe(crd)}\n\n${end}`;
    },
  );
}

function describe({ spec }: CustomResourceDefinition): string {
  const { names, group, scope } = spec;
  const version = spec.versions.find(({ storage }) => storage)!;
  const schema: DocumentedSchema = version.schema.openAPIV3Schema;
  const { additionalPrinterColumns: columns = [] } = version as {
    additionalPrinterColumns?: readonly Column[];
  };
  const { plural, shortNames = [] }: Names = names;
  // Alone, the name is that of Kubernetes' own, since 1.33.
  const asked = plural === 'ipaddresses' ? `${plural}.${group}` : plural;
  const others = spec.versions
    .filter(({ served, storage }) => served && !storage)
    .map(({ name }) => `\`${name}\``);
  const facts = [
    `\`${group}/${version.name}\`${others.length > 0 ? ` (also ${others.join(', ')}, with the same spec)` : ''}`,
    scope === 'Namespaced' ? 'namespaced' : 'cluster-scoped',
    `\`kubectl get ${[asked, ...shortNames].join('`, `')}\`: ${columns
      .map(({ name, priority = 0 }) => (priority > 0 ? `${name} (\`-o wide\`)` : name))
      .join(', ')}`,
  ];
  const [fields, rules] = [[...fieldsOf(schema, '')], [...rulesOf(schema, '')]];
  return [
    schema.description,
    '',
    facts.join('; '),
    '',
    '| field | type | |',
    '|---|---|---|',
    ...fields.map(([path, field, isRequired]) =>
      ['', `\`${path}\``, typeOf(field, isRequired), field.description, ''].join(' | ').trim(),
    ),
    ...(rules.length === 0
      ? []
      : ['', 'Refused with these messages:', '', ...rules.map((rule) => `- ${rule}`)]),
  ].join('\n');
}

/** Conditions look alike everywhere, and have a part of the page to themselves. */
function* fieldsOf(schema: DocumentedSchema, path: string): Generator<[string, DocumentedSchema, boolean]> {
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    if (path === '' && ['apiVersion', 'kind', 'metadata'].includes(key)) continue;
    const at = path === '' ? key : `${path}.${key}`;
    yield [at, field, isRequired(schema, key, at)];
    if (key !== 'conditions')
      yield* fieldsOf(field.items ?? field, field.items === undefined ? at : `${at}[]`);
  }
}

/** A status is not written by users. */
function isRequired({ required = [] }: DocumentedSchema, key: string, path: string): boolean {
  return required.includes(key) && !path.startsWith('status.');
}

/** The messages of the rules in CEL, each with the field it is about */
function* rulesOf(schema: DocumentedSchema, path: string): Generator<string> {
  for (const { rule, message = rule, fieldPath = '' } of schema['x-kubernetes-validations'] ?? []) {
    const at = `${path}${fieldPath}`;
    yield at === '' ? message : `\`${at}\`: ${message}`;
  }
  if (schema.items !== undefined) yield* rulesOf(schema.items, `${path}[]`);
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    yield* rulesOf(field, path === '' ? key : `${path}.${key}`);
  }
}

/** `integer, 0 to 128, required`. */
function typeOf(schema: DocumentedSchema, isRequired: boolean): string {
  const { minimum, maximum, minItems, maxItems } = schema;
  return [
    typeName(schema),
    ...(schema.enum === undefined ? [] : [`one of ${schema.enum.map((value) => `\`${value}\``).join(', ')}`]),
    ...range(minimum, maximum, ''),
    ...range(minItems, maxItems, ' items'),
    ...(isRequired ? ['**required**'] : []),
  ].join(', ');
}

function typeName({ type = 'object', format, items, additionalProperties }: DocumentedSchema): string {
  if (items !== undefined) return `list of ${typeName(items)}s`;
  if (additionalProperties !== undefined) return `map of ${typeName(additionalProperties)}s`;
  return format === 'date-time' ? 'time' : type;
}

function range(least: number | undefined, most: number | undefined, unit: string): string[] {
  if (least === undefined) return most === undefined ? [] : [`at most ${most}${unit}`];
  if (least === most) return [`exactly ${least}${unit.replace(/s$/, least === 1 ? '' : 's')}`];
  return [most === undefined ? `at least ${least}${unit}` : `${least} to ${most}${unit}`];
}

if (import.meta.main) {
  const page = readFileSync(REFERENCE, 'utf8');
  writeFileSync(REFERENCE, generateReference(page, readCustomResourceDefinitions()));
}
