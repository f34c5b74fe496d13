import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BinderMetrics } from '../../lib/binder/binder-metrics.ts';
import { Janitor } from '../../lib/janitor/janitor.ts';
import { DEFAULT_CONFIG } from '../../lib/metacontroller/hook.ts';
import { createMetrics } from '../../lib/server/metrics.ts';
import { parsePage, ROOT } from './pages.ts';

const text = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
const page = parsePage('docs/operations.md', text);

/** Name, type and labels of each metric that is ours. */
const metrics = (() => {
  const { registry } = createMetrics();
  new BinderMetrics(registry);
  new Janitor({} as never, DEFAULT_CONFIG, registry, {} as never, {} as never);
  return registry.getMetricsAsArray().filter(({ name }) => !/^(process|nodejs)_/.test(name));
})();

test('the table of metrics has every metric, with its type and labels, and no other', () => {
  const rows = [...text.matchAll(/^\| `((?:metaipam|node_ipam)_\w+)` \| (\w+) \|(.*?)\|/gm)];
  const shown = rows.map(([, name, type, labels = '']) =>
    [name, type, labels.replaceAll(/[` ]/g, '')].join(' '),
  );
  const known = metrics.map((metric) => {
    const { name, labelNames } = metric as unknown as { name: string; labelNames: readonly string[] };
    return [name, metric.constructor.name.toLowerCase(), labelNames.join()].join(' ');
  });
  assert.ok(known.length > 10);
  assert.equal(shown.sort(), known.sort());
});

test('metrics that are named elsewhere exist', () => {
  const names = new Set(
    metrics.flatMap(({ name }) => [name, ...['bucket', 'count', 'sum'].map((part) => `${name}_${part}`)]),
  );
  const named = [...text.matchAll(/\bmetaipam_[a-z_]+/g)].map(([name]) => name);
  assert.equal(
    named.filter((name) => !names.has(name)),
    [],
  );
});

test('the alerts are those of the chart', () => {
  const chart = readFileSync(join(ROOT, 'charts/metaipam/templates/prometheusrule.yaml'), 'utf8');
  const known = [...chart.matchAll(/- alert: (\w+)/g)].map(([, alert]) => alert);
  const shown = [...text.matchAll(/`(Metaipam[A-Z]\w+)`/g)].map(([, alert]) => alert);
  assert.equal(shown.sort(), known.sort());
});

test('log messages are those of the code', () => {
  const source = globSync(['lib/{binder,server}/*.ts', 'lib/cli/*.ts'], { cwd: ROOT })
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n');
  const rows = [...page.prose.matchAll(/^\| (`.*`) \| (?:info|warn|error|fatal) \|/gm)];
  const messages = rows.flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message),
  );
  assert.ok(messages.length > 5);
  for (const message of messages) assert.ok(source.includes(`'${message.replace('…', '')}`), message);
});

test('error codes are those of the server', () => {
  const source = readFileSync(join(ROOT, 'lib/server/errors.ts'), 'utf8');
  const known = [...source.matchAll(/^ {2}(METAIPAM_ERR_\w+): /gm)].map(([, code]) => code);
  const shown = [...text.matchAll(/`(METAIPAM_ERR_\w+)`/g)].map(([, code]) => code);
  assert.equal(shown.sort(), known.sort());
});

test('symptoms that quote a condition quote what the code says', () => {
  const source = globSync(['hooks/*.ts', 'lib/{pool,claim,pod-network}/*.ts'], { cwd: ROOT })
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n');
  const quoted = [...page.prose.matchAll(/`([A-Z][A-Za-z]+): ([^`]+)`/g)];
  assert.ok(quoted.length > 5);
  for (const [, reason = '', message = ''] of quoted) {
    assert.ok(source.includes(`'${reason}'`), reason);
    for (const part of message.split('…')) assert.ok(source.includes(part.trim()), part);
  }
});

test.run();
