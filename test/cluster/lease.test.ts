import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Clock } from '../../lib/cluster/clock.ts';
import {
  LeaderElection,
  type LeaseOptions,
  type LeaseRecord,
  type LeaseStore,
  leaseOptionsProblem,
  type ObservedLease,
  type Term,
} from '../../lib/cluster/lease.ts';
import { EPOCH, FakeTime } from '../binder/fake-time.ts';

const HOUR = 3_600_000;
const DURATIONS = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 };

/** What becomes of one request: how long it travels each way, and whether it or its answer is lost. */
interface Journey {
  readonly there: number;
  readonly back: number;
  readonly lost?: 'request' | 'answer' | undefined;
}

/** The API server's Lease. */
class FakeLease {
  readonly #time: FakeTime;
  stored: ObservedLease | undefined;
  writes = 0;

  constructor(time: FakeTime) {
    this.#time = time;
  }

  /** The store as one candidate reaches it. */
  store(journey: () => Journey = () => ({ there: 0, back: 0 })): LeaseStore {
    const travel = async <T>(signal: AbortSignal, action: () => T): Promise<T> => {
      const { there, back, lost } = journey();
      const aborted = new Promise<never>((_, reject) => {
        const fail = () => reject(new Error('aborted'));
        if (signal.aborted) fail();
        else signal.addEventListener('abort', fail, { once: true });
      });
      // What has been sent arrives, whether or not anybody still waits for the answer.
      const answered = this.#time.sleep(there).then(async () => {
        if (lost === 'request') throw new Error('connection reset');
        const result = action();
        await this.#time.sleep(back);
        if (lost === 'answer') throw new Error('connection reset');
        return result;
      });
      answered.catch(() => {});
      return Promise.race([answered, aborted]);
    };
    return {
      read: (signal) => travel(signal, () => this.stored),
      create: (record, signal) =>
        travel(signal, () => {
          if (this.stored !== undefined) throw new Error('exists');
          return this.#write(record);
        }),
      update: (record, resourceVersion, signal) =>
        travel(signal, () => {
          if (this.stored?.resourceVersion !== resourceVersion) throw new Error('conflict');
          return this.#write(record);
        }),
    };
  }

  #write(record: LeaseRecord): ObservedLease {
    this.writes++;
    this.stored = { record, resourceVersion: `${this.writes}` };
    return this.stored;
  }
}

/** One process that stands for election again and again until it is stopped. */
class Candidate {
  readonly outcomes: string[] = [];
  readonly errors: string[] = [];
  readonly terms: Term[] = [];
  readonly finished: Promise<void>;
  readonly #stop = new AbortController();

  constructor(identity: string, store: LeaseStore, clock: Clock, options: Partial<LeaseOptions> = {}) {
    const election = new LeaderElection(store, { identity, ...DURATIONS, ...options }, clock, (error) =>
      this.errors.push((error as Error).message),
    );
    const lead = async (term: Term) => {
      this.terms.push(term);
      await new Promise((resolve) => term.signal.addEventListener('abort', resolve));
    };
    this.finished = (async () => {
      while (!this.#stop.signal.aborted) this.outcomes.push(await election.run(lead, this.#stop.signal));
    })();
  }

  /** Whether it may write now. */
  get holds(): boolean {
    return this.terms.some((term) => term.holds());
  }

  /** Whether it believes that it leads. */
  get leads(): boolean {
    return this.terms.some(({ signal }) => !signal.aborted);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.finished;
  }
}

function world() {
  const time = new FakeTime();
  return { time, lease: new FakeLease(time) };
}

test('acquires a Lease that does not exist, and renews it every retry period', async () => {
  const { time, lease } = world();
  const a = new Candidate('a', lease.store(), time.clock());
  await time.pass(0);
  assert.ok(a.holds);
  assert.equal(lease.stored?.record, {
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    acquireTime: new Date(EPOCH),
    renewTime: new Date(EPOCH),
    leaseTransitions: 0,
  });
  await time.pass(20_000);
  assert.is(lease.writes, 11);
  assert.equal(lease.stored?.record.acquireTime, new Date(EPOCH));
  assert.equal(lease.stored?.record.renewTime, new Date(EPOCH + 20_000));
  assert.is(lease.stored?.record.leaseTransitions, 0);
  await a.stop();
});

test('waits while another renews', async () => {
  const { time, lease } = world();
  const a = new Candidate('a', lease.store(), time.clock());
  await time.pass(0);
  const b = new Candidate('b', lease.store(), time.clock());
  await time.pass(10 * 60_000);
  assert.ok(a.holds);
  assert.equal(b.terms, []);
  assert.equal(b.errors, []);
  await Promise.all([a.stop(), b.stop()]);
});

for (const skew of [-5 * HOUR, 0, 5 * HOUR]) {
  test(`takes over what has not changed for its duration, by the own clock only (${skew / HOUR} h)`, async () => {
    const { time, lease } = world();
    lease.stored = {
      resourceVersion: '0',
      record: {
        holderIdentity: 'dead',
        leaseDurationSeconds: 15,
        renewTime: new Date(EPOCH),
        leaseTransitions: 6,
      },
    };
    const b = new Candidate('b', lease.store(), time.clock({ skew }));
    await time.pass(14_999);
    assert.equal(b.terms, []);
    await time.pass(2 * 1.2 * 1000);
    assert.ok(b.holds);
    assert.is(lease.stored?.record.leaseTransitions, 7);
    await b.stop();
  });
}

test('a longer duration of the holder is respected', async () => {
  const { time, lease } = world();
  lease.stored = { resourceVersion: '0', record: { holderIdentity: 'dead', leaseDurationSeconds: 60 } };
  const b = new Candidate('b', lease.store(), time.clock());
  await time.pass(59_999);
  assert.equal(b.terms, []);
  await time.pass(2_400);
  assert.ok(b.holds);
  await b.stop();
});

test('steps down at the renew deadline when no renewal succeeds, and leads again when one does', async () => {
  const { time, lease } = world();
  let isDown = false;
  const journey = (): Journey => ({ there: 0, back: 0, lost: isDown ? 'request' : undefined });
  const a = new Candidate('a', lease.store(journey), time.clock());
  await time.pass(0);
  isDown = true;
  await time.pass(9_999);
  assert.ok(a.holds && a.leads);
  await time.pass(1);
  assert.not(a.holds);
  assert.not(a.leads);
  assert.equal(a.outcomes, ['lost']);
  isDown = false;
  await time.pass(2_400);
  assert.ok(a.holds);
  assert.is(lease.stored?.record.leaseTransitions, 0);
  await a.stop();
});

test('steps down at the renew deadline when the store hangs', async () => {
  const { time, lease } = world();
  let delay = 0;
  const a = new Candidate(
    'a',
    lease.store(() => ({ there: delay, back: 0 })),
    time.clock(),
  );
  await time.pass(0);
  delay = 24 * HOUR;
  await time.pass(9_999);
  assert.ok(a.holds && a.leads);
  await time.pass(1);
  assert.not(a.holds);
  assert.not(a.leads);
  assert.equal(a.errors, [], 'a request that was given up is no error');
  const stopped = a.stop();
  await time.pass(2_000);
  await stopped;
});

test('holds() is false as soon as a suspended process wakes up, before any timer of it has fired', async () => {
  const { time, lease } = world();
  const awake = time.clock();
  let isSuspended = false;
  const asleep = new Promise<void>(() => {});
  const clock: Clock = {
    ...awake,
    sleep: (milliseconds, signal) =>
      awake.sleep(milliseconds, signal).then(() => (isSuspended ? asleep : undefined)),
  };
  const a = new Candidate('a', lease.store(), clock);
  await time.pass(1_000);
  isSuspended = true;
  await time.pass(9_000);
  assert.ok(a.leads);
  assert.not(a.holds);
});

test('a lease that another has taken ends the term at the next look', async () => {
  const { time, lease } = world();
  const a = new Candidate('a', lease.store(), time.clock());
  await time.pass(0);
  lease.stored = { resourceVersion: '99', record: { holderIdentity: 'b', leaseDurationSeconds: 15 } };
  await time.pass(2_000);
  assert.not(a.leads);
  assert.equal(a.outcomes, ['lost']);
  await a.stop();
});

test('a conflict while renewing is no loss', async () => {
  const { time, lease } = world();
  const a = new Candidate(
    'a',
    lease.store(() => ({ there: 100, back: 100 })),
    time.clock(),
  );
  await time.pass(400);
  assert.ok(a.holds);
  await time.pass(2_250);
  lease.stored = { ...lease.stored!, resourceVersion: 'touched by somebody' };
  await time.pass(150);
  assert.equal(a.errors, ['conflict']);
  await time.pass(60_000);
  assert.is(a.terms.length, 1);
  assert.ok(a.holds);
  const stopped = a.stop();
  await time.pass(1_000);
  await stopped;
});

test('an update that landed although its answer was lost is one’s own', async () => {
  const { time, lease } = world();
  const losses: Journey['lost'][] = [undefined, 'answer'];
  const journey = () => ({ there: 0, back: 0, lost: losses.shift() });
  const a = new Candidate('a', lease.store(journey), time.clock());
  await time.pass(0);
  assert.is(lease.stored?.record.holderIdentity, 'a');
  assert.not(a.holds);
  await time.pass(2_400);
  assert.ok(a.holds);
  await a.stop();
});

test('releases on stop once lead has returned; another takes over at its next try', async () => {
  const { time, lease } = world();
  const a = new Candidate('a', lease.store(), time.clock());
  await time.pass(0);
  const b = new Candidate('b', lease.store(), time.clock());
  await time.pass(5_000);
  await a.stop();
  assert.equal(a.outcomes, ['stopped']);
  assert.equal(lease.stored?.record, {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: new Date(EPOCH),
    renewTime: new Date(EPOCH + 4_000),
    leaseTransitions: 0,
  });
  assert.not(a.holds);
  await time.pass(2_400);
  assert.ok(b.holds);
  assert.is(lease.stored?.record.leaseTransitions, 1);
  await b.stop();
});

test('a release that fails is reported, and the process ends all the same', async () => {
  const { time, lease } = world();
  let isDown = false;
  const journey = (): Journey => ({ there: 0, back: 0, lost: isDown ? 'request' : undefined });
  const a = new Candidate('a', lease.store(journey), time.clock());
  await time.pass(1_000);
  isDown = true;
  await a.stop();
  assert.equal(a.outcomes, ['stopped']);
  assert.equal(a.errors, ['connection reset']);
  assert.is(lease.stored?.record.holderIdentity, 'a');
});

test('a release, also one that hangs, leaves no timer behind', async () => {
  const { time, lease } = world();
  let delay = 0;
  const a = new Candidate(
    'a',
    lease.store(() => ({ there: delay, back: 0 })),
    time.clock(),
  );
  await time.pass(20_000);
  await a.stop();
  assert.is(time.sleepers, 0);
  const b = new Candidate(
    'b',
    lease.store(() => ({ there: delay, back: 0 })),
    time.clock(),
  );
  await time.pass(5_000);
  delay = HOUR;
  const stopped = b.stop();
  await time.pass(2_000);
  await stopped;
  assert.is(time.sleepers, 1, 'the request itself');
});

test('transitions are counted over terms that were released', async () => {
  const { time, lease } = world();
  for (const [index, identity] of ['a', 'b', 'a'].entries()) {
    const candidate = new Candidate(identity, lease.store(), time.clock());
    await time.pass(0);
    assert.ok(candidate.holds);
    assert.is(lease.stored?.record.leaseTransitions, index);
    await candidate.stop();
  }
});

test('those who wait look again after one to 1.2 retry periods, not all at once', async () => {
  const { time, lease } = world();
  const a = new Candidate('a', lease.store(), time.clock());
  await time.pass(0);
  const looks: number[] = [];
  const store = lease.store();
  const read: LeaseStore['read'] = (signal) => {
    looks.push(time.now);
    return store.read(signal);
  };
  const b = new Candidate('b', { ...store, read }, time.clock());
  await time.pass(10 * 60_000);
  const waits = looks.slice(1).map((at, index) => at - looks[index]!);
  assert.ok(Math.min(...waits) >= 2_000 && Math.min(...waits) < 2_100, `${Math.min(...waits)} ms`);
  assert.ok(Math.max(...waits) <= 2_400 && Math.max(...waits) > 2_300, `${Math.max(...waits)} ms`);
  await Promise.all([a.stop(), b.stop()]);
});

test('a lease that somebody emptied is taken again within the term, be it at the second try', async () => {
  const { time, lease } = world();
  const store = lease.store();
  let conflicts = 0;
  const update: LeaseStore['update'] = (...request) =>
    conflicts-- > 0 ? Promise.reject(new Error('conflict')) : store.update(...request);
  const a = new Candidate('a', { ...store, update }, time.clock());
  await time.pass(1_000);
  lease.stored = { resourceVersion: 'emptied', record: { holderIdentity: '' } };
  conflicts = 1;
  await time.pass(60_000);
  assert.equal(a.errors, ['conflict']);
  assert.is(a.terms.length, 1);
  assert.ok(a.holds);
  await a.stop();
});

test('nobody is the holder before the lease was seen', () => {
  const { time, lease } = world();
  const election = new LeaderElection(lease.store(), { identity: 'a', ...DURATIONS }, time.clock(), () => {});
  assert.is(election.holder, undefined);
});

test('the release waits for lead', async () => {
  const { time, lease } = world();
  const stop = new AbortController();
  const election = new LeaderElection(lease.store(), { identity: 'a', ...DURATIONS }, time.clock(), () => {});
  let finish = () => {};
  const running = election.run(() => new Promise((resolve) => (finish = resolve)), stop.signal);
  await time.pass(0);
  stop.abort();
  await time.pass(1_000);
  assert.is(lease.stored?.record.holderIdentity, 'a');
  finish();
  assert.is(await running, 'stopped');
  assert.is(lease.stored?.record.holderIdentity, '');
});

test('a stop while the lease is being taken gives it back', async () => {
  const { time, lease } = world();
  const stop = new AbortController();
  const store = lease.store();
  const patient: LeaseStore = {
    ...store,
    create: (record) => store.create(record, new AbortController().signal),
  };
  const slow: LeaseStore = {
    ...patient,
    create: (record, signal) => time.sleep(100).then(() => patient.create(record, signal)),
  };
  const election = new LeaderElection(slow, { identity: 'a', ...DURATIONS }, time.clock(), () => {});
  const running = election.run(async () => assert.unreachable(), stop.signal);
  await time.pass(50);
  stop.abort();
  await time.pass(100);
  assert.is(await running, 'stopped');
  assert.is(lease.stored?.record.holderIdentity, '');
});

test('a lead that fails ends the term, releases the lease, and its error reaches the caller', async () => {
  const { time, lease } = world();
  const election = new LeaderElection(lease.store(), { identity: 'a', ...DURATIONS }, time.clock(), () => {});
  let term: Term | undefined;
  const running = election.run(async (given) => {
    term = given;
    await time.sleep(3_000);
    throw new Error('a bug');
  }, new AbortController().signal);
  const caught = running.then(
    () => 'nothing',
    (error) => error.message,
  );
  await time.pass(3_000);
  assert.is(await caught, 'a bug');
  assert.not(term?.holds());
  assert.is(lease.stored?.record.holderIdentity, '');
});

test('durations that cannot work together', () => {
  const problem = (options: Partial<LeaseOptions>) =>
    leaseOptionsProblem({ identity: 'a', ...DURATIONS, ...options });
  assert.is(problem({}), undefined);
  assert.is(problem({ leaseDuration: 10_001 }), undefined);
  assert.match(problem({ leaseDuration: 10_000 })!, 'must be longer than leader-elect-renew-deadline');
  assert.is(problem({ renewDeadline: 2_401 }), undefined);
  assert.is(problem({ leaseDuration: 1_000, renewDeadline: 500, retryPeriod: 100 }), undefined);
  assert.match(problem({ renewDeadline: 2_400 })!, 'longer than 1.2 times leader-elect-retry-period');
  assert.match(problem({ retryPeriod: 0 })!, 'longer than zero');
  assert.match(problem({ leaseDuration: 999, renewDeadline: 500, retryPeriod: 100 })!, 'at least 1s');
});

interface Machine {
  readonly skew: number;
  /** Thousandths by which its clock is fast. */
  readonly drift: number;
  readonly startsAt: number;
  readonly suspensions: readonly { at: number; length: number }[];
  readonly stopsAt: number;
}

const milliseconds = (max: number) => fc.integer({ min: 0, max });
const machine: fc.Arbitrary<Machine> = fc.record({
  skew: fc.integer({ min: -5 * HOUR, max: 5 * HOUR }),
  drift: fc.integer({ min: -50, max: 50 }),
  startsAt: milliseconds(30_000),
  suspensions: fc.array(fc.record({ at: milliseconds(150_000), length: milliseconds(60_000) }), {
    maxLength: 3,
  }),
  stopsAt: fc.integer({ min: 30_000, max: 200_000 }),
});
const travelTime = fc.oneof(
  { weight: 9, arbitrary: milliseconds(500) },
  { weight: 1, arbitrary: milliseconds(30_000) },
);
const journeys: fc.Arbitrary<Journey[]> = fc.array(
  fc.record({
    there: travelTime,
    back: travelTime,
    lost: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, fc.constantFrom('request', 'answer')),
  }),
  { minLength: 1, maxLength: 60 },
);

/** Nothing of a suspended process happens before it wakes up; time goes on for it all the same. */
function suspendable(time: FakeTime, { skew, drift, suspensions }: Machine): Clock {
  const clock = time.clock({ skew, rate: 1 + drift / 1000 });
  const awake = async () => {
    for (;;) {
      const ends = suspensions
        .filter(({ at, length }) => at <= time.now && time.now < at + length)
        .map(({ at, length }) => at + length);
      if (ends.length === 0) return;
      await time.sleep(Math.max(...ends) - time.now);
    }
  };
  return { ...clock, sleep: (wait, signal) => clock.sleep(wait, signal).then(awake) };
}

test('never two at the same time: random delays, losses, suspensions, skew and drift', async () => {
  let terms = 0;
  let takeovers = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(machine, { minLength: 2, maxLength: 3 }), journeys, async (machines, plan) => {
      const { time, lease } = world();
      let sent = 0;
      const store = lease.store(() => plan[sent++ % plan.length]!);
      const candidates: Candidate[] = [];
      const lives = machines.map(async (each, index) => {
        await time.sleep(each.startsAt);
        const candidate = new Candidate(`c${index}`, store, suspendable(time, each));
        candidates.push(candidate);
        await time.sleep(each.stopsAt);
        await candidate.stop();
      });
      await time.pass(300_000, () => {
        const holders = candidates.filter(({ holds }) => holds).length;
        if (holders > 1) throw new Error(`${holders} hold the lease at ${time.now}`);
      });
      await Promise.all(lives);
      const led = candidates.map((candidate) => candidate.terms.length);
      terms += led.reduce((sum, each) => sum + each, 0);
      if (led.filter((each) => each > 0).length > 1) takeovers++;
    }),
    { numRuns: 300 },
  );
  assert.ok(terms > 300, `${terms} terms`);
  assert.ok(takeovers > 100, `${takeovers} runs with a takeover`);
});

test.run();
