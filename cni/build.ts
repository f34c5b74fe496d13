/**
 * Makes `dist/cni`: `kube-node`, `node-annotation` and the fetcher as executables that need nothing of their host,
 * in `dist/cni/node` all of them for hosts with Node.js, and `dist/cni-agent.mjs`.
 *
 * Needs `qjsc` and the library of QuickJS (Debian: quickjs, libquickjs), OpenSSL (libssl-dev) with what it is linked
 * with there (from Debian 13 on libzstd-dev, zlib1g-dev), `pkg-config` and a C compiler (`CC`, default cc).
 */

import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { FETCHER } from '../lib/cni/own-node.ts';
import { scriptArguments } from '../lib/script.ts';

export const PLUGINS = ['kube-node', 'node-annotation'];
const root = dirname(import.meta.dirname);

if (import.meta.main) {
  scriptArguments('npm run build:cni\n\nMakes dist/cni, and dist/cni-agent.mjs.\n', {});
  const dist = join(root, 'dist/cni');
  rmSync(dist, { recursive: true, force: true });
  await buildForNode(join(dist, 'node'));
  await buildNative(dist);
  copyFileSync(join(import.meta.dirname, 'LICENSES.txt'), join(dist, 'LICENSES.txt'));
  await buildAgent(join(root, 'dist/cni-agent.mjs'));
}

/** All programs, each one file that is run by the `node` of its host. */
export async function buildForNode(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  // In a package a file without an extension is what this says; elsewhere it is CommonJS.
  writeFileSync(join(folder, '../package.json'), '{ "type": "commonjs" }\n');
  for (const name of [...PLUGINS, FETCHER]) await bundleForNode(`node/${name}`, join(folder, name), 'cjs');
}

/** The node agent, which needs Node.js and nothing else. */
export async function buildAgent(outfile: string): Promise<void> {
  await bundleForNode('agent/agent', outfile, 'esm');
}

/** All programs as static executables. Throws without QuickJS, a C compiler, pkg-config or OpenSSL. */
export async function buildNative(folder: string): Promise<void> {
  const quickjs = findQuickJS();
  const openssl = execFileSync('pkg-config', ['--static', '--libs', 'libssl'], { encoding: 'utf8' });
  const drafts = join(folder, 'drafts');
  mkdirSync(drafts, { recursive: true });
  for (const name of PLUGINS) await compile(name, quickjs, drafts, join(folder, name));
  await compile(FETCHER, quickjs, drafts, join(folder, FETCHER), ['tls'], openssl.trim().split(/\s+/));
  rmSync(drafts, { recursive: true });
}

async function bundleForNode(entry: string, outfile: string, format: 'cjs' | 'esm'): Promise<void> {
  await build({
    entryPoints: [join(root, 'cni', `${entry}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format,
    banner: { js: '#!/usr/bin/env node' },
    logLevel: 'error',
  });
  chmodSync(outfile, 0o755);
}

interface QuickJS {
  readonly include: string;
  readonly library: string;
}

/** TypeScript to one module, to bytecode in C, to a static executable. */
async function compile(
  name: string,
  quickjs: QuickJS,
  drafts: string,
  outfile: string,
  modules: readonly string[] = [],
  libraries: readonly string[] = [],
): Promise<void> {
  const ours = ['process', ...modules];
  const module = join(drafts, `${name}.js`);
  const source = join(drafts, `${name}.c`);
  await build({
    entryPoints: [join(root, 'cni/quickjs', `${name}.ts`)],
    outfile: module,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    alias: Object.fromEntries(['std', 'os', ...ours].map((name) => [`qjs:${name}`, name])),
    external: ['std', 'os', ...ours],
    logLevel: 'error',
  });
  execFileSync(
    'qjsc',
    ['-s', '-m', ...ours.flatMap((name) => ['-M', `${name},${name}`]), '-e', '-o', source, module],
    { stdio: 'inherit' },
  );
  const flags = [
    '-O2',
    '-fstack-protector-strong',
    '-D_FORTIFY_SOURCE=2',
    '-static',
    '-s',
    '-w',
    `-I${quickjs.include}`,
  ];
  // The linker warns of what would need shared libraries: modules of QuickJS, and names that only an NSS plugin knows.
  const sources = [source, ...ours.map((name) => join(root, `cni/quickjs/${name}.c`))];
  const all = [...sources, ...libraries, quickjs.library, '-lm', '-ldl', '-lpthread'];
  execFileSync(process.env.CC ?? 'cc', [...flags, '-o', outfile, ...all], { stdio: 'pipe' });
}

function findQuickJS(): QuickJS {
  for (const prefix of ['/usr/local', '/usr']) {
    const include = join(prefix, 'include/quickjs');
    const [library] = globSync([
      `${prefix}/lib/quickjs/libquickjs.a`,
      `${prefix}/lib/*/quickjs/libquickjs.a`,
    ]);
    if (existsSync(include) && library !== undefined) return { include, library };
  }
  throw new Error('There is no libquickjs.a. On Debian it is in the package libquickjs, qjsc in quickjs.');
}
