import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseRange } from '../../lib/address/range.ts';
import { RangeSet } from '../../lib/address/range-set.ts';
import { overviewOf } from '../../lib/inspect/overview.ts';
import { cellsOf, cutSpace, formatCell } from '../../lib/inspect/space.ts';
import { picturesOf, svgOf } from '../../lib/inspect/svg.ts';
import { allocation, block, CONTEXT, clusterCIDR, podNetwork, pool } from './objects.ts';

const space = (whole: string, ...used: string[]) =>
  cutSpace(RangeSet.of([parseRange(whole)!]), [['used', RangeSet.of(used.map((text) => parseRange(text)!))]]);

test('cells: one an address, then equal shares with the addresses that they stand for', () => {
  const few = cellsOf(space('10.0.0.0-10.0.0.3', '10.0.0.1'), 4, 2);
  assert.is(few.share, 1n);
  assert.equal(
    few.cells.map((cell) => `${formatCell(cell)} ${cell.state}`),
    ['10.0.0.0 free', '10.0.0.1 used', '10.0.0.2 free', '10.0.0.3 free'],
  );
  const shared = cellsOf(space('10.0.0.0-10.0.0.4', '10.0.0.1', '10.0.0.3-10.0.0.4'), 4, 2);
  assert.is(shared.share, 3n);
  assert.equal(
    shared.cells.map((cell) => `${formatCell(cell)} ${cell.state}`),
    ['10.0.0.0-10.0.0.2 partly', '10.0.0.3-10.0.0.4 used'],
  );
});

test('cells of any space: none is missing, and a huge one is as fast as a small one', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 1n, max: 1n << 128n }),
      fc.bigInt({ min: 0n, max: 1n << 127n }),
      (size, at) => {
        const last = size - 1n;
        const used = at > last ? last : at;
        const setOf = (first: bigint, last: bigint) => RangeSet.of([{ family: 6, first, last }]);
        const [whole, layer] = [setOf(0n, last), setOf(used, used)];
        const { share, cells } = cellsOf(cutSpace(whole, [['used', layer]]), 256, 64);
        assert.is(BigInt(cells.length), (size + share - 1n) / share);
        assert.is(cells[0]!.first.value, 0n);
        assert.is(cells.at(-1)!.last.value, last);
        for (const [index, { first, last }] of cells.entries()) {
          assert.is(first.value, BigInt(index) * share);
          const holds = first.value <= used && used <= last.value;
          assert.is(cells[index]!.state !== 'free', holds);
        }
      },
    ),
  );
});

test('an SVG: title, a rectangle a run with what it is, a legend of what occurs', () => {
  const svg = svgOf([
    { title: 'a pool', note: 'half full', space: space('10.0.0.0-10.0.0.3', '10.0.0.1-10.0.0.2') },
  ]);
  assert.match(svg, /^<svg [^>]*role="img" aria-label="a pool"[^>]*><title>a pool<\/title>/);
  assert.match(svg, '<title>10.0.0.1-10.0.0.2: used</title>');
  assert.match(svg, '>half full</text>');
  assert.match(svg, '>free</text>');
  assert.not.match(svg, 'adopted');
  assert.is(svg.match(/<rect /g)?.length, 3 + 2);
});

test('an SVG of a huge pool has few rectangles', () => {
  const svg = svgOf([{ title: 'huge', space: space('::/0', 'fd00::1', 'fd00::3') }]);
  assert.match(svg, `${2n ** 122n} addresses a cell`);
  assert.ok(svg.length < 3000);
});

test('hostile names: no markup, no character that XML forbids, no endless title', () => {
  const title = `<script>alert("1")</script>&'\u0000\u001b[31m\ud800${'x'.repeat(500)}`;
  const svg = svgOf([{ title, note: '<b>', space: space('10.0.0.0/24') }]);
  assert.not.match(svg, '<script');
  assert.not.match(svg, '<b>');
  assert.match(svg, '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;\ufffd\ufffd[31m\ufffd');
  assert.ok([...svg].every((character) => character >= ' ' || character === '\n'));
  assert.match(svg, /x…<\/text>/);
});

test('the pictures of an overview: every pool and every range, also one without anything', () => {
  const overview = overviewOf(
    [
      pool('p', { addresses: ['10.0.0.0/24'], prefix: 24 }),
      pool('broken', {}),
      allocation('p', '10.0.0.1', 'a'),
      podNetwork(),
      clusterCIDR('cc', { perNodeHostBits: 8, ipv4: '10.0.0.0/23', ipv6: 'fd00::/119' }),
      block('10.0.0.0/24', 'cc', 'n'),
    ],
    CONTEXT,
  );
  const pictures = picturesOf(overview);
  assert.equal(
    pictures.map(({ title, note }) => [title, note]),
    [
      ['InClusterIPPool default/broken', undefined],
      ['InClusterIPPool default/p', undefined],
      ['ClusterCIDR cc', '10.0.0.0/23 in blocks of /24'],
      ['ClusterCIDR cc', 'fd00::/119 in blocks of /120'],
    ],
  );
  assert.match(svgOf(pictures), 'InClusterIPPool default/broken');
  assert.match(svgOf([]), '</svg>');
});

test.run();
