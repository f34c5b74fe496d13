import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { callsBetween, hookCalls } from '../../bench/cluster/hook-calls.ts';
import { parseUsage, usageOf } from '../../bench/cluster/usage.ts';

test('CPU time and peak memory are read from /proc, whatever the name of the program', () => {
  const stat = `42 (a) S (b) R ${Array.from({ length: 49 }, (_, index) => index + 1).join(' ')}`;
  // utime and stime are the fields 14 and 15; the program's state is the third.
  assert.equal(parseUsage(stat, 'Name:\tetcd\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n'), {
    cpuSeconds: (11 + 12) / 100,
    peakBytes: 2048 * 1024,
  });
});

if (process.platform === 'linux') {
  test('this process has used some of both', () => {
    const { cpuSeconds, peakBytes } = usageOf(process.pid);
    assert.ok(cpuSeconds > 0 && cpuSeconds < 600, String(cpuSeconds));
    assert.ok(peakBytes > 10e6 && peakBytes < 10e9, String(peakBytes));
  });
}

const METRICS = `
metaipam_hook_request_bytes_bucket{le="1024",controller="claims",hook="sync"} 1
metaipam_hook_request_bytes_sum{controller="claims",hook="sync"} 5000
metaipam_hook_request_bytes_count{controller="claims",hook="sync"} 4
metaipam_hook_response_bytes_sum{controller="claims",hook="sync"} 300
metaipam_hook_request_bytes_sum{controller="pools",hook="customize"} 700
metaipam_hook_request_bytes_count{controller="pools",hook="customize"} 1
`;

test('hook calls are read from the metrics of the server', () => {
  assert.equal(hookCalls(METRICS), {
    'claims/sync': { calls: 4, requestBytes: 5000, responseBytes: 300 },
    // Every call failed.
    'pools/customize': { calls: 1, requestBytes: 700, responseBytes: 0 },
  });
});

test('only the hooks that were called since the first reading count', () => {
  const before = hookCalls(METRICS);
  const after = {
    ...before,
    'claims/sync': { calls: 6, requestBytes: 8000, responseBytes: 350 },
    'nodes/sync': { calls: 1, requestBytes: 9000, responseBytes: 1 },
  };
  assert.equal(Object.entries(callsBetween(before, after)), [
    ['nodes/sync', { calls: 1, requestBytes: 9000, responseBytes: 1 }],
    ['claims/sync', { calls: 2, requestBytes: 3000, responseBytes: 50 }],
  ]);
});

test.run();
