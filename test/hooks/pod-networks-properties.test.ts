/** What holds for every pod network, whatever its nodes, ClusterCIDRs and allocations. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sync } from '../../hooks/pod-networks.ts';
import { FAMILY_BITS, type Family } from '../../lib/address/address.ts';
import { covers, formatPrefix, overlaps, parsePrefix, prefixOf } from '../../lib/address/range.ts';
import { crdAdmission } from '../../lib/engine/crd-admission.ts';
import type { Unstructured } from '../../lib/engine/object.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { AllocationSlice, ClusterCIDR, PodCIDRClaim } from '../../lib/kubernetes/types.ts';
import type { DesiredObject } from '../../lib/metacontroller/hook.ts';
import { parsePodCIDR } from '../../lib/pod-network/pod-cidr.ts';
import {
  allocation,
  claim,
  clusterCIDR,
  context,
  type Given,
  listed,
  NOW,
  network,
  request,
  selecting,
  slicesOf,
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
  fc.tuple(blockOf(6), blockOf(4)),
  blockOf(4).map((block) => [block.replace(/^10\./, '010.')]),
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
  released: fc.constantFrom(undefined, undefined, undefined, '2026-06-01T11:55:00Z'),
});

interface World {
  claims: PodCIDRClaim[];
  clusterCIDRs: ClusterCIDR[];
  slices: AllocationSlice[];
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
    const entries = new Map<string, Given>();
    for (const [second, { node, blocks, missing, released }] of decisions.entries()) {
      for (const [index, cidr] of blocks.entries()) {
        // A key is there once.
        if (index === missing || entries.has(cidr)) continue;
        const since = `2026-05-01T00:00:0${second}Z`;
        entries.set(
          cidr,
          allocation(`n${node}`, cidr, { blocks: [...blocks], since, ...(released && { released }) }),
        );
      }
    }
    return {
      claims: claims.map((make, index) => make(`n${index}`)),
      clusterCIDRs: clusterCIDRs.map((make, index) => make(`c${index}`)),
      slices: slicesOf([...entries.values()]),
      grace,
    };
  });

const run = ({ grace, ...parts }: World, at = context) =>
  sync(request({ parent: network('default', { reuseGracePeriodSeconds: grace }), ...parts }), at);

const inUse = (children: readonly DesiredObject[]) =>
  listed(children).filter(({ entry }) => entry.released === undefined);
const blocksOf = ({ spec }: PodCIDRClaim) => spec.podCIDRs!.map((text) => parsePodCIDR(text)!);

/** What the API server holds after the answer. */
function after(before: World, children: DesiredObject[], version: number): World {
  return { ...before, slices: stored(children, version) };
}

/** The same objects with their keys in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, reversed(each)]);
  return Object.fromEntries(entries.reverse());
}

test('no two blocks in use overlap, and none lies on podCIDRs of another node', () => {
  fc.assert(
    fc.property(world, (given) => {
      const allocations = inUse(run(given).children);
      for (const [index, { block, entry }] of allocations.entries()) {
        const others = allocations.slice(index + 1).filter((other) => overlaps(other.block, block));
        assert.equal(others, []);
        const isOwn = ({ spec }: PodCIDRClaim) => spec.nodeUID === entry.uid;
        // Nobody can help nodes whose podCIDRs overlap to begin with.
        if (
          given.claims
            .filter(isOwn)
            .flatMap(blocksOf)
            .some((each) => overlaps(each, block))
        )
          continue;
        const foreign = given.claims.filter((each) => !isOwn(each)).flatMap(blocksOf);
        assert.equal(
          foreign.filter((each) => overlaps(each, block)),
          [],
        );
      }
    }),
    { numRuns: 500 },
  );
});

test('what is given anew overlaps nothing that is listed, whether or not it goes', () => {
  fc.assert(
    fc.property(world, (given) => {
      const before = listed(given.slices);
      const keys = new Set(before.map(({ key }) => key));
      for (const { key, block } of listed(run(given).children)) {
        if (keys.has(key)) continue;
        assert.equal(
          before.filter((other) => overlaps(other.block, block)),
          [],
        );
      }
    }),
    { numRuns: 500 },
  );
});

const admission = crdAdmission(readCustomResourceDefinitions());

test('the API server takes every answer, now and when the grace period is over', () => {
  fc.assert(
    fc.property(world, (given) => {
      let now = given;
      for (const [step, seconds] of [0, 1, 700].entries()) {
        const { children } = run(now, { ...context, now: NOW + 1000 * seconds });
        const old = new Map(now.slices.map((each) => [each.metadata.name, each]));
        const next = after(now, children, 1000 * (step + 1));
        for (const each of next.slices) {
          const was = old.get(each.metadata.name) as object | undefined;
          const problems = admission.validate!(
            each as object as Unstructured,
            was as Unstructured | undefined,
          );
          assert.equal(problems, []);
        }
        now = next;
      }
    }),
    { numRuns: 100 },
  );
});

test('new nodes get all blocks of one ClusterCIDR or none, and each the lowest that was free', () => {
  fc.assert(
    fc.property(world, (given) => {
      const { children } = run(given);
      const before = listed(given.slices);
      const known = new Set(before.map(({ key }) => key));
      const holders = new Set(
        before.filter(({ entry }) => entry.released === undefined).map(({ entry }) => entry.uid),
      );
      const used = [...before, ...listed(children)]
        .map(({ block }) => block)
        .concat(given.claims.flatMap(blocksOf));
      const fresh = inUse(children).filter(({ key, entry }) => {
        const { podCIDRs = [] } = given.claims.find(({ spec }) => spec.nodeUID === entry.uid)?.spec ?? {};
        return !known.has(key) && !holders.has(entry.uid) && podCIDRs.length === 0;
      });
      for (const { block, entry } of fresh) {
        const pool = given.clusterCIDRs.find(({ metadata }) => metadata.name === entry.clusterCIDR)!;
        const ranges = [pool.spec.ipv4, pool.spec.ipv6].filter(Boolean).map((text) => parsePrefix(text!)!);
        assert.is(fresh.filter((other) => other.entry.uid === entry.uid).length, ranges.length);
        assert.is(pool.metadata.deletionTimestamp, undefined);
        const home = ranges.find((each) => each.family === block.family)!;
        assert.ok(covers(home, block));
        assert.is(block.last - block.first + 1n, 1n << BigInt(pool.spec.perNodeHostBits));
        for (let first = home.first; first < block.first; first += block.last - block.first + 1n) {
          const lower = prefixOf({ family: block.family, value: first }, block.length!);
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

test('what a sync decided the next one keeps: once released blocks are gone, the answer stays', () => {
  fc.assert(
    fc.property(world, (given) => {
      let now = given;
      const at = (step: number) => ({ ...context, now: NOW + 700_000 * step });
      for (let step = 0; step < 5; step++) now = after(now, run(now, at(step)).children, 1000 * (step + 1));
      const { children } = run(now, at(5));
      assert.equal(children, run(after(now, children, 9000), at(6)).children);
      assert.equal(
        listed(children).filter(({ entry }) => entry.released !== undefined),
        [],
      );
    }),
    { numRuns: 300 },
  );
});

test('a node that has its blocks keeps them when anything else is added', () => {
  fc.assert(
    fc.property(world, fc.array(anyClaim, { maxLength: 3 }), (given, more) => {
      const settled = after(given, run(given).children, 1000);
      const kept = inUse(run(settled).children).map(({ key }) => key);
      const added = more.map((make, index) => {
        const { metadata, spec } = make(`new-${index}`);
        return claim(metadata.name, { ...spec, podCIDRs: [] }, { creationTimestamp: '2026-05-31T00:00:00Z' });
      });
      const wider = inUse(run({ ...settled, claims: [...settled.claims, ...added] }).children);
      const keys = new Set(wider.map(({ key }) => key));
      for (const key of kept) assert.ok(keys.has(key), key);
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
