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
  'kube-node.json': '{}',
};

/** A folder, and a host-local that releases in it what it finds, as the real one does. */
class Folder {
  readonly files: Record<string, string>;
  readonly released: string[] = [];
  /** Before each release. */
  onRelease: (attachment: string) => void = () => {};

  constructor(files: Record<string, string> = FILES) {
    this.files = { ...files };
  }

  collect(valid: unknown): void {
    const { files } = this;
    const nameOf = (path: string) => path.replace('/data/net/', '');
    const host = {
      env: {},
      listFolder: (path: string) => (path === '/data/net' ? Object.keys(files) : []),
      readFile: (path: string) => files[nameOf(path)],
      removeFile: (path: string) => delete files[nameOf(path)],
      run: (_: string, { CNI_COMMAND, CNI_CONTAINERID: id, CNI_IFNAME: ifname }: Record<string, string>) => {
        assert.is(CNI_COMMAND, 'DEL');
        this.released.push(`${id} ${ifname}`);
        this.onRelease(`${id} ${ifname}`);
        const names = Object.keys(files);
        const exact = names.filter((name) => files[name]!.trim() === `${id}\r\n${ifname}`);
        for (const name of exact.length > 0 ? exact : names.filter((name) => files[name]!.trim() === id))
          delete files[name];
        return { status: 0, output: '' };
      },
    } as object as Host;
    const network = { whole: { 'cni.dev/valid-attachments': valid }, name: 'net', cniVersion: '1.1.0' };
    collectGarbage(host, '/bin/host-local', network, '/data');
  }

  get addresses(): string[] {
    return Object.keys(this.files).filter((name) => /^[0-9a-f]+[.:]/.test(name));
  }
}

function released(valid: unknown): string[] {
  const folder = new Folder();
  folder.collect(valid);
  assert.equal(
    ['last_reserved_ip.0', 'lock', 'kube-node.json'].filter((name) => !(name in folder.files)),
    [],
    'what is no address stays',
  );
  return folder.released;
}

test('Each attachment that is not valid is released once, whatever its addresses', () => {
  assert.equal(released([]), ['a eth0', 'b eth0', 'b net1', 'old eth0']);
  assert.equal(released([{ containerID: 'b', ifname: 'eth0' }]), ['a eth0', 'b net1', 'old eth0']);
});

test('An address without an interface, as old versions kept it, is valid with its container', () => {
  assert.equal(released([{ containerID: 'old', ifname: 'net7' }]), ['a eth0', 'b eth0', 'b net1']);
});

test('What no DEL can name goes too: empty, torn, or written by a disk that lost its power', () => {
  const torn = { '10.0.0.6': '', '10.0.0.7': ' \r\n', '10.0.0.8': '\0\0\0', '10.0.0.9': 'a\r\neth0\r\nrest' };
  for (const [name, text] of Object.entries(torn)) {
    const folder = new Folder({ '10.0.0.3': 'b\r\neth0', [name]: text, lock: '' });
    folder.collect([{ containerID: 'b', ifname: 'eth0' }]);
    assert.equal(folder.addresses, ['10.0.0.3'], JSON.stringify(text));
    assert.is(folder.released.length, 1, 'host-local has had its lock since');
  }
});

test('An address that is being written for a container meanwhile stays', () => {
  const folder = new Folder({ '10.0.0.6': '' });
  folder.onRelease = () => {
    folder.files['10.0.0.6'] = 'new\r\neth0';
  };
  folder.collect([]);
  assert.equal(folder.addresses, ['10.0.0.6']);
});

test('A failure does not end the collection, and is reported; nothing is removed without host-local', () => {
  const folder = new Folder({ ...FILES, '10.0.0.6': '' });
  folder.onRelease = (attachment) => {
    if (attachment !== 'old eth0') throw new CniError(999, attachment);
  };
  assert.throws(
    () => folder.collect([]),
    (error: unknown) => error instanceof CniError && error.message === 'a eth0',
  );
  assert.is(folder.released.length, 5);
  assert.equal(folder.addresses, ['10.0.0.2', 'fd00::2', '10.0.0.3', '10.0.0.4', '10.0.0.6']);
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
