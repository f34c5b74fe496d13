/** What the part of the server that writes `node.spec.podCIDRs` needs: its Lease and its permissions. */
import type { KubernetesObject } from '../kubernetes/object.ts';
import { plural } from '../text.ts';
import { applyAgain, type Diagnosis, error, judge, ok, type Reading } from './finding.ts';
import type { HookServer } from './hook-server.ts';
import { workloadTitle } from './workload.ts';

export interface Lease extends KubernetesObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    /** RFC 3339 with microseconds. */
    readonly renewTime?: string;
  };
}

/** @param now milliseconds since the epoch, by a clock that may be some seconds off the cluster's */
export function checkLease(server: HookServer, leases: Reading<Lease>, now: number): readonly Diagnosis[] {
  const { options, workload, leaseNamespace } = server;
  if (options === undefined) return [];
  if (options['no-bind']) return [ok('lease', 'the server writes no nodes (--no-bind)')];
  if (!options['enable-leader-election']) return [ok('lease', 'the server has no leader election')];
  const name = options['leader-elect-resource-name'];
  return judge('lease', leases, (found) => {
    const title = `Lease ${leaseNamespace}/${name}`;
    const fix = `kubectl -n ${workload.metadata.namespace} logs ${workload.kind.toLowerCase()}/${workload.metadata.name}`;
    const lease = found.find(
      ({ metadata }) => metadata.namespace === leaseNamespace && metadata.name === name,
    );
    if (lease === undefined) return [error('lease', `${title} does not exist: nobody writes nodes`, fix)];
    const { holderIdentity, leaseDurationSeconds = 15, renewTime = '' } = lease.spec ?? {};
    if (!holderIdentity) return [error('lease', `${title} is held by nobody: nobody writes nodes`, fix)];
    const age = Math.max(0, Math.round((now - Date.parse(renewTime)) / 1000));
    // Twice: clocks differ.
    if (!(age <= 2 * leaseDurationSeconds)) {
      const since = Number.isNaN(age) ? 'never' : `${age} s ago`;
      return [error('lease', `${title}, held by ${holderIdentity}, was last renewed ${since}`, fix)];
    }
    return [ok('lease', `${title} is held by ${holderIdentity}`)];
  });
}

/** One right, as a SubjectAccessReview asks for it. */
export interface Permission {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly namespace?: string;
  readonly name?: string;
}

interface Binding extends KubernetesObject {
  readonly roleRef: { readonly kind: string; readonly name: string };
}

interface Role extends KubernetesObject {
  readonly rules?: readonly {
    readonly apiGroups?: readonly string[];
    readonly resources?: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
}

/**
 * The rights that this release gives the server's ServiceAccount, in the namespaces where they are needed.
 *
 * @param released the objects of the install, with its Roles and ClusterRoles and their bindings
 */
export function requiredPermissions(
  { options, workload, leaseNamespace }: HookServer,
  released: readonly KubernetesObject[],
): Permission[] {
  if (options === undefined || options['no-bind']) return [];
  const own = workload.metadata.namespace;
  const bindings = released.filter(({ kind }) => kind.endsWith('RoleBinding')) as Binding[];
  // Those that are bound to nobody are for users.
  const roles = released.filter(({ kind, metadata }) =>
    bindings.some(({ roleRef }) => roleRef.kind === kind && roleRef.name === metadata.name),
  ) as Role[];
  return roles.flatMap(({ kind, metadata, rules = [] }) =>
    rules.flatMap(({ apiGroups = [], resources = [], verbs, resourceNames }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map((verb): Permission => {
            const isLease = resource === 'leases';
            const isOwn = metadata.namespace !== 'default';
            const place = isLease ? leaseNamespace : isOwn ? options['install-namespace'] : 'default';
            return {
              group,
              resource,
              verb,
              ...(kind === 'Role' && { namespace: place ?? own }),
              ...(resourceNames !== undefined && isLease && { name: options['leader-elect-resource-name'] }),
            };
          }),
        ),
      ),
    ),
  );
}

/** @param denied those of the rights that the ServiceAccount does not have */
export function checkPermissions(
  { workload }: HookServer,
  required: readonly Permission[],
  denied: Reading<Permission>,
): readonly Diagnosis[] {
  const { namespace } = workload.metadata;
  const account = workload.spec.template.spec.serviceAccountName ?? 'default';
  const title = `ServiceAccount ${namespace}/${account}`;
  if (required.length === 0) return [];
  return judge('permissions', denied, (missing) => {
    if (missing.length === 0) {
      return [ok('permissions', `${title} has its ${plural(required.length, 'permission')}`)];
    }
    return missing.map(({ group, resource, verb, namespace: where }) => {
      const what = `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
      const message = `${title} of ${workloadTitle(workload)} may not ${what}${where ? ` in ${where}` : ''}`;
      return error('permissions', message, applyAgain('-f metacontroller/rbac.yaml'));
    });
  });
}
