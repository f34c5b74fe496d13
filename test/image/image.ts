/**
 * Images without a daemon and without a registry: buildah builds them, on bases that are made of Debian's packages
 * and this Node.js, and runc runs them as a kubelet would have it done.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { HOST_LOCAL } from '../cni/kit.ts';
import { Running } from '../release/running.ts';

export const ROOT = join(import.meta.dirname, '../..');
const PROGRAMS = ['apt-get', 'buildah', 'mmdebstrap', 'openssl', 'runc', 'unshare'];
/** Of this machine: what it trusts, a build on it trusts. */
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';
const HOOKS = '/usr/share/mmdebstrap/hooks';

/** What this machine lacks to build and run images, in words that follow "no". */
export function whatIsMissing(): string[] {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return ['root on Linux'];
  const folders = process.env.PATH!.split(':');
  const missing = PROGRAMS.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (!existsSync(HOST_LOCAL[0])) missing.push('host-local');
  if (missing.length > 0) return missing;
  if (npmFolder() === undefined) return ['npm that runs this: npm run test:image'];
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'pipe' });
    return [];
  } catch {
    return ['right to mount'];
  }
}

/** Of an image, by the OCI image specification. */
export interface ImageConfig {
  readonly User: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface Image {
  readonly config: ImageConfig;
  /** Where its files are. */
  readonly root: string;
}

export interface Container {
  readonly running: Running;
  /** The number of its first process, as the host counts. */
  readonly pid: number;
}

/** A folder with images and containers, and nothing outside of it. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), 'metaipam-image-'));
  readonly #containers: string[] = [];

  /** Makes the images that the Dockerfiles begin with. Throws what the programs print if one of them fails. */
  makeBases(): void {
    const nodejs = process.execPath;
    this.#makeBase(
      'build',
      ['--variant=apt', '--include=ca-certificates,libstdc++6', LINK_TO_NPM],
      { [nodejs]: '/usr/local/bin/node', [npmFolder()!]: '/usr/local/lib/node_modules/npm' },
      [`--env=NODE_EXTRA_CA_CERTS=${AUTHORITIES}`],
    );
    // Like the distroless image: libraries, and no program but Node.js.
    this.#makeBase('base', ['--variant=extract', `--hook-dir=${HOOKS}/merged-usr`, '--include=libstdc++6'], {
      [nodejs]: '/nodejs/bin/node',
    });
  }

  /** Builds a Dockerfile of the repository. Throws what it prints if it fails. */
  build(dockerfile: string, args: Readonly<Record<string, string>> = {}): Image {
    const all = { BUILD_IMAGE: 'localhost/build', BASE_IMAGE: 'localhost/base', ...args };
    const id = this.#buildah('build', [
      ...['--quiet', '--isolation=chroot', '--network=host', '--file', join(ROOT, dockerfile)],
      ...(existsSync(AUTHORITIES) ? [`--volume=${AUTHORITIES}:${AUTHORITIES}:ro`] : []),
      ...Object.entries(all).map(([name, value]) => `--build-arg=${name}=${value}`),
      ROOT,
    ]);
    const { OCIv1 } = JSON.parse(this.#buildah('inspect', ['--type=image', id]));
    return { config: OCIv1.config, root: this.#buildah('mount', [this.#buildah('from', [id])]) };
  }

  /**
   * Runs an image as its user, without capabilities, on a read-only root file system and the network of the host.
   * Resolves once its log holds `text`.
   *
   * @param mounts folders of the host, by their place in the container
   */
  async run(
    { config, root }: Image,
    text: string,
    given: {
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly mounts?: Readonly<Record<string, string>>;
    },
  ): Promise<Container> {
    const { args = config.Cmd ?? [], env = {}, mounts = {} } = given;
    const id = `metaipam-${process.pid}-${this.#containers.length}`;
    const bundle = join(this.#folder, id);
    const [uid, gid] = config.User.split(':').map(Number);
    mkdirSync(bundle);
    writeFileSync(
      join(bundle, 'config.json'),
      JSON.stringify({
        ociVersion: '1.0.0',
        process: {
          user: { uid, gid },
          args: [...config.Entrypoint, ...args],
          env: [...config.Env, ...Object.entries(env).map((pair) => pair.join('='))],
          cwd: config.WorkingDir,
          capabilities: {},
          noNewPrivileges: true,
        },
        root: { path: root, readonly: true },
        mounts: [
          { destination: '/proc', type: 'proc', source: 'proc' },
          { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
          ...Object.entries(mounts).map(([destination, source]) => ({
            ...{ destination, source, type: 'bind', options: ['rbind'] },
          })),
        ],
        linux: { namespaces: ['mount', 'pid', 'ipc', 'uts'].map((type) => ({ type })) },
      }),
    );
    this.#containers.push(id);
    const running = new Running('runc', this.#runc('run', '--bundle', bundle, id), process.env);
    await running.logs(text);
    return { running, pid: JSON.parse(call('runc', this.#runc('state', id))).pid };
  }

  /** Ends what runs and deletes all. */
  close(): void {
    for (const id of this.#containers) call('runc', this.#runc('delete', '--force', id));
    this.#buildah('rm', ['--all']);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #makeBase(
    name: string,
    options: readonly string[],
    files: Readonly<Record<string, string>>,
    config: readonly string[] = [],
  ): void {
    const tarball = join(this.#folder, `${name}.tar`);
    call('mmdebstrap', ['--quiet', ...options, debianRelease(), tarball, ...debianMirror()]);
    const container = this.#buildah('from', ['scratch']);
    this.#buildah('add', ['--quiet', container, tarball, '/']);
    for (const [from, to] of Object.entries(files)) this.#buildah('copy', ['--quiet', container, from, to]);
    this.#buildah('config', [...config, container]);
    this.#buildah('commit', ['--quiet', '--rm', container, `localhost/${name}`]);
    rmSync(tarball);
  }

  #buildah(command: string, args: readonly string[]): string {
    const [store, state] = [join(this.#folder, 'store'), join(this.#folder, 'state')];
    return call('buildah', ['--root', store, '--runroot', state, '--storage-driver=vfs', command, ...args]);
  }

  #runc(...args: readonly string[]): string[] {
    return ['--root', join(this.#folder, 'runc'), ...args];
  }
}

const LINK_TO_NPM =
  '--customize-hook=mkdir -p "$1/usr/local/bin" && ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"';

/** The npm that runs this script, which the package of Node.js does not have. */
function npmFolder(): string | undefined {
  const { npm_execpath } = process.env;
  return npm_execpath && dirname(dirname(npm_execpath));
}

/** The release that the Dockerfile builds on, such as trixie. */
function debianRelease(): string {
  return /^ARG BUILD_IMAGE=node:\d+-(\w+)-slim$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))![1]!;
}

/** Where this machine has Debian's packages from, if it has; mmdebstrap knows where else they are. */
function debianMirror(): string[] {
  const filter = ['Created-By: Packages', 'Origin: Debian'];
  return call('apt-get', ['indextargets', '--format=$(REPO_URI)', ...filter])
    .split('\n')
    .filter((uri) => uri !== '')
    .slice(0, 1);
}

/** What a program prints, trimmed. Throws what it says of an error. */
function call(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 26 }).trim();
}
