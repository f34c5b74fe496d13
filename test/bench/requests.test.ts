import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { samplesOf } from '../e2e/prometheus.ts';
import { requestCounts, requestsAnObject } from '../e2e/requests.ts';

const counted = (verb: string, resource: string, count: number, more: Record<string, string> = {}) => {
  const labels = { code: '200', component: 'apiserver', resource, subresource: '', verb, ...more };
  const text = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return `apiserver_request_total{${text.join(',')}} ${count}`;
};
const countsOf = (...lines: string[]) => requestCounts(`${lines.join('\n')}\n`);

test('samples of one metric, whatever their labels hold', () => {
  const text = `# HELP calls Calls.
# TYPE calls counter
calls{path="/a b",by="x,y=\\"z\\"}",slash="\\\\n"} 3
calls{} 1e+06
calls 7 1700000000000
calls_sum{path="/a"} 9
`;
  assert.equal(samplesOf(text, 'calls'), [
    { labels: { path: '/a b', by: 'x,y="z"}', slash: '\\n' }, value: 3 },
    { labels: {}, value: 1_000_000 },
    { labels: {}, value: 7 },
  ]);
  assert.equal(samplesOf(text, 'call'), []);
});

test('counts are by verb, resource, subresource and refusal', () => {
  const counts = countsOf(
    counted('PUT', 'nodes', 2),
    counted('PUT', 'nodes', 3, { code: '201', version: 'v1' }),
    counted('PUT', 'nodes', 5, { subresource: 'status' }),
    counted('PUT', 'nodes', 7, { code: '409' }),
    counted('APPLY', 'pools', 1e6),
  );
  assert.equal(
    [...counts],
    [
      ['PUT nodes', 5],
      ['PUT nodes/status', 5],
      ['PUT nodes 409', 7],
      ['APPLY pools', 1_000_000],
    ],
  );
});

test('what time alone causes is not counted', () => {
  const lines = [
    counted('LIST', 'nodes', 2),
    counted('WATCH', 'nodes', 2),
    counted('PUT', 'leases', 2),
    counted('GET', '', 2),
  ];
  assert.is(countsOf(...lines).size, 0);
});

test('what an object costs is what came since, without the request that made it', () => {
  const before = countsOf(counted('POST', 'claims', 1), counted('PUT', 'pools/status', 4));
  const after = countsOf(
    counted('POST', 'claims', 11),
    counted('POST', 'claims', 1, { code: '409' }),
    counted('PUT', 'pools/status', 4),
    counted('PUT', 'claims', 15),
    counted('POST', 'addresses', 20),
    counted('POST', 'events', 10),
  );
  const { sum, byRequest } = requestsAnObject(before, after, 10, 'POST claims');
  assert.equal(
    [...byRequest],
    [
      ['POST addresses', 2],
      ['PUT claims', 1.5],
      ['POST events', 1],
      ['POST claims 409', 0.1],
    ],
  );
  assert.is(sum, 3.6);
});

test.run();
