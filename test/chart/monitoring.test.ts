import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHART } from '../../charts/build.ts';
import { BinderMetrics } from '../../lib/binder/binder-metrics.ts';
import { createMetrics } from '../../lib/server/metrics.ts';
import { find, HELM, type Manifest, NO_HELM, template } from './helm.ts';

const { registry } = createMetrics();
new BinderMetrics(registry);
const metrics = await registry.getMetricsAsJSON();
/** Series by name, with those that a histogram makes. */
const series = new Set(
  metrics.flatMap(({ name, type }) =>
    String(type) === 'histogram' ? ['bucket', 'count', 'sum'].map((part) => `${name}_${part}`) : [name],
  ),
);

/** Names of series in a PromQL expression. */
const named = (expression: string) =>
  expression.match(/\b(metaipam|node_ipam_controller|process)_\w+/g) ?? [];

function assertKnown(expressions: readonly string[]): void {
  for (const expression of expressions) {
    for (const name of named(expression)) assert.ok(series.has(name), `${name} in ${expression}`);
    const depth = [...expression].reduce(
      (open, letter) => open + ('({['.includes(letter) ? 1 : ')}]'.includes(letter) ? -1 : 0),
      0,
    );
    assert.is(depth, 0, expression);
  }
}

test('the dashboard asks for series that there are', () => {
  const { panels } = JSON.parse(readFileSync(join(CHART, 'files/dashboard.json'), 'utf8'));
  const expressions = panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) =>
    targets.map(({ expr }) => expr),
  );
  assert.ok(expressions.length > 10);
  assertKnown(expressions);
  const ids = panels.map(({ id }: { id: number }) => id);
  assert.equal(ids, [...new Set(ids)]);
});

if (HELM === undefined) {
  console.log(NO_HELM);
  test.skip('alerts', () => {});
} else {
  const everything = template('everything');

  test('alerts ask for series that there are, and find the pods of the release', () => {
    const { rules } = find(everything, 'PrometheusRule').spec.groups[0];
    assertKnown(rules.map(({ expr }: Manifest) => expr));
    for (const { alert, expr, annotations } of rules) {
      assert.match(expr, 'job="ipam",namespace="metaipam-system"', alert);
      assert.ok(annotations.summary && annotations.description, alert);
    }
    const withoutBinder = template({ prometheusRule: { enabled: true }, bind: { enabled: false } });
    const alerts = find(withoutBinder, 'PrometheusRule').spec.groups[0].rules.map(
      ({ alert }: Manifest) => alert,
    );
    assert.not.ok(alerts.includes('MetaipamNoLeader'));
  });

  test('the ServiceMonitor selects the Service of the webserver alone', () => {
    const { matchLabels } = find(everything, 'ServiceMonitor').spec.selector;
    const selected = everything.filter(
      ({ kind, metadata }) =>
        kind === 'Service' &&
        Object.entries(matchLabels).every(([key, value]) => metadata.labels[key] === value),
    );
    assert.equal(
      selected.map(({ metadata }) => metadata.name),
      ['ipam'],
    );
  });

  test('the dashboard arrives in its ConfigMap as it is', () => {
    const { data } = find(everything, 'ConfigMap');
    assert.equal(
      JSON.parse(data['metaipam.json']),
      JSON.parse(readFileSync(join(CHART, 'files/dashboard.json'), 'utf8')),
    );
  });
}

test.run();
