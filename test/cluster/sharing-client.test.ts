import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SharedConnections } from '../../lib/cluster/connection.ts';
import { SharingClient } from '../../lib/cluster/sharing-client.ts';
import { FakeApiServer } from '../cli/fake-api-server.ts';

const test = suite('a client that shares its watches', {
  server: new FakeApiServer(),
  client: undefined as never as SharingClient,
});
test.before(async (context) => {
  await context.server.start();
  const config = new SharedConnections();
  config.loadFromClusterAndUser(
    { name: 'fake', server: context.server.url, skipTLSVerify: true },
    { name: 'nobody' },
  );
  context.server.nodes.push({ metadata: { name: 'a', uid: 'a' } });
  context.client = new SharingClient(config);
});
test.after(({ server }) => server.stop());

test('one list and one watch for all; who comes later is told of what is there', async ({
  server,
  client,
}) => {
  const before = server.requests;
  const [first, second] = [new AbortController(), new AbortController()];
  const open = (signal: AbortSignal) =>
    new Promise<ReturnType<SharingClient['watch']>>((resolve, reject) => {
      const watched = client.watch(
        '/api/v1/nodes',
        undefined,
        () => watched.synced && resolve(watched),
        reject,
        signal,
      );
    });
  const one = await open(first.signal);
  const other = await open(second.signal);
  assert.equal(other.list(), one.list());
  assert.is(other.list().length, 1);
  assert.ok(server.requests - before <= 2, `${server.requests - before}`);
  first.abort();
  assert.is(await open(second.signal), other);
  second.abort();
  const third = new AbortController();
  assert.is.not(await open(third.signal), other);
  third.abort();
});

test('nodes are like other objects: their kind, times as text, no status', async ({ server, client }) => {
  server.nodes.push({
    metadata: { name: 'b', uid: 'b', creationTimestamp: '2026-01-01T00:00:00Z', managedFields: [] },
    status: { images: [] },
  } as never);
  const end = new AbortController();
  const watched = await new Promise<ReturnType<SharingClient['watch']>>((resolve, reject) => {
    const opened = client.watch(
      '/api/v1/nodes',
      undefined,
      () => opened.synced && resolve(opened),
      reject,
      end.signal,
    );
  });
  const found = watched.list().find(({ metadata }) => metadata?.name === 'b')!;
  const { metadata, ...rest } = JSON.parse(JSON.stringify(found));
  assert.equal(rest, { apiVersion: 'v1', kind: 'Node' });
  assert.equal(metadata, { name: 'b', uid: 'b', creationTimestamp: '2026-01-01T00:00:00Z' });
  end.abort();
});

test.run();
