import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as pools from '../../hooks/pools.ts';
import { allocationsOf } from '../../lib/allocation/slice.ts';
import type { AllocationSlice, IPAddressClaim } from '../../lib/kubernetes/types.ts';
import type { CompositeResponse } from '../../lib/metacontroller/hook.ts';
import { MOST_REMEMBERED } from '../../lib/pool/history.ts';
import { ORDER_MUTANTS } from '../sim/mutants.ts';
import {
  ago,
  answers,
  applyChildren,
  boundClaim,
  claim,
  condition,
  contextAt,
  counts,
  globalPrefixPool,
  ipAddress,
  ipPool,
  leaving,
  listed,
  type Pool,
  poolRequest,
  prefixPool,
  released,
  slicesOf,
} from './objects.ts';

const STRATEGY = { strategy: 'LeastRecentlyUsed' } as const;
const lru = (addresses: string[], more: object = {}, meta: object = {}) =>
  ipPool({ addresses, ...STRATEGY, ...more }, meta);
const gone = (name: string) => claim(name);

/** A pool with its claims, and nothing between them that goes wrong. Time is seconds. */
class Life {
  pool: Pool;
  slices: AllocationSlice[];
  claims = new Map<string, IPAddressClaim>();
  time = 0;
  readonly #hook: typeof pools.sync;
  #version = 1000;

  constructor(pool: Pool, slices: AllocationSlice[] = [], hook = pools.sync) {
    this.pool = pool;
    this.slices = slices;
    this.#hook = hook;
  }

  sync(related: Parameters<typeof poolRequest>[2] = []): CompositeResponse {
    const request = poolRequest(this.pool, this.slices, [...this.claims.values(), ...related]);
    const response = this.#hook(request, contextAt(this.time));
    this.#version += 1000;
    this.slices = applyChildren(this.pool, this.slices, response.children, this.#version);
    this.pool = { ...this.pool, status: response.status } as Pool;
    return response;
  }

  /** Claims come at once; how many syncs it took until nothing changed. */
  come(names: readonly string[], meta: object = {}): number {
    for (const name of names) this.claims.set(name, claim(name, this.pool, meta));
    return this.rest();
  }

  leave(names: readonly string[]): void {
    for (const name of names) this.claims.set(name, leaving(this.claims.get(name)!));
    this.sync();
    for (const name of names) this.claims.delete(name);
    this.rest();
  }

  rest(): number {
    for (let syncs = 0; syncs < 9; syncs++) {
      const before = this.#text;
      this.sync();
      if (this.#text === before) return syncs;
    }
    throw new Error('still changing');
  }

  get #text(): string {
    return JSON.stringify(this.slices.map(({ spec }) => spec));
  }

  /** Who has what. */
  get given(): Record<string, string> {
    const held = allocationsOf(this.slices).filter(({ entry }) => entry.released === undefined);
    return Object.fromEntries(held.map(({ key, entry }) => [entry.name, key]));
  }
}

test('what was never given comes first, lowest first; then what was given up first', () => {
  const life = new Life(lru(['10.0.0.1-10.0.0.4']));
  life.come(['a', 'b']);
  for (const name of ['a', 'b']) {
    life.time++;
    life.leave([name]);
  }
  life.come(['c', 'd', 'e'].slice(0, 2));
  assert.equal(life.given, { c: '10.0.0.3', d: '10.0.0.4' });
  life.time++;
  life.leave(['d']);
  for (const [name, address] of [
    ['e', '10.0.0.1'],
    ['f', '10.0.0.2'],
    ['g', '10.0.0.4'],
  ] as const) {
    life.come([name]);
    assert.is(life.given[name], address);
  }
});

test('a claim that comes alone is served at once; of several at once none waits longer than one sync more', () => {
  const life = new Life(lru(['10.0.0.1-10.0.0.6']));
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  life.come(names);
  life.leave(names);
  life.claims.set('g', claim('g', life.pool));
  assert.equal(answers(life.sync()), { g: '10.0.0.1' });
  for (const name of ['h', 'i', 'j']) life.claims.set(name, claim(name, life.pool));
  const first = life.sync();
  assert.equal(answers(first), { g: '10.0.0.1', h: '10.0.0.2' }, 'those who wait are not refused');
  assert.is(counts(first).pending, 2);
  assert.is(first.resyncAfterSeconds, 1, 'and not forgotten, whatever becomes of the event');
  assert.equal(answers(life.sync()), { g: '10.0.0.1', h: '10.0.0.2', i: '10.0.0.3', j: '10.0.0.4' });
  assert.is(life.come(['k', 'l', 'm']), 2);
  assert.equal(
    Object.values(life.given).sort(),
    [1, 2, 3, 4, 5, 6].map((n) => `10.0.0.${n}`),
  );
  assert.is(answers(life.sync()).m, 'PoolExhausted');
});

test('what is remembered is free in every count', () => {
  const pool = lru(['10.0.0.1-10.0.0.4'], { addressReuseGracePeriodSeconds: 60 });
  const slices = slicesOf(
    pool,
    [gone('old'), '10.0.0.1', { released: ago(100) }],
    [gone('young'), '10.0.0.2', { released: ago(10), adopted: true }],
    [gone('here'), '10.0.0.3'],
  );
  const response = pools.sync(poolRequest(pool, slices), contextAt());
  assert.equal(counts(response), { total: 4, used: 2, free: 2, outOfRange: 0, released: 1, pending: 0 });
  assert.equal(Object.keys(released(response)), ['10.0.0.1', '10.0.0.2']);
  const full = lru(['10.0.0.1']);
  const free = pools.sync(
    poolRequest(full, slicesOf(full, [gone('old'), '10.0.0.1', { released: ago(1) }])),
    contextAt(),
  );
  assert.is(condition(free, 'Exhausted'), 'False/AddressesFree');
});

test('who asks for, had, brings or is promised a remembered address gets it one sync later', () => {
  const old = (pool: Pool, text: string) => slicesOf(pool, [gone('old'), text, { released: ago(9) }]);
  const pool = lru(['10.0.0.1-10.0.0.9']);
  const asking = claim('asking', pool, { annotations: { 'metaipam.io/requested-address': '10.0.0.5' } });
  const had = boundClaim(claim('had', pool), '10.0.0.5');
  for (const each of [asking, had]) {
    const life = new Life(pool, old(pool, '10.0.0.5'));
    life.claims.set(each.metadata.name, each);
    assert.equal(answers(life.sync()), {});
    assert.equal(answers(life.sync()), { [each.metadata.name]: '10.0.0.5' });
  }
  const moved = new Life(pool, old(pool, '10.0.0.5'));
  moved.claims.set('moved', claim('moved', pool));
  const address = ipAddress(pool, 'moved', '10.0.0.5');
  assert.equal(answers(moved.sync([address])), {});
  assert.equal(answers(moved.sync([address])), { moved: '10.0.0.5' });
  const reserved = lru(['10.0.0.1-10.0.0.9'], { reservations: [{ address: '10.0.0.5', claim: 'vip' }] });
  const life = new Life(reserved, old(reserved, '10.0.0.5'));
  life.sync();
  assert.equal(
    listed({ status: {}, children: life.slices }),
    [],
    'nobody else is to get it: no use to remember',
  );
  life.come(['vip']);
  assert.equal(life.given, { vip: '10.0.0.5' });
});

test('subnets are used in order, each with its own memory', () => {
  const pool = lru([], {
    addresses: undefined,
    prefix: undefined,
    subnets: [
      { addresses: ['10.0.0.1-10.0.0.2'], prefix: 24 },
      { addresses: ['10.0.1.1-10.0.1.9'], prefix: 24 },
    ],
  });
  const life = new Life(JSON.parse(JSON.stringify(pool)));
  life.come(['a', 'b', 'c']);
  life.leave(['b', 'c']);
  life.come(['d', 'e']);
  assert.equal(life.given, { a: '10.0.0.1', d: '10.0.0.2', e: '10.0.1.2' });
});

test('prefixes too', () => {
  for (const make of [prefixPool, globalPrefixPool]) {
    const life = new Life(make({ prefixes: ['fd00::/62'], ...STRATEGY }));
    life.come(['a']);
    life.leave(['a']);
    life.come(['b', 'c', 'd', 'e']);
    assert.is(life.given.b, 'fd00:0:0:1::/64');
    assert.is(new Set(Object.values(life.given)).size, 4);
    assert.ok(Object.values(life.given).includes('fd00::/64'));
  }
});

test('an edit of the pool leaves no memory of what it does not give, or does not need', () => {
  const pool = lru(['10.0.0.1-10.0.0.9']);
  const slices = slicesOf(
    pool,
    [gone('old'), '10.0.0.2', { released: ago(9) }],
    [gone('older'), '10.0.0.8', { released: ago(99) }],
    [gone('here'), '10.0.0.3'],
  );
  const after = (spec: object, meta: object = {}): string[] => {
    const { metadata } = pool;
    const edited = { ...pool, metadata: { ...metadata, ...meta }, spec: { ...pool.spec, ...spec } } as Pool;
    const life = new Life(edited, slices);
    life.rest();
    assert.is(life.given.here, '10.0.0.3');
    return Object.keys(released({ status: {}, children: life.slices }));
  };
  assert.equal(after({}), ['10.0.0.2', '10.0.0.8']);
  assert.equal(after({ strategy: 'LowestFree' }), []);
  assert.equal(after({ strategy: undefined }), []);
  assert.equal(after({ addresses: ['10.0.0.1-10.0.0.5'] }), ['10.0.0.2']);
  assert.equal(after({ excludedAddresses: ['10.0.0.2'] }), ['10.0.0.8']);
  assert.equal(after({ gateway: '10.0.0.8' }), ['10.0.0.2']);
  assert.equal(after({ reservations: [{ address: '10.0.0.2', claimPattern: 'x-*' }] }), ['10.0.0.8']);
  assert.equal(after({}, { annotations: { 'metaipam.io/address-space': 'lab' } }), []);
  assert.equal(after({}, { annotations: { 'cluster.x-k8s.io/paused': '' } }), ['10.0.0.2', '10.0.0.8']);
  assert.equal(after({ addresses: ['bad'] }), ['10.0.0.2', '10.0.0.8'], 'nobody can tell');
  assert.equal(after({ addressReuseGracePeriodSeconds: 600 }), ['10.0.0.2', '10.0.0.8']);
});

test('a pool goes with what it remembers', () => {
  const pool = lru(['10.0.0.1-10.0.0.9'], {}, { deletionTimestamp: ago(100) });
  let slices = slicesOf(pool, [gone('old'), '10.0.0.2', { released: ago(9) }]);
  for (let round = 1; round < 5; round++) {
    const response = pools.finalize(poolRequest(pool, slices), contextAt());
    if (response.finalized) return;
    slices = applyChildren(pool, slices, response.children, 1000 * round);
  }
  assert.unreachable('the pool stays');
});

test('a large pool remembers so many, and those that were given up last', () => {
  const pool = lru(['10.0.0.0/16'], { prefix: 16 });
  const count = MOST_REMEMBERED + 20;
  const past = Array.from(
    { length: count },
    (_, n) => [gone(`old-${n}`), `10.0.${n >> 8}.${n & 255}`, { released: ago(n) }] as const,
  );
  const slices = slicesOf(pool, ...past.slice(1));
  const kept = Object.keys(released(pools.sync(poolRequest(pool, slices), contextAt())));
  assert.is(kept.length, MOST_REMEMBERED);
  assert.ok(kept.includes('10.0.0.1') && kept.includes('10.0.3.232') && !kept.includes('10.0.3.233'));
});

test('a clock that was ahead does not make an address young for ever', () => {
  const pool = lru(['10.0.0.1-10.0.0.9']);
  const slices = slicesOf(pool, [gone('old'), '10.0.0.2', { released: ago(-99) }]);
  assert.equal(released(pools.sync(poolRequest(pool, slices), contextAt())), { '10.0.0.2': ago(0) });
});

const COUNT = 6;
const addressAt = (n: number) => `10.0.0.${n + 1}`;
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ come: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ leave: fc.array(fc.nat(7), { minLength: 1, maxLength: 4 }) }) },
  fc.record({ wait: fc.integer({ min: 1, max: 40 }) }),
);

/** What each address was last given up at, and nothing else. */
class Model {
  readonly releasedAt = new Map<string, number>();

  /** The free ones in the order in which they are to be given. */
  order(used: ReadonlySet<string>, time: number, grace: number): string[] {
    const at = (address: string) => this.releasedAt.get(address) ?? Number.NEGATIVE_INFINITY;
    return Array.from({ length: COUNT }, (_, n) => addressAt(n))
      .filter((address) => !used.has(address) && at(address) + grace <= time)
      .sort((a, b) => (at(a) === at(b) ? 0 : at(a) - at(b)));
  }
}

/** Whatever comes and goes, the addresses that the hook gives are those that have rested longest. */
function checkOrder(hook: typeof pools.sync): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(0, 30), (steps, grace) => {
      const pool = lru([`${addressAt(0)}-${addressAt(COUNT - 1)}`], {
        addressReuseGracePeriodSeconds: grace,
      });
      const life = new Life(pool, [], hook);
      const model = new Model();
      let last = 0;
      for (const each of steps) {
        life.time++;
        const before = life.given;
        const names = Object.keys(before);
        let free: string[];
        let wanting: number;
        if ('leave' in each) {
          const leavers = [...new Set(each.leave.flatMap((n) => names[n % (names.length || 1)] ?? []))];
          for (const name of leavers) model.releasedAt.set(before[name]!, life.time);
          const staying = names.filter((name) => !leavers.includes(name));
          free = model.order(new Set(staying.map((name) => before[name]!)), life.time, grace);
          wanting = life.claims.size - names.length;
          life.leave(leavers);
        } else if ('come' in each) {
          free = model.order(new Set(Object.values(before)), life.time, grace);
          const comers = Array.from({ length: each.come }, () => `c-${String(last++).padStart(3, '0')}`);
          wanting = life.claims.size - names.length + comers.length;
          assert.ok(life.come(comers) <= 2, 'one sync more at most');
        } else {
          life.time += each.wait;
          free = model.order(new Set(Object.values(before)), life.time, grace);
          wanting = life.claims.size - names.length;
          life.rest();
        }
        const held = new Set(Object.values(before));
        const left = 'leave' in each ? names.filter((name) => !life.claims.has(name)) : [];
        for (const name of left) held.delete(before[name]!);
        const fresh = Object.values(life.given).filter((address) => !held.has(address));
        assert.equal(fresh.sort(), free.slice(0, wanting).sort());
        const response = life.sync();
        assert.is(counts(response).free, free.length - fresh.length);
        assert.is(counts(response).used, COUNT - free.length + fresh.length);
      }
    }),
    { numRuns: 400 },
  );
}

test('whatever comes and goes, the addresses that are given are those that have rested longest', () => {
  checkOrder(pools.sync);
});

for (const { what, subject } of ORDER_MUTANTS) {
  test(`which finds ${what}`, () => {
    const { sync } = subject.hooks.pools as object as typeof pools;
    assert.throws(() => checkOrder(sync), /Property failed/);
  });
}

test.run();
