/**
 * A kind whose rules are of every sort, and what an API server says to its objects: keys and entries of maps, rules
 * on updates, lists by key, optional values, and what an update leaves as it is.
 */
import type { CustomResourceDefinition, Schema } from '../../lib/kubernetes/schema.ts';
import type { AdmissionCase } from './admission-cases.ts';

const text = (maxLength: number): Schema => ({ type: 'string', maxLength }) as Schema;

const entry: Schema = {
  type: 'object',
  required: ['uid'],
  properties: {
    uid: text(36),
    namespace: text(63),
    released: { type: 'string', format: 'date-time' },
  },
  'x-kubernetes-validations': [
    { rule: 'self.uid == oldSelf.uid', message: 'an entry keeps its uid' },
    {
      rule: 'has(self.released) || !has(oldSelf.released)',
      message: 'what is released stays so',
      reason: 'FieldValueForbidden',
    },
    { rule: "!has(self.__namespace__) || self.__namespace__ != 'kube-system'", fieldPath: '.namespace' },
  ],
};

const port = {
  type: 'object',
  required: ['name', 'number'],
  properties: {
    name: text(15),
    number: {
      type: 'integer',
      format: 'int32',
      'x-kubernetes-validations': [
        { rule: 'self >= oldSelf', messageExpression: "'must be at least %d'.format([oldSelf])" },
      ],
    },
  },
} as Schema;

const spec = {
  type: 'object',
  required: ['cidr', 'entries'],
  properties: {
    cidr: {
      ...text(43),
      'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'cidr cannot be changed' }],
    },
    entries: {
      type: 'object',
      maxProperties: 64,
      additionalProperties: entry,
    },
    blocks: {
      type: 'object',
      maxProperties: 64,
      additionalProperties: text(36),
      'x-kubernetes-validations': [
        {
          rule: 'self.all(k, isCIDR(k) && cidr(k).prefixLength() == 24 && cidr(k) == cidr(k).masked() && string(cidr(k)) == k)',
          message: 'keys are CIDRs of length 24',
        },
      ],
    },
    words: {
      type: 'object',
      maxProperties: 8,
      additionalProperties: text(8),
      'x-kubernetes-validations': [{ rule: "self.all(k, k.matches('^[a-z]+$'))", message: 'keys are words' }],
    },
    sizes: {
      type: 'array',
      maxItems: 8,
      'x-kubernetes-list-type': 'set',
      items: { type: 'integer', maximum: 100 },
      'x-kubernetes-validations': [
        { rule: 'self == oldSelf', message: 'sizes cannot be changed' },
        {
          rule: 'self.all(size, size % 2 == 0) && self.sum() <= 20',
          message: 'sizes are even, together at most 20',
        },
      ],
    },
    ports: {
      type: 'array',
      maxItems: 8,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: port,
    },
    note: {
      ...text(16),
      'x-kubernetes-validations': [
        { rule: "self != 'bad'", message: 'must not be bad' },
        {
          rule: "oldSelf.hasValue() || self != 'late'",
          message: 'cannot begin late',
          optionalOldSelf: true,
        },
      ],
    },
  },
  'x-kubernetes-validations': [
    {
      rule: 'self.entries.all(k, isIP(k) && ip.isCanonical(k) && cidr(self.cidr).containsIP(k))',
      message: 'keys are addresses in cidr',
    },
    {
      rule: 'oldSelf.entries.all(k, k in self.entries || has(oldSelf.entries[k].released))',
      message: 'an entry goes only after it was released',
    },
    {
      rule: "self.?note.orValue('') != 'lonely' || self.entries.size() > 0",
      message: 'must not be lonely',
      fieldPath: '.note',
    },
  ],
} as Schema;

export const RULED_KIND: CustomResourceDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'ruleds.test.metaipam.io' },
  spec: {
    group: 'test.metaipam.io',
    scope: 'Cluster',
    names: { kind: 'Ruled', plural: 'ruleds', singular: 'ruled', listKind: 'RuledList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', required: ['spec'], properties: { spec } } },
      },
    ],
  },
} as CustomResourceDefinition;

const cidr = '10.0.0.0/26';
const time = '2026-01-01T00:00:00Z';
const held = { '10.0.0.7': { uid: 'a' } };
const released = { '10.0.0.7': { uid: 'a', released: time } };
const KEYS = 'spec: Invalid value: keys are addresses in cidr';

type Case = readonly [id: string, spec: object, newSpec?: object | undefined, refused?: string];

const CASES: readonly Case[] = [
  ['an entry', { cidr, entries: held }],
  ['an entry of IPv6', { cidr: 'fd00::/122', entries: { 'fd00::7': { uid: 'a' } } }],
  ['no entries', { cidr, entries: {} }],
  ['a key outside of cidr', { cidr, entries: { '10.0.0.64': { uid: 'a' } } }, undefined, KEYS],
  ['a key that is no address', { cidr, entries: { x: { uid: 'a' } } }, undefined, KEYS],
  [
    'a key that is not canonical',
    { cidr: 'fd00::/122', entries: { 'FD00::7': { uid: 'a' } } },
    undefined,
    KEYS,
  ],
  ['a key of the other family', { cidr, entries: { 'fd00::7': { uid: 'a' } } }, undefined, KEYS],
  [
    'a cidr that is none',
    { cidr: 'x', entries: held },
    undefined,
    'evaluating rule: keys are addresses in cidr',
  ],
  [
    'a namespace, which is a reserved word',
    { cidr, entries: { '10.0.0.7': { uid: 'a', namespace: 'kube-system' } } },
    undefined,
    'spec.entries[10.0.0.7].namespace: Invalid value: failed rule: !has(self.__namespace__)',
  ],
  ['another entry', { cidr, entries: held }, { cidr, entries: { ...held, '10.0.0.8': { uid: 'b' } } }],
  [
    'the entry of another',
    { cidr, entries: held },
    { cidr, entries: { '10.0.0.7': { uid: 'b' } } },
    'spec.entries[10.0.0.7]: Invalid value: an entry keeps its uid',
  ],
  [
    'an entry dropped',
    { cidr, entries: held },
    { cidr, entries: {} },
    'an entry goes only after it was released',
  ],
  ['an entry released', { cidr, entries: held }, { cidr, entries: released }],
  [
    'an entry taken back',
    { cidr, entries: released },
    { cidr, entries: held },
    'spec.entries[10.0.0.7]: Forbidden: what is released stays so',
  ],
  ['a released entry dropped', { cidr, entries: released }, { cidr, entries: {} }],
  [
    'a released entry given to another at once',
    { cidr, entries: released },
    { cidr, entries: { '10.0.0.7': { uid: 'b', released: time } } },
    'an entry keeps its uid',
  ],
  [
    'another cidr',
    { cidr, entries: {} },
    { cidr: '10.0.0.64/26', entries: {} },
    'spec.cidr: Invalid value: "10.0.0.64/26": cidr cannot be changed',
  ],
  ['blocks', { cidr, entries: {}, blocks: { '10.0.0.0/24': 'a', 'fd00::/24': 'b' } }],
  ...['10.0.0.1/24', '10.0.0.0/25', '10.0.0.0', 'fd00:0::/24'].map(
    (key): Case => [
      `a block ${key}`,
      { cidr, entries: {}, blocks: { [key]: 'a' } },
      undefined,
      'spec.blocks: Invalid value: keys are CIDRs of length 24',
    ],
  ),
  ['words', { cidr, entries: {}, words: { a: 'b' } }],
  [
    'a word that is none',
    { cidr, entries: {}, words: { A: 'b' } },
    undefined,
    'spec.words: Invalid value: keys are words',
  ],
  ['sizes', { cidr, entries: {}, sizes: [2, 4] }],
  ['odd sizes', { cidr, entries: {}, sizes: [2, 3] }, undefined, 'sizes are even, together at most 20'],
  ['large sizes', { cidr, entries: {}, sizes: [12, 10] }, undefined, 'sizes are even, together at most 20'],
  ['sizes in another order', { cidr, entries: {}, sizes: [2, 4] }, { cidr, entries: {}, sizes: [4, 2] }],
  [
    'other sizes',
    { cidr, entries: {}, sizes: [2, 4] },
    { cidr, entries: {}, sizes: [2, 6] },
    'spec.sizes: Invalid value: sizes cannot be changed',
  ],
  [
    'a port that grows, in another place',
    {
      cidr,
      entries: {},
      ports: [
        { name: 'a', number: 1 },
        { name: 'b', number: 2 },
      ],
    },
    {
      cidr,
      entries: {},
      ports: [
        { name: 'c', number: 0 },
        { name: 'b', number: 3 },
        { name: 'a', number: 1 },
      ],
    },
  ],
  [
    'a port that shrinks, in another place',
    {
      cidr,
      entries: {},
      ports: [
        { name: 'a', number: 1 },
        { name: 'b', number: 2 },
      ],
    },
    {
      cidr,
      entries: {},
      ports: [
        { name: 'b', number: 1 },
        { name: 'a', number: 1 },
      ],
    },
    'spec.ports[0].number: Invalid value: 1: must be at least 2',
  ],
  [
    'a bad note',
    { cidr, entries: {}, note: 'bad' },
    undefined,
    'spec.note: Invalid value: "bad": must not be bad',
  ],
  ['a note that is late at once', { cidr, entries: {}, note: 'late' }, undefined, 'cannot begin late'],
  [
    'a note that begins late',
    { cidr, entries: {} },
    { cidr, entries: {}, note: 'late' },
    'cannot begin late',
  ],
  ['a note that becomes late', { cidr, entries: {}, note: 'early' }, { cidr, entries: {}, note: 'late' }],
  [
    'a lonely note',
    { cidr, entries: {}, note: 'lonely' },
    undefined,
    'spec.note: Invalid value: must not be lonely',
  ],
  ['a note in company', { cidr, entries: held, note: 'lonely' }],
  [
    'a note without company any more',
    { cidr, entries: released, note: 'lonely' },
    { cidr, entries: {}, note: 'lonely' },
    'must not be lonely',
  ],
  ['a uid missing', { cidr, entries: { '10.0.0.7': {} } }, undefined, 'uid: Required value'],
];

export const ruleCases: readonly AdmissionCase[] = CASES.map(([id, spec, newSpec, refused]) => ({
  id: `${newSpec === undefined ? '' : 'update '}${id}, Ruled`,
  object: {
    apiVersion: 'test.metaipam.io/v1',
    kind: 'Ruled',
    metadata: { name: 'a' },
    spec,
  } as AdmissionCase['object'],
  ...(newSpec && { newSpec }),
  ...(refused && { refused }),
}));
