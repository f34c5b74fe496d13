/** What the Helm chart installs is what the doctor calls right, whatever the values. */

import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHART } from '../../charts/build.ts';
import type { ControllerObject } from '../../lib/doctor/controller-configs.ts';
import { examine } from '../../lib/doctor/examine.ts';
import type { Service } from '../../lib/doctor/hook-server.ts';
import type { Workload } from '../../lib/doctor/workload.ts';
import type { InstalledDefinition } from '../../lib/kubernetes/installed-definition.ts';
import { HELM, type Manifest, NO_HELM, template } from '../chart/helm.ts';
import { items, metacontroller, NOW, object, RELEASE, soundState } from './sound.ts';

/** Held, under one of the names that the values give. */
const lease = (name: string) => ({
  ...object('Lease', name, 'metaipam-system'),
  spec: { holderIdentity: 'metaipam-1', renewTime: '2026-01-01T23:59:55.000001Z' },
});

/** The complaints about a cluster in which a rendering of the chart has settled. */
function complaints(objects: readonly Manifest[]): string[] {
  const sound = soundState();
  const ofKind = <T>(pattern: RegExp) => objects.filter(({ kind }) => pattern.test(kind)) as T[];
  const workloads: Workload[] = ofKind<Workload>(/^(Deployment|DaemonSet)$/).map((workload) => {
    const namespace = workload.metadata.namespace ?? 'metaipam-system';
    const status = { readyReplicas: workload.spec.replicas ?? 1 };
    return { ...workload, metadata: { ...workload.metadata, namespace }, status };
  });
  const runsMetacontroller = JSON.stringify(workloads).includes('/metacontroller:');
  const services = ofKind<Service>(/^Service$/).map((service) => ({
    ...service,
    metadata: { namespace: 'metaipam-system', ...service.metadata },
  }));
  const endpointSlices = services.map(({ metadata: { name } }) => ({
    ...object('EndpointSlice', name, 'metaipam-system', { 'kubernetes.io/service-name': name }),
    endpoints: [{ conditions: { ready: true } }],
  }));
  const state = {
    ...sound,
    definitions: items(
      ...(sound.definitions as { items: InstalledDefinition[] }).items.map((definition) => ({
        ...definition,
        // Cluster API of either age serves both versions.
        spec: {
          ...definition.spec,
          versions: /^ipaddress/.test(definition.metadata.name)
            ? ['v1beta1', 'v1beta2'].map((name) => ({ ...definition.spec.versions[0]!, name }))
            : definition.spec.versions,
        },
      })),
    ),
    controllers: items(...ofKind<ControllerObject>(/^(Composite|Decorator)Controller$/)),
    leases: items(lease('node-ipam-controller'), lease('ipam')),
    workloads: items(...workloads, ...(runsMetacontroller ? [] : [metacontroller()])),
    services: items(...services),
    endpointSlices: items(...endpointSlices),
    admissionPolicies: items(...ofKind<Manifest>(/AdmissionPolicy/)),
  };
  return examine(state, RELEASE, NOW)
    .filter(({ verdict, check }) => verdict !== 'ok' && check !== 'hook-tls')
    .map(({ check, verdict, message }) => `${verdict} ${check}: ${message}`);
}

if (HELM === undefined) {
  console.log(NO_HELM);
  test.skip('chart', () => {});
} else {
  for (const path of globSync('ci/*-values.yaml', { cwd: CHART }).sort()) {
    const name = basename(path, '-values.yaml');
    test(`chart, ${name}`, () => assert.equal(complaints(template(name)), []));
  }
}

test.run();
