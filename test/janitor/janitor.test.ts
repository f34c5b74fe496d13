/** How often the janitor looks. */
import { Registry } from 'prom-client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Janitor, type JanitorClient } from '../../lib/janitor/janitor.ts';
import type { AllocationSlice, IPAddress } from '../../lib/kubernetes/types.ts';
import { createLogger } from '../../lib/server/log.ts';
import { FakeTime } from '../binder/fake-time.ts';
import { claim, contextAt, ipAddress, ipPool, slicesOf } from '../hooks/objects.ts';

const POOL = ipPool({ addresses: ['10.0.0.1-10.0.0.100'] });
const LOG = createLogger({ level: 'fatal', format: 'json' }, { write() {} });

test('what takes the API server long keeps the janitor from nothing', async () => {
  const time = new FakeTime();
  const stop = new AbortController();
  const holder = claim('a', POOL);
  const foreign = ipAddress(POOL, 'a', '10.0.0.7', { resourceVersion: '7' });
  const lists: Record<string, object[]> = {
    ipaddressclaims: [holder],
    ipaddresses: [foreign],
    allocationslices: slicesOf(POOL, [holder, '10.0.0.7']) as AllocationSlice[],
    inclusterippools: [POOL],
  };
  const writes: number[] = [];
  const client = {
    watch: (path: string) => ({ synced: true, list: () => lists[path.split('/').at(-1)!] ?? [] }),
    read: async () => {
      await time.sleep(5_000);
      return holder;
    },
    replaceObject: async (_path: unknown, object: IPAddress) => {
      assert.is(object.metadata.ownerReferences?.find(({ controller }) => controller)?.uid, 'uid-a');
      writes.push(time.now);
    },
  } as unknown as JanitorClient;
  const { config } = contextAt();
  const janitor = new Janitor(client, config, new Registry(), LOG, time.clock());
  const done = janitor.run({ signal: stop.signal, holds: () => true });
  await time.pass(60_000);
  stop.abort();
  await time.pass(1_000);
  await done;
  // 5 s of reading, 10 s until it looks again without a change, 1 s in which changes are gathered.
  assert.equal(writes, [5_000, 21_000, 37_000, 53_000]);
});

test.run();
