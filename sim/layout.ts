/** Everything about a world that its seed decides before anything happens. */
import type { ApplyStrategy } from '../lib/engine/children.ts';
import { Random } from '../lib/engine/random.ts';

/**
 * What the design takes for granted, in seconds. A hook that releases an address waits `cacheLagSeconds`,
 * which has to cover two caches, two syncs and two clocks: 2 · lag + 2 · latency + 2 · skew < cacheLagSeconds.
 */
interface Assumptions {
  /** A cache has heard of everything that is older. */
  readonly lag: number;
  /** A sync, with all its requests, is over after this. */
  readonly latency: number;
  /** The clocks of the hooks' replicas are off by no more, either way. */
  readonly skew: number;
}

/** What the hooks of a world are configured with. */
export const CACHE_LAG_SECONDS = 30;

/** Far more than the design takes for granted: invariants may break. */
const NO_ASSUMPTIONS: Assumptions = { lag: 120, latency: 60, skew: 300 };

const ASSUMPTIONS: Assumptions = { lag: 7, latency: 6, skew: 1 };

/** Faults that can be asked for by name. */
export const FAULTS = [
  'crash',
  'lost',
  'refused',
  'hook',
  'relist',
  'repeat',
  'clock',
  'lag',
  'hands',
  'late',
  'replica',
  'move',
  'twin',
  'silence',
] as const;
export type FaultName = (typeof FAULTS)[number];
const FEW = 4;

export interface Layout {
  readonly seed: number;
  /** Indices of the pools that there may be: the fewer, the more claims meet. */
  readonly pools: readonly number[];
  readonly hasPools: boolean;
  /** Whether some of the pools are of prefixes. */
  readonly hasPrefixes: boolean;
  /** Whether pools give addresses and prefixes at random. */
  readonly isRandom: boolean;
  /** Whether pools give what was given up first, and remember when. */
  readonly isRemembering: boolean;
  /** Whether pools give a namespace only so much. */
  readonly hasQuotas: boolean;
  /** Whether pools keep some of what they have for certain claims. */
  readonly hasReservations: boolean;
  /** Whether cluster-scoped pools serve the namespaces with a label, which people set. */
  readonly hasSelectors: boolean;
  /** Whether pools of addresses may have several subnets. */
  readonly hasSubnets: boolean;
  /** Whether there are IPAMClaims, and pods that have their addresses. */
  readonly hasIPAMClaims: boolean;
  /** Whether everything comes to rest once before there is any trouble. */
  readonly beginsAtRest: boolean;
  readonly hasNodes: boolean;
  /** Whether blocks of one family may have a size of their own. */
  readonly hasSizes: boolean;
  /** Whether networks keep blocks for certain nodes. */
  readonly hasNodeReservations: boolean;
  /** Whether secondary networks have a subnet, routes and exclusions. */
  readonly hasSettings: boolean;
  /** Whether nodes are to have more than one block of a secondary network. */
  readonly hasMoreBlocks: boolean;
  /** Whether these are of two ClusterCIDRs. */
  readonly hasTwoRanges: boolean;
  /** Whether blocks of a secondary network need not be CIDRs. */
  readonly hasRanges: boolean;
  /** Whether there are ServiceCIDRs, as in Kubernetes since 1.33, and whether the hooks are told of them. */
  readonly serviceCIDRs: 'watched' | 'unwatched' | 'none';
  /** Whether networks are IPv6-first now and then. */
  readonly hasFamilyOrder: boolean;
  /** Whether Cluster API's Clusters exist, and claims name one. */
  readonly hasClusters: boolean;
  /** Whether the cluster has metaipam's admission policies. */
  readonly hasPolicies: boolean;
  readonly metacontrollers: number;
  readonly binders: number;
  readonly workers: number;
  readonly strategy: ApplyStrategy;
  readonly assumptions: Assumptions;
  /** Whether people do what the design asks them not to. */
  readonly beyond: boolean;
  /** Probabilities per step or request. */
  readonly chances: Readonly<Record<'user' | 'wait' | 'land' | Exclude<FaultName, 'lag' | 'hands'>, number>>;
  /** How long Metacontroller remembers what customize hooks answer, if not for longer than most worlds last. */
  readonly rulesKeptSeconds: number | undefined;
  /** Whether a janitor of another version is at work too, as long as an upgrade lasts. */
  readonly hasOtherJanitor: boolean;
  /** Whether people delete allocations and addresses by hand. */
  readonly hands: boolean;
  /** Whether IPAddresses and PodCIDRClaims lose the mark by which Metacontroller knows them, or their owner. */
  readonly losesMarks: boolean;
  /** The chance that a cache does not hear now, by process and resource. */
  readonly slowness: (process: string, resource: string) => number;
  /** How much more often than others a kind of action is taken; 0 never. */
  readonly taste: (action: string) => number;
  /** Whether people wait until nothing happens any more before they do the next thing. */
  readonly isPatient: boolean;
  /** Whether everything is unpaused and valid before the last check. */
  readonly endsWell: boolean;
}

export const DOMAINS = ['pools', 'prefixes', 'ipam-claims', 'nodes'] as const;
export type Domain = (typeof DOMAINS)[number];

export interface LayoutOptions {
  /** Only these faults; by default all. */
  readonly faults?: readonly FaultName[];
  /** None of these. */
  readonly without?: readonly FaultName[];
  /** Only pools of addresses, pools of prefixes, IPAMClaims with pools of addresses, or nodes; by default any but IPAMClaims, or pools and nodes. */
  readonly domain?: Domain;
  /** Beyond what the design assumes. */
  readonly beyond?: boolean;
}

/** Indices of pools. */
const POOLS = [[0], [0], [3], [1, 2], [1, 2], [0, 3], [0, 1, 2, 3]];
const POOLS_WITH_PREFIXES = [[4], [4], [5], [0, 4], [4, 5]];

/** Each world has its own mixture of troubles: one with everything at once hides what two of them do together. */
export function layoutOf(
  seed: number,
  { faults = FAULTS, without = [], beyond = false, domain }: LayoutOptions = {},
): Layout {
  const random = new Random(seed);
  const has = (name: FaultName) => faults.includes(name) && !without.includes(name);
  // Where only a few are asked for, every world has them.
  const pick = (of: Random, name: FaultName, chances: readonly number[]) => {
    const isCertain = faults.length <= FEW && has(name);
    const chance = of.pick(isCertain ? chances.filter((each) => each > 0) : chances);
    return has(name) ? chance : 0;
  };
  const sometimes = (name: FaultName, chances: readonly number[]) => pick(random, name, chances);
  const dice = random.below(10);
  const [slow, tastes] = [random.next(), random.next()];
  // These came later. Dice of their own, so that the worlds there were before stay as they were.
  const newer = new Random(seed ^ 0x5eed);
  const seldom = (name: FaultName, chances: readonly number[]) => pick(newer, name, chances);
  // So did these, in the worlds that are free to have anything.
  const newest = new Random(seed ^ 0x64);
  const hasPrefixes =
    domain === 'prefixes' || (domain === undefined && faults === FAULTS && newest.chance(0.2));
  const hasIPAMClaims = domain === 'ipam-claims';
  const hasNamesake = new Random(seed ^ 0xab).chance(0.4);
  const slowness = remembered((what) => new Random(slow ^ hash(what)).pick([0, 0, 0.5, 0.9, 0.98]));
  const pools = random.pick(POOLS);
  const hasNodes = domain === undefined ? dice >= 6 : domain === 'nodes';
  const silence = pick(new Random(seed ^ 0x51e7), 'silence', [0, 0, 0.05, 0.3]);
  const isRemembering = faults === FAULTS && new Random(seed ^ 0x14d).chance(0.2);
  return {
    seed,
    pools: hasPrefixes
      ? newest.pick(POOLS_WITH_PREFIXES)
      : hasNamesake && pools.includes(1)
        ? [...pools, 6]
        : pools,
    hasPools: domain === undefined ? dice < 7 : domain !== 'nodes',
    hasPrefixes,
    isRandom: faults === FAULTS && new Random(seed ^ 0x7a2).chance(0.2),
    isRemembering,
    hasQuotas: faults === FAULTS && new Random(seed ^ 0x9a0).chance(0.2),
    hasReservations: faults === FAULTS && new Random(seed ^ 0x7e5).chance(0.3),
    hasSelectors: faults === FAULTS && new Random(seed ^ 0x1ab).chance(0.3),
    hasSubnets: faults === FAULTS && new Random(seed ^ 0x5b7).chance(0.25),
    hasIPAMClaims,
    beginsAtRest: hasIPAMClaims && new Random(seed ^ 0x4e57).chance(0.7),
    hasNodes,
    hasSizes: faults === FAULTS && new Random(seed ^ 0x512e).chance(0.3),
    hasNodeReservations: faults === FAULTS && new Random(seed ^ 0x4e5e).chance(0.3),
    hasSettings: faults === FAULTS && new Random(seed ^ 0x5e77).chance(0.3),
    hasMoreBlocks: faults === FAULTS && new Random(seed ^ 0x2b10).chance(0.4),
    hasTwoRanges: faults === FAULTS && new Random(seed ^ 0x5a01).chance(0.5),
    hasRanges: faults === FAULTS && new Random(seed ^ 0x4a6e).chance(0.3),
    serviceCIDRs:
      faults === FAULTS && hasNodes
        ? new Random(seed ^ 0x5ec1).pick(['watched', 'watched', 'unwatched', 'none', 'none'])
        : 'none',
    hasFamilyOrder: faults === FAULTS && new Random(seed ^ 0x4064).chance(0.3),
    hasClusters: random.chance(0.3),
    hasPolicies: random.chance(0.3),
    metacontrollers: random.chance(0.5) ? 2 : 1,
    binders: random.chance(0.2) && beyond ? 2 : 1,
    workers: random.pick([1, 3]),
    strategy: random.chance(0.3) ? 'server-side-apply' : 'dynamic-apply',
    assumptions: beyond ? NO_ASSUMPTIONS : ASSUMPTIONS,
    beyond,
    chances: {
      // What has been given up comes up again only where much comes and goes.
      user: random.pick([0.04, 0.08, 0.12]) * (isRemembering ? 3 : 1),
      wait: random.pick([0.01, 0.05, 0.1]),
      crash: sometimes('crash', [0, 0.003, 0.02]),
      lost: sometimes('lost', [0, 0.02, 0.1]),
      refused: sometimes('refused', [0, 0.03, 0.15]),
      hook: sometimes('hook', [0, 0.03, 0.15]),
      relist: sometimes('relist', [0, 0.02, 0.2]),
      repeat: sometimes('repeat', [0, 0.05]),
      clock: sometimes('clock', [0, 0.01]),
      late: seldom('late', [0, 0, 0.02, 0.1]),
      land: new Random(seed ^ 0x1a7e).pick([0.1, 0.01]),
      replica: seldom('replica', [0, 0, 0.1, 0.5]),
      move: seldom('move', [0, 0, 0.005, 0.02]),
      twin: pick(new Random(seed ^ 0x7217), 'twin', [0, 0, 0, 0.02]),
      silence,
    },
    rulesKeptSeconds: silence > 0 ? 15 : undefined,
    hasOtherJanitor: newer.chance(0.3) && has('replica'),
    hands: (random.chance(0.6) || faults.length <= FEW) && has('hands'),
    losesMarks: faults === FAULTS && new Random(seed ^ 0x3a4c).chance(0.25),
    slowness: (process, resource) => (has('lag') ? slowness(process + resource) : 0),
    taste: remembered((action) => new Random(tastes ^ hash(action)).pick([0, 1, 1, 3])),
    isPatient: random.chance(0.1),
    endsWell: random.chance(0.6),
  };
}

function remembered(chance: (key: string) => number): (key: string) => number {
  const known = new Map<string, number>();
  return (key) => {
    const value = known.get(key) ?? chance(key);
    known.set(key, value);
    return value;
  };
}

/** FNV-1a. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
