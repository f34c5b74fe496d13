/** The plugins with anything for a configuration, an environment, an annotation, and with a delegate that fails. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeHost } from '../../cni/node/host.ts';
import type { Ended, Host } from '../../lib/cni/host.ts';
import { kubeNode } from '../../lib/cni/kube-node.ts';
import { nodeAnnotation } from '../../lib/cni/node-annotation.ts';
import { writeFacts } from '../../lib/cni/node-facts.ts';
import { CNI_VERSIONS } from '../../lib/cni/versions.ts';
import { cniEnv, HOST_LOCAL, HOST_LOCAL_FOLDER, held, scratch, withTools } from './kit.ts';

await withTools('the plugins with anything', [HOST_LOCAL], register);
test.run();

/** What becomes of a call of host-local. */
type Fault = 'none' | 'too late' | 'no result' | 'killed' | 'not run' | 'busy' | 'nobody listens';

function register(): void {
  const data = scratch();
  const real = nodeHost();

  /** One call, in this process but for host-local. */
  function call(
    program: (host: Host) => number,
    env: Record<string, string>,
    stdin: string,
    files: Map<string, string>,
    fault: Fault = 'none',
  ): { status: number; out: string } {
    let out = '';
    let writes = 0;
    let tries = 0;
    const host: Host = {
      ...real,
      env: { METAIPAM_CNI_CACHE: '/cache', NODE_ANNOTATION_CFG: '/config', ...env },
      args: [],
      folder: '/nowhere',
      now: () => 0,
      readInput: () => stdin,
      write(bytes) {
        if (fault === 'nobody listens' && writes++ === 0) throw new Error('broken pipe');
        out += bytes;
      },
      readFile: (path) => (path.startsWith(data) ? real.readFile(path) : files.get(path)),
      replaceFile: (path, text) => void files.set(path, text),
      appendFile: () => assert.unreachable('there is no log'),
      sleep() {},
      start() {},
      run(path, changes, input): Ended {
        if (fault === 'not run') return { status: -1, output: '', problem: 'No such file' };
        if (fault === 'busy' && tries++ < 2) return { status: -1, output: '', problem: 'busy', isBusy: true };
        const { ipam } = JSON.parse(Buffer.from(input, 'latin1').toString());
        // Whatever was made of the configuration: no files anywhere else.
        if (ipam?.dataDir !== data) return { status: 1, output: '{"code":999,"msg":"elsewhere"}' };
        const ended = spawnSync(path, {
          env: { ...host.env, ...changes },
          input: Buffer.from(input, 'latin1'),
          encoding: 'latin1',
        });
        const [status, output] = [ended.status ?? -1, ended.stdout];
        const isAdd = (changes.CNI_COMMAND ?? env.CNI_COMMAND) === 'ADD' && status === 0;
        if (isAdd && fault === 'too late') return { status: 1, output: `${output}{\n"code": 8}` };
        if (isAdd && fault === 'no result') return { status: 0, output: output.slice(0, -2) };
        if (isAdd && fault === 'killed') return { status: -9, output: '' };
        return { status, output };
      },
    };
    return { status: program(host), out };
  }

  function problem(out: string): void {
    assert.match(out, /^\{.*\}\n$/);
    const { cniVersion, code, msg } = JSON.parse(Buffer.from(out, 'latin1').toString());
    assert.equal([typeof cniVersion, typeof code, typeof msg], ['string', 'number', 'string']);
  }

  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const oneOf = <T>(...usual: T[]) =>
    fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...usual) }, fc.jsonValue());
  const address = fc.oneof(
    fc.constantFrom(
      '10.1.0.1',
      '10.1.0.3',
      '10.1.0.0-10.1.0.4',
      '10.1.0.0/31',
      'fd00::',
      'fd00::2',
      '::ffff:10.1.0.1',
    ),
    text,
  );
  const cidr = fc.oneof(
    fc
      .tuple(fc.constantFrom('10.1.0.0', '10.1.0.4', 'fd00::', 'fd00::4', '::ffff:10.1.0.0'), fc.nat(129))
      .map(([first, length]) => `${first}/${length}`),
    fc.constantFrom('10.1.0.0/24', '10.1.0.4/30', '10.1.0.4/31', 'fd00::/64'),
    text,
  );
  const range = fc.oneof(
    cidr,
    fc.record(
      { subnet: cidr, rangeStart: address, rangeEnd: address, gateway: address, exclude: fc.array(address) },
      { requiredKeys: ['subnet'] },
    ),
    fc.jsonValue(),
  );
  const route = fc.oneof(fc.record({ dst: cidr, gw: address }, { requiredKeys: ['dst'] }), fc.jsonValue());
  const annotation = fc.oneof(
    fc.constantFrom('10.1.0.0/24', '10.1.0.6/31,fd00::/64', '{"ranges":["10.1.0.4/30"],"routes":[]}'),
    fc.array(cidr, { minLength: 1, maxLength: 3 }).map((all) => all.join(', ')),
    fc
      .record({
        ranges: fc.array(range, { minLength: 1, maxLength: 3 }),
        routes: fc.array(route, { maxLength: 2 }),
      })
      .map((value) => JSON.stringify(value)),
    text,
  );
  const usual = `ranges: [[{"subnet": "10.1.0.0/24"}]], dataDir: "${data}"`;
  const fragment = fc
    .record(
      {
        ranges: fc.array(fc.array(range)),
        subnet: cidr,
        dataDir: fc.constantFrom(data, 5, null),
        routes: fc.array(route),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value).slice(1, -1));
  const environment = fc.record({
    CNI_CONTAINERID: fc.oneof({ weight: 30, arbitrary: fc.constant('c1') }, text),
    CNI_IFNAME: fc.oneof({ weight: 30, arbitrary: fc.constant('eth0') }, text),
    CNI_NETNS: fc.constantFrom(...Array(9).fill('/run/netns/none'), '/proc/self/ns/net', ''),
    CNI_ARGS: fc.oneof(
      fc.constantFrom(
        '',
        'IgnoreUnknown=1;K8S_POD_NAMESPACE=default',
        'K8S_POD_NAMESPACE=a',
        'IP=10.1.0.3',
        'a=b',
      ),
      text.map((value) => value.replaceAll('\0', '')),
    ),
  });
  const config = fc
    .record(
      {
        cniVersion: oneOf(...CNI_VERSIONS),
        name: oneOf('net'),
        prevResult: fc.jsonValue(),
        runtimeConfig: oneOf({}, {}, { ips: ['10.1.0.3'] }),
        args: oneOf({}, {}, { cni: { ips: ['10.1.0.2'] } }),
        ipam: fc.record(
          {
            dataDir: fc.constant(data),
            annotation: oneOf('example.com/a', 'example.com/a', ''),
            'ipv4-namespaces': oneOf(['default'], null, null),
            routes: oneOf([{ dst: '0.0.0.0/0' }]),
            resolvConf: oneOf('/etc/hosts', '/etc/hosts', '/none'),
            ranges: fc.jsonValue(),
            other: fc.jsonValue(),
          },
          { requiredKeys: ['dataDir', 'annotation'] },
        ),
      },
      { requiredKeys: ['cniVersion', 'name', 'ipam'] },
    )
    .map((value) => Buffer.from(JSON.stringify(value)).toString('latin1'));
  const torn = fc.tuple(config, fc.nat(), fc.nat(255), fc.boolean()).map(([json, at, byte, isCut]) => {
    const index = at % json.length;
    return isCut
      ? json.slice(0, index)
      : json.slice(0, index) + String.fromCharCode(byte) + json.slice(index + 1);
  });
  const stdin = fc.oneof({ weight: 3, arbitrary: config }, torn);
  const fault = fc.oneof(
    { weight: 3, arbitrary: fc.constant<Fault>('none') },
    fc.constantFrom<Fault>('too late', 'no result', 'killed', 'not run', 'busy', 'nobody listens'),
  );

  // What has to succeed whatever else chance brings.
  const plain = JSON.stringify({
    cniVersion: CNI_VERSIONS.at(-1),
    name: 'net',
    ipam: { dataDir: data, annotation: 'example.com/a' },
  });
  const pod = { CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', CNI_NETNS: '/run/netns/none', CNI_ARGS: '' };

  for (const [name, program, annotations, valid] of [
    ['kube-node', kubeNode, annotation, '10.1.0.0/24'],
    ['node-annotation', nodeAnnotation, fc.oneof(fc.constant(usual), fragment, text), usual],
  ] as const) {
    test(`${name}: every ADD answers, no ADD that fails leaves an address, every DEL releases`, () => {
      let added = 0;
      fc.assert(
        fc.property(stdin, environment, annotations, fault, (stdin, given, value, fault) => {
          mkdirSync(join(data, 'net'), { recursive: true });
          const facts = { name: 'n', podCIDRs: ['10.1.0.0/29'], annotations: { 'example.com/a': value } };
          const files = new Map([
            ['/cache/node.json', writeFacts(facts, 0)],
            ['/config', JSON.stringify({ nextipam: HOST_LOCAL[0] })],
          ]);
          const env = cniEnv('ADD', 'c1', { ...given, CNI_PATH: HOST_LOCAL_FOLDER });
          const { status, out } = call(program, env, stdin, files, fault);
          const del = { ...env, CNI_COMMAND: 'DEL' };
          if (status === 0) {
            added++;
            JSON.parse(Buffer.from(out, 'latin1').toString());
            assert.is(call(program, del, stdin, files).status, 0);
          } else {
            if (fault !== 'nobody listens') problem(out);
            // What is killed says nothing of what it has done; runtimes call DEL.
            if (fault === 'killed') call(program, del, stdin, files);
          }
          assert.equal(held(data), []);
          for (const CNI_COMMAND of ['DEL', 'CHECK', 'GC', 'STATUS', 'VERSION', given.CNI_IFNAME]) {
            const ended = call(program, { ...env, CNI_COMMAND }, stdin, files, fault);
            if (ended.status !== 0 && fault !== 'nobody listens') problem(ended.out);
          }
        }),
        { numRuns: 100, examples: [[plain, pod, valid, 'none']] },
      );
      assert.ok(added > 0, `${added} ADDs succeeded`);
    });
  }
}
