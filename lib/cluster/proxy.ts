/** The proxy that the environment names, as programs in Go read it (`golang.org/x/net/http/httpproxy`), kubectl too. */
import { parseAddress } from '../address/address.ts';
import { covers, parseRange, type Range, rangeOf } from '../address/range.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** URL of the proxy for a server; undefined if there is none for it. */
export function proxyFor(server: string, env: Environment): string | undefined {
  const { protocol, hostname, port } = new URL(server);
  const scheme = protocol.slice(0, -1);
  const proxy = variable(`${scheme}_proxy`, env);
  const host = hostname.toLowerCase().replace(/^\[|\]$|\.$/g, '');
  const parsed = parseAddress(host);
  const address = parsed && rangeOf(parsed);
  if (
    proxy === '' ||
    host === 'localhost' ||
    (address !== undefined && LOOPBACK.some((range) => covers(range, address)))
  )
    return undefined;
  const ownPort = port || (scheme === 'https' ? '443' : '80');
  const isLeftOut = variable('no_proxy', env)
    .split(',')
    .some((entry) => matches(entry.trim().toLowerCase(), host, ownPort, address));
  if (isLeftOut) return undefined;
  const url = proxy.includes('://') ? proxy : `http://${proxy}`;
  return URL.canParse(url) ? url : undefined;
}

function variable(name: string, env: Environment): string {
  return env[name.toUpperCase()] || env[name] || '';
}

function matches(entry: string, host: string, ownPort: string, address: Range | undefined): boolean {
  if (entry === '' || entry === '*') return entry === '*';
  const range = parseRange(entry);
  if (range !== undefined) return address !== undefined && covers(range, address);
  const [, named = entry, port] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (port !== undefined && port !== ownPort) return false;
  const domain = named.replace(/^\*(?=\.)|^\[|\]$/g, '');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

const LOOPBACK = ['127.0.0.0/8', '::1'].map((text) => parseRange(text)!);
