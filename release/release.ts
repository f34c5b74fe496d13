/**
 * Makes what is attached to a release, of the version in package.json, in `dist/release` or in `--folder`.
 *
 * A part whose tools are not there is left out and named on stderr; with `--complete` that is an error.
 */
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { endOnClosedOutput } from '../lib/closed-output.ts';
import { scriptArguments } from '../lib/script.ts';
import { shippedVersion } from '../lib/shipped.ts';
import { bundle } from './bundle.ts';
import {
  componentsYaml,
  crdsYaml,
  installYaml,
  metacontrollerRights,
  readKustomization,
  readObjects,
} from './manifests.ts';

const ROOT = dirname(import.meta.dirname);
/** Of archives with nothing in them that depends on when and by whom they were made. */
const REPEATABLE = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=go-w'];

const USAGE = `npm run release -- [options]

Makes what is attached to a release, of the version in package.json.

  --complete     A part whose tools are not there is an error; else it is left out, and named.
  --folder path  Where; without it dist/release. What is there is deleted first.
`;

/** Every file that is made of manifests alone. */
export function writeManifests(folder: string, version: string): void {
  const install = readKustomization(join(ROOT, 'metacontroller'));
  writeFileSync(join(folder, 'crds.yaml'), crdsYaml(install, version));
  writeFileSync(join(folder, 'metaipam.yaml'), installYaml(install, version));
  // The contract's names: https://cluster-api.sigs.k8s.io/developer/providers/contracts/clusterctl#naming-conventions
  writeFileSync(join(folder, 'ipam-components.yaml'), componentsYaml(install, version));
  copyFileSync(join(ROOT, 'metadata.yaml'), join(folder, 'metadata.yaml'));
  copyFileSync(
    join(ROOT, 'metacontroller/default-pod-network.yaml'),
    join(folder, 'default-pod-network.yaml'),
  );
}

/**
 * The components with Metacontroller, whose CRDs are read from $METACONTROLLER_CRDS or, as for the end-to-end tests,
 * from beside $KUBEBUILDER_ASSETS. Returns why there are none.
 */
export function writeWholeComponents(folder: string, version: string): string[] {
  const assets = process.env.KUBEBUILDER_ASSETS || '/usr/local/kubebuilder/bin';
  const path = process.env.METACONTROLLER_CRDS || join(assets, '..', 'metacontroller-crds.yaml');
  if (!existsSync(path)) {
    return [
      `ipam-components-with-metacontroller.yaml: no ${path}; $METACONTROLLER_CRDS names Metacontroller's CRDs`,
    ];
  }
  const crds = readObjects(path);
  const install = readKustomization(join(ROOT, 'metacontroller'));
  const text = componentsYaml(install, version, [...crds, ...metacontrollerRights()]);
  writeFileSync(join(folder, 'ipam-components-with-metacontroller.yaml'), text);
  return [];
}

function sha256(file: string): string {
  return hash('sha256', readFileSync(file));
}

/** Writes files of a folder, by their names in it, to an archive. */
function pack(archive: string, folder: string, names: readonly string[]): void {
  const tar = execFileSync('tar', [...REPEATABLE, '-C', folder, '-cf', '-', ...names], {
    maxBuffer: 2 ** 30,
  });
  writeFileSync(archive, gzipSync(tar, { level: 9 }));
}

/** The sums of all files of a folder, as `sha256sum --check` reads them. */
export function checksums(folder: string): string {
  return readdirSync(folder)
    .filter((file) => file !== 'SHA256SUMS')
    .sort()
    .map((file) => `${sha256(join(folder, file))}  ${file}\n`)
    .join('');
}

/** The bundle as a plugin of kubectl, and its manifest for krew. Returns why there is none. */
export function packPlugin(folder: string, version: string): string[] {
  const archive = `kubectl-ipam-${version}.tar.gz`;
  try {
    copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
    pack(join(folder, archive), folder, ['LICENSE', 'THIRD_PARTY_LICENSES.txt', 'metaipam.mjs']);
    writeFileSync(join(folder, 'ipam.yaml'), krewManifest(version, archive, sha256(join(folder, archive))));
    return [];
  } catch (error) {
    return [`the plugin of kubectl: ${reason(error)}`];
  } finally {
    rmSync(join(folder, 'LICENSE'), { force: true });
  }
}

/** See https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest. */
function krewManifest(version: string, archive: string, sum: string): string {
  const platform = (os: string) => `    - selector: {matchLabels: {os: ${os}}}
      uri: https://github.com/metaipam/metaipam/releases/download/v${version}/${archive}
      sha256: ${sum}
      bin: metaipam.mjs
`;
  return `apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: ipam
spec:
  version: v${version}
  homepage: https://github.com/metaipam/metaipam
  shortDescription: Show who has which address, and what is wrong with it
  description: |
    The command line of metaipam, IP address management for Kubernetes: who has an address and whose that is, how full
    pools and pod networks are, what is wrong among them, what a change would do.
  caveats: |
    It takes Node.js 24 or later.
  platforms:
${platform('linux')}${platform('darwin')}`;
}

/** The programs of this machine's kind of processor. Returns why there are none. */
function packCniPrograms(folder: string, version: string): string[] {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  try {
    execFileSync(process.execPath, [join(ROOT, 'cni/build.ts')], { stdio: ['ignore', 'inherit', 'pipe'] });
    pack(join(folder, `metaipam-cni-${version}-linux-${arch}.tar.gz`), join(ROOT, 'dist'), ['cni']);
    return [];
  } catch (error) {
    return [`the CNI programs: ${reason(error)}`];
  }
}

/** Returns why there is no chart. Helm writes the time into it: this is the one file that is never the same twice. */
function packChart(folder: string, version: string): string[] {
  const chart = join(ROOT, 'charts/metaipam');
  if (!existsSync(chart)) return ['the chart: there is no charts/metaipam'];
  try {
    const versions = ['--version', version, '--app-version', version];
    execFileSync('helm', ['package', chart, '--destination', folder, ...versions], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return [];
  } catch (error) {
    return [`the chart: ${reason(error)}`];
  }
}

/** What a program that failed said last, or that it is not there. Throws what is no failure of a program. */
function reason(error: unknown): string {
  const { code, path, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer | null };
  if (code === 'ENOENT') return `${path} is not on the path`;
  if (stderr === undefined) throw error;
  const lines = stderr?.toString().trim().split('\n') ?? [];
  return lines.find((line) => /^\w*Error: /.test(line)) ?? lines.at(-1) ?? String(error);
}

if (import.meta.main) {
  endOnClosedOutput();
  const { values } = scriptArguments(USAGE, {
    options: {
      complete: { type: 'boolean', default: false },
      folder: { type: 'string', default: join(ROOT, 'dist/release') },
    },
  });
  const { folder } = values;
  const version = shippedVersion();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeManifests(folder, version);
  await bundle(folder);
  const problems = [
    ...writeWholeComponents(folder, version),
    ...packPlugin(folder, version),
    ...packCniPrograms(folder, version),
    ...packChart(folder, version),
  ];
  writeFileSync(join(folder, 'SHA256SUMS'), checksums(folder));
  process.stdout.write(readFileSync(join(folder, 'SHA256SUMS')));
  for (const problem of problems) process.stderr.write(`NOT IN THE RELEASE: ${problem}\n`);
  if (problems.length > 0 && values.complete) process.exitCode = 1;
}
