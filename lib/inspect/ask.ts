/** Questions as people ask them: an address, a range, the name of a pool, a claim, a node, a network. */
import { covers, formatRange, overlaps, parseRange, prefixOf, type Range } from '../address/range.ts';
import { whyUnserved } from '../ipam-claim/unserved.ts';
import type { IPAMClaim } from '../kubernetes/core-types.ts';
import { CAPI_IPAM_GROUP } from '../kubernetes/names.ts';
import { controllerOf, type KubernetesObject, qualifiedName, titleOf } from '../kubernetes/object.ts';
import { podCIDRsOf } from '../pod-network/pod-cidr.ts';
import { readPool } from '../pool/pool.ts';
import type { PoolRanges } from '../pool/ranges.ts';
import { listSome } from '../text.ts';
import { adviseRange } from '../validation/advice.ts';
import { allPlaces, type Holding, holdingsIn, type Place } from './holding.ts';
import type { ClusterCIDROverview, NetworkOverview } from './network-overview.ts';
import { unmeantOverlapsIn } from './overlap.ts';
import type { Overview, PoolOverview } from './overview.ts';
import { UNANSWERED, type Waiting } from './state.ts';
import { ownersOf, type Survey } from './survey.ts';

/** Pools of every kind. */
const ANY_POOL = 'Pool';

/** What a question may call a kind besides its own name and that of many, in lower case. */
const SHORT_NAMES: Readonly<Record<string, readonly string[]>> = {
  [ANY_POOL]: [],
  InClusterIPPool: ['icpool'],
  GlobalInClusterIPPool: ['gicpool'],
  InClusterPrefixPool: ['icprefix'],
  GlobalInClusterPrefixPool: ['gicprefix'],
  IPAddressClaim: ['claim', 'claims'],
  IPAMClaim: [],
  IPAddress: [],
  ClusterCIDR: ['ccidr'],
  PodNetwork: ['podnet', 'network', 'networks'],
  Node: ['no'],
};

const KINDS_BY_NAME = new Map(
  Object.entries(SHORT_NAMES).flatMap(([kind, short]) => {
    const one = kind.toLowerCase();
    const many = one.endsWith('s') ? `${one}es` : `${one}s`;
    return [one, many, ...short].map((name) => [name, kind] as const);
  }),
);

export type Question =
  | { readonly is: 'range'; readonly text: string; readonly range: Range }
  | {
      readonly is: 'name';
      readonly text: string;
      /** Any kind if undefined. */
      readonly kind: string | undefined;
      /** `name` or `namespace/name`. */
      readonly name: string;
    };

/** `10.0.0.7`, `10.0.0.0/28`, `machines`, `default/machines`, `node/worker-1`, `claim/default/web-0`, `machine/web-0`. */
export function parseQuestion(asked: string): Question {
  const text = asked.trim();
  const range = parseRange(text);
  if (range !== undefined) return { is: 'range', text, range };
  // As of `kubectl get -o name`: `node/worker-1`, `machine.cluster.x-k8s.io/web-0`. No namespace has a dot.
  const named = text.replace(/^([a-z]\w*)\.[^/]+(?=\/)/i, '$1');
  const slash = named.indexOf('/');
  const kind = slash < 0 ? undefined : kindNamed(named.slice(0, slash));
  return { is: 'name', text, kind, name: kind === undefined ? named : named.slice(slash + 1) };
}

/** The kind that a question may call so. */
export function kindNamed(text: string): string | undefined {
  return KINDS_BY_NAME.get(text.toLowerCase());
}

/** A claim or a node that was asked for, and what it has. */
export interface Holder {
  /** `IPAddressClaim default/web-0`, `Node worker-1`. */
  readonly title: string;
  readonly holdings: readonly Holding[];
  /** Why it has nothing, or not all that it asks for; undefined if it does not wait. */
  readonly waiting: Waiting | undefined;
}

interface ClusterCIDRAnswer {
  readonly network: NetworkOverview;
  readonly clusterCIDR: ClusterCIDROverview;
}

/** Everything that a question may mean. */
export interface Answer {
  readonly question: Question;
  /** Of a range: who has what of it. */
  readonly holdings: readonly Holding[];
  /** Of a range: what of it may be given out twice, as sentences. */
  readonly overlaps: readonly string[];
  readonly subjects: readonly Holder[];
  readonly pools: readonly PoolOverview[];
  readonly networks: readonly NetworkOverview[];
  readonly clusterCIDRs: readonly ClusterCIDRAnswer[];
}

/** What is first taken for a kind may be a namespace, as in `network/web-0`. */
export function ask(question: Question, survey: Survey): Answer {
  const answer = askAsIs(question, survey);
  if (question.is === 'range' || question.kind === undefined || !isEmpty(answer)) return answer;
  return { ...askAsIs({ ...question, kind: undefined, name: question.text }, survey), question };
}

function askAsIs(question: Question, survey: Survey): Answer {
  const nothing = { holdings: [], overlaps: [], subjects: [], pools: [], networks: [], clusterCIDRs: [] };
  const none = { question, ...nothing };
  if (question.is === 'range') {
    const { range } = question;
    const { installNamespace } = survey.context.config;
    return {
      ...none,
      holdings: holdingsIn(range, survey),
      overlaps: unmeantOverlapsIn(range, survey.inventory, installNamespace),
    };
  }
  if (question.name === '') return none;
  const { overview } = survey;
  const isOfKind = (kind: string) =>
    question.kind === undefined ||
    (question.kind === ANY_POOL ? kind.endsWith(ANY_POOL) : question.kind === kind);
  const is = (kind: string, name: string, qualified = name) =>
    isOfKind(kind) && (question.name === name || question.name === qualified);
  return {
    ...none,
    pools: overview.pools.filter(({ pool: { kind, metadata } }) =>
      is(kind, metadata.name, qualifiedName(metadata)),
    ),
    networks: overview.networks.filter(({ name }) => is('PodNetwork', name)),
    clusterCIDRs: overview.networks.flatMap((network) =>
      network.clusterCIDRs
        .filter(({ clusterCIDR }) => is('ClusterCIDR', clusterCIDR.metadata.name))
        .map((clusterCIDR) => ({ network, clusterCIDR })),
    ),
    subjects: subjectsOf(question, survey),
  };
}

/** Whether the question means nothing that is there. */
export function isEmpty({ holdings, subjects, pools, networks, clusterCIDRs }: Answer): boolean {
  return [holdings, subjects, pools, networks, clusterCIDRs].every(({ length }) => length === 0);
}

/** The part of the overview that is asked for; all of it if nothing is asked. */
export function partAsked(answers: readonly Answer[], overview: Overview): Overview {
  if (answers.length === 0) return overview;
  const pools = new Set(answers.flatMap((answer) => answer.pools));
  const whole = new Set(answers.flatMap(({ networks }) => networks));
  const parts = new Set(
    answers.flatMap(({ clusterCIDRs }) => clusterCIDRs.map(({ clusterCIDR }) => clusterCIDR)),
  );
  return {
    pools: overview.pools.filter((pool) => pools.has(pool)),
    networks: overview.networks.flatMap((network) => {
      if (whole.has(network)) return [network];
      const clusterCIDRs = network.clusterCIDRs.filter((each) => parts.has(each));
      return clusterCIDRs.length > 0 ? [{ ...network, clusterCIDRs }] : [];
    }),
    waitingForNoPool: [],
  };
}

/** Claims and nodes of the name, those that are gone and still have something among them; and claims of owners of it. */
function subjectsOf({ kind, name }: Question & { is: 'name' }, survey: Survey): Holder[] {
  const { claims, nodes } = survey.inventory;
  const isNamed = (title: string) => {
    if (!title.endsWith(name)) return false;
    const [of = '', qualified = ''] = title.split(' ');
    const wanted = kind === 'IPAddress' ? ['IPAddress', 'IPAddressClaim'] : [kind ?? of];
    return wanted.includes(of) && (qualified === name || qualified.split('/').at(-1) === name);
  };
  // Who asks for an IPAMClaim means what it has.
  const ofIPAMClaims = new Set(
    claims.filter((claim) => isNamed(controllerTitle(claim, 'IPAMClaim'))).map(titleOf),
  );
  const ofOwners = new Set(
    kind === undefined
      ? claims.filter((claim) => ownersOf(claim, survey).some((owner) => isCalled(owner, name))).map(titleOf)
      : [],
  );
  const isAsked = (title: string) => isNamed(title) || ofIPAMClaims.has(title) || ofOwners.has(title);
  const places = allPlaces(survey);
  const held = Map.groupBy(
    places.filter(({ holder }) => holder !== undefined && isAsked(holder)),
    ({ holder }) => holder!,
  );
  const objects = [...claims, ...nodes].filter(({ metadata }) => name.endsWith(metadata.name));
  const titles = new Set([
    ...objects.map(titleOf).filter(isNamed),
    ...ofIPAMClaims,
    ...ofOwners,
    ...held.keys(),
  ]);
  const served = new Set(claims.map((claim) => controllerTitle(claim, 'IPAMClaim')));
  const unserved = [...survey.titles()]
    .filter(([title]) => title.startsWith('IPAMClaim ') && isNamed(title) && !served.has(title))
    .map(([title, object]): Holder => {
      const [, qualified = ''] = title.split(' ');
      const why = whyUnserved(object as IPAMClaim, survey.inventory.pools);
      return { title, holdings: [], waiting: { name: qualified, ...why } };
    });
  const holders = [...titles].map((title): Holder => {
    const own = held.get(title) ?? [];
    const waiting = waitingOf(title, survey);
    return {
      title,
      holdings: [...own.map(({ describe }) => describe()), ...unexplained(title, own, survey)],
      // What is given is an answer, though it is not yet said.
      waiting: own.length > 0 && waiting?.reason === UNANSWERED ? undefined : waiting,
    };
  });
  return [...holders, ...unserved];
}

/** @param text `web-0`, `default/web-0`, `machine/web-0` or `machine/default/web-0` for Machine default/web-0 */
function isCalled(title: string, text: string): boolean {
  const [kind = '', qualified = ''] = title.split(' ');
  const name = qualified.slice(qualified.indexOf('/') + 1);
  return (
    text.endsWith(name) &&
    [name, qualified, `${kind}/${name}`, `${kind}/${qualified}`].some((each) => {
      return each.toLowerCase() === text.toLowerCase();
    })
  );
}

/** The title of an object's controller, if that is of the kind. */
function controllerTitle(object: KubernetesObject, wanted: string): string {
  const { kind, name = '' } = controllerOf(object) ?? {};
  return kind === wanted ? `${kind} ${qualifiedName({ ...object.metadata, name })}` : '';
}

function waitingOf(title: string, { overview, inventory }: Survey): Waiting | undefined {
  const name = title.slice(title.indexOf(' ') + 1);
  const find = (list: readonly Waiting[]) => list.find((each) => each.name === name);
  if (title.startsWith('Node '))
    return overview.networks.map(({ waiting }) => find(waiting)).find((each) => each !== undefined);
  const said = [...overview.pools.map(({ waiting }) => waiting), overview.waitingForNoPool]
    .map(find)
    .find((each) => each !== undefined);
  if (said !== undefined) return said;
  const claim = inventory.claims.find(({ metadata }) => qualifiedName(metadata) === name);
  const { apiGroup, kind, name: pool } = claim?.spec.poolRef ?? {};
  if (claim === undefined || apiGroup === CAPI_IPAM_GROUP) return undefined;
  return { name, reason: 'NotOurs', message: `its pool is ${kind} ${pool} of ${apiGroup}` };
}

/** podCIDRs of a node that no ClusterCIDR has given it. */
function unexplained(title: string, places: readonly Place[], { inventory }: Survey): Holding[] {
  const node = inventory.nodes.find((each) => titleOf(each) === title);
  return (node === undefined ? [] : podCIDRsOf(node)).flatMap((text): Holding[] => {
    const range = parseRange(text);
    if (range === undefined || places.some((place) => overlaps(place.range, range))) return [];
    const note = 'its podCIDRs, which no ClusterCIDR has given';
    return [{ addresses: text, pool: '-', state: 'taken', holder: title, note }];
  });
}

/** What to say of a range that is nobody's: whose gateway it is, or in whose subnet it lies without being listed. */
export function outsideText(
  { range, text }: Question & { is: 'range' },
  { overview }: Pick<Survey, 'overview'>,
): string {
  const poolsOf = (isNear: (ranges: PoolRanges) => boolean) =>
    listSome(
      overview.pools.flatMap(({ pool, title }) => {
        const { ranges } = readPool(pool);
        return ranges !== undefined && isNear(ranges) ? [title] : [];
      }),
    );
  const routed = poolsOf(({ gateways }) => gateways.covers(range));
  const around = poolsOf(({ subnets }) =>
    subnets.some(({ listed: { ranges }, prefix }) =>
      ranges.some(
        ({ family, first }) => prefix > 0 && covers(prefixOf({ family, value: first }, prefix), range),
      ),
    ),
  );
  const near =
    routed !== ''
      ? `: the gateway of ${routed}`
      : around !== ''
        ? `: in a subnet of ${around}, outside of its addresses`
        : '';
  const sentence = `${formatRange(range)} is in no pool and in no ClusterCIDR${near}`;
  return [sentence, adviseRange(text) ?? []].flat().join('; ');
}
