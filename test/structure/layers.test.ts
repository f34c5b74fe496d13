/** Imports run down: of two folders at most one needs the other, however far round. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../docs/pages.ts';

const test = suite('layers: ');
const IMPORT = /(?:from |import\()'(?<path>\.[^']+)'/g;

/** `lib/pool/spec.ts` is of `lib/pool`, `hooks/pools.ts` of `hooks`; a file beside the folders is its own. */
function layerOf(file: string): string {
  const [top = '', folder = '', ...below] = file.split('/');
  return top === 'lib' ? `${top}/${folder}` : below.length === 0 && folder === '' ? file : top;
}

/** By each layer those that it imports, with a file that does. */
function importedLayers(): Map<string, Map<string, string>> {
  const layers = new Map<string, Map<string, string>>();
  for (const file of globSync('{bench,cni,crds,hooks,lib,release,sim}/**/*.ts', { cwd: ROOT })) {
    const below = layers.get(layerOf(file)) ?? new Map<string, string>();
    layers.set(layerOf(file), below);
    for (const { groups } of readFileSync(join(ROOT, file), 'utf8').matchAll(IMPORT)) {
      const other = layerOf(join(dirname(file), groups!.path!));
      if (other !== layerOf(file)) below.set(other, file);
    }
  }
  return layers;
}

test('no folder is imported by what it imports', () => {
  const layers = importedLayers();
  assert.ok(layers.size > 20);
  const done = new Set<string>();
  const visit = (layer: string, way: readonly string[]): void => {
    if (way.includes(layer)) {
      const circle = [...way.slice(way.indexOf(layer)), layer];
      const files = circle.slice(1).map((other, at) => layers.get(circle[at]!)!.get(other));
      assert.unreachable(`${circle.join(' → ')}: ${files.join(', ')}`);
    }
    if (done.has(layer)) return;
    for (const below of layers.get(layer)?.keys() ?? []) visit(below, [...way, layer]);
    done.add(layer);
  };
  for (const layer of layers.keys()) visit(layer, []);
});

test.run();
