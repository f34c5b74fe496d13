/** kube-node as a process, with the real host-local and an API server on loopback. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as kit from './kit.ts';
import {
  addresses,
  apiServer,
  cniEnv,
  type Ended,
  filesBelow,
  HOST_LOCAL,
  HOST_LOCAL_FOLDER,
  held,
  kubeconfig,
  machineID,
  type Node,
  OPENSSL,
  problem,
  programs,
  type Result,
  run,
  scratch,
  script,
  succeeded,
  type World,
  withTools,
} from './kit.ts';

await withTools('kube-node with host-local', [HOST_LOCAL, OPENSSL], register);
test.run();

async function register(): Promise<void> {
  const { folder, isNative } = await programs();
  const OWN: Node = {
    name: hostname().toLowerCase(),
    podCIDRs: ['10.1.0.0/24', 'fd00:1::/64'],
    annotations: { 'example.com/storage': '10.2.0.0/24', 'example.com/tiny': '10.3.0.0/30' },
  };

  interface Called extends World {
    readonly config: (ipam?: object, top?: object) => string;
    /** Runs kube-node without any PATH. */
    readonly call: (command: string, container: string, given?: Given) => Promise<Ended>;
  }
  interface Given {
    readonly ipam?: object;
    readonly top?: object;
    readonly env?: Record<string, string>;
  }

  /** Each test has its own node, API server, cache and addresses. */
  function inWorld(name: string, body: (world: Called) => Promise<void>): void {
    kit.inWorld(name, [OWN, { name: 'other', podCIDRs: ['10.9.0.0/24'] }], (world) => {
      const { api, work, data, cache } = world;
      const file = api.kubeconfig(join(work, 'kubeconfig'));
      const config: Called['config'] = (ipam = {}, top = {}) =>
        JSON.stringify({
          ...{ cniVersion: '1.0.0', name: 'net' },
          ...top,
          ipam: { type: 'kube-node', dataDir: data, kubeconfig: file, ...ipam },
        });
      const call: Called['call'] = (command, container, { ipam, top, env = {} } = {}) =>
        run(join(folder, 'kube-node'), {
          env: cniEnv(command, container, { METAIPAM_CNI_CACHE: cache, ...env }),
          stdin: config(ipam, top),
        });
      return body({ ...world, config, call });
    });
  }

  inWorld('ADD, CHECK and DEL of every CNI version, with an empty PATH', async ({ call, data }) => {
    for (const cniVersion of ['0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
      const top = { cniVersion };
      const result = addresses(await call('ADD', `c-${cniVersion}`, { top }));
      assert.is(result.cniVersion, cniVersion);
      assert.is(result.ips.length, 2);
      const versions = cniVersion.startsWith('0') ? ['4', '6'] : [undefined, undefined];
      assert.equal(
        result.ips.map(({ version }) => version),
        versions,
      );
      const checked = await call('CHECK', `c-${cniVersion}`, { top });
      if (cniVersion === '0.3.1') assert.is(problem(checked).code, 1, 'CHECK came with 0.4.0');
      else succeeded(checked);
      succeeded(await call('DEL', `c-${cniVersion}`, { top }));
      succeeded(await call('DEL', `c-${cniVersion}`, { top, env: { CNI_NETNS: '' } }));
    }
    assert.equal(held(data), []);
  });

  inWorld('ADD a second time keeps the first address and gives no other', async ({ call, data }) => {
    addresses(await call('ADD', 'c1'));
    const before = held(data);
    const { code, msg } = problem(await call('ADD', 'c1'));
    assert.is(code, 999);
    assert.match(msg, 'duplicate allocation');
    assert.equal(held(data), before);
  });

  inWorld('DEL and GC need neither cache nor API server', async ({ call, api, data, cache }) => {
    addresses(await call('ADD', 'c1'));
    addresses(await call('ADD', 'c2'));
    const node = join(cache, 'node.json');
    writeFileSync(node, '{"half');
    api.mood = 'slow';
    const before = api.requests.length;
    succeeded(await call('CHECK', 'c1'));
    succeeded(await call('DEL', 'c1'));
    const top = { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] };
    succeeded(await call('GC', '', { top }));
    assert.equal(held(data), []);
    assert.is(api.requests.length, before);
  });

  inWorld(
    'GC releases what is not among the valid attachments; no list and null are an empty one, as for libcni',
    async (world) => {
      const { call, data } = world;
      for (const container of ['c1', 'c2', 'c3']) addresses(await call('ADD', container));
      addresses(await call('ADD', 'c3', { env: { CNI_IFNAME: 'net1' } }));
      const before = held(data);
      const cniVersion = '1.1.0';
      const wrong = { cniVersion, 'cni.dev/valid-attachments': {} };
      assert.is(problem(await call('GC', '', { top: wrong })).code, 7);
      assert.is(problem(await call('GC', '', { top: { 'cni.dev/valid-attachments': [] } })).code, 1);
      assert.equal(held(data), before);
      const valid = [
        { containerID: 'c2', ifname: 'eth0' },
        { containerID: 'c3', ifname: 'net1' },
        { containerID: 'c1', ifname: 'other' },
      ];
      succeeded(await call('GC', '', { top: { cniVersion, 'cni.dev/valid-attachments': valid } }));
      assert.equal([...new Set(held(data))].sort(), ['c2 eth0', 'c3 net1']);
      succeeded(await call('GC', '', { top: { cniVersion, 'cni.dev/valid-attachments': valid } }));
      for (const list of [{ 'cni.dev/valid-attachments': null }, {}]) {
        addresses(await call('ADD', 'c4'));
        succeeded(await call('GC', '', { top: { cniVersion, ...list } }));
        assert.equal(held(data), []);
      }
    },
  );

  inWorld('GC releases what an ADD left that died between reserving and writing', async ({ call, data }) => {
    addresses(await call('ADD', 'c1'));
    const before = held(data);
    for (const [name, text] of [
      ['10.1.0.77', ''],
      ['fd00:1::77', '\0\0'],
    ] as const) {
      writeFileSync(join(data, 'net', name), text);
    }
    const valid = [{ containerID: 'c1', ifname: 'eth0' }];
    succeeded(await call('GC', '', { top: { cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid } }));
    assert.equal(held(data), before);
  });

  inWorld('DEL needs nothing of what kept an ADD from succeeding, or could', async (world) => {
    const { call, data } = world;
    const namespace = 'K8S_POD_NAMESPACE=default;K8S_POD_NAME=a';
    for (const [what, given, isAdded] of [
      ['arguments that only runtimes know', { env: { CNI_ARGS: namespace } }, true],
      ['arguments that nobody knows', { env: { CNI_ARGS: 'COLOUR=red' } }, false],
      ['arguments that are none', { env: { CNI_ARGS: 'nonsense' } }, false],
      ['an address that is none', { top: { runtimeConfig: { ips: ['nonsense'] } } }, false],
      ['a route that is none', { ipam: { routes: [{ dst: 'nonsense' }] } }, false],
      ['a file that is not there', { ipam: { resolvConf: '/nonsense' } }, false],
      ['fields of the wrong type', { ipam: { annotation: 1, 'ipv4-namespaces': 'default' } }, false],
      ['more of them', { ipam: { kubeconfig: {}, logfile: [], loglevel: 5 } }, false],
      ['the name of its own network namespace', { env: { CNI_NETNS: '/proc/self/ns/net' } }, undefined],
    ] as [string, Given, boolean | undefined][]) {
      const { status, out } = await call('ADD', 'c1', given);
      if (isAdded !== undefined) assert.is(status === 0, isAdded, `${what}: ${out}`);
      if (status !== 0) assert.equal(held(data), [], `${what}: nothing is left`);
      if (status !== 0) addresses(await call('ADD', 'c1'));
      succeeded(await call('DEL', 'c1', given));
      assert.equal(held(data), [], what);
    }
  });

  inWorld(
    'What a delegate reserved before it failed, and what nobody was told of, is released',
    async (world) => {
      const { call, config, data, work, cache } = world;
      const fake = join(work, 'fake');
      const real = `${HOST_LOCAL_FOLDER}/host-local`;
      const fails = `[ $CNI_COMMAND = DEL ] && exec ${real}\n${real}\necho '{\n"code":8,"msg":"too late"}'\nexit 1\n`;
      script(join(fake, 'host-local'), fails);
      const { code } = problem(await call('ADD', 'c1', { env: { CNI_PATH: fake } }));
      assert.is(code, 8);
      assert.equal(held(data), []);
      const env = cniEnv('ADD', 'c1', { METAIPAM_CNI_CACHE: cache });
      const args = ['-c', `exec >/dev/full; exec ${join(folder, 'kube-node')}`];
      assert.is((await run('/bin/sh', { env, args, stdin: config() })).status, 1);
      assert.equal(held(data), []);
    },
  );

  inWorld(
    'What is passed on stays as it came: large integers, spaces, bytes that are no UTF-8',
    async (world) => {
      const { work, cache, data, call } = world;
      addresses(await call('ADD', 'c0'));
      const fake = join(work, 'fake');
      const record = `/bin/cat >${fake}/stdin\necho "$ODD" >${fake}/odd\n/bin/cat ${fake}/result\n`;
      script(join(fake, 'host-local'), record);
      const odd = Buffer.from(
        '"a\u00e4\xff\xc3": 12345678901234567890.10e5,  "b":"\\ud800 \xe2\x82"',
        'latin1',
      );
      const input = (ipam: string) =>
        Buffer.concat([
          Buffer.from('{"cniVersion":"1.0.0","name":"net","args":{'),
          odd,
          Buffer.from(`},"ipam":${ipam}}`),
        ]);
      const result = Buffer.concat([Buffer.from('{"ips":[],'), odd, Buffer.from('}\n')]);
      writeFileSync(join(fake, 'result'), result);
      const { status } = await run('/bin/sh', {
        args: ['-c', `ODD=$(printf 'x\\377'); export ODD; exec ${join(folder, 'kube-node')} >${work}/out`],
        env: cniEnv('ADD', 'c1', { METAIPAM_CNI_CACHE: cache, CNI_PATH: fake }),
        stdin: input(`{"type":"kube-node","dataDir":"${data}","x":9007199254740993,"IPAM":1}`),
      });
      assert.is(status, 0);
      const ranges = '"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]';
      const wanted = input(
        `{"type":"host-local","dataDir":"${data}","x":9007199254740993,"IPAM":1,${ranges}}`,
      );
      assert.is(readFileSync(join(fake, 'stdin'), 'latin1'), wanted.toString('latin1'));
      assert.is(readFileSync(join(work, 'out'), 'latin1'), result.toString('latin1'));
      if (isNative) assert.is(readFileSync(join(fake, 'odd'), 'latin1'), 'x\xff\n');
    },
  );

  for (const kind of ['cold', 'cached']) {
    inWorld(`100 ADDs at the same time, ${kind}: no address twice`, async ({ call, data }) => {
      if (kind === 'cached') succeeded(await call('STATUS', '', { top: { cniVersion: '1.1.0' } }));
      const calls = Array.from({ length: 100 }, (_, index) => call('ADD', `c${index}`));
      const given = (await Promise.all(calls)).flatMap((ended) =>
        addresses(ended).ips.map(({ address }) => address),
      );
      assert.is(given.length, 200);
      assert.is(new Set(given).size, 200);
      assert.is(held(data).length, 200);
    });
  }

  inWorld(
    'kill -9 after the address was taken: the retry after DEL loses nothing',
    async ({ config, call, data, cache }) => {
      const slow = scratch();
      const text = `${HOST_LOCAL_FOLDER}/host-local\n: > ${slow}/taken\nexec /bin/sleep 3\n`;
      script(join(slow, 'host-local'), text);
      const env = cniEnv('ADD', 'c1', { METAIPAM_CNI_CACHE: cache, CNI_PATH: slow });
      const child = spawn(join(folder, 'kube-node'), { env, stdio: ['pipe', 'pipe', 'ignore'] });
      child.stdin.end(config());
      while (!existsSync(join(slow, 'taken'))) await setTimeout(5);
      child.kill('SIGKILL');
      assert.equal(held(data), ['c1 eth0', 'c1 eth0']);
      assert.is(problem(await call('ADD', 'c1')).code, 999);
      succeeded(await call('DEL', 'c1'));
      assert.equal(held(data), []);
      assert.is(addresses(await call('ADD', 'c1')).ips.length, 2);
    },
  );

  inWorld('A full range says so, and serves again after a DEL', async ({ call }) => {
    const ipam = { annotation: 'example.com/tiny' };
    addresses(await call('ADD', 'c1', { ipam }));
    const { code, msg } = problem(await call('ADD', 'c2', { ipam }));
    assert.is(code, 999);
    assert.match(msg, 'no IP addresses available');
    succeeded(await call('DEL', 'c1', { ipam }));
    assert.is(addresses(await call('ADD', 'c2', { ipam })).ips[0]?.address, '10.3.0.2/30');
  });

  /** The node has this annotation, and the programs know it. */
  async function annotate({ api, call, cache }: Called, value: string | object): Promise<Given> {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    api.nodes = [{ ...OWN, annotations: { 'example.com/net': text } }];
    rmSync(join(cache, 'node.json'), { force: true });
    const given = { ipam: { annotation: 'example.com/net' }, top: { cniVersion: '1.1.0' } };
    await call('STATUS', '', given);
    return given;
  }

  /** ADDs until there is no address left. */
  async function drain({ call }: Called, given: Given, name = 'd'): Promise<Result['ips'][number][]> {
    const found: Result['ips'][number][] = [];
    for (let index = 0; ; index++) {
      const ended = await call('ADD', `${name}${index}`, given);
      if (ended.status !== 0) {
        assert.match(problem(ended).msg, 'no IP addresses available');
        return found;
      }
      found.push(...addresses(ended).ips);
    }
  }

  for (const [what, range, wanted] of [
    ['a /31', '10.5.0.6/31', ['10.5.0.6/31', '10.5.0.7/31']],
    ['a /32', '10.5.0.6/32', ['10.5.0.6/32']],
    ['a /127', 'fd05::4/127', ['fd05::4/127', 'fd05::5/127']],
    ['a /31 with a gateway', { subnet: '10.5.0.6/31', gateway: '10.5.0.6' }, ['10.5.0.7/31 10.5.0.6']],
    [
      'exclusions',
      { subnet: '10.5.0.0/29', exclude: ['10.5.0.3', '10.5.0.5-10.5.0.7'] },
      ['10.5.0.2/29 10.5.0.1', '10.5.0.4/29 10.5.0.1'],
    ],
    [
      'a block that is no power of two, of a flat network with a gateway',
      { subnet: '10.5.0.0/16', rangeStart: '10.5.7.9', rangeEnd: '10.5.7.11', gateway: '10.5.255.254' },
      ['10.5.7.9/16 10.5.255.254', '10.5.7.10/16 10.5.255.254', '10.5.7.11/16 10.5.255.254'],
    ],
  ] as const) {
    inWorld(`A range that is ${what}: every address is given, with its prefix and gateway`, async (world) => {
      const given = await annotate(world, { ranges: [range] });
      succeeded(await world.call('STATUS', '', given));
      const found = await drain(world, given);
      assert.equal(
        found.map(({ address, gateway }) => `${address}${gateway ? ` ${gateway}` : ''}`),
        wanted,
      );
      const full = problem(await world.call('STATUS', '', given));
      assert.equal([full.code, full.msg], [51, 'No address is free']);
      succeeded(await world.call('CHECK', 'd0', given));
      succeeded(await world.call('DEL', 'd0', given));
      succeeded(await world.call('STATUS', '', given));
      assert.is((await drain(world, given, 'again')).length, 1);
    });
  }

  inWorld(
    'A node that has run out gets a second range: what pods have stays, STATUS is well again',
    async (world) => {
      const { call, data } = world;
      let given = await annotate(world, '10.5.0.0/30,fd05::/64');
      const first = addresses(await call('ADD', 'c1', given)).ips[0]?.address;
      assert.is(first, '10.5.0.2/30');
      const { code, details } = problem(await call('STATUS', '', given));
      assert.equal([code, details], [51, 'pods have every address of 10.5.0.0/30']);
      given = await annotate(world, '10.5.0.0/30,fd05::/64,10.5.9.0/30');
      succeeded(await call('STATUS', '', given));
      const second = addresses(await call('ADD', 'c2', given)).ips.map(({ address }) => address);
      assert.equal(second, ['10.5.9.2/30', 'fd05::3/64']);
      assert.is(problem(await call('STATUS', '', given)).code, 51);
      assert.ok(existsSync(join(data, 'net/10.5.0.2')));
      succeeded(await call('DEL', 'c1', given));
      assert.is(addresses(await call('ADD', 'c3', given)).ips[0]?.address, first);
    },
  );

  inWorld('STATUS: a network may be for claims alone, and have no ranges', async (world) => {
    const given = await annotate(world, '10.5.0.0/30');
    const other = { ...given, ipam: { ...given.ipam, annotation: 'kube-node.nordix.org/claims' } };
    assert.is(problem(await world.call('STATUS', '', other)).code, 50);
    const top = { ...given.top, allowPersistentIPs: true };
    succeeded(await world.call('STATUS', '', { ...other, top }));
    assert.is(problem(await world.call('ADD', 'c1', { ...other, top })).code, 11);
  });

  inWorld('STATUS: who gets no IPv4 does not mind that it is full', async (world) => {
    const given = await annotate(world, '10.5.0.0/30,fd05::/64');
    addresses(await world.call('ADD', 'c1', given));
    const of = (list: string[]) => ({ ...given, ipam: { ...given.ipam, 'ipv4-namespaces': list } });
    succeeded(await world.call('STATUS', '', of([])));
    assert.is(problem(await world.call('STATUS', '', of(['default']))).code, 51);
  });

  inWorld('Routes of a network come after those of the configuration, which win', async (world) => {
    const { call } = world;
    const routes = [
      { dst: '0.0.0.0/0', gw: '10.5.0.1' },
      { dst: '10.0.0.0/8', gw: '10.5.0.9' },
      { dst: '::/0' },
    ];
    const given = await annotate(world, { ranges: ['10.5.0.0/24', 'fd05::/64'], routes });
    assert.equal(addresses(await call('ADD', 'c1', given)).routes, routes);
    for (const [index, own] of [[{ dst: '10.0.0.0/8' }], [], null].entries()) {
      const ipam = { ...given.ipam, routes: own };
      const result = addresses(await call('ADD', `own${index}`, { ...given, ipam }));
      const first = own ?? [];
      const rest = routes.filter(({ dst }) => !first.some((route) => route.dst === dst));
      assert.equal(result.routes, [...first, ...rest]);
    }
    const ipam = { ...given.ipam, 'ipv4-namespaces': [] };
    assert.equal(addresses(await call('ADD', 'c6', { ...given, ipam })).routes, routes.slice(2));
  });

  inWorld('Two networks that share a data folder keep to their own ranges', async ({ call, data }) => {
    const storage = { ipam: { annotation: 'example.com/storage' }, top: { name: 'storage' } };
    assert.is(addresses(await call('ADD', 'c1')).ips[0]?.address, '10.1.0.2/24');
    assert.is(addresses(await call('ADD', 'c1', storage)).ips[0]?.address, '10.2.0.2/24');
    assert.is(addresses(await call('ADD', 'c2')).ips[0]?.address, '10.1.0.3/24');
    succeeded(await call('DEL', 'c1', storage));
    const left = Object.keys(filesBelow(data)).filter((name) => name.includes('10.'));
    assert.equal(left, ['net/10.1.0.2', 'net/10.1.0.3']);
  });

  inWorld('Requested addresses and routes reach host-local', async ({ call, data }) => {
    const asked = {
      ipam: { routes: [{ dst: '0.0.0.0/0' }] },
      top: { runtimeConfig: { ips: ['10.1.0.77'] } },
    };
    const result = addresses(await call('ADD', 'c1', asked));
    assert.is(result.ips[0]?.address, '10.1.0.77/24');
    assert.equal(result.routes, [{ dst: '0.0.0.0/0' }]);
    succeeded(await call('CHECK', 'c1', asked));
    succeeded(await call('DEL', 'c1', asked));
    assert.equal(held(data), []);
  });

  inWorld(
    'Keys are found whatever their case; a wrong type is code 6, a bad name 7',
    async ({ call, data }) => {
      const spelled = { dataDir: undefined, DataDir: data, Annotation: 'example.com/storage' };
      assert.is(addresses(await call('ADD', 'c1', { ipam: spelled })).ips[0]?.address, '10.2.0.2/24');
      const list = { 'ipv4-namespaces': 'default' };
      assert.is(problem(await call('ADD', 'c2', { ipam: list })).code, 6);
      assert.is(problem(await call('ADD', 'c2', { top: { name: '../etc' } })).code, 7);
      assert.is(problem(await call('ADD', 'c2', { top: { name: undefined } })).code, 7);
      assert.is(problem(await call('ADD', 'c2', { top: { cniVersion: '9.0.0' } })).code, 1);
    },
  );

  inWorld('A missing or wrong variable is code 4 and is named', async ({ call }) => {
    const wrong: [string, Record<string, string>, string][] = [
      ['ADD', { CNI_IFNAME: '' }, 'CNI_IFNAME'],
      ['ADD', { CNI_NETNS: '' }, 'CNI_NETNS'],
      ['DEL', { CNI_CONTAINERID: '' }, 'CNI_CONTAINERID'],
      ['ADD', { CNI_CONTAINERID: '../../etc' }, 'CNI_CONTAINERID'],
      ['ADD', { CNI_IFNAME: 'a/b' }, 'CNI_IFNAME'],
      ['ADD', { CNI_IFNAME: 'sixteencharacter' }, 'CNI_IFNAME'],
      ['GC', { CNI_PATH: '' }, 'CNI_PATH'],
      ['', {}, 'CNI_COMMAND'],
      ['JUMP', {}, 'JUMP'],
    ];
    for (const [command, env, named] of wrong) {
      const { code, msg } = problem(await call(command, 'c1', { env }));
      assert.is(code, 4, named);
      assert.match(msg, named);
    }
  });

  for (const [mood, details] of [
    ['forbids', 'nodes is forbidden'],
    ['nonsense', 'no JSON object'],
    ['breaks off', /hang up|eof|reset/i],
    ['slow', 'does not answer in time'],
  ] as const) {
    inWorld(
      `An API server that ${mood === 'slow' ? 'is slow' : mood}: try again later`,
      async ({ call, api }) => {
        api.mood = mood;
        const found = problem(await call('ADD', 'c1'));
        assert.is(found.code, 11);
        assert.match(found.details, details);
        if (mood === 'slow') assert.match(problem(await call('ADD', 'c1')).details, 'has not answered since');
        api.mood = 'well';
        let ended = await call('ADD', 'c1');
        // As a runtime does it.
        while (ended.status !== 0 && problem(ended).code === 11) ended = await call('ADD', 'c1');
        addresses(ended);
        api.mood = mood;
        addresses(await call('ADD', 'c2'));
      },
    );
  }

  inWorld(
    'An API server that is down: ADD tries later without a cache, and does not notice with one',
    async (world) => {
      const { call, api } = world;
      const down = { kubeconfig: join(scratch(), 'down') };
      writeFileSync(down.kubeconfig, kubeconfig('https://127.0.0.1:1', api.caFile, {}));
      assert.is(problem(await call('ADD', 'c1', { ipam: down })).code, 11);
      assert.is(problem(await call('STATUS', '', { ipam: down, top: { cniVersion: '1.1.0' } })).code, 50);
      addresses(await call('ADD', 'c1'));
      addresses(await call('ADD', 'c2', { ipam: down }));
      succeeded(await call('STATUS', '', { ipam: down, top: { cniVersion: '1.1.0' } }));
    },
  );

  inWorld('A corrupt cache is as good as none', async ({ call, api, cache }) => {
    addresses(await call('ADD', 'c0'));
    const file = join(cache, 'node.json');
    const whole = readFileSync(file, 'utf8');
    const corrupt = [
      '',
      '{"version":1,"na',
      'null',
      '[]',
      whole.replace('"version":1', '"version":2'),
      '\0\0\0',
    ];
    const wrongTypes = [
      whole.replace(/"podCIDRs":\[.*?\]/, '"podCIDRs":[1]'),
      whole.replace(/"name":"[^"]*"/, '"name":1'),
    ];
    for (const [index, text] of [...corrupt, ...wrongTypes].entries()) {
      writeFileSync(file, text);
      const before = api.requests.length;
      addresses(await call('ADD', `c${index + 1}`));
      assert.ok(api.requests.length > before, text);
      assert.equal(JSON.parse(readFileSync(file, 'utf8')).podCIDRs, OWN.podCIDRs);
    }
    assert.equal(Object.keys(filesBelow(cache)), ['node.json'], 'no drafts are left');
  });

  inWorld('A cached ADD makes no request', async ({ call, api }) => {
    addresses(await call('ADD', 'c1'));
    const before = api.requests.length;
    addresses(await call('ADD', 'c2'));
    assert.is(api.requests.length, before);
  });

  inWorld(
    'Old facts serve the call that sees them, and are refreshed behind its back',
    async ({ call, api, cache }) => {
      addresses(await call('ADD', 'c1'));
      api.nodes = [{ ...OWN, podCIDRs: ['10.7.0.0/24'] }];
      const file = join(cache, 'node.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace(/"seenAt":\d+/, '"seenAt":1'));
      assert.is(addresses(await call('ADD', 'c2')).ips[0]?.address, '10.1.0.3/24');
      while (!readFileSync(file, 'utf8').includes('10.7.0.0')) await setTimeout(10);
      assert.is(addresses(await call('ADD', 'c3')).ips[0]?.address, '10.7.0.2/24');
    },
  );

  inWorld('Ranges that appear later are found: podCIDRs and annotations', async ({ call, api }) => {
    api.nodes = [{ name: OWN.name }];
    assert.is(problem(await call('ADD', 'c1')).code, 11);
    assert.is(problem(await call('ADD', 'c1', { ipam: { annotation: 'example.com/storage' } })).code, 11);
    api.nodes = [OWN];
    assert.is(addresses(await call('ADD', 'c1')).ips[0]?.address, '10.1.0.2/24');
    api.nodes = [{ ...OWN, annotations: { 'example.com/late': '10.8.0.0/24' } }];
    const late = { ipam: { annotation: 'example.com/late' } };
    assert.is(addresses(await call('ADD', 'c2', late)).ips[0]?.address, '10.8.0.2/24');
  });

  inWorld(
    'NODE_NAME: a GET of that node; another node in the cache does not count',
    async ({ call, api }) => {
      addresses(await call('ADD', 'c1'));
      api.mood = 'forbids lists';
      const before = api.requests.length;
      const env = { NODE_NAME: 'other' };
      assert.is(addresses(await call('ADD', 'c2', { env })).ips[0]?.address, '10.9.0.2/24');
      assert.equal(api.requests.slice(before), ['/api/v1/nodes/other']);
    },
  );

  inWorld(
    'Without NODE_NAME: the host name, for those who may not list; the machine-id comes first',
    async (world) => {
      const { call, api, cache } = world;
      api.mood = 'forbids lists';
      addresses(await call('ADD', 'c1'));
      assert.is(JSON.parse(readFileSync(join(cache, 'node.json'), 'utf8')).name, OWN.name);
      if (machineID() === '')
        return console.log('# SKIPPED: the node of this machine-id: there is no /etc/machine-id');
      api.mood = 'well';
      api.nodes = [OWN, { name: 'renamed', podCIDRs: ['10.6.0.0/24'], machineID: machineID() }];
      writeFileSync(join(cache, 'node.json'), '');
      assert.is(addresses(await call('ADD', 'c2')).ips[0]?.address, '10.6.0.2/24');
    },
  );

  inWorld('A rotated token is read again', async (world) => {
    const { call, api, cache } = world;
    const work = scratch();
    writeFileSync(join(work, 'token'), 'first\n');
    const ipam = { kubeconfig: api.kubeconfig(join(work, 'kubeconfig'), { tokenFile: 'token' }) };
    addresses(await call('ADD', 'c1', { ipam }));
    api.token = 'second';
    writeFileSync(join(cache, 'node.json'), '');
    assert.match(problem(await call('ADD', 'c2', { ipam })).details, '401');
    writeFileSync(join(work, 'token'), 'second\n');
    addresses(await call('ADD', 'c2', { ipam }));
  });

  inWorld('A client certificate instead of a token', async ({ call, api, cache }) => {
    const file = join(scratch(), 'kubeconfig');
    const own = { 'client-certificate': api.caFile, 'client-key': api.keyFile };
    addresses(await call('ADD', 'c1', { ipam: { kubeconfig: api.kubeconfig(file, own) } }));
    writeFileSync(join(cache, 'node.json'), '');
    const data = (path: string) => readFileSync(path).toString('base64');
    const inside = { 'client-certificate-data': data(api.caFile), 'client-key-data': data(api.keyFile) };
    addresses(await call('ADD', 'c2', { ipam: { kubeconfig: api.kubeconfig(file, inside) } }));
    writeFileSync(join(cache, 'node.json'), '');
    const stranger = await apiServer(join(scratch(), 'api'), []);
    stranger.close();
    const mixed = { 'client-certificate': api.caFile, 'client-key': stranger.keyFile };
    assert.is(
      problem(await call('ADD', 'c3', { ipam: { kubeconfig: api.kubeconfig(file, mixed) } })).code,
      11,
    );
    const other = { 'client-certificate': stranger.caFile, 'client-key': stranger.keyFile };
    assert.match(
      problem(await call('ADD', 'c3', { ipam: { kubeconfig: api.kubeconfig(file, other) } })).details,
      '401',
    );
  });

  inWorld('KUBECONFIG: the first file that exists', async ({ call, api }) => {
    const work = scratch();
    const file = api.kubeconfig(join(work, 'kubeconfig'));
    const env = { KUBECONFIG: `${work}/none:${file}` };
    addresses(await call('ADD', 'c1', { ipam: { kubeconfig: '' }, env }));
  });

  inWorld('A certificate of another authority is refused', async ({ call, api }) => {
    const other = await apiServer(join(scratch(), 'api'), []);
    other.close();
    const file = join(scratch(), 'kubeconfig');
    writeFileSync(file, kubeconfig(api.url, other.caFile, { token: 'first' }));
    const { code, details } = problem(await call('ADD', 'c1', { ipam: { kubeconfig: file } }));
    assert.is(code, 11);
    assert.match(details, /certificate/i);
    assert.equal(api.requests, []);
  });

  inWorld('A hostile annotation is only ever text', async ({ call, api, data }) => {
    const work = scratch();
    const hostile = [
      `$(touch ${work}/run)`,
      `10.1.0.0/24;touch ${work}/run`,
      '10.1.0.0/24\n10.2.0.0/24',
      '"}],[{"subnet":"0.0.0.0/0',
      '../../../etc/passwd',
      '10.1.0.0/24,'.repeat(20_000),
      '0.0.0.0/33',
      '999.0.0.0/8',
      ',',
      '\u0000',
    ];
    for (const value of hostile) {
      api.nodes = [{ ...OWN, annotations: { 'example.com/hostile': value } }];
      const found = problem(await call('ADD', 'c1', { ipam: { annotation: 'example.com/hostile' } }));
      assert.ok([11, 100].includes(found.code), `${value.slice(0, 40)}: ${found.code}`);
    }
    for (const annotation of ['__proto__', 'constructor', 'toString']) {
      assert.is(problem(await call('ADD', 'c1', { ipam: { annotation } })).code, 11, annotation);
    }
    assert.not.ok(existsSync(join(work, 'run')));
    assert.equal(filesBelow(data), {});
  });

  inWorld('The log: JSON lines, none for stdout', async ({ call }) => {
    const logfile = join(scratch(), 'log');
    addresses(await call('ADD', 'c1', { ipam: { logfile } }));
    problem(await call('ADD', 'c1', { ipam: { logfile, loglevel: 'debug' } }));
    addresses(await call('ADD', 'c2', { ipam: { logfile: 'stdout' } }));
    const lines = readFileSync(logfile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(
      lines.map(({ level, msg }) => `${level} ${msg}`),
      ['info ADD', 'debug called', 'info ADD failed'],
    );
  });

  inWorld('A log that is no file neither gets into the answer nor keeps it waiting', async (world) => {
    const { call, config, work, cache } = world;
    const pipe = join(work, 'pipe');
    execFileSync('mkfifo', [pipe]);
    symlinkSync('/dev/stdout', join(work, 'link'));
    for (const [index, logfile] of ['/dev/stdout', '/proc/self/fd/1', join(work, 'link'), pipe].entries()) {
      addresses(await call('ADD', `c${index}`, { ipam: { logfile } }));
      succeeded(await call('DEL', `c${index}`, { ipam: { logfile, loglevel: 'debug' } }));
    }
    const env = cniEnv('ADD', 'c5', { METAIPAM_CNI_CACHE: cache });
    const program = join(folder, 'kube-node');
    const toFile = await run('/bin/sh', {
      args: ['-c', `exec ${program} >${work}/out`],
      env,
      stdin: config({ logfile: join(work, 'out') }),
    });
    assert.is(toFile.status, 0);
    assert.is(JSON.parse(readFileSync(join(work, 'out'), 'utf8')).ips.length, 2);
    const { out, err } = await call('ADD', 'c6', { ipam: { logfile: '/dev/stderr' } });
    assert.is(JSON.parse(out).ips.length, 2);
    assert.is(JSON.parse(err).msg, 'ADD');
  });

  inWorld('An input larger than a pipe', async ({ call }) => {
    const top = { args: { padding: 'x'.repeat(300_000) } };
    addresses(await call('ADD', 'c1', { top }));
  });

  inWorld('A delegate that does not read its input', async ({ call }) => {
    const deaf = scratch();
    script(join(deaf, 'host-local'), 'exec 0<&-\necho \'{"code":5,"msg":"deaf"}\'\nexit 1\n');
    const top = { args: { padding: 'x'.repeat(300_000) } };
    assert.is(problem(await call('ADD', 'c1', { top, env: { CNI_PATH: deaf } })).code, 5);
  });

  inWorld('A delegate inherits nothing but stdin, stdout and stderr', async ({ config, work, cache }) => {
    const fake = join(work, 'fake');
    script(
      join(fake, 'host-local'),
      `[ -e /proc/$$/fd/7 ] && echo open > ${work}/found || echo closed > ${work}/found`,
    );
    const args = ['-c', `exec 7</dev/null; exec ${join(folder, 'kube-node')}`];
    const env = cniEnv('DEL', 'c1', { METAIPAM_CNI_CACHE: cache, CNI_PATH: fake });
    succeeded(await run('/bin/sh', { args, env, stdin: config() }));
    assert.is(readFileSync(join(work, 'found'), 'utf8'), 'closed\n');
  });

  if (isNative) {
    inWorld('The bundle for Node.js does the same', async ({ config, cache }) => {
      const program = join(folder, 'node/kube-node');
      const env = cniEnv('ADD', 'c1', { METAIPAM_CNI_CACHE: cache });
      assert.is(addresses(await run(program, { env, stdin: config() })).ips.length, 2);
      const del = { ...env, CNI_COMMAND: 'DEL' };
      succeeded(await run(program, { env: del, stdin: config() }));
    });
  }

  inWorld('A folder in the place of the cache: slower, but it works', async ({ call, cache }) => {
    mkdirSync(join(cache, 'node.json'), { recursive: true });
    addresses(await call('ADD', 'c1'));
    addresses(await call('ADD', 'c2'));
  });
}
