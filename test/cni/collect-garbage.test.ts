import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CniError } from '../../lib/cni/cni-error.ts';
import { collectGarbage } from '../../lib/cni/collect-garbage.ts';
import type { Host } from '../../lib/cni/host.ts';

const FILES: Record<string, string> = {
  '10.0.0.2': 'a\r\neth0',
  'fd00::2': 'a\r\neth0',
  '10.0.0.3': 'b\r\neth0',
  '10.0.0.4': 'b\r\nnet1',
  '10.0.0.5': 'old',
  'last_reserved_ip.0': '10.0.0.5',
  lock: '',
  '10.0.0.6': '',
};

function released(valid: unknown, release: (attachment: string) => void = () => {}): string[] {
  const folders: string[] = [];
  const host = {
    listFolder(path: string) {
      folders.push(path);
      return Object.keys(FILES);
    },
    readFile: (path: string) => FILES[path.slice(path.lastIndexOf('/') + 1)],
  } as object as Host;
  const done: string[] = [];
  const config = { whole: { 'cni.dev/valid-attachments': valid }, name: 'net', dataDir: '/data' };
  collectGarbage(host, config, (containerID, ifname) => {
    done.push(`${containerID} ${ifname}`);
    release(`${containerID} ${ifname}`);
  });
  assert.equal(folders, ['/data/net']);
  return done;
}

test('Each attachment that is not valid is released once, whatever its addresses', () => {
  assert.equal(released([]), ['a eth0', 'b eth0', 'b net1', 'old eth0']);
  assert.equal(released([{ containerID: 'b', ifname: 'eth0' }]), ['a eth0', 'b net1', 'old eth0']);
});

test('An address without an interface, as old versions kept it, is valid with its container', () => {
  assert.equal(released([{ containerID: 'old', ifname: 'net7' }]), ['a eth0', 'b eth0', 'b net1']);
});

test('A failure does not end the collection, and is reported', () => {
  const done: string[] = [];
  const collect = () =>
    released([], (attachment) => {
      done.push(attachment);
      if (attachment !== 'old eth0') throw new CniError(999, attachment);
    });
  assert.throws(collect, (error: unknown) => error instanceof CniError && error.message === 'a eth0');
  assert.is(done.length, 4);
});

test('No list is an empty one; what is no list of attachments is refused', () => {
  for (const valid of [undefined, null]) assert.equal(released(valid), released([]));
  for (const valid of [{}, 'all', [1], [{ containerID: 'a' }], [{ ifname: 'eth0' }]]) {
    assert.throws(
      () => released(valid),
      (error: unknown) => error instanceof CniError && error.code === 7,
    );
  }
});

test.run();
