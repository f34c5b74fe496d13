/** The CustomResourceDefinitions that metaipam works with. */

import { type InstalledDefinition, staleVersions } from '../kubernetes/installed-definition.ts';
import { CAPI_IPAM_GROUP, CLUSTER_GROUP, IPAM_CLAIM_API_VERSION } from '../kubernetes/names.ts';
import { groupOf } from '../kubernetes/object.ts';
import type { CustomResourceDefinition, CustomResourceVersion } from '../kubernetes/schema.ts';
import { PROGRAM } from '../program.ts';
import { plural } from '../text.ts';
import { differences } from './differences.ts';
import { applyAgain, type Diagnosis, error, itemsOf, ok, type Reading, warning } from './finding.ts';
import type { Service } from './hook-server.ts';

const METACONTROLLER = ['compositecontrollers', 'decoratorcontrollers', 'controllerrevisions'].map(
  (plural) => `${plural}.metacontroller.k8s.io`,
);

const CLUSTERS = `clusters.${CLUSTER_GROUP}`;
const IPAM_CLAIMS = `ipamclaims.${groupOf(IPAM_CLAIM_API_VERSION)}`;

interface DefinitionsExpected {
  /** As this release has them, those of Cluster API among them. */
  readonly released: readonly CustomResourceDefinition[];
  readonly clusterApiVersion: string;
  readonly watchClusters: boolean;
  readonly servesIPAMClaims: boolean;
}

/** Metacontroller's CRDs, ours with the schema of this release, and the versions of Cluster API's that are spoken. */
export function checkDefinitions(
  installed: readonly InstalledDefinition[],
  { released, clusterApiVersion, watchClusters, servesIPAMClaims }: DefinitionsExpected,
  services: Reading<Service>,
): Diagnosis[] {
  const byName = new Map(installed.map((definition) => [definition.metadata.name, definition]));
  const bad: Diagnosis[] = [];
  const missing = METACONTROLLER.filter((name) => !byName.has(name));
  if (missing.length > 0) {
    bad.push(
      error('crds', `Metacontroller's CRDs are missing: ${missing.join(', ')}`, INSTALL_METACONTROLLER),
    );
  }
  const ours = released.filter(({ metadata }) => !isClusterApis(metadata.name));
  for (const definition of ours) {
    const { name } = definition.metadata;
    const found = byName.get(name);
    if (found === undefined) bad.push(error('crds', `CRD ${name} is missing`, applyAgain('-k crds')));
    else {
      bad.push(
        ...notEstablished(found),
        ...convertedByOthers(found, services),
        ...differs(definition, found),
      );
    }
  }
  const required = released
    .filter(({ metadata }) => isClusterApis(metadata.name))
    .map(({ metadata }) => metadata.name);
  if (watchClusters) required.push(CLUSTERS);
  for (const name of required) {
    const found = byName.get(name);
    if (found === undefined) {
      const way =
        name === CLUSTERS
          ? 'start the server with --watch-clusters=false'
          : 'the component metacontroller/without-cluster-api';
      bad.push(error('crds', `CRD ${name} is missing`, `install Cluster API, or without it ${way}`));
    } else if (!servedVersions(found).includes(clusterApiVersion)) {
      bad.push(
        error(
          'crds',
          `CRD ${name} serves ${servedVersions(found).join(', ')}, and the server speaks ${clusterApiVersion}`,
          'choose the component metacontroller/cluster-api-v1beta1 for Cluster API before 1.11, and only then',
        ),
      );
    } else bad.push(...notEstablished(found));
  }
  if (servesIPAMClaims && !byName.has(IPAM_CLAIMS)) {
    const fix = 'install that of k8snetworkplumbingwg/ipamclaims, then restart Metacontroller';
    bad.push(error('crds', `CRD ${IPAM_CLAIMS} is missing`, fix));
  }
  if (bad.length > 0) return bad;
  const count = plural(ours.length, 'CRD');
  return [
    ok('crds', `${count} as of this release, Metacontroller's and Cluster API's (${clusterApiVersion})`),
  ];
}

const MIGRATE = `once the in-cluster provider is at 0 replicas: ${PROGRAM} adopt --storage, see docs/taking-over.md`;

export const INSTALL_METACONTROLLER =
  'install Metacontroller: https://metacontroller.github.io/metacontroller/guide/install.html';

function isClusterApis(name: string): boolean {
  return name === `ipaddressclaims.${CAPI_IPAM_GROUP}` || name === `ipaddresses.${CAPI_IPAM_GROUP}`;
}

function servedVersions({ spec }: Pick<CustomResourceDefinition, 'spec'>): string[] {
  return spec.versions.filter(({ served }) => served).map(({ name }) => name);
}

function notEstablished({ metadata, status }: InstalledDefinition): Diagnosis[] {
  return ['Established', 'NamesAccepted'].flatMap((type) => {
    const condition = status?.conditions?.find((candidate) => candidate.type === type);
    if (condition?.status === 'True') return [];
    const reason = condition?.message ? `: ${condition.message}` : '';
    return [
      error('crds', `CRD ${metadata.name} is not ${type}${reason}`, `kubectl describe crd ${metadata.name}`),
    ];
  });
}

function differs(released: CustomResourceDefinition, found: InstalledDefinition): Diagnosis[] {
  const { name } = found.metadata;
  const fix = applyAgain('--server-side -k crds');
  const findings: Diagnosis[] = [];
  for (const version of released.spec.versions) {
    const other = found.spec.versions.find((candidate) => candidate.name === version.name);
    if (other === undefined || !other.served) {
      findings.push(error('crds', `CRD ${name} does not serve ${version.name}`, fix));
      continue;
    }
    if (version.storage && !other.storage) {
      findings.push(error('crds', `CRD ${name} does not store ${version.name}`, fix));
    }
    const [first, ...more] = differences(essence(version), essence(other));
    if (first !== undefined) {
      const where = `${first}${more.length > 0 ? ` and ${more.length} more` : ''}`;
      findings.push(
        error('crds', `the schema of CRD ${name} ${version.name} is not of this release: ${where}`, fix),
      );
    }
  }
  return [...findings, ...storedOtherwise(released, found)];
}

/** The API server refuses a CRD without a version that was ever stored, and cannot read what is stored in it. */
function storedOtherwise(released: CustomResourceDefinition, found: InstalledDefinition): Diagnosis[] {
  const { name } = found.metadata;
  const stale = staleVersions(found, released);
  if (stale.length === 0) return [];
  const versions = stale.join(', ');
  if (stale.every((version) => servedVersions(released).includes(version))) {
    return [warning('crds', `CRD ${name} may have objects that are stored as ${versions}`, MIGRATE)];
  }
  const storage = released.spec.versions.find((version) => version.storage)?.name;
  const fix =
    `write each of them once: kubectl get ${name} -A -o json | kubectl replace -f -; then ` +
    `kubectl patch crd ${name} --subresource=status --type=merge -p '{"status":{"storedVersions":["${storage}"]}}'`;
  const message = `CRD ${name} may have objects that are stored as ${versions}, so that the API server refuses this release's, which lacks it`;
  return [error('crds', message, fix)];
}

/** A conversion webhook, which none of our CRDs has: it is the in-cluster provider's, and goes when that goes. */
function convertedByOthers(found: InstalledDefinition, services: Reading<Service>): Diagnosis[] {
  const { strategy, webhook } = found.spec.conversion ?? {};
  if (strategy !== 'Webhook') return [];
  const { namespace, name } = webhook?.clientConfig?.service ?? {};
  const isThere = itemsOf(services).some(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
  );
  const isGone = name !== undefined && !('unreadable' in services) && !isThere;
  const whose = name === undefined ? '' : ` of Service ${namespace}/${name}`;
  const has = `CRD ${found.metadata.name} has a conversion webhook${whose}`;
  const lost = 'what is stored as v1alpha1 cannot be read';
  return [
    isGone
      ? error('crds', `${has}, which does not exist: ${lost}`, MIGRATE)
      : warning('crds', `${has}: without it ${lost}`, MIGRATE),
  ];
}

/** What of a version decides how objects are treated. */
function essence({ schema, subresources, ...rest }: CustomResourceVersion): object {
  const { selectableFields } = rest as { selectableFields?: object };
  return { schema: withoutDescriptions(schema), subresources, selectableFields };
}

function withoutDescriptions(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, part) => {
    if (typeof part?.description !== 'string') return part;
    const { description: _description, ...rest } = part;
    return rest;
  });
}
