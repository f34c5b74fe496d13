import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { proxyFor } from '../../lib/cluster/proxy.ts';

const PROXY = 'http://proxy:3128';
const SERVER = 'https://api.example.com:6443';

const VARIABLES: [env: Record<string, string>, server: string, proxy: string | undefined][] = [
  [{}, SERVER, undefined],
  [{ HTTPS_PROXY: PROXY }, SERVER, PROXY],
  [{ https_proxy: 'proxy:3128' }, SERVER, PROXY],
  [{ HTTPS_PROXY: '', https_proxy: PROXY }, SERVER, PROXY],
  [{ HTTP_PROXY: PROXY }, SERVER, undefined],
  [{ HTTP_PROXY: PROXY }, 'http://api.example.com', PROXY],
  [{ HTTPS_PROXY: 'http://' }, SERVER, undefined],
  ...['localhost', '127.0.0.1', '127.8.0.1', '[::1]'].map((host): (typeof VARIABLES)[number] => [
    { HTTPS_PROXY: PROXY },
    `https://${host}:6443`,
    undefined,
  ]),
];
for (const [env, server, proxy] of VARIABLES) {
  test(`${JSON.stringify(env)}, ${server}: ${proxy}`, () => assert.is(proxyFor(server, env), proxy));
}

const LEFT_OUT: [list: string, server: string, isLeftOut: boolean][] = [
  ['*', SERVER, true],
  ['example.com', SERVER, true],
  ['.example.com', SERVER, true],
  ['*.example.com', SERVER, true],
  ['API.example.com', SERVER, true],
  ['.api.example.com', SERVER, false],
  ['ample.com', SERVER, false],
  ['other.org, example.com', SERVER, true],
  ['example.com:6443', SERVER, true],
  ['example.com:443', SERVER, false],
  ['example.com:443', 'https://example.com', true],
  ['10.0.0.0/8', 'https://10.1.2.3:6443', true],
  ['10.0.0.0/8', 'https://11.1.2.3:6443', false],
  ['10.1.2.3', 'https://10.1.2.3:6443', true],
  ['10.1.2.3:6443', 'https://10.1.2.3:6443', true],
  ['fd00::/8', 'https://[fd00::1]:6443', true],
  ['[fd00::1]:6443', 'https://[fd00::1]:6443', true],
  ['fd00::/8', 'https://10.1.2.3:6443', false],
  ['', SERVER, false],
];
for (const [list, server, isLeftOut] of LEFT_OUT) {
  test(`NO_PROXY=${list}, ${server}: ${isLeftOut ? 'none' : 'the proxy'}`, () => {
    const env = { HTTPS_PROXY: PROXY, no_proxy: list };
    assert.is(proxyFor(server, env), isLeftOut ? undefined : PROXY);
  });
}

test.run();
