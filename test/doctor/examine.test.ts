import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ControllerObject } from '../../lib/doctor/controller-configs.ts';
import { type ClusterState, examine, locate } from '../../lib/doctor/examine.ts';
import type { Diagnosis } from '../../lib/doctor/finding.ts';
import { claimTrouble } from '../../lib/doctor/objects-in-trouble.ts';
import type { Workload } from '../../lib/doctor/workload.ts';
import type { InstalledDefinition } from '../../lib/kubernetes/installed-definition.ts';
import type { IPAddressClaim } from '../../lib/kubernetes/types.ts';
import { items, metacontroller, NOW, object, RELEASE, soundState, workload } from './sound.ts';

// biome-ignore lint/suspicious/noExplicitAny: a part to break
type Breakable = any;

function findings(change: (state: Breakable) => void): Diagnosis[] {
  const state = soundState();
  change(state);
  return examine(state, RELEASE, NOW);
}

function complaints(change: (state: Breakable) => void): string[] {
  return findings(change)
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ check, verdict, message }) => `${verdict} ${check}: ${message}`);
}

const server = (state: ClusterState) => (state.workloads as { items: Workload[] }).items[0] as Breakable;
const controller = (state: ClusterState, name: string): Breakable =>
  (state.controllers as { items: ControllerObject[] }).items.find(({ metadata }) => metadata.name === name);
const definition = (state: ClusterState, name: string): Breakable =>
  (state.definitions as { items: InstalledDefinition[] }).items.find(({ metadata }) =>
    metadata.name.startsWith(name),
  );
/** As the in-cluster provider's CRDs have it. */
const CONVERSION = {
  strategy: 'Webhook',
  webhook: {
    clientConfig: { service: { namespace: 'capi', name: 'webhook', path: '/convert' } },
    conversionReviewVersions: ['v1'],
  },
};
const speak = (state: ClusterState, version: string, ...names: string[]) => {
  for (const name of names) {
    const { spec } = controller(state, name);
    spec.resources[0].apiVersion = `ipam.cluster.x-k8s.io/${version}`;
    if (spec.attachments) spec.attachments[0].apiVersion = `ipam.cluster.x-k8s.io/${version}`;
  }
};
const callAt = (state: ClusterState, origin: string) => {
  for (const { spec } of (state.controllers as { items: Breakable[] }).items) {
    for (const { webhook } of Object.values(spec.hooks) as Breakable[]) {
      webhook.url = webhook.url.replace('http://metaipam-hooks.metaipam-system.svc', origin);
    }
  }
};

test('controllers of IPAMClaims without their CRD', () => {
  const serve = (state: Breakable) => state.controllers.items.push(...RELEASE.optional);
  const withoutCRD = (state: Breakable) => {
    state.definitions.items = state.definitions.items.filter(
      ({ metadata }: InstalledDefinition) => !metadata.name.startsWith('ipamclaims.'),
    );
  };
  assert.equal(complaints(serve), []);
  assert.equal(complaints(withoutCRD), []);
  const both = complaints((state) => {
    serve(state);
    withoutCRD(state);
  });
  assert.equal(both, ['error crds: CRD ipamclaims.k8s.cni.cncf.io is missing']);
});

test('a sound cluster: everything in order, one line each', () => {
  const found = findings(() => {});
  assert.equal(
    found.map(({ check, verdict }) => `${verdict} ${check}`),
    [
      ...[
        'kubernetes',
        'crds',
        'metacontroller',
        'metacontroller-flags',
        'metacontroller-memory',
        'controllers',
      ],
      ...[
        'hook-service',
        'server',
        'lease',
        'permissions',
        'other-allocators',
        'node-allocators',
        'service-cidrs',
        'nodes',
      ],
      ...['start-up', 'claims', 'admission'],
    ].map((check) => `ok ${check}`),
  );
  for (const { message } of found) assert.not.match(message, /\n/);
});

const cases: [name: string, change: (state: Breakable) => void, expected: string[]][] = [
  [
    'Kubernetes too old',
    (s) => {
      s.version = items('v1.30.4-gke.1');
    },
    ['error kubernetes: Kubernetes is v1.30.4-gke.1'],
  ],
  [
    'a version nobody knows',
    (s) => {
      s.version = items('dev');
    },
    ['unknown kubernetes: Kubernetes says it is version dev'],
  ],
  [
    'not established',
    (s) => {
      definition(s, 'podnetworks').status.conditions[0] = {
        type: 'Established',
        status: 'False',
        message: 'no',
      };
    },
    ['error crds: CRD podnetworks.metaipam.io is not Established: no'],
  ],
  [
    'a version that is not served',
    (s) => {
      definition(s, 'inclusterippools').spec.versions[0].served = false;
    },
    ['error crds: CRD inclusterippools.ipam.cluster.x-k8s.io does not serve v1alpha2'],
  ],
  [
    'stored in a version that is gone',
    (s) => {
      definition(s, 'clustercidrs').status.storedVersions = ['v1', 'v1alpha1'];
    },
    [
      "error crds: CRD clustercidrs.networking.x-k8s.io may have objects that are stored as v1alpha1, so that the API server refuses this release's, which lacks it",
    ],
  ],
  [
    'pools that are stored as v1alpha1',
    (s) => {
      definition(s, 'inclusterippools').status.storedVersions = ['v1alpha1', 'v1alpha2'];
    },
    ['warning crds: CRD inclusterippools.ipam.cluster.x-k8s.io may have objects that are stored as v1alpha1'],
  ],
  [
    'a conversion webhook whose service is gone',
    (s) => {
      definition(s, 'inclusterippools').spec.conversion = CONVERSION;
    },
    [
      'error crds: CRD inclusterippools.ipam.cluster.x-k8s.io has a conversion webhook of Service capi/webhook, which does not exist: what is stored as v1alpha1 cannot be read',
    ],
  ],
  [
    'a conversion webhook that may be there',
    (s) => {
      definition(s, 'inclusterippools').spec.conversion = CONVERSION;
      s.services.items.push({ kind: 'Service', metadata: { name: 'webhook', namespace: 'capi' }, spec: {} });
    },
    [
      'warning crds: CRD inclusterippools.ipam.cluster.x-k8s.io has a conversion webhook of Service capi/webhook: without it what is stored as v1alpha1 cannot be read',
    ],
  ],
  [
    'other words in a schema are no difference',
    (s) => {
      definition(s, 'podnetworks').spec.versions[0].schema.openAPIV3Schema.description = 'other';
    },
    [],
  ],
  [
    'Cluster API without Cluster',
    (s) => {
      s.definitions.items = s.definitions.items.filter(
        (one: InstalledDefinition) => !one.metadata.name.startsWith('clusters.'),
      );
    },
    ['error crds: CRD clusters.cluster.x-k8s.io is missing'],
  ],
  [
    'no Cluster, and none waited for',
    (s) => {
      s.definitions.items = s.definitions.items.filter(
        (one: InstalledDefinition) => !one.metadata.name.startsWith('clusters.'),
      );
      server(s).spec.template.spec.containers[0].args.push('--watch-clusters=false');
    },
    [],
  ],
  [
    'an older Cluster API',
    (s) => {
      definition(s, 'clusters.').spec.versions.shift();
    },
    ['error crds: CRD clusters.cluster.x-k8s.io serves v1beta1, and the server speaks v1beta2'],
  ],
  [
    'v1beta1 everywhere',
    (s) => {
      speak(s, 'v1beta1', 'claims', 'claim-router');
      server(s).spec.template.spec.containers[0].args.push('--cluster-api-version=v1beta1');
      for (const name of ['ipaddressclaims', 'ipaddresses'])
        definition(s, name).spec.versions[0].name = 'v1beta1';
    },
    [],
  ],
  [
    'v1beta1 in the server only',
    (s) => {
      server(s).spec.template.spec.containers[0].env.push({
        name: 'METAIPAM_CLUSTER_API_VERSION',
        value: 'v1beta1',
      });
      for (const name of ['ipaddressclaims', 'ipaddresses'])
        definition(s, name).spec.versions[0].name = 'v1beta1';
    },
    [
      'error controllers: DecoratorController claim-router speaks v1beta2 of Cluster API, and the server v1beta1',
      'error controllers: DecoratorController claims speaks v1beta2 of Cluster API, and the server v1beta1',
    ],
  ],
  [
    'an old Metacontroller',
    (s) => {
      s.workloads.items[1] = metacontroller({ image: 'metacontrollerio/metacontroller:v4.11.3' });
    },
    ['error metacontroller: StatefulSet default/metacontroller is version 4.11'],
  ],
  [
    'one that is not tested',
    (s) => {
      s.workloads.items[1] = metacontroller({ image: 'localhost:5000/metacontroller:4.15' });
    },
    ['warning metacontroller: StatefulSet default/metacontroller is version 4.15'],
  ],
  [
    'one by its digest',
    (s) => {
      s.workloads.items[1] = metacontroller({ image: 'ghcr.io/metacontroller/metacontroller@sha256:0123' });
    },
    [
      'unknown metacontroller: StatefulSet default/metacontroller: its image ghcr.io/metacontroller/metacontroller@sha256:0123 names no version',
    ],
  ],
  [
    'as it comes',
    (s) => {
      s.workloads.items[1] = metacontroller({
        args: ['--zap-log-level=4'],
        resources: { limits: { memory: '500Mi' } },
      });
    },
    [
      'warning metacontroller-flags: StatefulSet default/metacontroller: --client-go-qps is 5, --client-go-burst is 10, --workers is 5, --cache-flush-interval is 30m',
      'warning metacontroller-memory: StatefulSet default/metacontroller may use 500Mi of memory',
    ],
  ],
  [
    'flags after the command, with one dash',
    (s) => {
      s.workloads.items[1] = metacontroller({
        command: ['/usr/bin/metacontroller', '-client-go-qps', '300', '-client-go-burst=600', '-workers=20'],
        args: ['-cache-flush-interval=1000m'],
      });
    },
    [],
  ],
  [
    'two replicas that do not elect',
    (s) => {
      s.workloads.items[1].spec.replicas = 2;
    },
    [
      'error metacontroller: StatefulSet default/metacontroller has 2 replicas and no leader election: they write against each other',
    ],
  ],
  [
    'two replicas that do',
    (s) => {
      s.workloads.items[1].spec.replicas = 2;
      s.workloads.items[1].spec.template.spec.containers[0].args.push('--leader-election');
    },
    [],
  ],
  [
    'two of them',
    (s) => {
      s.workloads.items.push(metacontroller());
    },
    [
      'error metacontroller: several Metacontrollers run: StatefulSet default/metacontroller, StatefulSet default/metacontroller',
    ],
  ],
  [
    'scaled to zero',
    (s) => {
      s.workloads.items[1].spec.replicas = 0;
    },
    ['error metacontroller: StatefulSet default/metacontroller has no replicas'],
  ],
  [
    'not ready',
    (s) => {
      s.workloads.items[1].status = {};
    },
    ['error metacontroller: StatefulSet default/metacontroller is not ready'],
  ],
  [
    'a hook that calls another',
    (s) => {
      controller(s, 'pools').spec.hooks.sync.webhook.url =
        'http://metaipam-hooks.metaipam-system.svc/hooks/claims/sync';
    },
    [
      'error controllers: CompositeController pools: spec.hooks.sync.webhook calls /hooks/claims/sync, not /hooks/pools/sync',
    ],
  ],
  [
    'a hook without a URL',
    (s) => {
      controller(s, 'pools').spec.hooks.sync.webhook = {};
    },
    [
      'error controllers: CompositeController pools: spec.hooks.sync.webhook names no URL',
      'warning controllers: CompositeController pools: spec.hooks.sync.webhook.timeout is 10 s, this release has 60 s',
    ],
  ],
  [
    'a hook left out',
    (s) => {
      delete controller(s, 'claims').spec.hooks.finalize;
    },
    ['error controllers: DecoratorController claims is not of this release: spec.hooks.finalize'],
  ],
  [
    'a controller that is going',
    (s) => {
      controller(s, 'nodes').metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    },
    ['error controllers: DecoratorController nodes is being deleted'],
  ],
  [
    'a Service of another name',
    (s) => {
      s.services.items[0].metadata.name = 'other';
    },
    [
      'error hook-service: hooks are called at http://metaipam-hooks.metaipam-system.svc:80: there is no Service metaipam-system/metaipam-hooks',
      'error server: no Deployment, StatefulSet or DaemonSet serves the hooks',
    ],
  ],
  [
    'another port',
    (s) => {
      callAt(s, 'http://metaipam-hooks.metaipam-system.svc.cluster.local:8080');
    },
    [
      'error hook-service: hooks are called at http://metaipam-hooks.metaipam-system.svc.cluster.local:8080: Service metaipam-system/metaipam-hooks has no port 8080',
    ],
  ],
  [
    'endpoints of another Service',
    (s) => {
      s.endpointSlices.items[0].metadata.labels = {};
    },
    ['error hook-service: Service metaipam-system/metaipam-hooks has no endpoint that is ready'],
  ],
  [
    'a slice without endpoints',
    (s) => {
      s.endpointSlices.items[0].endpoints = null;
    },
    ['error hook-service: Service metaipam-system/metaipam-hooks has no endpoint that is ready'],
  ],
  [
    'in one pod',
    (s) => {
      callAt(s, 'http://127.0.0.1:8080');
      s.workloads.items[1].spec.template.spec.containers.push(server(s).spec.template.spec.containers[0]);
      s.workloads.items[1].spec.template.spec.hostNetwork = true;
      s.leases.items[0].metadata.namespace = 'default';
    },
    [],
  ],
  [
    'outside of the cluster',
    (s) => {
      callAt(s, 'http://ipam.example.com');
    },
    [
      'unknown hook-service: whether anybody answers at http://ipam.example.com:80 cannot be seen from here: it names no Service',
      'error server: no Deployment, StatefulSet or DaemonSet serves the hooks',
    ],
  ],
  [
    'TLS on one side only',
    (s) => {
      server(s).spec.template.spec.containers[0].args.push(
        '--hooks-tls-cert-file=c',
        '--hooks-tls-key-file=k',
      );
    },
    [
      'error server: Deployment metaipam-system/metaipam speaks https, and hooks are called at http://metaipam-hooks.metaipam-system.svc:80',
    ],
  ],
  [
    'a flag that is none',
    (s) => {
      server(s).spec.template.spec.containers[0].args.push('--colour=blue');
    },
    ['error server: Deployment metaipam-system/metaipam cannot start: unknown flag --colour'],
  ],
  [
    'one of two ready',
    (s) => {
      server(s).status.readyReplicas = 1;
    },
    ['warning server: Deployment metaipam-system/metaipam: 1 of 2 ready'],
  ],
  [
    'none ready',
    (s) => {
      server(s).status = {};
    },
    ['error server: Deployment metaipam-system/metaipam: none of 2 ready'],
  ],
  [
    'another release',
    (s) => {
      server(s).spec.template.spec.containers[0].image = 'example.com/metaipam:v0.2.0@sha256:01';
    },
    ['warning server: Deployment metaipam-system/metaipam is of release 0.2.0, this program of 0.1.0'],
  ],
  [
    'two that bind',
    (s) => {
      server(s).spec.template.spec.containers[0].args.push('--enable-leader-election=false');
    },
    [
      'error server: Deployment metaipam-system/metaipam has 2 replicas and no leader election: each of them writes nodes',
    ],
  ],
  [
    'no Lease',
    (s) => {
      s.leases = items();
    },
    ['error lease: Lease metaipam-system/node-ipam-controller does not exist: nobody writes nodes'],
  ],
  [
    'no Lease, and none needed',
    (s) => {
      s.leases = items();
      server(s).spec.template.spec.containers[0].env.push({ name: 'METAIPAM_NO_BIND', value: 'true' });
    },
    [],
  ],
  [
    'a Lease let go',
    (s) => {
      s.leases.items[0].spec.holderIdentity = '';
    },
    ['error lease: Lease metaipam-system/node-ipam-controller is held by nobody: nobody writes nodes'],
  ],
  [
    'a stale Lease',
    (s) => {
      s.leases.items[0].spec.renewTime = '2026-01-01T23:59:00.000001Z';
    },
    [
      'error lease: Lease metaipam-system/node-ipam-controller, held by metaipam-1, was last renewed 60 s ago',
    ],
  ],
  [
    'a Lease that was never renewed',
    (s) => {
      s.leases.items[0].spec = { holderIdentity: 'a' };
    },
    ['error lease: Lease metaipam-system/node-ipam-controller, held by a, was last renewed never'],
  ],
  [
    'a right less',
    (s) => {
      s.denied = items({ group: '', resource: 'events', verb: 'create', namespace: 'default' });
    },
    [
      'error permissions: ServiceAccount metaipam-system/metaipam of Deployment metaipam-system/metaipam may not create events in default',
    ],
  ],
  [
    'the provider beside it',
    (s) => {
      s.workloads.items.push(
        workload('Deployment', 'capi', {
          image: 'registry.k8s.io/capi-ipam-ic/cluster-api-ipam-in-cluster-controller:v1.0.1',
        }),
      );
    },
    ['error other-allocators: Deployment default/capi runs and allocates for the same pools or nodes'],
  ],
  [
    'the provider, asleep',
    (s) => {
      s.workloads.items.push({
        ...workload('Deployment', 'capi', {}, { 'cluster.x-k8s.io/provider': 'ipam-in-cluster' }),
        spec: { replicas: 0, template: { spec: { containers: [] } } },
      });
      s.webhookConfigurations = items(
        object('ValidatingWebhookConfiguration', 'capi', undefined, {
          'cluster.x-k8s.io/provider': 'ipam-in-cluster',
        }),
      );
    },
    [
      'error other-allocators: ValidatingWebhookConfiguration capi is left of the in-cluster IPAM provider and refuses every change of a pool',
    ],
  ],
  [
    'kube-controller-manager allocates',
    (s) => {
      s.pods.items[0].spec.containers[0].command[1] = '--allocate-node-cidrs=true';
    },
    ['error node-allocators: Pod kube-system/kube-controller-manager-a has --allocate-node-cidrs=true'],
  ],
  [
    'it may, without ClusterCIDRs',
    (s) => {
      s.pods.items[0].spec.containers[0].command[1] = '--allocate-node-cidrs';
      s.clusterCIDRs = items();
    },
    [],
  ],
  [
    'it does, and nodes that have none are its business, where ClusterCIDRs are of secondary networks',
    (s) => {
      s.pods.items[0].spec.containers[0].command[1] = '--allocate-node-cidrs';
      s.clusterCIDRs.items[0].metadata.labels = { 'metaipam.io/network': 'storage' };
      s.nodes = items(object('Node', 'b'));
    },
    [],
  ],
  [
    'a cloud controller manager allocates',
    (s) => {
      s.workloads.items.push(
        workload('DaemonSet', 'ccm', {
          image: 'a/cloud-controller-manager:v1',
          args: ['--allocate-node-cidrs'],
        }),
      );
      s.workloads.items.at(-1).status = { desiredNumberScheduled: 3 };
    },
    ['error node-allocators: DaemonSet default/ccm has --allocate-node-cidrs=true'],
  ],
  [
    'a managed control plane',
    (s) => {
      s.pods = items();
    },
    ['unknown node-allocators: kube-controller-manager runs where its flags cannot be seen'],
  ],
  [
    'a node without',
    (s) => {
      s.nodes.items.push(object('Node', 'b'));
    },
    ['warning nodes: 1 node of 2 without podCIDRs: b'],
  ],
  [
    'a node that just came',
    (s) => {
      const young = object('Node', 'b') as Breakable;
      young.metadata.creationTimestamp = '2026-01-01T23:59:30Z';
      s.nodes.items.push(young);
    },
    [],
  ],
  [
    'no node has any',
    (s) => {
      s.nodes = items(object('Node', 'b'));
    },
    [
      'warning nodes: 1 node of 1 without podCIDRs: b',
      'warning start-up: no node has podCIDRs yet, and hooks are found through DNS, which may need them to start',
    ],
  ],
  [
    "deaf on the host's network",
    (s) => {
      s.workloads.items[1].spec.template.spec.hostNetwork = true;
    },
    [
      "error start-up: StatefulSet default/metacontroller is on the host's network and cannot resolve the hooks' Service",
    ],
  ],
  [
    'claims left alone',
    (s) => {
      s.claims = items(...['a', 'b', 'c', 'd'].map((name) => ({ name, trouble: 'unlabelled' })));
    },
    [
      'error claims: 4 claims of our pools have no label metaipam.io/pool, so that no pool sees them: a, b, c and 1 more',
    ],
  ],
  [
    'a policy without its binding',
    (s) => {
      s.admissionPolicies = items(object('ValidatingAdmissionPolicy', 'metaipam-pools'));
    },
    [
      'warning admission: ValidatingAdmissionPolicy metaipam-pools has no binding',
      'warning admission: ValidatingAdmissionPolicy metaipam-pools is not of this release: spec.validations',
    ],
  ],
  [
    'a policy of another release',
    (s) => {
      const [policy] = s.admissionPolicies.items;
      policy.spec.validations[0].expression = 'true';
    },
    [
      'warning admission: ValidatingAdmissionPolicy metaipam-delete-protection is not of this release: spec.validations[0].expression',
    ],
  ],
  [
    'no policies, which somebody may want',
    (s) => {
      s.admissionPolicies = items();
    },
    [],
  ],
  [
    'a ClusterCIDR that overlaps a ServiceCIDR',
    (s) => {
      s.clusterCIDRs.items[0].spec.ipv4 = '10.0.0.0/8';
    },
    [
      'warning service-cidrs: ClusterCIDR all overlaps ServiceCIDR kubernetes (10.96.0.0/12), and the server does not look at ServiceCIDR objects: nodes may get addresses of services',
    ],
  ],
  [
    'one that overlaps it, of a network that knows the range',
    (s) => {
      s.clusterCIDRs.items[0].spec.ipv4 = '10.0.0.0/8';
      s.podNetworks = items({ metadata: { name: 'default' }, spec: { serviceCIDRs: ['10.96.0.0/11'] } });
    },
    [],
  ],
  [
    'one of a secondary network that overlaps it',
    (s) => {
      s.clusterCIDRs.items[0].spec.ipv4 = '10.0.0.0/8';
      s.clusterCIDRs.items[0].metadata.labels = { 'metaipam.io/network': 'storage' };
    },
    [],
  ],
  [
    'ServiceCIDRs that the cluster does not have',
    (s) => {
      s.workloads.items[0].spec.template.spec.containers[0].args.push('--watch-service-cidrs');
      s.serviceCIDRs = items();
    },
    ['error service-cidrs: the server looks at ServiceCIDR objects, and the cluster has none'],
  ],
  [
    'nothing may be read',
    (s) => {
      for (const key of Object.keys(s)) if (key !== 'certificates') s[key] = { unreadable: `no ${key}` };
    },
    [
      ...[
        'kubernetes: no version',
        'crds: no definitions',
        'metacontroller: no workloads',
        'controllers: no controllers',
      ],
      ...[
        'server: no workloads',
        'other-allocators: no workloads',
        'other-allocators: no webhookConfigurations',
      ],
      ...['node-allocators: no clusterCIDRs', 'claims: no claims', 'admission: no admissionPolicies'],
    ].map((line) => `unknown ${line}`),
  ],
];
for (const [name, change, expected] of cases) test(name, () => assert.equal(complaints(change), expected));

test('what is wrong comes with what to do', () => {
  for (const [name, change] of cases) {
    for (const { verdict, fix, message } of findings(change)) {
      if (verdict === 'warning' || verdict === 'error') assert.ok(fix, `${name}: ${message}`);
    }
  }
});

/** Of an authority that nobody has the key of, valid until 2126. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBcDCCARegAwIBAgIUQqrMpA+vPFAWmb49HrmjbsBzcY8wCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTIxMjIwNTA1WhgPMjEyNjEwMjgyMjA1MDVa
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELKbnKssb
tzpEKftMM9l5uK6Bz2wsfHeOPFn1QrOx4CBB6FvqwG3Ca87f0ne+cCe54ufmR+F3
PCVfOLIlj0X7y6NTMFEwHQYDVR0OBBYEFGOPLDsjkTpjIx2GOMC+RxzRKERBMB8G
A1UdIwQYMBaAFGOPLDsjkTpjIx2GOMC+RxzRKERBMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDRwAwRAIgc8Og8x89HOa08pvY7XvSWeOZZaKaGGJQbw5pFzJA
wQACIGnrWM+ULeE4Nlnzwal0Ygo0BcSkk8TWw/SNVwDizA+d
-----END CERTIFICATE-----`;

test('CA bundles: absent, unreadable, not PEM, expired, valid', () => {
  const tls = (certificates: ClusterState['certificates'] | undefined, now = NOW) => {
    const state = soundState() as Breakable;
    callAt(state, 'https://metaipam-hooks.metaipam-system.svc:80');
    if (certificates !== undefined) {
      for (const { spec } of state.controllers.items) {
        spec.endpointConfigs = [{ host: 'metaipam-hooks.metaipam-system.svc:80', caBundle: { inline: '-' } }];
      }
      state.certificates = certificates;
    }
    const all = examine(state, RELEASE, now).filter(({ check }) => check === 'hook-tls');
    assert.is(all.length, 1);
    return `${all[0]!.verdict} ${all[0]!.message}`;
  };
  const origin = 'https://metaipam-hooks.metaipam-system.svc:80';
  assert.is(tls(undefined), `warning Metacontroller trusts the system's authorities only for ${origin}`);
  assert.is(
    tls(() => ({ problem: 'forbidden' })),
    `unknown caBundle for ${origin}: forbidden`,
  );
  assert.is(
    tls(() => 'nonsense'),
    `error caBundle for ${origin}: no certificate in it`,
  );
  assert.match(
    tls(() => CERTIFICATE),
    `ok caBundle for ${origin} is valid until `,
  );
  assert.match(
    tls(() => CERTIFICATE, Date.parse('2200-01-01')),
    `error caBundle for ${origin} has expired on `,
  );
});

test('a claim tells what it lacks, unless it is young or going', () => {
  const claim = (metadata: object, status = {}) =>
    claimTrouble(
      {
        ...object('IPAddressClaim', 'a', 'ns'),
        ...({ metadata: { creationTimestamp: '2026-01-01T00:00:00Z', ...metadata }, status } as object),
      } as IPAddressClaim,
      NOW,
    );
  const labels = { 'metaipam.io/pool': 'InClusterIPPool.a' };
  const finalizers = ['metacontroller.io/decoratorcontroller-claims'];
  assert.is(claim({}), 'unlabelled');
  assert.is(claim({ creationTimestamp: '2026-01-01T23:59:30Z' }), undefined);
  assert.is(claim({ deletionTimestamp: '2026-01-01T23:59:30Z' }), undefined);
  assert.is(claim({ labels }), 'unprotected');
  assert.is(claim({ labels, finalizers }), 'unanswered');
  assert.is(claim({ labels, finalizers }, { conditions: [{ type: 'Ready', status: 'False' }] }), undefined);
});

test('permissions follow the options: another Lease, another namespace, none without the binder', () => {
  const required = (...args: string[]) => {
    const state = soundState();
    server(state).spec.template.spec.containers[0].args.push(...args);
    return locate(state, RELEASE).required.map(({ verb, resource, namespace = '', name = '' }) =>
      [verb, resource, namespace, name].join(' '),
    );
  };
  assert.ok(required().includes('patch nodes  '));
  assert.ok(required().includes('update leases metaipam-system node-ipam-controller'));
  assert.ok(required().includes('create events default '));
  const moved = required(
    '--leader-elect-namespace=kube-system',
    '--leader-elect-resource-name=x',
    '--install-namespace=ipam',
  );
  assert.ok(moved.includes('get leases kube-system x'));
  assert.ok(moved.includes('create leases kube-system '));
  assert.equal(required('--no-bind'), []);
});

test('a node that just came is not said to have podCIDRs', () => {
  const said = (change: (state: Breakable) => void) =>
    findings(change).find(({ check }) => check === 'nodes')!.message;
  assert.is(
    said(() => {}),
    '1 node, each with podCIDRs',
  );
  const young = object('Node', 'b') as Breakable;
  young.metadata.creationTimestamp = '2026-01-01T23:59:30Z';
  assert.is(
    said((s) => s.nodes.items.push(young)),
    '2 nodes, each with podCIDRs but 1 that came within the last minute',
  );
});

test.run();
