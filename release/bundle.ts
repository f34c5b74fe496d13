/**
 * Makes `dist/metaipam.mjs`, the command line and server as one file that needs nothing but Node.js 24, and
 * `dist/THIRD_PARTY_LICENSES.txt`, the licences of the packages in it.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { scriptArguments } from '../lib/script.ts';
import { shippedFiles, shippedVersion } from '../lib/shipped.ts';

const ROOT = dirname(import.meta.dirname);
const ENTRY = 'lib/cli/metaipam.ts';
const SHIPPED = 'lib/shipped.ts';
/** An older Node.js would end with an error of its own, somewhere. */
const OLD_NODE = `if(parseInt(process.versions.node)<24){console.error("metaipam needs Node.js 24 or later, this is "+process.version);process.exit(1)}`;
/** FORCE_COLOR wins, and some modules of Node.js warn of that when they load. */
const COLORS = `if(process.env.FORCE_COLOR!==undefined)delete process.env.NO_COLOR;`;
const REQUIRE = `const require=process.getBuiltinModule("node:module").createRequire(import.meta.url);`;

if (import.meta.main) {
  scriptArguments('npm run build\n\nMakes dist/metaipam.mjs, and the licences of the packages in it.\n', {});
  await bundle(join(ROOT, 'dist'));
}

/** Writes both files to `folder`. Throws if a module would look for files of the package at run time. */
export async function bundle(folder: string): Promise<void> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [ENTRY],
    outfile: join(folder, 'metaipam.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Not the names: a stack trace should be readable without a source map.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    define: { 'import.meta.main': 'true' },
    banner: { js: `${OLD_NODE}${COLORS}${REQUIRE}` },
    plugins: [embedShippedFiles(), requireBuiltins()],
    metafile: true,
    write: false,
    // The image is built without tsconfig.json, and is to hold the same bytes.
    tsconfigRaw: {},
    logLevel: 'error',
  });
  refuseFileLookups(metafile);
  mkdirSync(folder, { recursive: true });
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
  chmodSync(join(folder, 'metaipam.mjs'), 0o755);
  writeFileSync(join(folder, 'THIRD_PARTY_LICENSES.txt'), licenses(metafile));
}

/** The bundle has the files of lib/shipped.ts in it. */
function embedShippedFiles(): Plugin {
  const folders = [
    'crds',
    'metacontroller',
    'metacontroller/admission',
    'metacontroller/ipam-claims',
  ] as const;
  const files = Object.fromEntries(folders.map((folder) => [folder, shippedFiles(folder)]));
  const contents = `const files = ${JSON.stringify(files)};
export const shippedFiles = (folder) => files[folder];
export const shippedVersion = () => ${JSON.stringify(shippedVersion())};`;
  return {
    name: 'embed-shipped-files',
    setup: ({ onLoad }) => onLoad({ filter: /[\\/]lib[\\/]shipped\.ts$/ }, () => ({ contents })),
  };
}

/** Node.js' own modules are required: what is imported loads before anything of the bundle runs, its banner too. */
function requireBuiltins(): Plugin {
  const namespace = 'builtin';
  return {
    name: 'require-builtins',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^/ }, ({ path, kind }) =>
        kind !== 'require-call' && isBuiltin(path) ? { path, namespace } : undefined,
      );
      onLoad({ filter: /^/, namespace }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)})`,
      }));
    },
  };
}

/** In a bundle `import.meta` is the bundle's: paths beside a module lead nowhere, and every module would be main. */
function refuseFileLookups({ inputs }: Metafile): void {
  for (const file of Object.keys(inputs)) {
    if (/^(node_modules\/|builtin:)/.test(file) || file === ENTRY || file === SHIPPED) continue;
    if (/\bimport\.meta\b/.test(readFileSync(join(ROOT, file), 'utf8'))) {
      throw new Error(`${file} uses import.meta, which a bundle does not keep; read files with ${SHIPPED}`);
    }
  }
}

/** Name, version and licence texts of every bundled package, by name. */
function licenses({ inputs }: Metafile): string {
  const sources = Object.groupBy(
    Object.keys(inputs).filter((file) => file.includes('node_modules/')),
    (file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)![0],
  );
  const texts = Object.entries(sources)
    .sort()
    .map(([folder, files]) => {
      const { name, version, license } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
      return [`${name} ${version} (${license})`, ...licenseTexts(folder, license, files!)].join('\n\n');
    });
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

/** The licence files of a package; of one that has none, what the heads of its sources say. */
function licenseTexts(folder: string, license: string, sources: readonly string[]): string[] {
  const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
  const files = readdirSync(join(ROOT, folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  if (files.length > 0) return files.sort().map((file) => read(folder, file).trim());
  const heads = sources.map((file) => /^(\/\/.*\n)+/.exec(read(file))?.[0] ?? '');
  const notices = heads
    .filter((head) => head.includes('Copyright'))
    .map((head) => head.replace(/^\/\/ ?/gm, '').trim());
  // Their heads refer to the text of the licence that metaipam has as well.
  return [...new Set(notices), ...(license.includes('Apache-2.0') ? [read('LICENSE').trim()] : [])];
}
