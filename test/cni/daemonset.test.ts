import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

// biome-ignore lint/suspicious/noExplicitAny: manifests of several kinds
const read = (name: string): any[] =>
  loadAll(readFileSync(new URL(`../../cni/${name}`, import.meta.url), 'utf8'));
const objects = read('daemonset.yaml');
const find = (kind: string) => objects.find((object) => object.kind === kind);

test('The agent may read Nodes, and nothing else', () => {
  assert.equal(find('ClusterRole').rules, [
    { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
  ]);
  assert.equal(
    objects.filter(({ kind }) => /Role/.test(kind)).map(({ kind }) => kind),
    ['ClusterRole', 'ClusterRoleBinding'],
  );
});

test('An agent that keeps IPAMClaims may read them, and pods, besides', () => {
  const [role, binding] = read('ipam-claims.yaml');
  const verbs = ['get', 'list', 'watch'];
  assert.equal(role.rules, [
    { apiGroups: [''], resources: ['pods'], verbs },
    { apiGroups: ['k8s.cni.cncf.io'], resources: ['ipamclaims'], verbs },
  ]);
  assert.equal(binding.subjects, find('ClusterRoleBinding').subjects);
  assert.is(binding.roleRef.name, role.metadata.name);
});

test('The agent runs before there is a pod network, and has the folders that the plugins read', () => {
  const { spec } = find('DaemonSet').spec.template;
  const [container] = spec.containers;
  assert.is(spec.hostNetwork, true);
  assert.equal(spec.tolerations, [{ operator: 'Exists' }]);
  const env = Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  );
  const mounts = Object.fromEntries(
    container.volumeMounts.map(({ name, mountPath }: { name: string; mountPath: string }) => [
      mountPath,
      name,
    ]),
  );
  const paths = Object.fromEntries(
    spec.volumes.map(({ name, hostPath }: { name: string; hostPath: { path: string } }) => [
      name,
      hostPath.path,
    ]),
  );
  assert.is(paths[mounts[env.CNI_BIN]], '/opt/cni/bin');
  assert.is(paths[mounts[env.METAIPAM_CNI_CACHE]], '/run/metaipam/cni');
});

test('The agent is root without power: no capability, no privilege, nothing written but two folders', () => {
  const { spec } = find('DaemonSet').spec.template;
  const [{ securityContext, volumeMounts }] = spec.containers;
  assert.equal(securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  assert.is(spec.securityContext.seccompProfile.type, 'RuntimeDefault');
  assert.is(volumeMounts.length, 2);
  for (const kind of ['hostPID', 'hostIPC']) assert.is(spec[kind], undefined);
});

test('The probes ask on loopback, at the port that the agent is told', () => {
  const [container] = find('DaemonSet').spec.template.spec.containers;
  const port = container.env.find(({ name }: { name: string }) => name === 'PORT').value;
  assert.equal(container.ports, [{ name: 'probes', containerPort: Number(port) }]);
  for (const probe of [container.livenessProbe, container.readinessProbe]) {
    assert.is(probe.httpGet.host, '127.0.0.1');
    assert.is(probe.httpGet.port, 'probes');
  }
});

test('Everything is in a namespace that admits folders of the host', () => {
  const name = find('Namespace').metadata.name;
  assert.is(find('Namespace').metadata.labels['pod-security.kubernetes.io/enforce'], 'privileged');
  for (const kind of ['ServiceAccount', 'DaemonSet']) assert.is(find(kind).metadata.namespace, name);
  assert.is(find('ClusterRoleBinding').subjects[0].namespace, name);
});

test.run();
