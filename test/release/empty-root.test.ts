/**
 * What the image promises, without a container engine: the server as user 65532 on a read-only root file system that
 * has Node.js, its shared libraries and the bundle, and nothing else: no shell, no /etc, no /tmp, no /proc.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bundle } from '../../release/bundle.ts';
import { LOOPBACK, Running } from './running.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/pools/oldest-first.json');
const MOUNT_AND_RUN = `
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift &&
exec chroot --userspec=65532:65532 --groups=65532 "$@"`;

const problem = whatIsMissing();
if (problem !== undefined) {
  console.log(`# SKIPPED: the server in an empty root: ${problem}`);
  test('the server in an empty root is skipped', () => assert.ok(problem));
} else {
  test('the server needs Node.js and one file, and may write nothing', async () => {
    const root = mkdtempSync(join(tmpdir(), 'metaipam-root-'));
    let serve: Running | undefined;
    try {
      await furnish(root);
      const program = ['/nodejs/bin/node', '/app/metaipam.mjs', 'serve', ...LOOPBACK, '--no-bind'];
      serve = new Running(
        'unshare',
        ['--mount', 'sh', '-c', MOUNT_AND_RUN, 'sh', root, root, ...program],
        process.env,
      );
      await serve.logs('ready');
      const status = readFileSync(`/proc/${serve.pid}/status`, 'utf8');
      assert.match(status, /^Uid:\t65532\t65532\t65532\t65532$/m);
      assert.match(status, /^Gid:\t65532\t65532\t65532\t65532$/m);
      assert.match(readFileSync(`/proc/${serve.pid}/mountinfo`, 'utf8'), / \/ ro[, ]/);
      assert.not(readdirSync(`/proc/${serve.pid}/root`).includes('etc'));

      const { request } = JSON.parse(readFileSync(FIXTURE, 'utf8'));
      const answer = await serve.post('pools/sync', JSON.stringify(request));
      assert.is(answer.status, 200);
      assert.is(((await answer.json()) as { children: unknown[] }).children.length, 2);
      assert.is(await serve.get('/readyz'), 200);
      assert.is(await serve.stop(), 0, serve.output);
      assert.match(serve.output, 'stopped');
    } finally {
      serve?.kill();
      rmSync(root, { recursive: true, force: true });
    }
  });
}
test.run();

function whatIsMissing(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'it needs root on Linux';
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'pipe' });
    for (const tool of ['chroot', 'ldd']) execFileSync(tool, ['--version'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Node.js, what it is linked with, and the bundle, in the places where the image has them. */
async function furnish(root: string): Promise<void> {
  chmodSync(root, 0o755);
  const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' });
  for (const [path] of libraries.matchAll(/\/\S+/g)) put(path, join(root, path));
  put(process.execPath, join(root, 'nodejs/bin/node'));
  await bundle(join(root, 'app'));
}

function put(file: string, place: string): void {
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(file, place);
}
