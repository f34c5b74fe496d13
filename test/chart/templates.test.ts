import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { load, loadAll } from 'js-yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHART } from '../../charts/build.ts';
import { type OptionTable, parseOptions } from '../../lib/options/options.ts';
import { SERVE_OPTIONS } from '../../lib/options/serve-options.ts';
import { find, HELM, helm, KUBE_VERSION, type Manifest, NO_HELM, template } from './helm.ts';

const cases = globSync('ci/*-values.yaml', { cwd: CHART }).map((path) => basename(path, '-values.yaml'));
const ADMISSION = 'admissionregistration.k8s.io/v1';
const all = (pattern: string): Manifest[] =>
  globSync(pattern)
    .sort()
    .flatMap((path) => loadAll(readFileSync(path, 'utf8')) as Manifest[]);

/** What an object says, apart from labels, which the chart adds, and annotations, which Helm needs. */
const bare = ({ apiVersion, kind, metadata: { name }, spec }: Manifest) => ({ apiVersion, kind, name, spec });
const byName = (objects: Manifest[]) =>
  objects.map(bare).sort((a, b) => `${a.kind}/${a.name}`.localeCompare(`${b.kind}/${b.name}`));
const ofKind = (objects: Manifest[], pattern: RegExp) => objects.filter(({ kind }) => pattern.test(kind));
const container = (objects: Manifest[], name = 'metaipam') =>
  find(objects, 'Deployment').spec.template.spec.containers.find((each: Manifest) => each.name === name);

/** What the server makes of the container's arguments, as it would at its start. */
const options = (objects: Manifest[]) => {
  const [command, ...argv] = container(objects).args;
  assert.is(command, 'serve');
  const { values, positionals, warnings } = parseOptions(SERVE_OPTIONS, argv, {});
  assert.equal([positionals, warnings], [[], []]);
  return values;
};

/** The message with which Helm refuses values. */
const refusal = (values: object): string => {
  try {
    template(values);
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
  return 'not refused';
};

if (HELM === undefined) {
  console.log(NO_HELM);
  test.skip('templates', () => {});
  test.run();
} else {
  for (const name of cases) {
    test(`${name}: lint finds nothing, every object has a name of its own, labels and a namespace`, () => {
      helm(['lint', '--strict', CHART, KUBE_VERSION, '--values', join(CHART, 'ci', `${name}-values.yaml`)]);
      const objects = template(name);
      const keys = objects.map(
        ({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.namespace}/${metadata.name}`,
      );
      assert.equal(keys, [...new Set(keys)]);
      for (const { kind, metadata } of objects) {
        assert.is(metadata.labels['app.kubernetes.io/managed-by'], 'Helm', `${kind} ${metadata.name}`);
        if (/^(Deployment|Service|Role|RoleBinding|ServiceAccount|ConfigMap|PodDisruptionBudget)$/.test(kind))
          assert.ok(metadata.namespace, `${kind} ${metadata.name}`);
      }
      options(objects);
    });
  }

  test('what the chart and kustomize both install is the same', () => {
    const chart = template({
      admissionPolicies: { claimRouting: true, validation: true, deleteProtection: true },
    });
    const isController = /^(Composite|Decorator)Controller$/;
    assert.equal(
      byName(ofKind(chart, isController)),
      byName(ofKind(all('metacontroller/*.yaml'), isController)),
    );
    assert.equal(
      byName(ofKind(template({ ipamClaims: { enabled: true } }), isController)),
      byName(ofKind(all('metacontroller/{.,ipam-claims}/*.yaml'), isController)),
    );
    assert.equal(
      byName(ofKind(chart, /CustomResource/)),
      byName(ofKind(all('crds/*.yaml'), /CustomResource/)),
    );
    assert.equal(
      byName(ofKind(chart, /Admission/)),
      byName(ofKind(all('metacontroller/{.,admission}/*.yaml'), /Admission/)),
    );
    assert.equal(bare(find(chart, 'PodNetwork')), bare(all('metacontroller/default-pod-network.yaml')[0]));

    const kustomize = [
      ...all('metacontroller/{rbac,tenant-roles}.yaml'),
      ...all('metacontroller/{service,deployment}.yaml'),
    ];
    const rules = (objects: Manifest[]) =>
      ofKind(objects, /^(Cluster)?Role$/)
        .flatMap(({ metadata, rules }) => rules.map((rule: object) => [metadata.namespace ?? '', rule]))
        .map((rule) => JSON.stringify(rule))
        .sort();
    assert.equal(rules(chart), rules(kustomize));

    const service = (objects: Manifest[]) => find(objects, 'Service', 'metaipam-hooks').spec.ports;
    assert.equal(service(chart), service(kustomize));
    const pod = (objects: Manifest[]) => {
      const { spec } = find(objects, 'Deployment', 'metaipam');
      const { serviceAccountName, securityContext } = spec.template.spec;
      const inContainer = container(objects);
      const { image, env, ports, resources, livenessProbe, readinessProbe } = inContainer;
      return {
        replicas: spec.replicas,
        pod: { serviceAccountName, securityContext },
        container: { image, env, ports, resources, securityContext: inContainer.securityContext },
        probes: [livenessProbe.httpGet, readinessProbe.httpGet],
      };
    };
    assert.equal(pod(chart), pod(kustomize));
    assert.equal(options(chart), parseOptions(SERVE_OPTIONS, [], {}).values);
  });

  test('the CNI agent is that of cni/daemonset.yaml, and its rights for IPAMClaims those of cni/ipam-claims.yaml', () => {
    const named = (name: string, values: object) =>
      ofKind(template({ cni: { enabled: true }, ...values }), /./).filter(
        ({ metadata }) => metadata.name === name,
      );
    const withClaims = { ipamClaims: { enabled: true } };
    assert.equal(named('metaipam-cni-claims', {}), []);
    const rights = named('metaipam-cni-claims', withClaims).map((object) => {
      const { labels: _, ...metadata } = object.metadata;
      return { ...object, metadata };
    });
    assert.equal(rights, all('cni/ipam-claims.yaml'));
    const env = (values: object) =>
      find(named('metaipam-cni', values), 'DaemonSet').spec.template.spec.containers[0].env;
    const added = env(withClaims).filter(({ name }: { name: string }) => name === 'IPAM_CLAIMS');
    assert.equal(added, [{ name: 'IPAM_CLAIMS', value: 'true' }]);
    assert.is(env(withClaims).length, env({}).length + 1);
    const chart = named('metaipam-cni', {});
    const source = all('cni/daemonset.yaml');
    assert.equal(chart.map(({ kind }) => kind).sort(), source.map(({ kind }) => kind).sort());
    for (const { kind, metadata, ...expected } of source) {
      const { kind: _, metadata: actual, ...rest } = find(chart, kind);
      assert.is(actual.namespace, metadata.namespace);
      for (const [key, value] of Object.entries(metadata.labels ?? {})) assert.is(actual.labels[key], value);
      if (kind === 'DaemonSet') {
        for (const { spec } of [rest, expected]) {
          delete spec.selector;
          delete spec.template.metadata;
          delete spec.template.spec.containers[0].imagePullPolicy;
        }
      }
      assert.equal(rest, expected);
    }
  });

  test('the hooks are found by the names of release and namespace, over HTTP or HTTPS', () => {
    const urls = (objects: Manifest[]): string[] =>
      ofKind(objects, /Controller$/)
        .flatMap(({ spec }) => Object.values(spec.hooks) as Manifest[])
        .map(({ webhook }) => webhook.url);
    const bases = (objects: Manifest[]) => [...new Set(urls(objects).map((url) => url.split('/hooks/')[0]))];
    assert.is(urls(template()).length, 24);
    const rendered = helm(['template', 'blue', CHART, KUBE_VERSION, '--namespace', 'elsewhere']);
    const objects = (loadAll(rendered) as Manifest[]).filter(Boolean);
    assert.equal(bases(objects), ['http://blue-metaipam-hooks.elsewhere.svc']);
    assert.ok(find(objects, 'Service', 'blue-metaipam-hooks'));
    assert.equal(bases(template({ hooks: { url: 'http://127.0.0.1:9' } })), ['http://127.0.0.1:9']);
    assert.equal(bases(template('combined')), ['http://127.0.0.1:8080']);
    const secure = template({ tls: { enabled: true, secretName: 'mine' } });
    assert.equal(bases(secure), ['https://metaipam-hooks.metaipam-system.svc']);
    assert.is(find(secure, 'Service', 'metaipam-hooks').spec.ports[0].port, 443);
  });

  test('with TLS the server has the Secret, and each webhook the CA', () => {
    const bundles = (tls: object) => {
      const objects = template({ tls: { enabled: true, ...tls } });
      const hooks = ofKind(objects, /Controller$/).flatMap(
        ({ spec }) => Object.values(spec.hooks) as Manifest[],
      );
      const found = new Set(hooks.map(({ webhook }) => JSON.stringify(webhook.caBundle)));
      assert.is(found.size, 1);
      const [bundle] = found;
      return bundle === undefined ? undefined : JSON.parse(bundle);
    };
    const ref = { name: 'mine', namespace: 'metaipam-system', key: 'ca.crt' };
    assert.equal(bundles({ secretName: 'mine' }), { secretRef: ref });
    const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
    assert.equal(bundles({ secretName: 'mine', caBundle: pem }), { inline: pem });
    assert.is(bundles({ secretName: 'mine', caKey: '' }), undefined);

    const objects = template({ tls: { enabled: true, certManager: { enabled: true } } });
    const secretName = 'metaipam-hooks-tls';
    const { spec } = find(objects, 'Deployment').spec.template;
    assert.equal(spec.volumes, [{ name: 'tls', secret: { secretName } }]);
    const { 'hooks-tls-cert-file': certFile, 'hooks-tls-key-file': keyFile } = options(objects);
    const { mountPath } = container(objects).volumeMounts[0];
    assert.equal([certFile, keyFile], [`${mountPath}/tls.crt`, `${mountPath}/tls.key`]);
    const certificate = find(objects, 'Certificate', 'metaipam-hooks').spec;
    assert.is(certificate.secretName, secretName);
    assert.is(certificate.dnsNames[0], 'metaipam-hooks.metaipam-system.svc');
    assert.is(find(objects, 'Issuer', certificate.issuerRef.name).spec.ca.secretName, 'metaipam-hooks-ca');
    const issuerRef = { name: 'corporate', kind: 'ClusterIssuer', group: 'cert-manager.io' };
    const issued = template({ tls: { enabled: true, certManager: { enabled: true, issuerRef } } });
    assert.equal(find(issued, 'Certificate').spec.issuerRef, issuerRef);
    assert.equal(ofKind(issued, /Issuer/), []);
  });

  test('the version of Cluster API changes claims, server and CRDs together', () => {
    const speak = (version: string) => {
      const objects = template({ clusterApi: { version } });
      const claims = find(objects, 'DecoratorController', 'claims').spec;
      return {
        speaks: [
          claims.resources[0].apiVersion,
          claims.attachments[0].apiVersion,
          find(objects, 'DecoratorController', 'claim-router').spec.resources[0].apiVersion,
        ].map((apiVersion) => apiVersion.split('/')[1]),
        server: options(objects)['cluster-api-version'],
        watch: options(objects)['watch-clusters'],
        pools: find(objects, 'CompositeController', 'pools').spec.parentResource.apiVersion,
        crds: ofKind(objects, /CustomResource/).length,
      };
    };
    assert.is(options(template({}))['watch-service-cidrs'], false);
    assert.is(options(template({ watchServiceCIDRs: true }))['watch-service-cidrs'], true);
    const rows: [value: string, version: string, watch: boolean, crds: number][] = [
      ['v1beta2', 'v1beta2', true, 8],
      ['v1beta1', 'v1beta1', true, 8],
      ['none', 'v1beta2', false, 10],
    ];
    for (const [value, version, watch, crds] of rows) {
      assert.equal(speak(value), {
        speaks: [version, version, version],
        server: version,
        watch,
        pools: 'ipam.cluster.x-k8s.io/v1alpha2',
        crds,
      });
    }
  });

  test('CRDs stay when the release goes, and are left out when told', () => {
    const crds = (values: object) => ofKind(template(values), /CustomResource/);
    const policy = (object: Manifest) => object.metadata.annotations?.['helm.sh/resource-policy'];
    assert.ok(crds({}).every((crd) => policy(crd) === 'keep'));
    assert.ok(crds({ crds: { keep: false } }).every((crd) => policy(crd) === undefined));
    assert.is(crds({ crds: { install: false } }).length, 0);
    assert.is(crds({ installCRDs: false }).length, 0);
    assert.is(crds({ installCRDs: true, crds: { install: false } }).length, 8);
    const source = all('crds/inclusterippools.yaml')[0].metadata.labels;
    const pools = crds({}).find(({ metadata }) => metadata.name.startsWith('inclusterippools'));
    for (const [key, value] of Object.entries(source)) assert.is(pools.metadata.labels[key], value);
  });

  test('the PodNetwork is a hook until its kind is known, and never one that Helm deletes first', () => {
    const network = (...args: string[]) => find(template({}, ...args), 'PodNetwork').metadata.annotations;
    const first = network();
    assert.is(first['helm.sh/hook'], 'post-install,post-upgrade');
    assert.not.match(first['helm.sh/hook-delete-policy'], 'before-hook-creation');
    assert.is(first['meta.helm.sh/release-name'], 'metaipam');
    assert.equal(network('--api-versions', 'metaipam.io/v1alpha1/PodNetwork'), {
      'helm.sh/resource-policy': 'keep',
    });
    const { spec } = find(template('everything'), 'PodNetwork');
    assert.equal(spec.serviceCIDRs, ['10.96.0.0/12', 'fd00:10:96::/112']);
    assert.is(spec.reuseGracePeriodSeconds, 0);
  });

  test('admission policies come where the cluster has the API, or as told', () => {
    const kinds = (values: object, ...args: string[]) => [
      ...new Set(ofKind(template(values, ...args), /AdmissionPolicy$/).map(({ kind }) => kind)),
    ];
    const has = (kind: string) => ['--api-versions', `${ADMISSION}/${kind}`];
    const both = ['MutatingAdmissionPolicy', 'ValidatingAdmissionPolicy'];
    assert.equal(kinds({}, ...has(both[0]!), ...has(both[1]!)).sort(), both);
    assert.equal(kinds({ admissionPolicies: { claimRouting: true } }), [both[0]]);
    for (const policy of ['validation', 'deleteProtection']) {
      assert.equal(kinds({ admissionPolicies: { [policy]: true } }), [both[1]]);
    }
    const none = { claimRouting: false, validation: false, deleteProtection: false };
    assert.equal(kinds({ admissionPolicies: none }, ...has(both[0]!), ...has(both[1]!)), []);
    assert.equal(kinds({}), []);
  });

  test('without the binder there are no permissions and no token', () => {
    const objects = template({ bind: { enabled: false }, rbac: { tenantRoles: false } });
    assert.equal(ofKind(objects, /Role/), []);
    assert.is(find(objects, 'Deployment').spec.template.spec.automountServiceAccountToken, false);
    assert.is(options(objects)['no-bind'], true);
    assert.equal(ofKind(template({ rbac: { create: false } }), /Role/), []);
  });

  test('the page alone may read, and no more', () => {
    const rbac = { tenantRoles: false };
    const objects = template({ bind: { enabled: false }, page: { enabled: true }, rbac });
    const roles = objects.filter(({ kind }) => kind === 'ClusterRole');
    const verbs = roles.flatMap(({ rules }) => rules.flatMap((rule: { verbs: string[] }) => rule.verbs));
    assert.equal([...new Set(verbs)].sort(), ['get', 'list', 'watch']);
    assert.is(find(objects, 'Deployment').spec.template.spec.automountServiceAccountToken, true);
    assert.equal(ofKind(template({ page: { enabled: true }, rbac }), /^ClusterRole$/).length, 1);
  });

  test('every value reaches the option that it is named for', () => {
    const values = options(template('everything'));
    const expected: Partial<typeof values> = {
      'hooks-bind-address': ':9090',
      page: true,
      'webserver-bind-address': ':9091',
      'install-namespace': 'addresses',
      'body-limit': 100 * 2 ** 20,
      'cache-lag': 10_000,
      'node-patch-concurrency': 10,
      'node-patch-qps': 20,
      'leader-elect-lease-duration': 30_000,
      'leader-elect-renew-deadline': 20_000,
      'leader-elect-retry-period': 4_000,
      'leader-elect-resource-name': 'ipam',
      'log-level': 'debug',
      'log-format': 'text',
      'shutdown-grace-period': 25_000,
      kubeconfig: '/etc/kubeconfig/value',
    };
    for (const [name, value] of Object.entries(expected))
      assert.is(values[name as keyof typeof values], value);
  });

  test('every option of metaipam serve has a value, but for those that extraArgs are for', () => {
    const rendered = ['default', 'everything', 'minimal', 'without-cluster-api'].flatMap(
      (name) => container(template(name)).args as string[],
    );
    const reached = new Set(rendered.map((argument) => argument.replace(/^--|=.*$/g, '')));
    const left = Object.entries(SERVE_OPTIONS as OptionTable)
      .filter(([name, { ignored }]) => !reached.has(name) && ignored === undefined)
      .map(([name]) => name);
    assert.equal(left, [
      // Deprecated.
      'health-probe-address',
      // What those set who use several providers, or none of the API server's judgement.
      'insecure-diagnostics',
      'tls-min-version',
      'namespace',
      'watch-filter',
      // A pod has them from its own account, name and namespace.
      'apiserver',
      'leader-elect-id',
      'leader-elect-namespace',
      // For installs by clusterctl.
      'keep-from-move',
      // --log-level in another spelling.
      'v',
    ]);
  });

  test('together in one pod: on the network of the host, hooks on loopback, no two ports alike', () => {
    const objects = template('combined');
    const { spec } = find(objects, 'Deployment').spec.template;
    assert.is(spec.hostNetwork, true);
    assert.is(options(objects)['hooks-bind-address'], '127.0.0.1:8080');
    const ports = spec.containers.flatMap((each: Manifest) =>
      each.ports.map((port: Manifest) => port.containerPort),
    );
    assert.equal(ports, [...new Set(ports)]);
    assert.ok(container(objects, 'metacontroller').args.includes('--leader-election'));
    assert.equal(
      ofKind(objects, /^Service$/).map(({ metadata }) => metadata.name),
      ['metaipam'],
    );
    const keys = spec.tolerations.map(({ key }: Manifest) => key);
    // Those of node-ipam-controller's chart.
    const taints = ['not-ready', 'unreachable', 'unschedulable', 'network-unavailable'];
    const pressures = ['disk-pressure', 'memory-pressure', 'pid-pressure'];
    const tolerated = [...taints, ...pressures].map((taint) => `node.kubernetes.io/${taint}`);
    assert.equal(keys.toSorted(), tolerated.sort());
    const everything = ofKind(objects, /Role$/).flatMap(({ rules }) => rules);
    assert.not.ok(JSON.stringify(everything).includes('*'));
  });

  test('metrics for those who may read them', () => {
    const objects = template({
      diagnostics: { enabled: true, port: 9443 },
      serviceMonitor: { enabled: true },
      networkPolicy: { enabled: true },
    });
    assert.is(options(objects)['diagnostics-address'], ':9443');
    const [endpoint] = find(objects, 'ServiceMonitor').spec.endpoints;
    assert.equal([endpoint.port, endpoint.scheme], ['metrics', 'https']);
    assert.match(JSON.stringify(find(objects, 'NetworkPolicy').spec), '"port":"metrics"');
    const roles = ofKind(objects, /^ClusterRole(Binding)?$/).map(({ metadata }) => metadata.name);
    for (const name of ['auth-delegator', 'metrics-reader'])
      assert.ok(roles.includes(`metaipam-${name}`), name);
    const plain = ofKind(template({ serviceMonitor: { enabled: true } }), /^ServiceMonitor$/);
    assert.is(plain[0]!.spec.endpoints[0].port, 'http');
  });

  const refusals: [values: object, message: RegExp][] = [
    [{ replicas: 3 }, /replicas/],
    [{ image: { repo: 'x' } }, /repo/],
    [{ clusterApi: { version: 'v1' } }, /clusterApi.version|clusterApi\/version/],
    [{ hooks: { url: 'http://h/' } }, /url/],
    [{ shutdownGracePeriod: '25' }, /shutdownGracePeriod/],
    [{ admissionPolicies: { validation: 'yes' } }, /validation/],
    [{ networkPolicy: { hooksFrom: [] } }, /hooksFrom/],
    [{ leaderElection: { enabled: false } }, /leaderElection.enabled is false with more than one replica/],
    [{ tls: { enabled: true } }, /tls.enabled needs a certificate: set tls.secretName/],
    [{ tls: { certManager: { enabled: true } } }, /set tls.enabled to true/],
    [{ combined: { enabled: true }, hooks: { url: 'http://h' } }, /leave hooks.url empty/],
  ];
  for (const [values, message] of refusals) {
    test(`refused: ${JSON.stringify(values)}`, () => assert.match(refusal(values), message));
  }

  test('a values file of node-ipam-controller means the same here', () => {
    const values = load(`
      replicaCount: 1
      leaderElection: {enabled: false}
      image: {repository: example.com/ipam, pullPolicy: Always, tag: v9}
      nameOverride: other
      serviceAccount: {annotations: {a: b}, name: account}
      podAnnotations: {a: b}
      service: {type: ClusterIP, port: 8081}
      resources: {limits: {cpu: 100m}}
      nodeSelector: {a: b}
      topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {a: b}}}
      tolerations: [{operator: Exists}]
      affinity: {}
      installCRDs: false
    `) as object;
    const objects = template(values);
    const { spec, metadata } = find(objects, 'Deployment').spec.template;
    assert.is(container(objects).image, 'example.com/ipam:v9');
    assert.is(spec.serviceAccountName, 'account');
    assert.equal(metadata.annotations, { a: 'b' });
    assert.equal(spec.topologySpreadConstraints[0].labelSelector.matchLabels, { a: 'b' });
    assert.is(find(objects, 'Service', 'metaipam-other').spec.ports[0].port, 8081);
    assert.equal(ofKind(objects, /CustomResource/), []);
  });

  test.run();
}
