/** Every block of YAML and JSON in the documentation is one that can be used. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatDiagnostic } from '../../lib/cli/diagnostic.ts';
import { parseManifests } from '../../lib/cli/manifests.ts';
import { IPAM_CLAIM_DEFINITION } from '../../lib/ipam-claim/definition.ts';
import { formatProblem } from '../../lib/kubernetes/problem.ts';
import { CustomResources, readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import { validateObjects } from '../../lib/validation/index.ts';
import { readPages } from './pages.ts';

/** Kinds that are not metaipam's and that the pages show. */
const FOREIGN_KINDS = new Set([
  'apps/v1 Deployment',
  'k8s.cni.cncf.io/v1 NetworkAttachmentDefinition',
  'rbac.authorization.k8s.io/v1 ClusterRole',
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding',
  'v1 Node',
  'v1 Pod',
]);
/** Kinds of files, which have no metadata. */
const FILES = new Set([
  'kustomize.config.k8s.io/v1beta1 Kustomization',
  'clusterctl.cluster.x-k8s.io/v1alpha3 Clusterctl',
]);

const resources = new CustomResources([...readCustomResourceDefinitions(), IPAM_CLAIM_DEFINITION]);
const blocks = readPages().flatMap(({ blocks }) => blocks);

test('blocks say what they are, and few are fragments', () => {
  const languages = new Set(blocks.map(({ language }) => language));
  assert.equal(
    [...languages].sort(),
    ['json', 'sh', 'text', 'ts', 'yaml'].filter((one) => languages.has(one)),
  );
  const fragments = blocks.filter(({ isFragment }) => isFragment).map(({ place }) => place);
  assert.ok(fragments.length < 12, fragments.join('\n'));
});

for (const { place, language, isFragment, text } of blocks) {
  if (language === 'json') {
    test(`${place}: JSON`, () => {
      JSON.parse(isFragment ? `{${text}}` : text);
    });
  }
  if (language === 'yaml') test(`${place}: YAML`, () => assert.equal(problemsOf(text, isFragment), []));
}

function problemsOf(text: string, isFragment: boolean): string[] {
  const { objects, ...read } = parseManifests(text, 'block');
  const problems = read.problems.map(formatDiagnostic);
  if (isFragment)
    return problems.filter((problem) => !/: (apiVersion|metadata|kind): is required$/.test(problem));
  const unknown = objects
    .map(({ object }) => `${object.apiVersion} ${object.kind}`)
    .filter((kind) => !FOREIGN_KINDS.has(kind) && !isOurs(kind));
  const invalid = validateObjects(objects, resources).map(({ problem }) => formatProblem(problem));
  const [, apiVersion = '', kind = ''] = /^apiVersion: (\S+)\nkind: (\S+)$/m.exec(text) ?? [];
  const refused = FILES.has(`${apiVersion} ${kind}`) ? [] : problems;
  return [...refused, ...unknown.map((kind) => `${kind} is not known here`), ...invalid];
}

function isOurs(kind: string): boolean {
  return resources.all.some((resource) => `${resource.apiVersion} ${resource.kind}` === kind);
}

test('a block that is wrong is found', () => {
  const pool = (spec: string) =>
    `apiVersion: ipam.cluster.x-k8s.io/v1alpha2\nkind: InClusterIPPool\nmetadata: {name: a}\nspec: ${spec}\n`;
  assert.equal(problemsOf(pool('{addresses: [10.0.0.1], prefix: 24}'), false), []);
  assert.match(problemsOf(pool('{addresses: [10.0.0.1], prefix: 33}'), false).join(), 'spec.prefix');
  assert.match(problemsOf('apiVersion: v1\nkind: Nodes\nmetadata: {name: a}\n', false).join(), 'not known');
  assert.match(problemsOf('a: [', true).join(), 'block:1: ');
});

test.run();
