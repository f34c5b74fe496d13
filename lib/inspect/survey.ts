/** The objects of a cluster, looked at once, for whoever asks more than one question about them. */
import { compareRanges } from '../address/range-set.ts';
import type { Allocation } from '../allocation/slice.ts';
import { clusterName } from '../claim/cluster.ts';
import { type KubernetesObject, type OwnerReference, qualifiedName, titleOf } from '../kubernetes/object.ts';
import type { IPAddress, IPAddressClaim } from '../kubernetes/types.ts';
import type { HookContext } from '../metacontroller/hook.ts';
import { isOurs } from '../pool/reference.ts';
import { type Inventory, readInventory } from './inventory.ts';
import { type Overview, overviewOfInventory } from './overview.ts';

export interface Survey {
  readonly context: HookContext;
  readonly inventory: Inventory;
  readonly overview: Overview;
  /** What slices list, by the uid of their pool or network, in the order of addresses. */
  readonly listed: ReadonlyMap<string, readonly Allocation[]>;
  /** By uid. */
  readonly claims: ReadonlyMap<string, IPAddressClaim>;
  /** Ours, by `namespace/name`. */
  readonly addresses: ReadonlyMap<string, IPAddress>;
  /** Every object, by its title. */
  readonly titles: () => ReadonlyMap<string, KubernetesObject>;
}

/** `context.now` decides what is still held for a grace period. Objects of other kinds count as owners of claims. */
export function surveyOf(objects: Iterable<KubernetesObject>, context: HookContext): Survey {
  const all = [...objects];
  const inventory = readInventory(all);
  let titles: ReadonlyMap<string, KubernetesObject> | undefined;
  const listed = Map.groupBy(inventory.allocations, ({ slice }) => slice.spec.poolRef.uid);
  for (const allocations of listed.values()) allocations.sort((a, b) => compareRanges(a.block, b.block));
  return {
    context,
    inventory,
    overview: overviewOfInventory(inventory, context),
    listed,
    claims: new Map(inventory.claims.map((claim) => [claim.metadata.uid ?? '', claim])),
    addresses: new Map(
      inventory.addresses.filter(isOurs).map((address) => [qualifiedName(address.metadata), address]),
    ),
    titles: () => {
      titles ??= new Map(all.map((object) => [titleOf(object), object]));
      return titles;
    },
  };
}

/** More owners than a machine has. */
const MOST_OWNERS = 10;

/** The owner that leads on: the controller, or the first. */
export function leadingOwner({ metadata }: KubernetesObject): OwnerReference | undefined {
  const owners = metadata.ownerReferences ?? [];
  return owners.find(({ controller }) => controller) ?? owners[0];
}

/**
 * Whose a claim is, from its owner up to its Cluster: `Machine default/web-0`, `Cluster default/prod`. The chain goes
 * as far as there are objects in the survey; the Cluster is known to the claim.
 */
export function ownersOf(claim: IPAddressClaim, { titles }: Pick<Survey, 'titles'>): string[] {
  const { namespace } = claim.metadata;
  const chain: string[] = [];
  for (
    let object: KubernetesObject | undefined = claim;
    object !== undefined && chain.length < MOST_OWNERS;
  ) {
    const owner: OwnerReference | undefined = leadingOwner(object);
    if (owner === undefined) break;
    const { kind, name } = owner;
    const title = titleOf({ kind, metadata: { name, ...(namespace && { namespace }) } });
    if (chain.includes(title)) break;
    chain.push(title);
    object = titles().get(title);
  }
  const cluster = clusterName(claim);
  const title = `Cluster ${qualifiedName({ ...claim.metadata, name: cluster ?? '' })}`;
  return cluster === undefined || chain.includes(title) ? chain : [...chain, title];
}
