/** What everything else rests on: a claim, a node, a pod's address, a deletion. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addresses, cniEnv, HOST_LOCAL, programs, run, scratch } from '../cni/kit.ts';
import { type Installation, install } from './install.ts';
import { smoke } from './smoke.ts';

const test = suite('smoke');
let installation: Installation;
test.before(async () => {
  installation = await install();
});
test.after(() => installation?.stop());

test('claims have addresses, a node has podCIDRs, and an address goes with its claim', async () => {
  await smoke(installation.plane);
});

if (existsSync(HOST_LOCAL[0])) {
  test('a pod of the node has an address of its podCIDRs', async () => {
    const folder = scratch();
    const { folder: bin } = await programs();
    const call = (command: string) =>
      run(join(bin, 'kube-node'), {
        env: cniEnv(command, 'pod', { NODE_NAME: 'worker', METAIPAM_CNI_CACHE: join(folder, 'cache') }),
        stdin: JSON.stringify({
          cniVersion: '1.0.0',
          name: 'net',
          ipam: { type: 'kube-node', dataDir: folder, kubeconfig: installation.plane.kubeconfig },
        }),
      });
    assert.is(addresses(await call('ADD')).ips[0]?.address, '10.244.0.2/24');
    assert.is((await call('DEL')).status, 0);
  });
} else {
  console.log(`# SKIPPED: a pod's address: there is no ${HOST_LOCAL.join(' of ')}`);
  test.skip('a pod of the node has an address of its podCIDRs', () => {});
}

test.run();
