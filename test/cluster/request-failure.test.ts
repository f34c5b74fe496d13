import { ApiException } from '@kubernetes/client-node';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { requestFailure } from '../../lib/cluster/cluster-client.ts';

const refused = new Error('connect ECONNREFUSED 127.0.0.1:1');
const body = { message: 'nodes is forbidden' };
const CASES: [what: string, error: unknown, kind: string, message: string][] = [
  ['an answer', new ApiException(403, 'HTTP-Code: 403', body, {}), 'rejected', 'nodes is forbidden'],
  ['a plain error', refused, 'unknown', refused.message],
  ['no error at all', 'gone', 'unknown', 'gone'],
  [
    'one that says why',
    new TypeError('fetch failed', { cause: refused }),
    'unknown',
    `fetch failed: ${refused.message}`,
  ],
  [
    'one of several addresses',
    new TypeError('fetch failed', { cause: new AggregateError([refused, new Error('other')]) }),
    'unknown',
    `fetch failed: ${refused.message}`,
  ],
  ['one that says it without words', new TypeError('fetch failed', { cause: {} }), 'unknown', 'fetch failed'],
];
for (const [what, error, kind, message] of CASES) {
  test(what, () => {
    const failure = requestFailure(error);
    assert.equal([failure.kind, failure.message], [kind, message]);
  });
}

test.run();
