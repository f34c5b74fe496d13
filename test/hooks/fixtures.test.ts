/** Every `test/fixtures/<controller>/*.json`, as described in docs/hook-fixtures.md. */
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { controllers } from '../../hooks/index.ts';
import { parseJson } from '../../lib/json.ts';
import { withEmptyGroups } from '../../lib/metacontroller/groups.ts';
import { DEFAULT_CONFIG, type HookConfig } from '../../lib/metacontroller/hook.ts';
import { checkRequest, type HookName } from '../../lib/server/request.ts';

interface Fixture {
  readonly description: string;
  /** `sync` unless it says otherwise. */
  readonly hook?: HookName;
  /** What the hook takes for the current time, RFC 3339. */
  readonly now?: string;
  /** What differs from the default configuration. */
  readonly config?: Partial<HookConfig>;
  /** As Metacontroller would send it; parts without a group may be left out. */
  readonly request: object;
  readonly response: object;
}

const FIELDS = ['description', 'hook', 'now', 'config', 'request', 'response'];
const root = join(import.meta.dirname, '../fixtures');
const files = globSync('*/*.json', { cwd: root }).sort();

for (const file of files) {
  const controller = dirname(file);
  const fixture = parseJson(readFileSync(join(root, file), 'utf8')) as Fixture;
  test(`${controller}/${basename(file, '.json')}: ${fixture.description}`, () => {
    const unknown = Object.keys(fixture).filter((field) => !FIELDS.includes(field));
    assert.equal(unknown, [], 'fields that no fixture has');
    const { hook = 'sync', now = '2026-01-01T00:00:00Z', config, response } = fixture;
    const { parent, [hook]: run } = controllers[controller]!;
    if (run === undefined) throw new Error(`there is no hook ${controller}/${hook}`);
    const body = { children: {}, attachments: {}, related: {}, ...fixture.request };
    const { request } = checkRequest(controllers[controller]!, hook, body);
    const context = { now: Date.parse(now), config: { ...DEFAULT_CONFIG, ...config } };
    const complete = hook === 'customize' ? request : withEmptyGroups(parent, request, context.config);
    // Compared as the text says: JSON knows no undefined, and integers of any size.
    assert.equal(parseJson(JSON.stringify(run(complete, context))), response);
  });
}

test('a request that leaves out every group is as one in which all are empty', () => {
  const object = {
    apiVersion: 'v1',
    kind: 'Any',
    metadata: { name: 'x', namespace: 'default', uid: 'x' },
    spec: {},
  };
  const context = { now: 0, config: DEFAULT_CONFIG };
  for (const { parent, sync, finalize } of Object.values(controllers)) {
    const envelope = { object, parent: object, children: {}, attachments: {}, related: {} };
    const request = withEmptyGroups(parent, envelope, DEFAULT_CONFIG) as never;
    for (const run of [sync, finalize]) assert.ok(run === undefined || run(request, context));
  }
});

test('every controller has a fixture', () => {
  const covered = new Set(files.map(dirname));
  assert.equal(
    Object.keys(controllers).filter((controller) => !covered.has(controller)),
    [],
  );
});

test.run();
