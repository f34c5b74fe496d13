import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { editDistance, suggestion } from '../lib/text.ts';

const DISTANCES: [a: string, b: string, distance: number][] = [
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', '', 3],
  ['abc', 'abc', 0],
  ['abc', 'abd', 1],
  ['abc', 'acb', 1],
  ['abcd', 'badc', 2],
  ['abc', 'ab', 1],
  ['abc', 'abcd', 1],
  ['kitten', 'sitting', 3],
  ['ca', 'abc', 3],
];
for (const [a, b, distance] of DISTANCES) {
  test(`${JSON.stringify(a)} and ${JSON.stringify(b)} are ${distance} apart`, () =>
    assert.is(editDistance(a, b), distance));
}

const COMMANDS =
  'serve simulate validate hook import adopt doctor show check release plan completion version help';
const KINDS = 'InClusterIPPool GlobalInClusterIPPool InClusterPrefixPool PodNetwork ClusterCIDR';
const NAMES = 'default/machines default/web-0 team-a/machines';
const SUGGESTED: [word: string, among: string, meant: string | undefined][] = [
  ['foo', COMMANDS, undefined],
  ['fooo', COMMANDS, undefined],
  ['pool', COMMANDS, undefined],
  ['list', COMMANDS, undefined],
  ['get', COMMANDS, undefined],
  ['apply', COMMANDS, undefined],
  ['shop', COMMANDS, 'show'],
  ['shwo', COMMANDS, 'show'],
  ['hok', COMMANDS, 'hook'],
  ['SHOW', COMMANDS, 'show'],
  ['serv', COMMANDS, 'serve'],
  ['val', COMMANDS, 'validate'],
  ['ve', COMMANDS, undefined],
  ['', COMMANDS, undefined],
  ['simulator', COMMANDS, 'simulate'],
  ['simulations', COMMANDS, undefined],
  ['relaese', COMMANDS, 'release'],
  ['InClusterPool', KINDS, 'InClusterIPPool'],
  ['inclusterippool', KINDS, 'InClusterIPPool'],
  ['IPPool', KINDS, undefined],
  ['Pod', KINDS, 'PodNetwork'],
  ['default/machin', NAMES, 'default/machines'],
  ['defualt/machines', NAMES, 'default/machines'],
  ['team-b/machines', NAMES, 'team-a/machines'],
  ['default/foo', NAMES, undefined],
  ['default/', NAMES, undefined],
  ['infra.cluster.x-k8s.io', 'ipam.cluster.x-k8s.io', undefined],
  ['networking.k8s.io', 'networking.x-k8s.io', 'networking.x-k8s.io'],
];
for (const [word, among, meant] of SUGGESTED) {
  test(`${JSON.stringify(word)} among ${among.slice(0, 24)}… means ${meant ?? 'nothing'}`, () =>
    assert.is(suggestion(word, among.split(' ')), meant === undefined ? '' : ` (did you mean ${meant}?)`));
}

test.run();
