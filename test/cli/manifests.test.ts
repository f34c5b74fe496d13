import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatDiagnostic } from '../../lib/cli/diagnostic.ts';
import { loadManifests, parseManifests } from '../../lib/cli/manifests.ts';
import { formatYaml, parseYaml } from '../../lib/cli/yaml.ts';

const test = suite('manifests', { folder: '' });
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'manifests-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

const object = (name: string) => `apiVersion: v1\nkind: Thing\nmetadata: {name: ${name}}\n`;
const noInput = Readable.from([]);

const names = (text: string) => parseManifests(text, 'f').objects.map(({ object }) => object.metadata.name);
const problems = (text: string) => parseManifests(text, 'f').problems.map(formatDiagnostic);

test('documents are counted from 1; empty ones and leading comments are skipped', () => {
  const text = `# about\n---\n${object('a')}---\n---\n# nothing\n---\n${object('b')}`;
  const { objects, problems } = parseManifests(text, 'f');
  assert.equal(problems, []);
  assert.equal(
    objects.map(({ file, document, lineOf, object }) => [file, document, lineOf(''), object.metadata.name]),
    [
      ['f', 1, 3, 'a'],
      ['f', 4, 10, 'b'],
    ],
  );
  assert.equal(names(''), []);
  assert.equal(names(`%YAML 1.2\n---\n${object('a')}...\n`), ['a']);
  assert.equal(names(object('a').replaceAll('\n', '\r\n')), ['a']);
});

test('a wrong document names file, number and line, and does not hide the others', () => {
  const text = `${object('a')}---\nx: 1\ny: 2\nx: 3\n---\n${object('b')}---\nkind: *none\n`;
  assert.equal(names(text), ['a', 'b']);
  assert.equal(problems(text), [
    'f:7: document 2: the key x is given twice in one mapping',
    'f:13: document 4: unidentified alias "none"',
  ]);
});

test('documents may end, with directives for the next', () => {
  for (const end of ['\n', '\r\n']) {
    for (const between of ['...\n', '...\n---\n', '...  \n# about\n%YAML 1.2\n---\n']) {
      const text = `%YAML 1.2\n---\n${object('a')}${between}${object('b')}...\n# the end\n`;
      const { objects, problems } = parseManifests(text.replaceAll('\n', end), 'f');
      assert.equal(problems, []);
      assert.equal(
        objects.map(({ document, lineOf, object }) => [document, lineOf('kind'), object.metadata.name]),
        [
          [1, 4, 'a'],
          [2, 7 + between.split('\n').length - 1, 'b'],
        ],
      );
    }
  }
  assert.equal(names(`  ${object('a').replaceAll('\n', '\n  ')}\n---\n${object('b')}`), ['a', 'b']);
  const misplaced = 'a directive, as %YAML, stands behind a line "..." and above one "---", or is left out';
  assert.equal(problems(`${object('a')}%YAML 1.2\n---\n${object('b')}`), [`f:4: document 1: ${misplaced}`]);
  assert.equal(problems(`${object('a')}---\n%YAML 1.2\n---\n${object('b')}`), [
    `f:5: document 2: ${misplaced}`,
  ]);
});

test('JSON may follow JSON, as jq writes it', () => {
  const json = (name: string, indent?: number) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'A', metadata: { name }, spec: [{}, { a: {} }] }, null, indent);
  for (const indent of [undefined, 2]) {
    for (const between of ['\n', '\r\n', '\n\n', ' \n']) {
      const text = ['a', 'b', 'c'].map((name) => json(name, indent)).join(between);
      assert.equal(names(text), ['a', 'b', 'c'], JSON.stringify(text));
    }
  }
  assert.equal(problems(`${json('a')}\n{"a":`), [
    'f:2: document 2: unexpected end of the stream within a flow collection',
  ]);
  // No matter how far apart.
  assert.equal(names(`${json('a')}${'\n'.repeat(1e6)}${json('b')}`), ['a', 'b']);
  assert.equal(names(`${object('a')}x: {a: 1,\n  b: {c: 1}\n  }\ny: {}\n`), ['a']);
});

test('JSON is what YAML makes of it', () => {
  const text = fc
    .record({ object: fc.dictionary(fc.string(), fc.jsonValue()), indent: fc.constantFrom(0, 2, '\t') })
    .map(({ object, indent }) => JSON.stringify(object, null, indent));
  fc.assert(
    fc.property(text, (json) => {
      const [ofJson, ofYaml] = [json, `# YAML\n${json}`].map((text) => parseYaml(text));
      // Some control characters are none of YAML's.
      if (ofYaml!.problems.length > 0) assert.equal(ofJson!.problems, []);
      else
        assert.is(
          JSON.stringify(ofJson!.documents.map(({ value }) => value)),
          JSON.stringify(ofYaml!.documents.map(({ value }) => value)),
        );
      for (const { lineOf } of ofJson!.documents) assert.ok(lineOf('a.b[0]') >= 1);
    }),
  );
});

test('JSON: keys that are given twice, numbers that are none, depth, and control characters', () => {
  const inSpec = (spec: string) =>
    `{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "spec": ${spec}}`;
  assert.equal(problems(inSpec('{"a": 1,\n "a": 2}')), ['f:2: the key a is given twice in one mapping']);
  assert.equal(problems(inSpec('{"a": "\\":", "b\\\\": "a\\\\", "c": ["x", ":"]}')), []);
  const deep = `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`;
  assert.equal(problems(inSpec(deep)), ['f:1: nests deeper than 100 levels']);
  const [loaded] = parseManifests(inSpec('\n"\u007f"'), 'f').objects;
  assert.is(loaded!.lineOf('spec'), 1);
});

test('missing apiVersion, kind or name are problems that name the field', () => {
  assert.equal(problems('kind: A\nmetadata: {name: a}'), ['f:1: apiVersion: is required']);
  assert.equal(problems('apiVersion: v1\nmetadata: {name: a}'), ['f:1: kind: is required']);
  assert.equal(problems('apiVersion: v1\nkind: A'), ['f:1: metadata: is required']);
  assert.equal(problems('apiVersion: v1\nkind: A\nmetadata: {}'), ['f:3: metadata.name: is required']);
  assert.equal(problems('- a'), [
    'f:1: document: must be an object, found ["a"]; write objects one after another, as jq -c .[] does',
  ]);
  assert.equal(problems('text'), ['f:1: document: must be an object, found "text"']);
});

const OF_ANOTHER_TYPE: [text: string, message: string][] = [
  [
    'apiVersion: 1\nkind: A\nmetadata: {name: a}',
    'f:1: apiVersion: Invalid value: 1: must be a string; write a group and a version, such as ipam.cluster.x-k8s.io/v1alpha2',
  ],
  [
    'apiVersion: v1\nkind: [A]\nmetadata: {name: a}',
    'f:2: kind: Invalid value: ["A"]: must be a string; write the name of a kind, such as InClusterIPPool',
  ],
  [
    'apiVersion: v1\nkind: A\nmetadata: []',
    'f:3: metadata: Invalid value: []: must be a mapping; write name: below it, indented',
  ],
  [
    'apiVersion: v1\nkind: A\nmetadata: a',
    'f:3: metadata: Invalid value: "a": must be a mapping; write name: below it, indented',
  ],
  [
    'apiVersion: v1\nkind: A\nmetadata: {name: 5}',
    'f:3: metadata.name: Invalid value: 5: must be a string; put it in quotes',
  ],
  [
    'apiVersion: v1\nkind: A\nmetadata: {name: 12345678901234567890}',
    'f:3: metadata.name: Invalid value: 12345678901234567890: must be a string; put it in quotes',
  ],
  [
    'apiVersion: v1\nkind: A\nmetadata: {name: {a: b}}',
    'f:3: metadata.name: Invalid value: {"a":"b"}: must be a string; write a text',
  ],
  [
    'apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: true}',
    'f:3: metadata.namespace: Invalid value: true: must be a string; put it in quotes',
  ],
  ['apiVersion: v1\nkind: List', 'f:1: items: is required'],
  ['apiVersion: v1\nkind: NodeList\nitems: null', 'f:3: items: is required'],
  [
    'apiVersion: v1\nkind: List\nitems: {a: b}',
    'f:3: items: Invalid value: {"a":"b"}: must be a list; write each object behind a dash',
  ],
  [
    'apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: 5}]',
    'f:3: items[0].kind: Invalid value: 5: must be a string; write the name of a kind, such as InClusterIPPool',
  ],
];
for (const [text, message] of OF_ANOTHER_TYPE) {
  test(`of another type: ${message}`, () => assert.equal(problems(text), [message]));
}

test('a byte order mark may stand above each document', () => {
  for (const between of ['---\n\ufeff', '\ufeff---\n', '...\n\ufeff'])
    assert.equal(names(`\ufeff${object('a')}${between}${object('b')}`), ['a', 'b'], JSON.stringify(between));
});

test('a kind may be called like a list', () => {
  assert.equal(names('apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}'), ['a']);
});

test('lists are expanded; items of a typed list take their type from it', () => {
  const item = '{metadata: {name: b}}';
  assert.equal(names(`apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: A, metadata: {name: a}}]`), [
    'a',
  ]);
  const { objects } = parseManifests(`apiVersion: g/v1\nkind: ThingList\nitems: [${item}]`, 'f');
  assert.equal(objects[0]!.object, { apiVersion: 'g/v1', kind: 'Thing', metadata: { name: 'b' } });
  assert.equal(problems(`apiVersion: v1\nkind: List\nitems: [${item}]`), [
    'f:3: items[0].apiVersion: is required',
  ]);
});

test('scalars are as Kubernetes means them: dates are strings, integers keep every digit', () => {
  const text = `${object('a')}spec: {at: 2026-01-01T00:00:00Z, day: 2026-01-01, big: 9223372036854775807, low: -9223372036854775808, m: 3, as: 'yes', f: 1.5}`;
  const [loaded] = parseManifests(text, 'f').objects;
  assert.is(
    JSON.stringify((loaded!.object as unknown as { spec: object }).spec),
    '{"at":"2026-01-01T00:00:00Z","day":"2026-01-01","big":9223372036854775807,"low":-9223372036854775808,"m":3,"as":"yes","f":1.5}',
  );
});

test('anchors and merge keys work; an alias that contains itself is a problem', () => {
  const text = `${object('a')}x: &x {p: 1}\nz: {<<: *x, q: 2}`;
  assert.equal((parseManifests(text, 'f').objects[0]!.object as unknown as { z: object }).z, { p: 1, q: 2 });
  assert.equal(problems(`${object('a')}x: &x\n  y: *x`), ['f:5: the alias *x refers to what contains it']);
});

test('the line of a field, however the lines end, or of what is nearest around it', () => {
  const text =
    'apiVersion: v1\nkind: A\nmetadata:\n  name: a\n  labels:\n    a.b/c: x\n    a: y\nspec:\n  list:\n    - k: 1\n    - {k: 2,\n       l: 3}\n';
  const lines: [field: string, line: number][] = [
    ['', 1],
    ['metadata.name', 4],
    ['metadata.labels[a.b/c]', 6],
    ['metadata.labels.a.b/c', 6],
    ['metadata.labels[a]', 7],
    ['spec.list[0].k', 10],
    ['spec.list[1].l', 12],
    ['spec.list[2]', 9],
    ['spec.missing.deeper', 8],
    ['status', 1],
  ];
  for (const written of [text, text.replaceAll('\n', '\r\n')]) {
    for (const above of ['', '# about\n---\n', `${object('b')}---\n`]) {
      const { lineOf } = parseManifests(above + written, 'f').objects.at(-1)!;
      const before = above.split('\n').length - 1;
      for (const [field, line] of lines) {
        assert.is(lineOf(field), line + before, `${field} below ${JSON.stringify(above)}`);
      }
    }
  }
});

test('JSON is read too, tabs and all', () => {
  assert.equal(names('{\n\t"apiVersion": "v1",\n\t"kind": "A",\n\t"metadata": {"name": "a"}\n}'), ['a']);
});

test('folders are read recursively by name, other files are not', async ({ folder }) => {
  mkdirSync(join(folder, 'b'));
  writeFileSync(join(folder, 'c.yml'), object('c'));
  writeFileSync(join(folder, 'b', 'b.yaml'), object('b'));
  writeFileSync(join(folder, 'a.json'), '{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}}');
  writeFileSync(join(folder, 'README.md'), 'text');
  const { objects, problems } = await loadManifests([folder], noInput);
  assert.equal(problems, []);
  assert.equal(
    objects.map(({ file, document, object }) => [file, document, object.metadata.name]),
    [
      [join(folder, 'a.json'), undefined, 'a'],
      [join(folder, 'b', 'b.yaml'), undefined, 'b'],
      [join(folder, 'c.yml'), undefined, 'c'],
    ],
  );
});

test('- is stdin; a missing file and an empty folder are problems', async ({ folder }) => {
  const missing = join(folder, 'missing.yaml');
  const { objects, problems } = await loadManifests(['-', missing, folder], Readable.from([object('in')]));
  assert.equal(
    objects.map(({ file }) => file),
    ['<stdin>'],
  );
  assert.equal(problems.map(formatDiagnostic), [
    `${missing}: no such file or folder`,
    `${folder}: no .yaml, .yml or .json file in this folder`,
  ]);
});

test('whoever waits hears of each document, and of each object of a list', () => {
  const claim = '{apiVersion: ipam.cluster.x-k8s.io/v1beta2, kind: IPAddressClaim, metadata: {name: a}}';
  const list = `{apiVersion: v1, kind: List, items: [${claim}, ${claim}, ${claim}]}`;
  let ticks = 0;
  parseManifests(`${claim}\n---\n${list}\n`, 'f.yaml', false, () => ticks++);
  assert.is(ticks, 2 + 3);
});

/** As kubectl v1.36 sends them. */
const SCALARS: [written: string, sent: unknown][] = [
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON', 'true', 'True'].map((text): [string, unknown] => [
    text,
    true,
  ]),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF', 'false', 'FALSE'].map((text): [string, unknown] => [
    text,
    false,
  ]),
  ['yEs', 'yEs'],
  ['yes sir', 'yes sir'],
  ["'yes'", 'yes'],
  ['24', 24],
  ['+24', 24],
  ['-24', -24],
  ['024', 20],
  ['0o30', 24],
  ['08', 8],
  ['0x1F', 31],
  ['0b11', 3],
  ['2_4', 24],
  ['24.0', 24],
  ['1e3', 1000],
  ["'024'", '024'],
  ['12:30', '12:30'],
  ['2026-01-01', '2026-01-01'],
  ['10.0.0.1', '10.0.0.1'],
  ['10_0.0', '10_0.0'],
  ['_1', '_1'],
  ['0xg', '0xg'],
];
for (const [written, sent] of SCALARS) {
  test(`${written} is ${JSON.stringify(sent)}`, () => {
    assert.equal(parseYaml(`a: ${written}`).documents[0]?.value, { a: sent });
    assert.equal(parseYaml(`a: ${written}\nb: [${written}]`).documents[0]?.value, { a: sent, b: [sent] });
  });
}

test('what is printed is read as it was, by kubectl too', () => {
  const texts = [
    'yes',
    'N',
    'off',
    '024',
    '08',
    '1_000',
    '0b11',
    '0x1f',
    '1e3',
    '.5',
    '~',
    '=',
    '<<',
    '2026-01-01',
    '12:30:45',
    '10:20:30:40:50:1:2:3',
  ];
  const printed = formatYaml(texts);
  assert.equal(parseYaml(printed).documents[0]?.value, texts);
  for (const line of printed.trimEnd().split('\n')) assert.match(line, /^- '.*'$/);
});

test.run();
