import { Registry } from 'prom-client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BinderMetrics } from '../../lib/binder/binder-metrics.ts';
import type { ClusterCIDR } from '../../lib/kubernetes/types.ts';
import { allocation, clusterCIDR, type Given, slicesOf } from '../pod-network/objects.ts';

interface Figures {
  readonly usage: number | undefined;
  readonly allocations: number;
  readonly releases: number;
  readonly max: number | undefined;
  readonly triesSum: number;
}

class Scrape {
  readonly registry = new Registry();
  readonly metrics = new BinderMetrics(this.registry);

  /** One look at the world, and the series of one CIDR after it. */
  async look(
    allocations: readonly Given[],
    clusterCIDRs: readonly ClusterCIDR[],
    cidr: string,
  ): Promise<Figures> {
    this.metrics.observe(slicesOf(allocations), clusterCIDRs);
    return this.figures(cidr, clusterCIDRs[0]!.metadata.name);
  }

  async figures(cidr: string, name: string): Promise<Figures> {
    const text = await this.registry.metrics();
    const value = (series: string) => {
      const prefix = `node_ipam_controller_multicidrset_${series}{clusterCIDR="${cidr}",clusterCIDRName="${name}"} `;
      const line = text.split('\n').find((each) => each.startsWith(prefix));
      return line === undefined ? undefined : Number(line.slice(prefix.length));
    };
    return {
      usage: value('usage_cidrs'),
      allocations: value('cidrs_allocations_total') ?? 0,
      releases: value('cidrs_releases_total') ?? 0,
      max: value('max_cidrs'),
      triesSum: value('allocation_tries_per_request_sum') ?? 0,
    };
  }
}

const V4 = '10.0.0.0/16';
const pool = clusterCIDR('test-cluster-cidr', { ipv4: V4 });
const of = (cidr: string) => allocation(`n${cidr}`, cidr, { from: 'test-cluster-cidr' });
const all = Array.from({ length: 256 }, (_, index) => of(`10.0.${index}.0/24`));

test('A8 usage, allocations, releases and max follow the blocks one by one', async () => {
  const scrape = new Scrape();
  const zero = { usage: 0, allocations: 0, releases: 0, max: 256, triesSum: 0 };
  assert.equal(await scrape.look([], [pool], V4), zero);
  for (let count = 1; count <= 256; count++) {
    const triesSum = (count * (count - 1)) / 2;
    assert.equal(await scrape.look(all.slice(0, count), [pool], V4), {
      usage: count / 256,
      allocations: count,
      releases: 0,
      max: 256,
      triesSum,
    });
  }
  const triesSum = (256 * 255) / 2;
  assert.equal(await scrape.look([], [pool], V4), {
    usage: 0,
    allocations: 256,
    releases: 256,
    max: 256,
    triesSum,
  });
  assert.equal(await scrape.look([of(V4)], [pool], V4), {
    usage: 1,
    allocations: 512,
    releases: 256,
    max: 256,
    triesSum,
  });
});

test('A9 a block larger than the ClusterCIDR’s counts for all that it covers; tries are the blocks below', async () => {
  const scrape = new Scrape();
  const half = of('10.0.0.0/17');
  const occupied = { usage: 0.5, allocations: 128, releases: 0, max: 256, triesSum: 0 };
  assert.equal(await scrape.look([half], [pool], V4), occupied);
  assert.equal(await scrape.look([half, of('10.0.128.0/24')], [pool], V4), {
    usage: 129 / 256,
    allocations: 129,
    releases: 0,
    max: 256,
    triesSum: 128,
  });
});

test('A10, A11 the families of a ClusterCIDR are independent', async () => {
  const scrape = new Scrape();
  const v6 = '2001:db8::/48';
  const narrow = clusterCIDR('test-cluster-cidr', { ipv4: V4 });
  const wide = clusterCIDR('wide', { ipv6: v6, perNodeHostBits: 64 });
  const whole = allocation('n', v6, { from: 'wide' });
  scrape.metrics.observe(slicesOf([whole]), [narrow, wide]);
  const full = { usage: 1, allocations: 65536, releases: 0, max: 65536, triesSum: 0 };
  const none = { usage: 0, allocations: 0, releases: 0, max: 256, triesSum: 0 };
  assert.equal(await scrape.figures(v6, 'wide'), full);
  assert.equal(await scrape.figures(V4, 'test-cluster-cidr'), none);
  scrape.metrics.observe([], [narrow, wide]);
  assert.equal(await scrape.figures(v6, 'wide'), { ...full, usage: 0, releases: 65536 });
  assert.equal(await scrape.figures(V4, 'test-cluster-cidr'), none);
});

test('blocks of a family count in its own size, and none of a ClusterCIDR without one', async () => {
  const scrape = new Scrape();
  const v6 = 'fd00::/48';
  const sized = (bits: string) =>
    clusterCIDR(
      'sized',
      { ipv4: V4, ipv6: v6 },
      { annotations: { 'metaipam.io/per-node-host-bits-ipv6': bits } },
    );
  const given = allocation('n', 'fd00::/64', { from: 'sized' });
  const figures = await scrape.look([given], [sized('64')], v6);
  assert.equal(figures, { usage: 1 / 65536, allocations: 1, releases: 0, max: 65536, triesSum: 0 });
  assert.is((await scrape.figures(V4, 'sized')).max, 256);
  assert.is((await scrape.look([given], [sized('none')], v6)).max, undefined);
});

test('A13 blocks count once, however many smaller ones are in them, and only inside the ClusterCIDR', async () => {
  const scrape = new Scrape();
  const figures = await scrape.look(
    [of('10.0.4.0/22'), of('10.0.5.0/25'), of('10.0.5.128/25'), of('10.1.0.0/24'), of('8.0.0.0/6')],
    [pool],
    V4,
  );
  assert.is(figures.usage, 1);
  const without = await new Scrape().look(
    [of('10.0.4.0/22'), of('10.0.5.0/25'), of('10.0.5.128/25'), of('10.1.0.0/24')],
    [pool],
    V4,
  );
  assert.is(without.usage, 4 / 256);
});

test('a block that another node gets is a release and an allocation', async () => {
  const scrape = new Scrape();
  await scrape.look([of('10.0.0.0/24')], [pool], V4);
  const again = allocation('another', '10.0.0.0/24', { from: 'test-cluster-cidr' });
  const { allocations, releases, usage } = await scrape.look([again], [pool], V4);
  assert.equal([allocations, releases, usage], [2, 1, 1 / 256]);
});

test('a deleted ClusterCIDR has no usage and no max any more', async () => {
  const scrape = new Scrape();
  await scrape.look([of('10.0.0.0/24')], [pool], V4);
  scrape.metrics.observe([], []);
  const { usage, max, releases } = await scrape.figures(V4, 'test-cluster-cidr');
  assert.equal([usage, max, releases], [undefined, undefined, 1]);
});

test('entries of unknown ClusterCIDRs and ClusterCIDRs that are not valid are left out', async () => {
  const scrape = new Scrape();
  const odd = allocation('n', '10.0.0.0/24', { from: 'unknown' });
  const invalid = clusterCIDR('invalid', { ipv4: 'x' });
  assert.is((await scrape.look([odd], [pool, invalid], V4)).usage, 0);
});

test('after the term there are no gauges, and the next term counts no block twice', async () => {
  const scrape = new Scrape();
  await scrape.look([of('10.0.0.0/24')], [pool], V4);
  scrape.metrics.clear();
  assert.is((await scrape.figures(V4, 'test-cluster-cidr')).usage, undefined);
  const { allocations, usage } = await scrape.look([of('10.0.0.0/24')], [pool], V4);
  assert.equal([allocations, usage], [1, 1 / 256]);
});

test.run();
