/**
 * Makes `dist/cni`: the programs as native executables that need nothing of their host (`kube-node`,
 * `node-annotation`), the fetcher, and, in `dist/cni/node`, all of them for hosts with Node.js.
 *
 * Needs `qjsc` and the library of QuickJS (Debian: quickjs, libquickjs) and a C compiler (`CC`, default cc).
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist/cni');
const drafts = join(root, 'dist/cni-build');
const PLUGINS = ['kube-node', 'node-annotation'];
const FETCHER = 'fetch-node';

rmSync(dist, { recursive: true, force: true });
for (const folder of [join(dist, 'node'), drafts]) mkdirSync(folder, { recursive: true });

// Outside of packages a file without an extension is CommonJS; here it is what this says.
writeFileSync(join(root, 'dist/package.json'), '{ "type": "commonjs" }\n');
for (const name of [...PLUGINS, FETCHER]) await bundleForNode(name, join(dist, 'node', name));
await bundleForNode(FETCHER, join(dist, FETCHER));

const quickjs = findQuickJS();
for (const name of PLUGINS) {
  await compile(name, join(dist, name));
  console.log(join('dist/cni', name));
}
rmSync(drafts, { recursive: true });

/** One file, run by the `node` that is found. */
async function bundleForNode(name: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, 'cni/node', `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    banner: { js: '#!/usr/bin/env node' },
  });
  chmodSync(outfile, 0o755);
}

/** TypeScript to one module, to bytecode in C, to a static executable. */
async function compile(name: string, outfile: string): Promise<void> {
  const module = join(drafts, `${name}.js`);
  const source = join(drafts, `${name}.c`);
  await build({
    entryPoints: [join(root, 'cni/quickjs', `${name}.ts`)],
    outfile: module,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    alias: { 'qjs:std': 'std', 'qjs:os': 'os' },
    external: ['std', 'os'],
  });
  execFileSync('qjsc', ['-s', '-m', '-e', '-o', source, module], { stdio: 'inherit' });
  const flags = ['-O2', '-static', '-s', '-w', `-I${quickjs.include}`];
  const libraries = [quickjs.library, '-lm', '-ldl', '-lpthread'];
  execFileSync(process.env.CC ?? 'cc', [...flags, '-o', outfile, source, ...libraries], {
    stdio: 'inherit',
  });
}

function findQuickJS(): { include: string; library: string } {
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
