/** People make and edit pools of addresses and of prefixes. */
import type { Unstructured } from '../../lib/engine/object.ts';
import type { Random } from '../../lib/engine/random.ts';
import { ADDRESS_SPACE_ANNOTATION, NETWORK_LABEL, POOL_API_VERSION } from '../../lib/kubernetes/names.ts';
import type { PoolSpec } from '../../lib/pool/spec.ts';
import { NETWORK } from '../ipam-claims.ts';
import type { Layout } from '../layout.ts';
import { creationOf, patchOf, pickOne, type UserOp, type UserScene } from './user-op.ts';

/**
 * The pools a world may have. `a` is there in each kind, `b` and `c` share their addresses, and `d` means to, but its
 * space is another.
 */
export const POOLS = [
  { kind: 'InClusterIPPool', name: 'a', net: '10.0.0.' },
  { kind: 'InClusterIPPool', name: 'b', net: '10.0.1.', space: 'lab' },
  { kind: 'InClusterIPPool', name: 'c', net: '10.0.1.', space: 'lab' },
  { kind: 'GlobalInClusterIPPool', name: 'a', net: 'fd00::' },
  { kind: 'InClusterPrefixPool', name: 'a', net: 'fd10:0:0:', length: 64 },
  { kind: 'GlobalInClusterPrefixPool', name: 'a', net: '10.9.', length: 24 },
  { kind: 'GlobalInClusterIPPool', name: 'd', net: '10.0.1.', space: 'lab' },
] as const;

type PrefixPool = Extract<(typeof POOLS)[number], { length: number }>;

export function poolsOf({ pools }: Layout) {
  return POOLS.filter((_, index) => pools.includes(index));
}

export function pickPoolKind({ random, layout }: UserScene): string {
  return random.pick(poolsOf(layout)).kind;
}

export function createPool(scene: UserScene): UserOp {
  const pool = scene.random.pick(poolsOf(scene.layout));
  return creationOf(poolObject(scene, pool));
}

export function editPool(scene: UserScene): UserOp | undefined {
  const pool = pickOne(scene, pickPoolKind(scene));
  if (pool === undefined) return undefined;
  const known = knownPool(pool)!;
  const spec =
    'length' in known
      ? {
          ...{ gateway: null, excludedPrefixes: null, reservations: null },
          ...prefixPoolSpec(scene.random, known, scene.layout),
        }
      : {
          ...Object.fromEntries(
            ['addresses', 'prefix', 'gateway', 'excludedAddresses', 'subnets', 'reservations'].map(
              (field) => [field, null],
            ),
          ),
          ...poolSpec(scene.random, known, scene.layout),
        };
  return patchOf(scene, pool, 'edits', {
    spec: {
      ...spec,
      maxPerNamespace: null,
      ...(scene.layout.hasSelectors && { allowedNamespaces: null }),
      ...limits(scene.random, scene.layout, pool.kind),
    },
  });
}

export function poolObject({ random, layout }: UserScene, pool: (typeof POOLS)[number]): Unstructured {
  const { kind, name } = pool;
  const metadata = {
    name,
    ...(!kind.startsWith('Global') && { namespace: 'default' }),
    // What `d` has others of the network may have, too.
    ...(layout.hasIPAMClaims &&
      name !== 'd' &&
      random.chance(0.85) && { labels: { [NETWORK_LABEL]: NETWORK } }),
    ...('space' in pool && { annotations: { [ADDRESS_SPACE_ANNOTATION]: pool.space } }),
  };
  const spec = {
    ...('length' in pool ? prefixPoolSpec(random, pool, layout) : poolSpec(random, pool, layout)),
    ...limits(random, layout, kind),
  };
  return { apiVersion: POOL_API_VERSION, kind, metadata, spec };
}

/** A pool gets back what makes it one; other objects are none. */
export function mendPool(scene: UserScene, object: Unstructured): UserOp[] {
  const pool = knownPool(object);
  if (pool === undefined || (object.spec as PoolSpec).subnets !== undefined) return [];
  const spec =
    'length' in pool
      ? { prefixes: [`${baseOf(pool, 0)}/${pool.length - 3}`] }
      : { prefix: pool.net.includes(':') ? 125 : 29 };
  return [patchOf(scene, object, 'mends', { spec })];
}

function knownPool(object: Unstructured): (typeof POOLS)[number] | undefined {
  return POOLS.find(({ kind, name }) => kind === object.kind && name === object.metadata.name);
}

/** Some of the eight addresses of a subnet; now and then what is no pool at all. */
function poolSpec(
  random: Random,
  pool: (typeof POOLS)[number],
  { hasReservations, hasSubnets, isRemembering }: Layout,
): object {
  const { net } = pool;
  return {
    ...(hasSubnets && random.chance(0.7) ? { subnets: subnets(random, net) } : wholeSubnet(random, net)),
    // So few that all have been given soon.
    ...(isRemembering && !hasSubnets && random.chance(0.7) && { addresses: [`${net}2-${net}4`] }),
    ...(random.chance(0.2) && { allocateReservedIPAddresses: true }),
    ...(random.chance(0.3) && { addressReuseGracePeriodSeconds: random.pick([5, 45, 90]) }),
    ...(hasReservations && { reservations: reservations(random, pool) }),
  };
}

function wholeSubnet(random: Random, net: string): object {
  const [lowest, highest] = [random.below(4), 3 + random.below(5)];
  const prefix = net.includes(':') ? 125 : 29;
  return {
    addresses: [random.chance(0.3) ? `${net}0/${prefix}` : `${net}${lowest}-${net}${highest}`],
    prefix: random.chance(0.05) ? 999 : prefix,
    ...(random.chance(0.4) && { gateway: `${net}${random.below(8)}` }),
    ...(random.chance(0.3) && {
      excludedAddresses: [`${net}${random.below(8)}`, `${net}${random.below(8)}`],
    }),
  };
}

/** Of the same eight addresses, in any order: halves, some of which overlap, and host routes. */
export function subnets(random: Random, net: string): object[] {
  const bits = net.includes(':') ? 128 : 32;
  const halves = [
    { addresses: [`${net}0-${net}3`], prefix: bits - 2 },
    { addresses: [`${net}4-${net}${4 + random.below(4)}`], prefix: bits - random.pick([2, 3]) },
    { addresses: [`${net}${random.below(8)}`, `${net}${random.below(8)}`], prefix: bits },
  ].map((each) => ({
    ...each,
    ...(random.chance(0.5) && { gateway: `${net}${random.below(9)}` }),
    ...(random.chance(0.2) && { excludedAddresses: [`${net}${random.below(8)}`] }),
  }));
  const first = random.below(3);
  return [...halves.slice(first), ...halves.slice(0, first)].slice(0, 1 + random.below(3));
}

/** Some of the eight prefixes of a larger one. */
function prefixPoolSpec(random: Random, pool: PrefixPool, { hasReservations }: Layout): object {
  const { net, length } = pool;
  const part = (places: number, index: number) => `${baseOf(pool, index)}/${length - places}`;
  const inside = (index: number) => (net.includes(':') ? `${net}${index}::7` : `${net}${index}.7`);
  return {
    prefixes: random.chance(0.3)
      ? [part(3, 0)]
      : [part(1, 2 * random.below(4)), part(random.below(2), 2 * random.below(4))],
    allocationPrefixLength: length,
    ...(random.chance(0.4) && { gateway: inside(random.below(8)) }),
    ...(random.chance(0.3) && { excludedPrefixes: [inside(random.below(8)), part(0, random.below(8))] }),
    ...(random.chance(0.3) && { addressReuseGracePeriodSeconds: random.pick([5, 45, 90]) }),
    ...(hasReservations && { reservations: reservations(random, pool) }),
  };
}

/** Some that nobody can have are among them. */
export function reservations(random: Random, pool: (typeof POOLS)[number]): object[] {
  return Array.from({ length: 1 + random.below(3) }, () => ({
    ['length' in pool ? 'prefix' : 'address']: placeIn(pool, random.below(9)),
    ...(random.chance(0.5)
      ? { claim: `claim-${random.below(7)}` }
      : { claimPattern: random.pick(['claim-*', '*-1', 'c*-*2', 'other-*']) }),
    ...(pool.kind.startsWith('Global') &&
      random.chance(0.5) && { namespace: random.pick(['default', 'team']) }),
  }));
}

function limits(
  random: Random,
  { hasQuotas, isRandom, isRemembering, hasSelectors }: Layout,
  kind: string,
): object {
  return {
    ...(hasSelectors &&
      kind.startsWith('Global') &&
      random.chance(0.7) && { allowedNamespaces: selector(random) }),
    ...(isRandom && { strategy: random.pick(['Random', 'LowestFree']) }),
    ...(isRemembering && {
      strategy: random.chance(0.8) ? 'LeastRecentlyUsed' : random.pick(['Random', 'LowestFree']),
    }),
    ...(hasQuotas && random.chance(0.7) && { maxPerNamespace: random.below(4) }),
  };
}

function selector(random: Random): object {
  const [name, tier] = ['kubernetes.io/metadata.name', 'tier'];
  return random.pick([
    { matchLabels: { tier: 'gold' } },
    { matchExpressions: [{ key: name, operator: 'In', values: ['team'] }] },
    { matchExpressions: [{ key: tier, operator: 'NotIn', values: ['iron'] }] },
  ]);
}

/** The place with this number of 0 to 7: an address, or a prefix. */
export function placeIn(pool: (typeof POOLS)[number], index: number): string {
  if (!('length' in pool)) return `${pool.net}${index}`;
  return `${baseOf(pool, index)}/${pool.length}`;
}

export function baseOf({ net }: PrefixPool, index: number): string {
  return net.includes(':') ? `${net}${index}::` : `${net}${index}.0`;
}
