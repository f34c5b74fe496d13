/** Faults made on purpose, in the hooks and in the binder: a search that does not find them proves nothing. */
import { controllers } from '../../hooks/index.ts';
import { decideBindings } from '../../lib/binder/decide.ts';
import { NodeBinder } from '../../lib/engine/node-binder.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import type { IPAddress, IPAddressClaim, IPAllocation, PodCIDRClaim } from '../../lib/kubernetes/types.ts';
import type {
  CompositeRequest,
  CompositeResponse,
  DecoratorResponse,
  HookContext,
  ObjectMap,
  Objects,
} from '../../lib/metacontroller/hook.ts';
import { FAULTS, type FaultName } from '../../sim/layout.ts';
import type { Subject } from '../../sim/world.ts';

type Parent = KubernetesObject & { readonly spec: object };
type Request = CompositeRequest<Parent>;
type Response = CompositeResponse & DecoratorResponse;
type Hook = (request: Request, context: HookContext) => Response;
/** A hook from the one that is right. */
type Twist = (right: Hook) => Hook;

const ADDRESS = 'metaipam.io/address';

function twisted(names: readonly string[], hooks: readonly ('sync' | 'finalize')[], twist: Twist): Subject {
  const changed = names.map((name) => {
    const controller = controllers[name]!;
    const parts = hooks
      .filter((hook) => controller[hook] !== undefined)
      .map((hook) => [hook, twist(controller[hook] as unknown as Hook)]);
    return [name, { ...controller, ...Object.fromEntries(parts) }];
  });
  return { hooks: { ...controllers, ...Object.fromEntries(changed) } };
}

const POOLS = ['pools', 'global-pools'];
const pools = (twist: Twist) => twisted(POOLS, ['sync', 'finalize'], twist);
const claims = (twist: Twist) => twisted(['claims'], ['sync'], twist);
const networks = (twist: Twist) => twisted(['pod-networks'], ['sync', 'finalize'], twist);

/** The hook, but it sees its request like this. */
const seeing =
  (change: (request: Request) => Request): Twist =>
  (right) =>
  (request, context) =>
    right(change(request), context);

/** The hook, but its parent has this in its spec. */
const withSpec = (spec: object): Twist =>
  seeing((request) => ({
    ...request,
    parent: { ...request.parent, spec: { ...request.parent.spec, ...spec } },
  }));

/** The hook, as if caches never lagged. */
const hasty: Twist = (right) => (request, context) =>
  right(request, { ...context, config: { ...context.config, cacheLagSeconds: 0 } });

/** Objects of a kind, each changed; left out where the change is undefined. */
function changing<T>(map: ObjectMap, kind: string, change: (object: T) => T | undefined): ObjectMap {
  const group = Object.keys(map).find((key) => key.startsWith(`${kind}.`));
  if (group === undefined) return map;
  const entries = Object.entries(map[group]!)
    .map(([key, object]) => [key, change(object as T)] as const)
    .filter(([, object]) => object !== undefined);
  return { ...map, [group]: Object.fromEntries(entries) as Objects };
}

/** Youngest first where the hook looks for the oldest. */
const youngestFirst = (part: 'children' | 'related'): Twist =>
  seeing((request) => ({
    ...request,
    [part]: changing<IPAllocation>(request[part], 'IPAllocation', (allocation) => ({
      ...allocation,
      metadata: {
        ...allocation.metadata,
        resourceVersion: String(1_000_000 - Number(allocation.metadata.resourceVersion)),
      },
    })),
  }));

const nameOf = ({ metadata }: { metadata: { name: string } }) => metadata.name;

/** Gives new allocations names that do not say their address. */
const unnamed: Twist = (right) => (request, context) => {
  const response = right(request, context);
  const known = new Set(Object.values(request.children).flatMap((group) => Object.values(group).map(nameOf)));
  const children = response.children.map((child) => {
    const { address, claimRef } = child.spec as IPAllocation['spec'];
    if (address === undefined || known.has(nameOf(child))) return child;
    return {
      ...child,
      metadata: { ...child.metadata, name: `${request.parent.metadata.name}.${claimRef.uid}` },
    };
  });
  return { ...response, children };
};

/** Does not count what it drops as used until it is gone. */
const eager: Twist = (right) => (request, context) => {
  const kept = new Set(right(request, context).children.map(nameOf));
  const children = changing<IPAllocation>(request.children, 'IPAllocation', (allocation) =>
    kept.has(nameOf(allocation)) ? allocation : undefined,
  );
  return right({ ...request, children }, context);
};

/** Remembers what it gave last, and goes on from there. */
function forgetful(): Twist {
  const given: string[] = [];
  return (right) => (request, context) => {
    const { spec } = request.parent as { spec: { excludedAddresses?: string[] } };
    const excludedAddresses = [...(spec.excludedAddresses ?? []), ...given.slice(-1)];
    const response = right(
      { ...request, parent: { ...request.parent, spec: { ...spec, excludedAddresses } } },
      context,
    );
    for (const child of response.children) {
      const { address } = child.spec as IPAllocation['spec'];
      if (address !== undefined) given.push(address);
    }
    return response;
  };
}

const withoutClaimsThatGo = seeing((request) => ({
  ...request,
  related: changing<IPAddressClaim>(request.related, 'IPAddressClaim', (claim) =>
    claim.metadata.deletionTimestamp === undefined ? claim : undefined,
  ),
}));

const withoutBoundAddresses = seeing((request) => ({
  ...request,
  related: changing<IPAddressClaim>(request.related, 'IPAddressClaim', ({ status: _, ...claim }) => {
    const { [ADDRESS]: __, ...annotations } = claim.metadata.annotations ?? {};
    return { ...claim, metadata: { ...claim.metadata, annotations } };
  }),
}));

/** Gives what it adopts its own prefix and gateway. */
const possessive: Twist = (right) => (request, context) => {
  const response = right(request, context);
  const { prefix, gateway } = request.parent.spec as { prefix: number; gateway?: string };
  const children = response.children.map((child) => {
    const { gateway: _, ...spec } = child.spec as IPAllocation['spec'];
    return spec.adopted ? { ...child, spec: { ...spec, prefix, ...(gateway && { gateway }) } } : child;
  });
  return { ...response, children };
};

const without = (part: 'children' | 'related', kind: string): Twist =>
  seeing((request) => ({ ...request, [part]: changing(request[part], kind, () => undefined) }));

const withoutNeighbours = seeing((request) => {
  const related = changing(request.related, 'IPAllocation', () => undefined);
  return { ...request, related: withoutAddressesOfNeighbours(request.parent.metadata.name, related) };
});

function withoutAddressesOfNeighbours(pool: string, related: ObjectMap): ObjectMap {
  return changing<IPAddress>(related, 'IPAddress', (address) =>
    address.spec.poolRef.name === pool ? address : undefined,
  );
}

/** Lets go of a claim and leaves what is attached to it. */
const letGo: Twist = () => (request) => {
  const { attachments } = request as object as { attachments: ObjectMap };
  const kept = Object.values(attachments).flatMap((group) => Object.values(group));
  return { attachments: kept as Response['attachments'], finalized: true } as Response;
};

const binder = (decide: typeof decideBindings): Subject => ({
  hooks: controllers,
  startBinder: (environment) => new NodeBinder(environment, decide),
});

export interface Mutant {
  readonly what: string;
  readonly subject: Subject;
  /** Which faults its worlds have; those of `FIRST_FAULTS` by default. */
  readonly faults?: readonly FaultName[];
  /** A world that finds it, for what only many worlds would. */
  readonly seed?: number;
}

export const POOL_MUTANTS: readonly Mutant[] = [
  { what: 'allocations whose names do not say their address', subject: pools(unnamed) },
  {
    what: 'a pool that keeps the youngest allocation of a claim',
    subject: pools(youngestFirst('children')),
  },
  {
    what: 'a claim that takes the youngest allocation',
    subject: claims(youngestFirst('related')),
  },
  { what: 'a pool that takes what it does not see for gone', subject: pools(hasty) },
  {
    what: 'a pool that goes while something of it may be unseen',
    subject: twisted(POOLS, ['finalize'], hasty),
    seed: 229,
  },
  {
    what: 'a pool that gives what it adopts its own gateway',
    subject: pools(possessive),
  },
  {
    what: 'a pool that goes although it is in use',
    subject: twisted(POOLS, ['finalize'], (right) => (request, context) => ({
      ...right(request, context),
      children: [],
      finalized: true,
    })),
  },
  {
    what: 'a pool that does not see foreign addresses',
    subject: pools(without('related', 'IPAddress')),
  },
  {
    what: 'a pool that does not see its neighbours',
    subject: pools(withoutNeighbours),
  },
  { what: 'a pool that gives out at once what it drops', subject: pools(eager) },
  { what: 'a pool that goes on from what it remembers', subject: pools(forgetful()) },
  {
    what: 'a pool that forgets claims as they are deleted',
    subject: pools(withoutClaimsThatGo),
  },
  {
    what: 'a pool that does not read what claims say they have',
    subject: pools(withoutBoundAddresses),
    seed: 2480,
  },
  {
    what: 'a pool without grace periods',
    subject: pools(withSpec({ addressReuseGracePeriodSeconds: 0 })),
  },
  {
    what: 'a pool that gives out the edges of its subnet',
    subject: pools(withSpec({ allocateReservedIPAddresses: true })),
  },
  { what: 'a pool that gives out its gateway', subject: pools(withSpec({ gateway: '' })) },
  {
    what: 'a pool that gives out what is excluded',
    subject: pools(withSpec({ excludedAddresses: [] })),
  },
  {
    what: 'a pool that never looks again by itself',
    subject: pools((right) => (request, context) => {
      const { resyncAfterSeconds: _, ...response } = right(request, context);
      return response;
    }),
  },
  {
    what: 'a pool that does not see what its neighbours have when they move',
    subject: pools(
      seeing((request) => ({
        ...request,
        related: withoutAddressesOfNeighbours(request.parent.metadata.name, request.related),
      })),
    ),
    faults: FAULTS,
    seed: 646,
  },
  {
    what: 'a pool that overlooks addresses of a dead pool of its name',
    subject: pools(
      seeing((request) => ({
        ...request,
        related: changing<IPAddress>(request.related, 'IPAddress', (address) =>
          address.metadata.labels?.['metaipam.io/pool-uid'] === undefined ? address : undefined,
        ),
      })),
    ),
    faults: FAULTS,
    seed: 301,
  },
  {
    what: 'a claim that goes before its IPAddress',
    subject: twisted(['claims'], ['finalize'], letGo),
  },
  {
    what: 'a claim whose condition tells the time',
    subject: claims((right) => (request, context) => {
      const response = right(request, context);
      const { conditions = [] } = (response.status ?? {}) as { conditions?: object[] };
      const timed = conditions.map((condition) => ({ ...condition, message: `at ${context.now}` }));
      return { ...response, ...(response.status && { status: { ...response.status, conditions: timed } }) };
    }),
  },
];

export const NETWORK_MUTANTS: readonly Mutant[] = [
  {
    what: 'a network that does not see which podCIDRs nodes have',
    subject: networks(
      seeing((request) => ({
        ...request,
        related: changing<PodCIDRClaim>(request.related, 'PodCIDRClaim', (claim) => ({
          ...claim,
          spec: { ...claim.spec, podCIDRs: [] },
        })),
      })),
    ),
  },
  {
    what: 'a network that keeps the youngest decision',
    subject: networks(youngestFirst('children')),
    seed: 1344,
  },
  { what: 'a network that takes what it does not see for gone', subject: networks(hasty), seed: 1879 },
  {
    what: 'a network that gives out addresses of services',
    subject: networks(withSpec({ serviceCIDRs: [] })),
  },
  {
    what: 'a network without grace periods',
    subject: networks(withSpec({ reuseGracePeriodSeconds: 0 })),
  },
  { what: 'a network that gives out at once what it drops', subject: networks(eager) },
  {
    what: 'a network that does not see what it has given',
    subject: networks(without('children', 'IPAllocation')),
  },
  {
    what: 'a ClusterCIDR that goes although it is in use',
    subject: twisted(['cluster-cidrs'], ['finalize'], (right) => (request, context) => ({
      ...right(request, context),
      finalized: true,
    })),
  },
  {
    what: 'a binder that writes each family as it comes',
    subject: binder((nodes, allocations, written) =>
      decideBindings(
        nodes,
        allocations.map((each) => ({ ...each, spec: { ...each.spec, blocks: [each.spec.cidr!] } })),
        written,
      ),
    ),
  },
  {
    what: 'a binder that looks at one node at a time',
    subject: binder((nodes, allocations, written) =>
      nodes.flatMap((node) =>
        written.has(node.metadata.uid!) ? [] : decideBindings([node], allocations, new Map()),
      ),
    ),
  },
];
