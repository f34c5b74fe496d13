/** What a new cluster is given of an old one: as `clusterctl move` does, or a backup that is restored. */
import type { SimulatedCluster } from '../lib/engine/cluster.ts';
import { isDeleting, type Unstructured, withMetadata } from '../lib/engine/object.ts';
import { PAUSED_ANNOTATION } from '../lib/kubernetes/names.ts';
import { controllerOf, qualifiedName } from '../lib/kubernetes/object.ts';

export interface MoveOptions {
  /** Whether the pools are paused until everything is in view; otherwise the IPAddresses are there before the claims. */
  readonly paused: boolean;
  /** Whether owner references are kept, and name the new uids; otherwise there are none. */
  readonly owners: boolean;
  /** Whether claims keep their status. */
  readonly status: boolean;
  /** Whether AllocationSlices come along, with the owners they had. */
  readonly allocations: boolean;
}

/** Kinds in the order in which they are made. */
const KINDS = [
  'Namespace',
  'Cluster',
  'PodNetwork',
  'ClusterCIDR',
  'Node',
  'InClusterIPPool',
  'GlobalInClusterIPPool',
  'InClusterPrefixPool',
  'GlobalInClusterPrefixPool',
  'IPAMClaim',
  'IPAddressClaim',
  'IPAddress',
  'AllocationSlice',
];

/** Those that are made first, and long before the others, unless pools are paused. */
const FIRST = new Set(['Namespace', 'Cluster', 'PodNetwork', 'ClusterCIDR', 'Node', 'IPAddress']);

/** Makes in `target` what `source` has. `settle` is called once what comes first is there. */
export function moveObjects(
  source: SimulatedCluster,
  target: SimulatedCluster,
  how: MoveOptions,
  settle: () => void,
): void {
  const objects = KINDS.flatMap((kind) => source.objects(kind)).filter((object) =>
    isMoved(object, source, how),
  );
  const isFirst = ({ kind }: Unstructured) => FIRST.has(kind) && !(how.paused && kind === 'IPAddress');
  const uids = new Map<string, string>();
  const make = (object: Unstructured) => {
    const made = create(target, moved(object, how, uids));
    if (made !== undefined) uids.set(object.metadata.uid!, made.metadata.uid!);
    if (how.status && object.kind.endsWith('Claim') && made !== undefined)
      writeStatus(target, made, object.status);
  };
  for (const object of objects.filter(isFirst)) make(object);
  settle();
  for (const object of objects.filter((each) => !isFirst(each))) make(object);
}

/** What is being deleted stays behind, and so does what belongs to it. */
function isMoved(object: Unstructured, source: SimulatedCluster, how: MoveOptions): boolean {
  if (object.kind === 'AllocationSlice') return how.allocations;
  if (object.kind === 'IPAddressClaim' && !isMovedWithOwner(object, source, how)) return false;
  if (object.kind !== 'IPAddress') return !isDeleting(object) || object.kind.endsWith('Pool');
  const claim = source
    .objects('IPAddressClaim')
    .find(({ metadata }) => qualifiedName(metadata) === qualifiedName(object.metadata));
  const owner = controllerOf(object)?.uid;
  if (isDeleting(object) || (claim !== undefined && !isMoved(claim, source, how))) return false;
  return owner === undefined ? object.metadata.ownerReferences === undefined : owner === claim?.metadata.uid;
}

/** Without its IPAMClaim, which makes it, nobody restores an IPAddressClaim. */
function isMovedWithOwner(object: Unstructured, source: SimulatedCluster, { owners }: MoveOptions): boolean {
  const owner = controllerOf(object);
  if (owner?.kind !== 'IPAMClaim') return true;
  const claim = source.objects('IPAMClaim').find(({ metadata }) => metadata.uid === owner.uid);
  return owners && claim !== undefined && !isDeleting(claim);
}

function moved(object: Unstructured, how: MoveOptions, uids: ReadonlyMap<string, string>): Unstructured {
  const { name, namespace, labels, annotations, finalizers, ownerReferences } = object.metadata;
  const pause = how.paused && object.kind.endsWith('Pool') && { [PAUSED_ANNOTATION]: 'true' };
  const owners = object.kind === 'AllocationSlice' ? ownerReferences : how.owners && repointed(object, uids);
  const kept = {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
      // What Metacontroller notes of a Node's ranges is nothing a new Node has.
      annotations: { ...(object.kind !== 'Node' && annotations), ...pause },
      ...(how.owners && finalizers && { finalizers }),
      ...(owners && { ownerReferences: owners }),
    },
  };
  return object.spec === undefined ? kept : { ...kept, spec: object.spec };
}

/** Owner references with the uids of the new cluster; without those to what is not there. */
function repointed({ metadata }: Unstructured, uids: ReadonlyMap<string, string>) {
  const owners = (metadata.ownerReferences ?? [])
    .filter(({ uid }) => uids.has(uid))
    .map((owner) => ({ ...owner, uid: uids.get(owner.uid)! }));
  return owners.length > 0 && owners;
}

function create(target: SimulatedCluster, object: Unstructured): Unstructured | undefined {
  const { apiVersion, kind, metadata } = object;
  const { resource } = target.resources.of({ apiVersion, kind });
  const { name, namespace } = metadata;
  return target.request({ verb: 'create', apiVersion, resource, name, namespace, object }).object;
}

function writeStatus(target: SimulatedCluster, made: Unstructured, status: unknown): void {
  if (status === undefined) return;
  const { apiVersion, kind, metadata } = made;
  const { resource } = target.resources.of({ apiVersion, kind });
  const { name, namespace } = metadata;
  const object = { ...withMetadata(made, {}), status };
  target.request({ verb: 'update', apiVersion, resource, name, namespace, object, subresource: 'status' });
}
