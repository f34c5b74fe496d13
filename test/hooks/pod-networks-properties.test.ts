/** What holds for every pod network, whatever its nodes, ClusterCIDRs and allocations. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sync } from '../../hooks/pod-networks.ts';
import { FAMILY_BITS, type Family } from '../../lib/address/address.ts';
import {
  covers,
  formatPrefix,
  overlaps,
  type Prefix,
  parsePrefix,
  prefixOf,
} from '../../lib/address/range.ts';
import type { ClusterCIDR, IPAllocation, PodCIDRClaim } from '../../lib/kubernetes/types.ts';
import type { DesiredObject } from '../../lib/metacontroller/hook.ts';
import {
  allocation,
  claim,
  clusterCIDR,
  context,
  network,
  request,
  selecting,
  stored,
} from '../pod-network/objects.ts';

/** Blocks of 16 to 256 addresses around 10.0.0.0 and fd00::, dense enough to meet each other. */
const blockOf = (family: Family) =>
  fc.tuple(fc.integer({ min: 0, max: 1023 }), fc.integer({ min: 4, max: 8 })).map(([offset, bits]) => {
    const base = family === 4 ? 10n << 24n : 0xfd00n << 112n;
    return formatPrefix(prefixOf({ family, value: base + BigInt(offset) }, FAMILY_BITS[family] - bits));
  });

const zones = fc.constantFrom('a', 'b');
const range = (family: Family) =>
  fc.tuple(blockOf(family), fc.integer({ min: 0, max: 2 })).map(([text, grow]) => {
    const { length, first } = parsePrefix(text)!;
    return formatPrefix(prefixOf({ family, value: first }, length - grow));
  });

const anyClusterCIDR = fc
  .record(
    {
      ipv4: range(4),
      ipv6: range(6),
      zone: zones,
      terminating: fc.constant(true),
    },
    { requiredKeys: [] },
  )
  .chain(({ ipv4, ipv6, zone, terminating }) =>
    fc.integer({ min: 4, max: 8 }).map(
      (perNodeHostBits) => (name: string) =>
        clusterCIDR(
          name,
          {
            perNodeHostBits,
            ...(ipv4 && { ipv4 }),
            ...(ipv6 && { ipv6 }),
            ...(zone && { nodeSelector: selecting(`zone=${zone}`) }),
          },
          terminating ? { deletionTimestamp: '2026-06-01T00:00:00Z' } : {},
        ),
    ),
  );

const podCIDRs = fc.oneof(
  { weight: 3, arbitrary: fc.constant<string[]>([]) },
  blockOf(4).map((block) => [block]),
  fc.tuple(blockOf(4), blockOf(6)),
);
const anyClaim = fc.tuple(zones, podCIDRs).map(
  ([zone, list]) =>
    (name: string) =>
      claim(name, { nodeLabels: { zone }, podCIDRs: [...list] }),
);

/** Decisions of earlier syncs, for the nodes 0 to 9 of which some are gone, made on caches that may have lagged. */
const anyDecision = fc.record({
  node: fc.integer({ min: 0, max: 9 }),
  blocks: fc.oneof(
    blockOf(4).map((block) => [block]),
    fc.tuple(blockOf(4), blockOf(6)),
  ),
  missing: fc.constantFrom(-1, -1, 0, 1),
});

interface World {
  claims: PodCIDRClaim[];
  clusterCIDRs: ClusterCIDR[];
  allocations: IPAllocation[];
  grace: number;
}
const world: fc.Arbitrary<World> = fc
  .record({
    claims: fc.array(anyClaim, { maxLength: 8 }),
    clusterCIDRs: fc.array(anyClusterCIDR, { maxLength: 5 }),
    decisions: fc.array(anyDecision, { maxLength: 8 }),
    grace: fc.constantFrom(0, 600),
  })
  .map(({ claims, clusterCIDRs, decisions, grace }) => {
    const allocations = new Map<string, IPAllocation>();
    let version = 100;
    for (const { node, blocks, missing } of decisions) {
      for (const [index, cidr] of blocks.entries()) {
        version++;
        // The API server refuses a second object of the same name.
        if (index === missing || allocations.has(cidr)) continue;
        allocations.set(
          cidr,
          allocation(`n${node}`, cidr, { blocks: [...blocks], version: String(version) }),
        );
      }
    }
    return {
      claims: claims.map((make, index) => make(`n${index}`)),
      clusterCIDRs: clusterCIDRs.map((make, index) => make(`c${index}`)),
      allocations: [...allocations.values()],
      grace,
    };
  });

const run = ({ grace, ...parts }: World) =>
  sync(request({ parent: network('default', { reuseGracePeriodSeconds: grace }), ...parts }), context);

const blockIn = ({ spec }: DesiredObject): Prefix => parsePrefix((spec as IPAllocation['spec']).cidr!)!;
const nodeIn = ({ spec }: DesiredObject): string => (spec as IPAllocation['spec']).claimRef.uid;

/** What the API server holds after the answer. */
function after(before: World, children: DesiredObject[], version: number): World {
  const known = new Map(before.allocations.map((each) => [each.metadata.name, each]));
  const allocations = stored(children, version).map((each) => {
    const { metadata } = known.get(each.metadata.name) ?? each;
    return { ...each, metadata: { ...metadata, annotations: each.metadata.annotations ?? {} } };
  });
  return { ...before, allocations };
}

/** The same objects with their keys in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, reversed(each)]);
  return Object.fromEntries(entries.reverse());
}

test('no two blocks overlap, and none lies on podCIDRs of another node', () => {
  fc.assert(
    fc.property(world, (given) => {
      const { children } = run(given);
      for (const [index, child] of children.entries()) {
        const block = blockIn(child);
        const others = children.slice(index + 1).filter((other) => overlaps(blockIn(other), block));
        assert.equal(others, []);
        const podCIDRsOf = (claims: PodCIDRClaim[]) =>
          claims.flatMap(({ spec }) => spec.podCIDRs!.map((text) => parsePrefix(text)!));
        const isOwn = ({ spec }: PodCIDRClaim) => spec.nodeUID === nodeIn(child);
        const own = podCIDRsOf(given.claims.filter(isOwn));
        // Nobody can help nodes whose podCIDRs overlap to begin with.
        if (own.some((each) => overlaps(each, block))) continue;
        const foreign = podCIDRsOf(given.claims.filter((each) => !isOwn(each)));
        assert.equal(
          foreign.filter((each) => overlaps(each, block)),
          [],
        );
      }
    }),
    { numRuns: 500 },
  );
});

test('a name that is taken is never wanted with another spec', () => {
  fc.assert(
    fc.property(world, (given) => {
      const existing = new Map(given.allocations.map(({ metadata, spec }) => [metadata.name, spec]));
      for (const { metadata, spec } of run(given).children) {
        const known = existing.get(metadata.name);
        if (known !== undefined) assert.equal(spec, known);
      }
    }),
    { numRuns: 500 },
  );
});

test('new nodes get all blocks of one ClusterCIDR or none, and each the lowest that was free', () => {
  fc.assert(
    fc.property(world, (given) => {
      const children = run(given).children;
      const known = new Set(given.allocations.map(({ metadata }) => metadata.name));
      const holders = new Set(given.allocations.map(({ spec }) => spec.claimRef.uid));
      const used = [
        ...given.allocations.map(({ spec }) => parsePrefix(spec.cidr!)!),
        ...given.claims.flatMap(({ spec }) => spec.podCIDRs!.map((text) => parsePrefix(text)!)),
        ...children.map(blockIn),
      ];
      const fresh = children.filter(({ metadata, spec }) => {
        const { uid, name } = (spec as IPAllocation['spec']).claimRef;
        const { podCIDRs = [] } = given.claims.find((each) => each.metadata.name === name)?.spec ?? {};
        return !known.has(metadata.name) && !holders.has(uid) && podCIDRs.length === 0;
      });
      for (const child of fresh) {
        const spec = child.spec as IPAllocation['spec'];
        const pool = given.clusterCIDRs.find(({ metadata }) => metadata.name === spec.poolRef.name)!;
        const ranges = [pool.spec.ipv4, pool.spec.ipv6].filter(Boolean).map((text) => parsePrefix(text!)!);
        const own = fresh.filter((other) => nodeIn(other) === nodeIn(child)).map(blockIn);
        assert.is(own.length, ranges.length);
        assert.is(pool.metadata.deletionTimestamp, undefined);
        const block = blockIn(child);
        const home = ranges.find((each) => each.family === block.family)!;
        assert.ok(covers(home, block));
        assert.is(block.last - block.first + 1n, 1n << BigInt(pool.spec.perNodeHostBits));
        for (let first = home.first; first < block.first; first += block.last - block.first + 1n) {
          const lower = prefixOf({ family: block.family, value: first }, block.length);
          assert.ok(
            used.some((each) => overlaps(each, lower)),
            `${formatPrefix(lower)} was free`,
          );
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('what a sync decided the next one keeps: after two at most, the answer stays', () => {
  fc.assert(
    fc.property(world, (given) => {
      const first = after(given, run(given).children, 1000);
      const second = after(first, run(first).children, 2000);
      const third = run(second);
      assert.equal(after(second, third.children, 3000).allocations, second.allocations);
      const { resyncAfterSeconds: _, ...settled } = third;
      const { resyncAfterSeconds: __, ...again } = run(after(second, third.children, 3000));
      assert.is(JSON.stringify(again), JSON.stringify(settled));
    }),
    { numRuns: 500 },
  );
});

test('a node that has its blocks keeps them when anything else is added', () => {
  fc.assert(
    fc.property(world, fc.array(anyClaim, { maxLength: 3 }), (given, more) => {
      const settled = after(given, run(given).children, 1000);
      const { children } = run(settled);
      const added = more.map((make, index) => {
        const { metadata, spec } = make(`new-${index}`);
        return claim(metadata.name, { ...spec, podCIDRs: [] }, { creationTimestamp: '2026-05-31T00:00:00Z' });
      });
      const wider = run({ ...settled, claims: [...settled.claims, ...added] });
      const names = new Set(wider.children.map(({ metadata }) => metadata.name));
      for (const { metadata } of children) assert.ok(names.has(metadata.name), metadata.name);
    }),
  );
});

test('the same state gives the same bytes, whatever the order of its keys', () => {
  fc.assert(
    fc.property(world, (given) => {
      const parent = network('default', { reuseGracePeriodSeconds: given.grace });
      const asked = request({ ...given, parent });
      const expected = JSON.stringify(sync(asked, context));
      assert.is(JSON.stringify(sync(JSON.parse(JSON.stringify(asked)), context)), expected);
      // Metacontroller reads objects into maps, so the order of their keys is none of an answer's.
      assert.equal(sync(reversed(asked) as typeof asked, context), sync(asked, context));
    }),
  );
});

test.run();
