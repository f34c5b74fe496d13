/**
 * What a pod pays: whole ADDs and DELs of kube-node beside those of host-local alone, in one run, each round one call
 * of each. Run `npm run build:cni` first; needs host-local (containernetworking-plugins) and openssl.
 *
 * `node bench/cni.ts [rounds]`
 */
import { existsSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { columns } from '../lib/cli/table.ts';
import { endOnClosedOutput } from '../lib/closed-output.ts';
import { endWith, scriptArguments } from '../lib/script.ts';
import { apiServer, cniEnv, HOST_LOCAL_FOLDER, run, scratch } from '../test/cni/kit.ts';
import { median, processors } from './statistics.ts';

/** Milliseconds beyond host-local alone. */
const CACHED_AIM = 15;
const COLD_AIM = 120;

interface Series {
  readonly name: string;
  readonly program: string;
  readonly isCold: boolean;
  readonly aim?: number;
  readonly add: number[];
  readonly del: number[];
}

endOnClosedOutput();
const { positionals } = scriptArguments('npm run bench:cni -- [rounds]\n', { allowPositionals: true });
const rounds = Number(positionals[0] ?? 40);
if (!Number.isSafeInteger(rounds) || rounds < 1) endWith(`${positionals[0]} is no number of rounds`);
const dist = join(import.meta.dirname, '../dist/cni');
if (!existsSync(join(dist, 'kube-node'))) endWith('there is no dist/cni: npm run build:cni');

const work = scratch();
const [data, cache] = [join(work, 'data'), join(work, 'cache')];
const api = await apiServer(join(work, 'api'), [
  { name: hostname().toLowerCase(), podCIDRs: ['10.1.0.0/16', 'fd00:1::/64'] },
]);
const ranges = [[{ subnet: '10.1.0.0/16' }], [{ subnet: 'fd00:1::/64' }]];
const kubeconfig = api.kubeconfig(join(work, 'kubeconfig'));
const stdin = JSON.stringify({
  ...{ cniVersion: '1.0.0', name: 'net' },
  ipam: { type: 'host-local', dataDir: data, kubeconfig, ranges },
});

const hostLocal = series('host-local alone', join(HOST_LOCAL_FOLDER, 'host-local'));
const all = [
  hostLocal,
  series('kube-node, cached', join(dist, 'kube-node'), { aim: CACHED_AIM }),
  series('kube-node, cold', join(dist, 'kube-node'), { aim: COLD_AIM, isCold: true }),
  series('kube-node by Node.js, cached', join(dist, 'node/kube-node')),
  series('kube-node by Node.js, cold', join(dist, 'node/kube-node'), { isCold: true }),
];

for (let round = 0; round < rounds; round++) {
  for (const each of all) {
    rmSync(each.isCold ? cache : join(work, 'nothing'), { recursive: true, force: true });
    each.add.push(await measure(each.program, 'ADD', round));
    each.del.push(await measure(each.program, 'DEL', round));
  }
}
api.close();

const beside = ['median', '+ host-local', 'x'];
const header = ['', 'ADD min', ...beside, 'DEL min', ...beside, 'aim'];
const rows = all.map((each) => [
  each.name,
  ...compare(each.add, hostLocal.add),
  ...compare(each.del, hostLocal.del),
  each.aim === undefined ? '' : `+ ${each.aim} ${isMet(each, each.aim) ? 'met' : 'MISSED'}`,
]);
console.log(`${columns([header, ...rows], header.keys().toArray()).join('\n')}

Milliseconds of whole calls, ${rounds} rounds, on ${processors()}. cold: nothing is cached, the node is
asked for over TLS on loopback. + host-local and x: minimum against the minimum of host-local alone, same round, same load.`);

function series(name: string, program: string, more: { aim?: number; isCold?: boolean } = {}): Series {
  return { name, program, isCold: false, add: [], del: [], ...more };
}

async function measure(program: string, command: string, round: number): Promise<number> {
  const env = cniEnv(command, `c${round}`, { METAIPAM_CNI_CACHE: cache, PATH: process.env.PATH ?? '' });
  const startedAt = performance.now();
  const { status, out, err } = await run(program, { env, stdin });
  const milliseconds = performance.now() - startedAt;
  if (status !== 0) throw new Error(`${program} ${command}: ${out}${err}`);
  return milliseconds;
}

/** Minimum and median, and how the minimum compares. */
function compare(times: readonly number[], base: readonly number[]): string[] {
  const [own, other] = [Math.min(...times), Math.min(...base)];
  return [
    own.toFixed(1),
    median(times).toFixed(1),
    `+ ${(own - other).toFixed(1)}`,
    (own / other).toFixed(1),
  ];
}

function isMet({ add, del }: Series, aim: number): boolean {
  const beyond = (times: readonly number[], base: readonly number[]) =>
    Math.min(...times) - Math.min(...base);
  return beyond(add, hostLocal.add) <= aim && beyond(del, hostLocal.del) <= CACHED_AIM;
}
