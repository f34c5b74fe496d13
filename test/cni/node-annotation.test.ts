/** node-annotation as a process, with the real host-local and an API server on loopback. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as kit from './kit.ts';
import {
  addresses,
  cniEnv,
  type Ended,
  filesBelow,
  HOST_LOCAL,
  held,
  type Node,
  OPENSSL,
  problem,
  programs,
  run,
  script,
  type World,
  withTools,
} from './kit.ts';

await withTools('node-annotation with host-local', [HOST_LOCAL, OPENSSL], register);
test.run();

interface Called extends World {
  readonly setAnnotation: (value: string) => void;
  readonly call: (command: string, container: string, top?: object) => Promise<Ended>;
  readonly tell: (args: readonly string[], env?: Record<string, string>) => Promise<Ended>;
}

async function register(): Promise<void> {
  const { folder } = await programs();
  const program = join(folder, 'node-annotation');
  const OWN: Node = { name: hostname().toLowerCase() };

  const OTHER: Node = {
    name: 'other',
    annotations: { 'example.com/a': 'ranges: [[{"subnet": "10.9.0.0/24"}]]' },
  };

  function inWorld(name: string, body: (world: Called) => Promise<void>): void {
    kit.inWorld(name, [], (world) => {
      const { api, work, data, cache } = world;
      const setAnnotation = (value: string) => {
        api.nodes = [{ ...OWN, annotations: { 'example.com/a': value } }, OTHER];
      };
      setAnnotation(`ranges: [[{"subnet": "10.1.0.0/24"}]], dataDir: "${data}",`);
      const config = {
        kubeconfig: api.kubeconfig(join(work, 'kubeconfig')),
        nextipam: HOST_LOCAL[0],
        log: join(work, 'log'),
      };
      writeFileSync(join(work, 'config'), JSON.stringify(config));
      const own = { METAIPAM_CNI_CACHE: cache, NODE_ANNOTATION_CFG: join(work, 'config') };
      const call: Called['call'] = (command, container, top = {}) =>
        run(program, {
          env: cniEnv(command, container, own),
          stdin: JSON.stringify({
            cniVersion: '1.0.0',
            name: 'net',
            ...top,
            ipam: { type: 'node-annotation', annotation: 'example.com/a' },
          }),
        });
      const tell: Called['tell'] = (args, env = {}) => run(program, { args, env: { ...own, ...env } });
      return body({ ...world, setAnnotation, call, tell });
    });
  }

  inWorld('ADD, CHECK, DEL and GC; releasing needs no API server', async ({ api, call, data }) => {
    assert.is(addresses(await call('ADD', 'c1')).ips[0]?.address, '10.1.0.2/24');
    assert.is(addresses(await call('ADD', 'c2')).ips[0]?.address, '10.1.0.3/24');
    api.mood = 'slow';
    assert.is((await call('CHECK', 'c1')).status, 0);
    assert.is((await call('DEL', 'c1')).status, 0);
    assert.is((await call('DEL', 'c1')).status, 0);
    assert.is((await call('CHECK', 'c1')).status, 1);
    const gc = await call('GC', '', { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] });
    assert.is(gc.status, 0, gc.out);
    assert.equal(held(data), []);
  });

  inWorld('What was reserved is found, whatever the annotation says since', async (world) => {
    const { api, call, data, work, cache, setAnnotation } = world;
    const moved = join(work, 'moved');
    const range = 'ranges: [[{"subnet": "10.1.0.0/24"}]]';
    const forget = () => rmSync(join(cache, 'node.json'), { force: true });
    const unset = () => {
      api.nodes = [OWN];
    };
    for (const [what, change] of [
      ['goes', unset],
      ['moves the addresses', () => setAnnotation(`${range}, dataDir: "${moved}"`)],
      ['has a dataDir that is no text', () => setAnnotation(`${range}, dataDir: 5`)],
      ['is no JSON', () => setAnnotation('ranges: [[')],
    ] as [string, () => void][]) {
      setAnnotation(`${range}, dataDir: "${data}"`);
      forget();
      addresses(await call('ADD', 'c1'));
      addresses(await call('ADD', 'c2'));
      change();
      forget();
      await call('ADD', 'c3');
      assert.is((await call('CHECK', 'c1')).status, 0, what);
      assert.is((await call('DEL', 'c1')).status, 0, what);
      assert.equal(held(data), ['c2 eth0'], what);
      const gc = await call('GC', '', { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] });
      assert.is(gc.status, 0, gc.out);
      assert.equal([held(data), held(moved)], [[], []], what);
    }
    setAnnotation(`${range}, dataDir: "${moved}"`);
    forget();
    addresses(await call('ADD', 'c4'));
    const used = filesBelow(join(cache, 'node-annotation'));
    assert.equal(Object.keys(used), ['net.json']);
    assert.is(JSON.parse(used['net.json']!).length, 1, 'what holds nothing any more is forgotten');
  });

  inWorld('A plugin other than host-local is called for DEL as it was for ADD', async (world) => {
    const { api, call, work, cache } = world;
    const next = script(join(work, 'next'), `/bin/cat >>${work}/calls\necho >>${work}/calls\n`);
    const kubeconfig = api.kubeconfig(join(work, 'kubeconfig'));
    writeFileSync(join(work, 'config'), JSON.stringify({ kubeconfig, nextipam: next }));
    const annotations = { 'example.com/a': 'big: 9007199254740993, text: "\u00e4"' };
    api.nodes = [{ ...OWN, annotations }];
    assert.is((await call('ADD', 'c1')).status, 0);
    api.nodes = [OWN];
    writeFileSync(join(cache, 'node.json'), '');
    assert.is((await call('DEL', 'c1')).status, 0);
    const [add, del] = readFileSync(join(work, 'calls'), 'utf8').split('\n');
    assert.is(
      add,
      '{"cniVersion":"1.0.0","name":"net","ipam":{"type":"next","big": 9007199254740993,"text": "\u00e4"}}',
    );
    assert.is(del, add);
  });

  inWorld(
    'STATUS: 51 while a range is full; another plugin than host-local says for itself',
    async (world) => {
      const { api, call, data, work, setAnnotation } = world;
      const top = { cniVersion: '1.1.0' };
      for (const ranges of [
        'ranges: [[{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.9", "rangeEnd": "10.1.0.9"}]]',
        'subnet: "10.1.0.8/30"',
      ]) {
        setAnnotation(`${ranges}, dataDir: "${data}"`);
        rmSync(join(world.cache, 'node.json'), { force: true });
        assert.is((await call('STATUS', '', top)).status, 0);
        addresses(await call('ADD', 'c1', top));
        assert.is(problem(await call('STATUS', '', top)).code, 51);
        assert.is((await call('DEL', 'c1', top)).status, 0);
      }
      const next = script(join(work, 'next'), 'echo \'{"code":50,"msg":"of the next"}\'\nexit 1\n');
      const kubeconfig = api.kubeconfig(join(work, 'kubeconfig'));
      writeFileSync(join(work, 'config'), JSON.stringify({ kubeconfig, nextipam: next }));
      assert.is(problem(await call('STATUS', '', top)).msg, 'of the next');
    },
  );

  inWorld('VERSION asks the next plugin, and needs no annotation', async ({ api, call }) => {
    const { status, out } = await call('VERSION', '');
    assert.is(status, 0);
    assert.ok(JSON.parse(out).supportedVersions.includes('1.0.0'));
    assert.equal(api.requests, []);
  });

  inWorld('Every error is one line of JSON', async ({ api, call, setAnnotation }) => {
    setAnnotation('ranges: [[');
    assert.is(problem(await call('ADD', 'c1')).code, 100);
    api.nodes = [OWN];
    assert.is(problem(await call('ADD', 'c1')).code, 100, 'the last known value');
    api.mood = 'forbids';
    assert.is(problem(await call('STATUS', '', { cniVersion: '1.1.0' })).code, 50);
  });

  inWorld('A hostile annotation is never evaluated', async ({ call, setAnnotation, work }) => {
    const hostile = [
      'ranges: env.HOME',
      'ranges: input',
      `ranges: $(touch ${work}/run)`,
      `"ranges": \`touch ${work}/run\``,
      '"a": 1}, {"b": 2',
      '"a": 1} | {"type": "x"',
      `"a": ${'['.repeat(100_000)}`,
      '"a": "\\"',
      '"\\'.repeat(120_000),
      'a'.repeat(250_000),
      "'ranges': []",
      'ranges',
      '[]',
      '',
      '\u0000',
    ];
    for (const value of hostile) {
      setAnnotation(value);
      const { status, out } = await call('ADD', 'c1');
      assert.is(status, 1, value.slice(0, 40));
      assert.type(JSON.parse(out).code, 'number');
    }
    setAnnotation('__proto__: {"ranges": [[{"subnet": "10.1.0.0/24"}]]}');
    assert.is((await call('ADD', 'c1')).status, 1);
    assert.not.ok(existsSync(join(work, 'run')));
  });

  inWorld('The subcommands', async ({ tell }) => {
    assert.is((await tell(['my_node'])).out, `${OWN.name}\n`);
    assert.match((await tell(['get_annotation', 'example.com/a'])).out, '10.1.0.0/24');
    assert.match((await tell(['get_annotation', '--node=other', 'example.com/a'])).out, '10.9.0.0/24');
    assert.match(
      (await tell(['get_annotation', 'example.com/a'])).out,
      '10.1.0.0/24',
      'another node is not remembered',
    );
    assert.is(problem(await tell(['get_annotation'])).msg, 'FAILED: Parameter missing');
    assert.is(problem(await tell(['get_annotation', 'none'])).msg, 'FAILED: Annotation not found');
    assert.is(problem(await tell(['get_annotation', '--node=none', 'x'])).code, 11);
    assert.is(problem(await tell(['error_quit', 'on purpose'])).msg, 'FAILED: on purpose');
    assert.is(problem(await tell(['error_quit'])).msg, 'FAILED: node-annotation');
    for (const help of ['-h', '--help', 'help']) {
      const { status, out } = await tell([help]);
      assert.is(status, 0);
      assert.match(out, 'get_annotation');
    }
    const wrong = await tell(['jump']);
    assert.equal(wrong, { status: 1, signal: null, out: '', err: 'ERROR: Invalid command [jump]\n' });
  });

  inWorld(
    'The configuration is JSON: spaces and dashes in it are harmless, and it may be absent',
    async (world) => {
      const { tell, work } = world;
      const path = join(work, 'with space');
      writeFileSync(
        path,
        JSON.stringify({ 'a-b': '$(touch run)', kubeconfig: join(work, 'kubeconfig'), log: `${path}.log` }),
      );
      const env = { NODE_ANNOTATION_CFG: path };
      assert.is((await tell(['my_node'], env)).status, 0);
      await tell(['error_quit', 'logged'], env);
      assert.match(readFileSync(`${path}.log`, 'utf8'), 'ERROR: FAILED: logged');
      writeFileSync(path, '{"kubeconfig": ');
      assert.is(problem(await tell(['my_node'], env)).code, 7);
      assert.is(
        (await tell(['my_node'], { NODE_ANNOTATION_CFG: join(work, 'none') })).status,
        0,
        'known by now',
      );
    },
  );

  inWorld('--node: the plugin with the annotation of another node', async ({ work, api }) => {
    const next = script(join(work, 'next'), 'exec /bin/cat\n');
    writeFileSync(
      join(work, 'config'),
      JSON.stringify({ kubeconfig: api.kubeconfig(join(work, 'kubeconfig')), nextipam: next }),
    );
    const { out } = await run(program, {
      args: ['ipam', '--node=other'],
      env: { NODE_ANNOTATION_CFG: join(work, 'config'), METAIPAM_CNI_CACHE: join(work, 'cache') },
      stdin: '{"name":"net","ipam":{"annotation":"example.com/a"}}',
    });
    assert.equal(JSON.parse(out).ipam, { type: 'next', ranges: [[{ subnet: '10.9.0.0/24' }]] });
  });
}
