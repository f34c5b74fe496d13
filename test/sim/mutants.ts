/** Faults made on purpose, in the hooks, the binder, the janitor and the CRDs: a search that does not find them proves nothing. */
import { controllers } from '../../hooks/index.ts';
import { decideBindings } from '../../lib/binder/decide.ts';
import { JanitorReconciler } from '../../lib/engine/janitor.ts';
import { NodeBinder } from '../../lib/engine/node-binder.ts';
import { decideDeeds } from '../../lib/janitor/decide.ts';
import type { ServiceCIDR } from '../../lib/kubernetes/core-types.ts';
import type { KubernetesObject } from '../../lib/kubernetes/object.ts';
import { formatTime } from '../../lib/kubernetes/time.ts';
import type {
  AllocationSlice,
  AllocationSliceSpec,
  IPAddress,
  IPAddressClaim,
  PodCIDRClaim,
  SliceEntry,
} from '../../lib/kubernetes/types.ts';
import type {
  CompositeRequest,
  CompositeResponse,
  CustomizeResponse,
  DecoratorRequest,
  DecoratorResponse,
  HookContext,
  ObjectMap,
  Objects,
} from '../../lib/metacontroller/hook.ts';
import type { PoolSpec } from '../../lib/pool/spec.ts';
import { FAULTS, type FaultName } from '../../sim/layout.ts';
import { isOtherVersion, type Subject } from '../../sim/world.ts';

type Parent = KubernetesObject & { readonly spec: object };
type Request = CompositeRequest<Parent>;
type Response = CompositeResponse & DecoratorResponse;
type Hook = (request: Request, context: HookContext) => Response;
/** A hook from the one that is right. */
type Twist = (right: Hook) => Hook;

const ADDRESS = 'metaipam.io/address';
const SETTLED = 'metaipam.io/settled';
const BELL = 'claim.metaipam.io/';

function twisted(
  names: readonly string[],
  hooks: readonly ('sync' | 'customize' | 'finalize')[],
  twist: Twist,
): Subject {
  const changed = names.map((name) => {
    const controller = controllers[name]!;
    const parts = hooks
      .filter((hook) => controller[hook] !== undefined)
      .map((hook) => [hook, twist(controller[hook] as unknown as Hook)]);
    return [name, { ...controller, ...Object.fromEntries(parts) }];
  });
  return { hooks: { ...controllers, ...Object.fromEntries(changed) } };
}

const POOLS = ['pools', 'global-pools', 'prefix-pools', 'global-prefix-pools'];
const pools = (twist: Twist) => twisted(POOLS, ['sync', 'finalize'], twist);
const claims = (twist: Twist) => twisted(['claims'], ['sync'], twist);

/** Who looks again only when something is to be done by then. */
const waiting: Twist = (right) => (request, context) => {
  const { resyncAfterSeconds = 0, ...response } = right(request, context);
  return { ...response, ...(resyncAfterSeconds < 30 && { resyncAfterSeconds }) };
};
/** Of the request of a decorator. */
const attachmentsOf = (request: Request) =>
  (request as unknown as DecoratorRequest<KubernetesObject>).attachments;
const ipamClaims = (twist: Twist) => twisted(['ipam-claims'], ['sync'], twist);
const tidying = (twist: (right: typeof decideDeeds) => typeof decideDeeds): Subject => ({
  hooks: controllers,
  startJanitor: (environment, config, strategy, kinds) =>
    new JanitorReconciler(environment, config, strategy, kinds, twist(decideDeeds)),
});
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

/** The hook, but that of another version is like this. */
const inOtherVersion =
  (twist: Twist): Twist =>
  (right) => {
    const other = twist(right);
    return (request, context) => (isOtherVersion(context) ? other : right)(request, context);
  };

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

/** The answer, but with the slices in it changed. */
const saying =
  (change: (spec: AllocationSliceSpec, request: Request) => AllocationSliceSpec): Twist =>
  (right) =>
  (request, context) => {
    const response = right(request, context);
    const children = response.children.map((child) =>
      child.kind === 'AllocationSlice'
        ? { ...child, spec: change(child.spec as AllocationSliceSpec, request) }
        : child,
    );
    return { ...response, children };
  };

/** New blocks that are no CIDRs begin with the address before, which ends another's. */
const overlappingRanges = saying((spec, { children }) => {
  if (spec.entries === undefined || spec.blockSize === undefined) return spec;
  const slices = Object.values(children).flatMap((group) => Object.values(group)) as AllocationSlice[];
  const known = new Set(slices.flatMap(({ spec: { entries } }) => Object.keys(entries ?? {})));
  const early = (text: string) =>
    known.has(text) ? text : text.replace(/\.(\d+)-/, (_, first) => `.${Math.max(0, first - 1)}-`);
  const entries = Object.entries(spec.entries).map(([key, { blocks = [], ...entry }]) => [
    early(key),
    { ...entry, blocks: blocks.map(early) },
  ]);
  return { ...spec, entries: Object.fromEntries(entries) };
});

/** The entries, each changed; left out where the change is undefined. */
function changingEntries(
  { entries, ...spec }: AllocationSliceSpec,
  change: (entry: SliceEntry, key: string) => SliceEntry | undefined,
): AllocationSliceSpec {
  if (entries === undefined) return spec;
  const kept = Object.entries(entries).flatMap(([key, entry]) => {
    const changed = change(entry, key);
    return changed === undefined ? [] : [[key, changed] as const];
  });
  return { ...spec, entries: Object.fromEntries(kept) };
}

/** Without what a person would call the evidence: the hook sees entries changed so. */
const seeingEntries = (change: (entry: SliceEntry, key: string) => SliceEntry | undefined): Twist =>
  seeing((request) => ({
    ...request,
    children: changing<AllocationSlice>(request.children, 'AllocationSlice', (slice) => ({
      ...slice,
      spec: changingEntries(slice.spec, change),
    })),
  }));

/** Says of a ClusterCIDR that the nodes which have no more than additional blocks of it have none. */
const countingFirstBlocks: Twist = (right) => (request, context) => {
  const response = right(request, context);
  const specs = response.children.map(({ spec }) => spec as AllocationSliceSpec);
  const first = specs
    .flatMap(({ entries = {} }) => Object.entries(entries))
    .filter(([key, { released, blocks = [] }]) => released === undefined && key === blocks[0])
    .map(([, { clusterCIDR, uid }]) => `${clusterCIDR} ${uid}`);
  const names = new Map(
    Object.entries(request.related)
      .filter(([group]) => group.startsWith('ClusterCIDR.'))
      .flatMap(([, group]) => Object.values(group))
      .map(({ metadata }) => [metadata.uid, metadata.name]),
  );
  const countOf = (uid: string) => first.filter((each) => each.startsWith(`${names.get(uid)} `)).length;
  return saying(({ answers, ...spec }) => ({
    ...spec,
    ...(answers && {
      answers: Object.fromEntries(
        Object.entries(answers).map(([uid, answer]) => [
          uid,
          answer.nodes === undefined ? answer : { ...answer, nodes: Math.min(answer.nodes, countOf(uid)) },
        ]),
      ),
    }),
  }))(() => response)(request, context);
};

const nameOf = ({ metadata }: { metadata: { name: string } }) => metadata.name;

/** Gives slices names of their own making: two pools of a space do not meet. */
const unnamed: Twist = (right) => (request, context) => {
  const response = right(request, context);
  const known = new Set(Object.values(request.children).flatMap((group) => Object.values(group).map(nameOf)));
  const children = response.children.map((child) =>
    known.has(nameOf(child))
      ? child
      : {
          ...child,
          metadata: { ...child.metadata, name: `${request.parent.metadata.name}.${nameOf(child)}` },
        },
  );
  return { ...response, children };
};

/** As if it had the name of its piece. */
function named<T extends AllocationSlice>(slice: T): T {
  const name = slice.metadata.name.replace(/^twin\.\d\./, '');
  return { ...slice, metadata: { ...slice.metadata, name } };
}

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
      given.push(...Object.keys((child.spec as AllocationSliceSpec).entries ?? {}));
    }
    return response;
  };
}

const without = (part: 'children' | 'related', kind: string): Twist =>
  seeing((request) => ({ ...request, [part]: changing(request[part], kind, () => undefined) }));

const withoutNeighbours = seeing((request) => {
  const related = changing(request.related, 'AllocationSlice', () => undefined);
  return { ...request, related: withoutAddressesOfNeighbours(request.parent.metadata.name, related) };
});

function withoutAddressesOfNeighbours(pool: string, related: ObjectMap): ObjectMap {
  return changing<IPAddress>(related, 'IPAddress', (address) =>
    address.spec.poolRef.name === pool ? address : undefined,
  );
}

/** Sees what pools of another scope have given under the name of its space as if a neighbour had. */
const farSighted = seeing((request) => ({
  ...request,
  related: changing<IPAddress>(request.related, 'IPAddress', (address) => {
    const { kind } = request.parent;
    const { poolRef } = address.spec;
    return poolRef.kind === kind
      ? address
      : { ...address, spec: { ...address.spec, poolRef: { ...poolRef, kind, name: `far-${poolRef.name}` } } };
  }),
}));

const binder = (decide: typeof decideBindings): Subject => ({
  hooks: controllers,
  startBinder: (environment) => new NodeBinder(environment, decide),
});

/** Time runs backwards before this, and so for all that is remembered. */
const TURN = Date.parse('2000-01-01T00:00:00Z');
const mirrored = (entry: SliceEntry): SliceEntry =>
  entry.released === undefined
    ? entry
    : { ...entry, released: formatTime(2 * TURN - Date.parse(entry.released)) };

/** A pool that remembers, and reads what it remembers the wrong way round. */
const youngestFirst: Twist = (right) => {
  const twist = seeingEntries(mirrored)(
    saying((spec) =>
      changingEntries(spec, (entry) => (Date.parse(entry.released ?? '') < TURN ? mirrored(entry) : entry)),
    )(right),
  );
  return (request, context) => {
    const { strategy, addressReuseGracePeriodSeconds } = request.parent.spec as PoolSpec;
    const isRemembering = strategy === 'LeastRecentlyUsed' && !addressReuseGracePeriodSeconds;
    return (isRemembering ? twist : right)(request, context);
  };
};

export interface Mutant {
  readonly what: string;
  readonly subject: Subject;
  /** Which faults its worlds have; those of `FIRST_FAULTS` by default. */
  readonly faults?: readonly FaultName[];
  /** A world that finds it, for what only many worlds would. */
  readonly seed?: number;
}

/** Of what only pools of prefixes have. */
export const PREFIX_MUTANTS: readonly Mutant[] = [
  {
    what: 'a pool that takes what another provider gave for prefixes of its own length',
    subject: pools(
      seeing((request) => ({
        ...request,
        related: changing<IPAddress>(request.related, 'IPAddress', (address) => ({
          ...address,
          spec: { ...address.spec, prefix: 64 },
        })),
      })),
    ),
  },
  {
    what: 'a pool that sees the slices of its own length only',
    subject: pools(
      seeing((request) => ({
        ...request,
        children: changing<AllocationSlice>(request.children, 'AllocationSlice', (slice) =>
          (slice.spec.blockLength ?? 64) === 64 ? slice : undefined,
        ),
      })),
    ),
  },
  {
    what: 'a pool that gives out prefixes with an excluded address',
    subject: pools(withSpec({ excludedPrefixes: [] })),
  },
  {
    what: 'a pool that gives out prefixes that are reserved',
    subject: pools(withSpec({ reservations: [] })),
    faults: FAULTS,
  },
  {
    what: 'a pool that gives halves of prefixes',
    subject: pools(
      seeing((request) => {
        const { spec } = request.parent as { spec: { allocationPrefixLength?: number } };
        const allocationPrefixLength = (spec.allocationPrefixLength ?? 64) + 1;
        return { ...request, parent: { ...request.parent, spec: { ...spec, allocationPrefixLength } } };
      }),
    ),
  },
];

/** Of the order in which a pool gives what it remembers: worlds seldom come so far, the property of its test does. */
export const ORDER_MUTANTS: readonly Mutant[] = [
  { what: 'a pool that gives out last what was given up first', subject: pools(youngestFirst) },
  { what: 'a pool that remembers nothing', subject: pools(withSpec({ strategy: 'LowestFree' })) },
];

/** Few faults at once, so that each world has them. */
const REPLICA: readonly FaultName[] = ['replica', 'lag'];
const OTHER_JANITOR: readonly FaultName[] = ['replica', 'lag', 'hands'];

export const POOL_MUTANTS: readonly Mutant[] = [
  { what: 'a claim that waits to be told', subject: claims(waiting), faults: ['silence'] },
  { what: 'a pool that waits to be told', subject: pools(waiting), faults: ['silence'] },
  { what: 'slices whose names are not those of their space', subject: pools(unnamed) },
  {
    what: 'a pool that gives out what its slices list',
    subject: pools(without('children', 'AllocationSlice')),
  },
  {
    what: 'a space that reaches from a namespace to cluster-scoped pools',
    subject: pools(farSighted),
    faults: ['hands'],
    seed: 800,
  },
  {
    what: 'a pool that forgets the bells',
    subject: pools((right) => (request, context) => {
      const response = right(request, context);
      const children = response.children.map((child) => ({
        ...child,
        metadata: {
          ...child.metadata,
          labels: Object.fromEntries(
            Object.entries(child.metadata.labels ?? {}).filter(([key]) => !key.startsWith(BELL)),
          ),
        },
      }));
      return { ...response, children };
    }),
  },
  {
    what: 'a pool that drops an entry without releasing it',
    subject: pools(
      saying((spec) => changingEntries(spec, (entry) => (entry.released === undefined ? entry : undefined))),
    ),
  },
  {
    what: 'a pool that takes a claim that is not in view for gone',
    subject: pools(
      saying((spec, request) => {
        const seen = Object.keys(request.related)
          .filter((group) => group.startsWith('IPAddressClaim.'))
          .flatMap((group) => Object.values(request.related[group]!).map(({ metadata }) => metadata.uid));
        return changingEntries(spec, (entry) =>
          seen.includes(entry.uid) ? entry : { ...entry, released: '2026-01-01T00:00:00Z' },
        );
      }),
    ),
  },
  {
    what: 'a pool that releases what a claim has that is still there',
    subject: pools(
      seeing((request) => ({
        ...request,
        related: changing<IPAddressClaim>(request.related, 'IPAddressClaim', (claim) =>
          claim.metadata.deletionTimestamp === undefined
            ? claim
            : {
                ...claim,
                metadata: { ...claim.metadata, labels: { ...claim.metadata.labels, [SETTLED]: 'leaving' } },
              },
        ),
      })),
    ),
  },
  {
    what: 'a pool that never releases',
    subject: pools(saying((spec) => changingEntries(spec, ({ released: _, ...entry }) => entry))),
    faults: ['hands'],
  },
  {
    what: 'a pool that ignores the loss of a slice',
    subject: pools(
      seeing((request) => {
        const { status } = request.parent as { status?: object };
        return { ...request, parent: { ...request.parent, status: { ...status, slices: [] } } };
      }),
    ),
    faults: ['hands'],
  },
  {
    what: 'an API server that lets go what was not released',
    subject: { hooks: controllers, missingRule: 'only what was released can go' },
    faults: ['late'],
  },
  {
    what: 'a pool that keeps two addresses of one claim',
    subject: pools(
      seeing((request) => ({
        ...request,
        related: changing<IPAddressClaim>(request.related, 'IPAddressClaim', (claim) => {
          const { [ADDRESS]: _, ...annotations } = claim.metadata.annotations ?? {};
          return { ...claim, metadata: { ...claim.metadata, annotations } };
        }),
      })),
    ),
    faults: ['lag', 'crash'],
    seed: 12,
  },
  {
    what: 'a pool that believes what another pool has settled',
    subject: pools(
      seeing((request) => ({
        ...request,
        related: changing<IPAddressClaim>(request.related, 'IPAddressClaim', (claim) =>
          ['open', 'leaving', 'ending'].includes(claim.metadata.labels?.[SETTLED] ?? '') ? claim : undefined,
        ),
      })),
    ),
    faults: ['hands'],
    seed: 3483,
  },
  {
    what: 'a pool that leaves out a slice that it has not closed',
    subject: pools((right) => (request, context) => {
      const response = right(request, context);
      const children = response.children.filter(({ spec }) => {
        const { entries, closed } = spec as AllocationSliceSpec;
        return entries === undefined || Object.keys(entries).length > 0 || closed;
      });
      return { ...response, children };
    }),
  },
  {
    what: 'a pool that gives out what it releases at once',
    subject: pools(seeingEntries((entry) => (entry.released === undefined ? entry : undefined))),
  },
  {
    what: 'a claim that settles before its IPAddress is there',
    subject: claims((right) => (request, context) => {
      const response = right(request, context);
      const labels = { ...response.labels };
      for (const slice of Object.values(
        request.related['AllocationSlice.metaipam.io/v1alpha1'] ?? {},
      ) as AllocationSlice[]) {
        labels[SETTLED] = slice.spec.poolRef.uid;
      }
      return { ...response, labels };
    }),
  },
  {
    what: 'a claim that never settles',
    subject: claims((right) => (request, context) => ({
      ...right(request, context),
      labels: { [SETTLED]: 'open' },
    })),
  },
  {
    what: 'a claim that is served while its Cluster is paused',
    subject: claims(
      seeing((request) => ({
        ...request,
        related: Object.fromEntries(
          Object.entries(request.related).filter(([group]) => !group.startsWith('Cluster.')),
        ),
      })),
    ),
    seed: 134,
  },
  {
    what: 'a janitor that frees what living claims have',
    subject: tidying(
      (right) => (view, context) =>
        right({ ...view, claims: [], addresses: [] }, context).map((deed) => ({ ...deed, checks: [] })),
    ),
  },
  {
    what: 'a janitor that does not look things up',
    subject: tidying(
      (right) => (view, context) => right(view, context).map((deed) => ({ ...deed, checks: [] })),
    ),
    faults: ['lag', 'hands'],
  },
  {
    what: 'a janitor that restores a slice at once, and without what lies in it',
    subject: tidying(
      (right) => (view, context) =>
        right(
          { ...view, addresses: [] },
          { ...context, config: { ...context.config, cacheLagSeconds: 0 } },
        ).filter(({ act }) => act.verb === 'create'),
    ),
    faults: FAULTS,
  },
  {
    what: 'a janitor that does nothing',
    subject: tidying(() => () => []),
    faults: FAULTS,
  },
  {
    what: 'a janitor that deletes what came from another cluster',
    subject: tidying(
      (right) => (view, context) =>
        right(
          {
            ...view,
            pools: [
              ...view.pools,
              ...view.addresses.map(
                ({ metadata }) =>
                  ({
                    ...view.pools[0],
                    metadata: { name: 'any', uid: metadata.labels?.['metaipam.io/pool-uid'] },
                  }) as never,
              ),
            ],
          },
          context,
        ),
    ),
    faults: ['move'],
  },
  {
    what: 'a version that names slices otherwise, and knows no others',
    subject: pools(
      inOtherVersion((right) =>
        seeing((request) => {
          const prefix = `${request.parent.metadata.name}.${request.parent.metadata.name}.`;
          const children = changing<AllocationSlice>(request.children, 'AllocationSlice', (slice) =>
            slice.spec.cidr === undefined || slice.metadata.name.startsWith(prefix) ? slice : undefined,
          );
          return { ...request, children };
        })(unnamed(right)),
      ),
    ),
    faults: REPLICA,
  },
  {
    what: 'a version whose pools do not ask for foreign addresses',
    subject: twisted(
      POOLS,
      ['customize'],
      inOtherVersion((right) => (request, context) => {
        const { relatedResources, ...response } = right(request, context) as unknown as CustomizeResponse;
        return {
          ...response,
          relatedResources: relatedResources.filter(
            ({ resource, labelSelector }) =>
              resource !== 'ipaddresses' ||
              labelSelector?.matchExpressions?.some(({ key }) => key === 'metaipam.io/address-space'),
          ),
        } as never;
      }),
    ),
    faults: REPLICA,
  },
  {
    what: 'a version whose claims do not ask for their Cluster',
    subject: twisted(
      ['claims'],
      ['customize'],
      inOtherVersion((right) => (request, context) => {
        const { relatedResources, ...response } = right(request, context) as unknown as CustomizeResponse;
        return {
          ...response,
          relatedResources: relatedResources.filter(({ resource }) => resource !== 'clusters'),
        } as never;
      }),
    ),
    faults: REPLICA,
  },
  {
    what: 'a version whose pools write entries without namespaces',
    subject: pools(
      inOtherVersion(saying((spec) => changingEntries(spec, ({ namespace: _, ...entry }) => entry))),
    ),
    faults: REPLICA,
  },
  {
    what: 'a janitor of another version that knows claims only as long as they are open',
    subject: tidying(
      (right) => (view, context) =>
        isOtherVersion(context)
          ? right(
              {
                ...view,
                claims: view.claims.filter(({ metadata }) => metadata.labels?.[SETTLED] === 'open'),
              },
              context,
            ).map((deed) => ({
              ...deed,
              checks: deed.checks.filter(({ path }) => path.resource !== 'ipaddressclaims'),
            }))
          : right(view, context),
    ),
    faults: OTHER_JANITOR,
  },
  {
    what: 'a claim that believes a slice of another name than its piece',
    subject: claims(
      seeing((request) => ({
        ...request,
        related: changing<AllocationSlice>(request.related, 'AllocationSlice', named),
      })),
    ),
    faults: ['twin'],
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
    seed: 122,
  },
  {
    what: 'a pool that does not see what its neighbours have when they move',
    subject: pools(
      seeing((request) => ({
        ...request,
        related: withoutAddressesOfNeighbours(request.parent.metadata.name, request.related),
      })),
    ),
    faults: ['move'],
  },
  { what: 'a pool that goes on from what it remembers', subject: pools(forgetful()) },
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
    what: 'a pool that gives out what is reserved',
    subject: pools(withSpec({ reservations: [] })),
    faults: FAULTS,
  },
  {
    what: 'an address that comes with the subnet of its slice and not with its own',
    subject: claims(
      seeing((request) => ({
        ...request,
        related: changing<AllocationSlice>(request.related, 'AllocationSlice', ({ spec, ...slice }) => {
          const entries = Object.entries(spec.entries ?? {}).map(([key, { subnet: _, ...entry }]) => [
            key,
            entry,
          ]);
          return {
            ...slice,
            spec: { ...spec, ...(spec.entries && { entries: Object.fromEntries(entries) }) },
          };
        }),
      })),
    ),
    faults: FAULTS,
    seed: 139,
  },
  {
    what: 'a pool that serves every namespace',
    subject: pools(withSpec({ allowedNamespaces: {} })),
    faults: FAULTS,
  },
  {
    what: 'a pool that never looks again by itself',
    subject: pools((right) => (request, context) => {
      const { resyncAfterSeconds: _, ...response } = right(request, context);
      return response;
    }),
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
    faults: ['move'],
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

/** Of the hooks of IPAMClaims. */
export const IPAM_CLAIM_MUTANTS: readonly Mutant[] = [
  {
    what: 'an IPAMClaim that waits to be told',
    subject: twisted(['ipam-claims'], ['sync'], waiting),
    faults: ['silence'],
  },
  {
    what: 'a router that waits to be told',
    subject: twisted(['ipam-claim-router'], ['sync'], waiting),
    faults: ['silence'],
    seed: 1953,
  },
  {
    what: 'an IPAMClaim that lets go of what it has made',
    subject: ipamClaims((right) => (request, context) => {
      const response = right(request, context);
      const isThere = Object.values(attachmentsOf(request)).some((group) => Object.keys(group).length > 0);
      return isThere ? { ...response, attachments: [] } : response;
    }),
  },
  {
    what: 'an IPAMClaim that shows nothing while it waits for something',
    subject: ipamClaims((right) => (request, context) => {
      const response = right(request, context);
      const { status } = response as { status?: { conditions?: readonly { status: string }[] } };
      const isWaiting = status?.conditions?.some((condition) => condition.status !== 'True');
      return isWaiting ? { ...response, status: { ...status, ips: [] } } : response;
    }),
    faults: ['hands'],
  },
  {
    what: 'an IPAMClaim that shows what is being deleted',
    subject: ipamClaims(
      seeing((request) => ({
        ...request,
        attachments: changing<IPAddressClaim>(
          attachmentsOf(request),
          'IPAddressClaim',
          ({ metadata: { deletionTimestamp: _, ...metadata }, ...claim }) => ({ ...claim, metadata }),
        ),
      })),
    ),
    faults: ['lost'],
  },
  {
    what: 'an IPAMClaim that shows an address of another subnet than its pool says',
    subject: ipamClaims(
      seeing((request) => ({
        ...request,
        related: changing<IPAddress>(request.related, 'IPAddress', ({ spec, ...address }) => ({
          ...address,
          spec: { ...spec, prefix: 24 },
        })),
      })),
    ),
  },
  {
    what: 'an IPAMClaim that takes the IPAddress of its predecessor',
    subject: ipamClaims((right) => (request, context) => {
      const { related } = request;
      const owned = Object.values(attachmentsOf(request)).flatMap((group) => Object.values(group));
      const response = right(request, context);
      const found = Object.values(related)
        .flatMap((group) => Object.values(group) as object[] as IPAddress[])
        .find(({ metadata }) =>
          owned.every((claim) => claim.metadata.uid !== metadata.ownerReferences?.[0]?.uid),
        );
      if (found === undefined) return response;
      const { address, prefix } = found.spec;
      return { ...response, status: { ...response.status, ips: [`${address}/${prefix}`] } };
    }),
    faults: FAULTS,
  },
  {
    what: 'a router that takes any pool for one of the network',
    subject: twisted(['ipam-claim-router'], ['customize'], (right) => (request, context) => {
      const { relatedResources, ...response } = right(request, context) as unknown as CustomizeResponse;
      const anything = relatedResources.map(({ labelSelector: _, ...rule }) => rule);
      return { ...response, relatedResources: anything } as never;
    }),
  },
  {
    what: 'a router that labels claims without a word of their pools',
    subject: twisted(['ipam-claim-router'], ['sync'], (right) => (request, context) => {
      const { annotations: _, ...response } = right(request, context);
      return response as never;
    }),
  },
];

export const NETWORK_MUTANTS: readonly Mutant[] = [
  { what: 'a network that waits to be told', subject: networks(waiting), faults: ['silence'] },
  {
    what: 'a node that waits to be told',
    subject: twisted(['nodes'], ['sync'], waiting),
    faults: ['silence'],
    seed: 1472,
  },
  {
    what: 'a ClusterCIDR that waits to be told',
    subject: twisted(['cluster-cidrs'], ['sync', 'finalize'], waiting),
    faults: ['silence'],
  },
  {
    what: 'a binder that believes a slice of another name than its piece',
    subject: binder((nodes, slices, written) => decideBindings(nodes, slices.map(named), written)),
    faults: ['twin'],
  },
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
    subject: networks(
      seeingEntries((entry) => ({
        ...entry,
        ...(entry.since && { since: new Date(4e12 - Date.parse(entry.since)).toISOString() }),
      })),
    ),
    faults: FAULTS,
  },
  {
    what: 'a network that takes what it does not see for gone',
    subject: networks(hasty),
    faults: ['lag'],
    seed: 119,
  },
  {
    what: 'a network that gives out addresses of services',
    subject: networks(withSpec({ serviceCIDRs: [] })),
  },
  {
    what: 'a network that does not look at ServiceCIDRs',
    subject: networks(
      seeing((request) => ({
        ...request,
        related: changing<ServiceCIDR>(request.related, 'ServiceCIDR', (each) => ({
          ...each,
          spec: { cidrs: [] },
        })),
      })),
    ),
    faults: FAULTS,
  },
  {
    what: 'a network that says nothing of its blocks besides',
    subject: networks(withSpec({ routes: [], subnets: [] })),
    faults: FAULTS,
  },
  {
    what: 'a network that gives a node one block alone',
    subject: networks(withSpec({ additionalBlocks: [] })),
    faults: FAULTS,
  },
  {
    what: 'a network that takes back what it gave besides',
    subject: networks(
      seeingEntries((entry) => ({ ...entry, ...(entry.blocks && { blocks: entry.blocks.slice(0, 1) }) })),
    ),
    faults: FAULTS,
  },
  {
    what: 'a network that counts a node for the ClusterCIDR of its first block alone',
    subject: networks(countingFirstBlocks),
    faults: FAULTS,
    seed: 73,
  },
  {
    what: 'a network without grace periods',
    subject: networks(withSpec({ reuseGracePeriodSeconds: 0 })),
  },
  {
    what: 'a network that gives out at once what it releases',
    subject: networks(seeingEntries((entry) => (entry.released === undefined ? entry : undefined))),
  },
  {
    what: 'a network whose ranges begin where others end',
    subject: networks(overlappingRanges),
    faults: FAULTS,
  },
  {
    what: 'a network that does not see what it has given',
    subject: networks(without('children', 'AllocationSlice')),
  },
  {
    what: 'a network that tells nodes of what is not listed yet',
    subject: networks((right) => (request, context) => {
      const response = right(request, context);
      const children = response.children.map((child) => {
        const { entries = {} } = child.spec as AllocationSliceSpec;
        const given = Object.values(entries).filter(({ released }) => released === undefined);
        const bells = given.map(({ uid }) => [`${BELL}${uid}`, '']);
        const labels = { ...child.metadata.labels, ...Object.fromEntries(bells) };
        const spec = changingEntries(child.spec as AllocationSliceSpec, (entry) =>
          entry.released === undefined ? { ...entry, confirmed: true } : entry,
        );
        return { ...child, metadata: { ...child.metadata, labels }, spec };
      });
      return { ...response, children };
    }),
    faults: FAULTS,
    seed: 4549,
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
    subject: binder((nodes, slices, written) =>
      decideBindings(
        nodes,
        slices.map((slice) => ({
          ...slice,
          spec: changingEntries(slice.spec, (entry, key) => ({ ...entry, blocks: [key] })),
        })),
        written,
      ),
    ),
  },
  {
    what: 'a binder that looks at one node at a time',
    subject: binder((nodes, slices, written) =>
      nodes.flatMap((node) =>
        written.has(node.metadata.uid!) ? [] : decideBindings([node], slices, new Map()),
      ),
    ),
    seed: 693,
  },
];
