/** Changes an object of the API at random, by its schema where it has one. */
import { isMap, type JsonMap, type Unstructured, withMetadata, without } from '../lib/engine/object.ts';
import type { Random } from '../lib/engine/random.ts';
import {
  ADDRESS_ANNOTATION,
  ADDRESS_OF_ANNOTATION,
  ADDRESS_SPACE_ANNOTATION,
  ADDRESS_SPACE_LABEL,
  BELL_PREFIX,
  CLAIM_UID_LABEL,
  CLUSTER_NAME_LABEL,
  ENDING,
  LABEL_KEYS_LABEL,
  LEAVING,
  NETWORK_LABEL,
  NODE_ANNOTATION_ANNOTATION,
  OPEN,
  PAUSED_ANNOTATION,
  POOL_LABEL,
  POOL_UID_LABEL,
  REQUESTED_ADDRESS_ANNOTATION,
  SETTLED_LABEL,
  WITHDRAWN_AT_ANNOTATION,
} from '../lib/kubernetes/names.ts';
import type { Schema } from '../lib/kubernetes/schema.ts';

interface Material {
  /** Texts that may matter beside the usual ones. */
  readonly words: readonly string[];
  /** That of the object's kind; without one, what is of no other use stays as it is. */
  readonly schema?: Schema | undefined;
}

const LABELS = [
  POOL_LABEL,
  POOL_UID_LABEL,
  CLAIM_UID_LABEL,
  ADDRESS_SPACE_LABEL,
  SETTLED_LABEL,
  NETWORK_LABEL,
  LABEL_KEYS_LABEL,
  CLUSTER_NAME_LABEL,
];
const ANNOTATIONS = [
  ADDRESS_ANNOTATION,
  ADDRESS_OF_ANNOTATION,
  ADDRESS_SPACE_ANNOTATION,
  REQUESTED_ADDRESS_ANNOTATION,
  PAUSED_ANNOTATION,
  NODE_ANNOTATION_ANNOTATION,
  WITHDRAWN_AT_ANNOTATION,
];
const TIMES = [
  '0001-01-01T00:00:00Z',
  '1969-12-31T23:59:59Z',
  '2025-12-31T23:59:59Z',
  '2026-01-01T00:00:00+14:00',
  '2026-06-01T12:00:00.123456Z',
  '9999-12-31T23:59:59Z',
];
const TEXTS = [
  ...TIMES,
  '',
  'a',
  'default',
  'x'.repeat(63),
  'x'.repeat(300),
  '__proto__',
  'constructor',
  'toString',
  'null',
  '🦊',
  '\u0000',
  OPEN,
  LEAVING,
  ENDING,
  '10.0.0.1',
  '10.0.0.255',
  '0.0.0.0',
  '255.255.255.255',
  '010.0.0.1',
  ' 10.0.0.1',
  '10.0.0.1-10.0.0.9',
  '10.0.0.9-10.0.0.1',
  '0.0.0.0-255.255.255.255',
  '10.0.0.0/24',
  '10.0.0.0/0',
  '10.0.0.7/32',
  '10.244.0.0/16',
  '::',
  '::1',
  'fd00::a',
  'FD00:0:0:0:0:0:0:A',
  '::ffff:10.0.0.1',
  'fd00::/64',
  '::/0',
  'fd00::-fd00::ffff',
  'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
];
const INTEGERS = [
  -1,
  0,
  1,
  2,
  7,
  8,
  24,
  31,
  32,
  64,
  96,
  120,
  127,
  128,
  129,
  300,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53,
];

/** What is known of kinds that are not custom. A Node has podCIDRs in any form that Kubernetes reads. */
const POD_CIDR: Schema = {
  type: 'string',
  enum: [
    '10.244.0.0/24',
    '10.244.0.9/24',
    '010.244.1.0/24',
    '10.244.0.0/16',
    'fd00::/112',
    '::ffff:a00:0/120',
  ],
};
const CORE: Readonly<Record<string, Schema>> = {
  Node: { type: 'object', properties: { podCIDRs: { type: 'array', items: POD_CIDR } } },
  Cluster: { type: 'object', properties: { paused: { type: 'boolean' } } },
};

/** `object` with one change. Whether the API server would store it is another question. */
export function mutate(object: Unstructured, random: Random, { words, schema }: Material): Unstructured {
  const mutator = new Mutator(random, words);
  if (random.chance(0.4)) return mutator.metadata(object);
  const properties = schema?.properties ?? { spec: CORE[object.kind] ?? {} };
  const fields = ['spec', 'status'].filter((field) => properties[field] !== undefined);
  const field = random.pick(fields.length === 2 ? ['spec', 'spec', 'status'] : fields);
  if (field === undefined) return mutator.metadata(object);
  const next = mutator.change(object[field], properties[field]!);
  return next === undefined ? without(object, field) : { ...object, [field]: next };
}

class Mutator {
  readonly #random: Random;
  readonly #words: readonly string[];

  constructor(random: Random, words: readonly string[]) {
    this.#random = random;
    this.#words = words;
  }

  metadata(object: Unstructured): Unstructured {
    const { metadata } = object;
    switch (this.#random.below(8)) {
      case 0:
      case 1:
        return withMetadata(object, { labels: this.#label(metadata.labels) });
      case 2:
      case 3:
        return withMetadata(object, { annotations: this.#entry(metadata.annotations, ANNOTATIONS) });
      case 4:
        return withMetadata(object, {
          deletionTimestamp: metadata.deletionTimestamp === undefined ? this.#random.pick(TIMES) : undefined,
        });
      case 5:
        return withMetadata(object, { creationTimestamp: this.#random.pick(TIMES) });
      case 6:
        return withMetadata(object, {
          ownerReferences: (metadata.ownerReferences ?? []).flatMap((owner) =>
            this.#random.pick([
              [],
              [owner],
              [{ ...owner, controller: false }],
              [{ ...owner, uid: this.#word() }],
            ]),
          ),
        });
      default:
        return withMetadata(object, {
          finalizers: this.#random.pick([undefined, ['example.com/hold'], metadata.finalizers]),
        });
    }
  }

  #label(labels: JsonMap = {}): JsonMap {
    const bell = `${BELL_PREFIX}${this.#word()}`;
    return this.#random.chance(0.2) ? { ...labels, [bell]: '' } : this.#entry(labels, LABELS);
  }

  /** One of the keys that are there, or of those that mean something, removed or with another value. */
  #entry(map: JsonMap = {}, keys: readonly string[]): JsonMap {
    const key = this.#random.pick([...Object.keys(map), ...keys]);
    return this.#random.chance(0.3) ? without(map, key) : { ...map, [key]: this.#word() };
  }

  /** `value` with something else in one place; undefined without it. */
  change(value: unknown, schema: Schema): unknown {
    const { properties, additionalProperties, items } = schema;
    const random = this.#random;
    if (value === undefined) return this.#make(schema);
    if (properties !== undefined && isMap(value)) {
      const key = random.pick(Object.keys(properties));
      if (key === undefined) return value;
      if (value[key] !== undefined && random.chance(0.2)) return without(value, key);
      return { ...value, [key]: this.change(value[key], properties[key]!) };
    }
    if (additionalProperties !== undefined && isMap(value)) {
      const key = random.chance(0.4) ? this.#word() : random.pick(Object.keys(value));
      if (key === undefined) return value;
      if (random.chance(0.2)) return without(value, key);
      return Object.fromEntries([
        ...Object.entries(value),
        [key, this.change(Object.hasOwn(value, key) ? value[key] : undefined, additionalProperties)],
      ]);
    }
    if (items !== undefined && Array.isArray(value)) return this.#changeList(value, items);
    return this.#make(schema);
  }

  #changeList(list: readonly unknown[], items: Schema): unknown[] {
    const random = this.#random;
    const at = random.below(list.length + 1);
    switch (random.below(5)) {
      case 0:
        return list.toSpliced(at, 1);
      case 1:
        return list.toSpliced(at, 0, this.#make(items));
      case 2:
        return list.length === 0 ? [this.#make(items)] : list.toSpliced(at, 0, random.pick(list));
      case 3:
        return random.shuffle(list);
      default:
        return at === list.length ? [] : list.with(at, this.change(list[at], items));
    }
  }

  /** Any value of the type. */
  #make(schema: Schema): unknown {
    const random = this.#random;
    if (schema.enum !== undefined) return random.pick(schema.enum);
    switch (schema.type) {
      case 'string':
        return schema.format === 'date-time' ? random.pick(TIMES) : this.#word();
      case 'integer':
      case 'number':
        return random.pick(INTEGERS);
      case 'boolean':
        return random.chance(0.5);
      case 'array':
        return Array.from({ length: random.below(3) }, () => this.#make(schema.items ?? {}));
      case 'object':
        return this.#makeObject(schema);
      default:
        return this.#word();
    }
  }

  #makeObject({ properties = {}, required = [], additionalProperties }: Schema): object {
    const chosen = Object.entries(properties).filter(
      ([key]) => required.includes(key) || this.#random.chance(0.3),
    );
    const entries = chosen.map(([key, schema]) => [key, this.#make(schema)]);
    if (additionalProperties !== undefined && this.#random.chance(0.5)) {
      entries.push([this.#word(), this.#make(additionalProperties)]);
    }
    return Object.fromEntries(entries);
  }

  #word(): string {
    return this.#random.pick(this.#random.chance(0.6) ? this.#words : TEXTS);
  }
}
