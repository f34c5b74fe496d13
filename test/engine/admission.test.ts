/** Whether the engine judges writes as the tables say that an API server does. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ApiResult } from '../../lib/engine/api.ts';
import { admissionCases } from '../crds/admission-cases.ts';
import { ruleCases } from '../crds/rule-cases.ts';
import { deletionCases } from '../metacontroller/deletion-cases.ts';
import { policyCases } from '../metacontroller/policy-cases.ts';
import { isStored, judge, judgeByPolicies, judgeDeletion, judgeStatus } from './judge.ts';
import { nodeCases } from './node-cases.ts';

function check({ error }: ApiResult, refused: string | undefined, code = 422): void {
  if (refused === undefined) assert.is(error?.message, undefined);
  else {
    assert.is(error?.code, code, error?.message);
    assert.match(error?.message ?? '', refused);
  }
}

for (const each of [...admissionCases, ...ruleCases, ...nodeCases]) {
  test(each.id, () => check(judge(each), each.refused));
}

for (const each of policyCases.filter(({ after }) => isStored(after))) {
  test(`policies: ${each.id}`, () => {
    const result = judgeByPolicies(each);
    check(result, each.refused);
    if (each.added === undefined) return;
    const { labels, finalizers } = result.object!.metadata;
    assert.equal({ labels, finalizers }, { labels: undefined, finalizers: undefined, ...each.added });
  });
}

for (const each of deletionCases) {
  test(`deletions: ${each.id}`, () => check(judgeDeletion(each), each.refused, 403));
}

test('policies have nothing to say to a status', () => {
  const { before } = policyCases.find(({ id }) => id === 'an old pool with no space')!;
  const status = { ipAddresses: { total: 1, used: 1, free: 0, outOfRange: 0 } };
  check(judgeStatus(before!, status), undefined);
});

test('a refusal reads as the API server writes it', () => {
  assert.is(
    judge(admissionCases.find(({ id }) => id === 'update another target')!).error?.message,
    'PodNetwork.metaipam.io "net1" is invalid: [<nil>: Invalid value: the network named default, and no other, has the target node.spec.podCIDRs, spec.target: Invalid value: "node.spec.podCIDRs": target cannot be changed]',
  );
  const claim = policyCases.find(({ id }) => id === 'a claim that requests no address')!;
  assert.is(
    judgeByPolicies(claim).error?.message,
    `ipaddressclaims.ipam.cluster.x-k8s.io "${claim.after.metadata.name}" is forbidden: ValidatingAdmissionPolicy 'metaipam-claims' with binding 'metaipam-claims' denied request: metadata.annotations[metaipam.io/requested-address]: Invalid value: "10.1": must be an IP address`,
  );
});

test.run();
