import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type HookContext, MissingObjects } from '../../lib/metacontroller/hook.ts';
import { compositeRequest, type TestServer, testServer } from './fixture.ts';

const LIMIT = 64 * 1024;
const controllers = {
  pools: {
    sync: (request: { parent: { metadata: { name: string } } }, context: HookContext) => {
      if (request.parent.metadata.name === 'bomb') throw new Error('out of luck');
      if (request.parent.metadata.name === 'short') throw new MissingObjects('related.A.v1');
      return {
        status: { name: request.parent.metadata.name, config: context.config, now: context.now },
        children: [],
      };
    },
    customize: (request: { parent: object }) => ({ relatedResources: [], parent: request.parent }),
    finalize: () => ({ finalized: true, children: [] }),
  },
  claims: { sync: (request: { object: object }) => ({ status: request.object, attachments: [] }) },
};

const test = suite('hooks server', {} as { server: TestServer });
test.before(async (context) => {
  context.server = await testServer(controllers, LIMIT);
});
test.after(async ({ server }) => {
  await server.close(1000);
});

test('a hook answers with its JSON, knows the time and the configuration', async ({ server }) => {
  const before = Date.now();
  const { status, type, json } = await server.post(
    '/hooks/pools/sync',
    compositeRequest('InClusterIPPool', 'p'),
  );
  assert.is(status, 200);
  assert.match(type, 'application/json');
  assert.is(json.status.name, 'p');
  assert.is(json.status.config.installNamespace, 'metaipam-system');
  assert.ok(json.status.now >= before && json.status.now <= Date.now());
});

test('each hook of a controller has its path, and each type its envelope', async ({ server }) => {
  const parent = { apiVersion: 'v1', kind: 'InClusterIPPool', metadata: { name: 'p' } };
  const customize = await server.post('/hooks/pools/customize', { parent });
  assert.equal(customize.json, { relatedResources: [], parent });
  const finalize = await server.post('/hooks/pools/finalize', compositeRequest('InClusterIPPool'));
  assert.is(finalize.json.finalized, true);
  const object = { apiVersion: 'v1', kind: 'IPAddressClaim', metadata: { name: 'c' } };
  const claim = await server.post('/hooks/claims/sync', { object, attachments: {}, related: {} });
  assert.equal(claim.json.status, object);
});

test('text in any script passes through unchanged', async ({ server }) => {
  const object = { apiVersion: 'v1', kind: 'IPAddressClaim', metadata: { name: '名前' } };
  const body = JSON.stringify({ object, attachments: {}, related: {} });
  const { text } = await server.post('/hooks/claims/sync', body, 'application/json; charset=utf-8');
  assert.match(text, '名前');
});

test('unknown controllers, hooks and paths list the known ones', async ({ server }) => {
  for (const path of [
    '/hooks/pool/sync',
    '/hooks/claims/customize',
    '/hooks/pools/constructor',
    '/hooks/toString/sync',
    '/',
  ]) {
    const { status, json } = await server.post(path, {});
    assert.is(status, 404, path);
    assert.is(json.error.code, 'METAIPAM_ERR_NOT_FOUND');
    assert.match(
      json.error.message,
      '/hooks/pools/sync, /hooks/pools/customize, /hooks/pools/finalize, /hooks/claims/sync',
    );
  }
  const get = await fetch(`http://${server.hooksAddress}/hooks/pools/sync`);
  assert.is(get.status, 404);
  assert.match(await get.text(), 'POST to one of');
});

const parent = (parent: unknown) => ({ parent, children: {}, related: {} });
const good = { apiVersion: 'v1', kind: 'InClusterIPPool', metadata: { name: 'p' } };
const malformed: [body: unknown, field: string | undefined, message: string][] = [
  [[], undefined, 'the request must be an object, found an array'],
  [{}, 'parent', 'parent must be an object, found nothing'],
  [{ object: good }, 'parent', 'found nothing'],
  [parent({ ...good, kind: 'PodNetwork' }), 'parent.kind', 'must be "InClusterIPPool", found "PodNetwork"'],
  [parent({ ...good, apiVersion: 1 }), 'parent.apiVersion', 'must be a string, found 1'],
  [parent({ ...good, metadata: null }), 'parent.metadata', 'must be an object, found null'],
  [parent({ ...good, metadata: {} }), 'parent.metadata.name', 'must be a string, found nothing'],
  [{ parent: good, related: {} }, 'children', 'must be an object, found nothing'],
  [{ parent: good, children: {}, related: [] }, 'related', 'must be an object, found an array'],
  [{ parent: good, children: { 'A.v1': [] }, related: {} }, 'children["A.v1"]', 'must be an object'],
  [{ parent: good, children: { 'A.v1': { 'n/a': 1 } }, related: {} }, 'children["A.v1"]["n/a"]', 'found 1'],
  [
    { parent: good, children: {}, related: { 'A.v1': { a: {} } } },
    'related["A.v1"]["a"].metadata',
    'found nothing',
  ],
];
for (const [body, field, message] of malformed) {
  test(`malformed: ${JSON.stringify(body)}`, async ({ server }) => {
    const { status, json } = await server.post('/hooks/pools/sync', body as object);
    assert.is(status, 400);
    assert.is(json.error.code, 'METAIPAM_ERR_INVALID_REQUEST');
    assert.is(json.error.field, field);
    assert.match(json.error.message, message);
  });
}

const notJson: [body: string, where: string][] = [
  ['{"a": 1,}', 'position 8 (line 1, column 9)'],
  ['{\n  "a": x\n}', 'position 9 (line 2, column 8)'],
  ['{"a": tru}', 'position 9 (line 1, column 10)'],
  [`{"long": "${'x'.repeat(200)}", "b": nope}`, 'position 219 '],
  [`[${'"0123456789", "0123456789", '.repeat(5)}"0123456789", x]`, 'position 155 '],
  [`[${'"0123456789", x, '.repeat(5)}1]`, 'position 15 '],
  ['["0, 1, 2, 3, x, 4, 5, 6, 7", 0, 1, 2, 3, x, 4, 5, 6, 7]', 'position 42 '],
  ['{"a": [1, 2', 'position 11 (line 1, column 12)'],
  ['hello', 'position 0 (line 1, column 1)'],
  ['{"a": "\\x"}', 'position 8 '],
  ['{} {}', 'position 3 '],
  ['', 'the request body is empty'],
  [' \n ', 'the request body is empty'],
];
for (const [body, where] of notJson) {
  test(`invalid JSON: ${JSON.stringify(body.slice(0, 20))}`, async ({ server }) => {
    const { status, json } = await server.post('/hooks/pools/sync', body);
    assert.is(status, 400);
    assert.is(json.error.code, 'METAIPAM_ERR_INVALID_JSON');
    assert.match(json.error.message, where);
  });
}

test('another content type, or none, is refused', async ({ server }) => {
  for (const type of ['text/plain', 'application/yaml', 'nonsense']) {
    const { status, json } = await server.post(
      '/hooks/pools/sync',
      compositeRequest('InClusterIPPool'),
      type,
    );
    assert.is(status, 400, type);
    assert.is(json.error.code, 'METAIPAM_ERR_CONTENT_TYPE');
  }
});

test('a body over the limit names the option; one at the limit passes', async ({ server }) => {
  const padded = (bytes: number) => {
    const body = JSON.stringify(compositeRequest('InClusterIPPool'));
    return body + ' '.repeat(bytes - body.length);
  };
  const large = await server.post('/hooks/pools/sync', padded(LIMIT + 1));
  assert.is(large.status, 413);
  assert.is(large.json.error.code, 'METAIPAM_ERR_BODY_TOO_LARGE');
  assert.match(large.json.error.message, '65536 bytes; raise --body-limit');
  assert.is((await server.post('/hooks/pools/sync', padded(LIMIT))).status, 200);
});

test('a hook that throws costs one answer: 500 with a request id that the log has too', async ({
  server,
}) => {
  const { status, json } = await server.post(
    '/hooks/pools/sync',
    compositeRequest('InClusterIPPool', 'bomb'),
  );
  assert.is(status, 500);
  assert.is(json.error.code, 'METAIPAM_ERR_HOOK_FAILED');
  assert.is(json.error.message, 'out of luck');
  const entries = server.log.filter(
    ({ level, reqId }) => level === 'error' && reqId === json.error.requestId,
  );
  assert.is(entries.length, 1);
  assert.match(JSON.stringify(entries[0]), 'hooks.test.ts');
  const next = await server.post('/hooks/pools/sync', compositeRequest('InClusterIPPool'));
  assert.is(next.status, 200);
});

test('a request without a group that the hook asked for is invalid', async ({ server }) => {
  const { status, json } = await server.post(
    '/hooks/pools/sync',
    compositeRequest('InClusterIPPool', 'short'),
  );
  assert.is(status, 400);
  assert.is(json.error.code, 'METAIPAM_ERR_INVALID_REQUEST');
  assert.is(json.error.field, 'related.A.v1');
  assert.is(
    server.log.find(({ reqId, outcome }) => reqId === json.error.requestId && outcome)?.outcome,
    'invalid',
  );
});

test('each call is one line of the debug log', async ({ server }) => {
  server.log.length = 0;
  const request = JSON.stringify(compositeRequest('InClusterIPPool', 'p', 'ns'));
  const { text } = await server.post('/hooks/pools/sync', request);
  assert.is(server.log.length, 1);
  const { level, msg, controller, hook, namespace, name, outcome, requestBytes, responseBytes } =
    server.log[0]!;
  assert.equal(
    { level, msg, controller, hook, namespace, name, outcome, requestBytes, responseBytes },
    {
      level: 'debug',
      msg: 'hook called',
      controller: 'pools',
      hook: 'sync',
      namespace: 'ns',
      name: 'p',
      outcome: 'success',
      requestBytes: request.length,
      responseBytes: text.length,
    },
  );
});

test('calls that wait do not hold up others', async () => {
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const server = await testServer({
    pools: { sync: () => gate.then(() => ({ children: [] })) },
    claims: { sync: () => ({ attachments: [] }) },
  });
  const slow = server.post('/hooks/pools/sync', compositeRequest('InClusterIPPool'));
  const object = { apiVersion: 'v1', kind: 'IPAddressClaim', metadata: { name: 'c' } };
  const quick = await server.post('/hooks/claims/sync', { object, attachments: {}, related: {} });
  assert.is(quick.status, 200);
  release();
  assert.is((await slow).status, 200);
  await server.close(1000);
});

test('the table of errors lists every code', () => {
  const source = readFileSync(new URL('../../lib/server/errors.ts', import.meta.url), 'utf8');
  const table = new Set([...source.matchAll(/^ \* \| (METAIPAM_\w+) \| (\w+)/gm)].map(([, code]) => code));
  const codes = new Set([...source.matchAll(/^ {2}(METAIPAM_\w+): \d+,$/gm)].map(([, code]) => code));
  assert.ok(codes.size > 5);
  assert.equal([...table].sort(), [...codes].sort());
});

test.run();
