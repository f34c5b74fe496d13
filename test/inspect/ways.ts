/** All the ways in which somebody is told how a cluster is, read back into one form. */
import { Registry } from 'prom-client';
import { controllers } from '../../hooks/index.ts';
import { BinderMetrics } from '../../lib/binder/binder-metrics.ts';
import { renderOverview } from '../../lib/cli/overview-text.ts';
import { plain as unpainted } from '../../lib/cli/paint.ts';
import { renderReport, reportOf } from '../../lib/cli/report.ts';
import { createWorld } from '../../lib/cli/world.ts';
import type { SimulatedCluster } from '../../lib/engine/cluster.ts';
import { ask, parseQuestion } from '../../lib/inspect/ask.ts';
import { networkOf } from '../../lib/inspect/network-overview.ts';
import { plainAnswers } from '../../lib/inspect/plain.ts';
import { surveyOf } from '../../lib/inspect/survey.ts';
import { type KubernetesObject, qualifiedName } from '../../lib/kubernetes/object.ts';
import { POOL_KINDS } from '../../lib/kubernetes/pool-kinds.ts';
import { readCustomResourceDefinitions } from '../../lib/kubernetes/schema.ts';
import type { AllocationSlice, ClusterCIDR } from '../../lib/kubernetes/types.ts';
import { DEFAULT_CONFIG, type Hook, type HookContext } from '../../lib/metacontroller/hook.ts';
import { mark } from '../../lib/page/parts.ts';
import { parseQuery, poolPath, type Query } from '../../lib/page/query.ts';
import { render } from '../../lib/page/render.ts';
import { createMetrics } from '../../lib/server/metrics.ts';
import { type Sample, samplesOf } from '../e2e/prometheus.ts';

/** What one way says of one object: those of its counts, and of what is the matter with it, that it shows. */
export type Said = Readonly<Record<string, unknown>>;

/** By the title of the object: `InClusterIPPool default/p`, `IPAddressClaim default/a`, `Node n`. */
export type Account = ReadonlyMap<string, Said>;

/** A world whose hooks are counted as those of the hook server are. */
export interface Scene {
  readonly cluster: SimulatedCluster;
  /** What `/metrics` shows. */
  metrics(): Promise<string>;
}

export function createScene(options: { readonly hasIPAMClaims?: boolean } = {}): Scene {
  const metrics = createMetrics();
  const recorded = Object.entries(controllers).map(([name, hooks]) => {
    const counted = (run: Hook) => (request: object, context: HookContext) => {
      const response = run(request as never, context);
      metrics.record(name, request, response, context);
      return response;
    };
    const { sync, finalize } = hooks;
    return [name, { ...hooks, sync: counted(sync), ...(finalize && { finalize: counted(finalize) }) }];
  });
  const cluster = createWorld(Object.fromEntries(recorded), options);
  return {
    cluster,
    async metrics() {
      const registry = new Registry();
      const slices = cluster.objects('AllocationSlice') as object[] as AllocationSlice[];
      const own = slices.filter((slice) => networkOf(slice) === 'default');
      new BinderMetrics(registry).observe(own, cluster.objects('ClusterCIDR') as object[] as ClusterCIDR[]);
      return `${await metrics.registry.metrics()}\n${await registry.metrics()}`;
    },
  };
}

const POOL_OR_NETWORK = [...Object.keys(POOL_KINDS), 'PodNetwork', 'ClusterCIDR'];

const isOneOf =
  (kinds: readonly string[]) =>
  ({ kind }: KubernetesObject) =>
    kinds.includes(kind);
const title = ({ kind, metadata }: KubernetesObject) => `${kind} ${qualifiedName(metadata)}`;
/** `Paused: is paused`; `Ready` alone where nothing else is to be said. */
const sentence = (reason: unknown, message: unknown) =>
  reason === 'Ready' || !message ? `${reason}` : `${reason}: ${message}`;

interface Anything extends KubernetesObject {
  // biome-ignore lint/suspicious/noExplicitAny: as the API server says it
  readonly status?: any;
}

/** The conditions whose truth is trouble, the worst first, and the word for it. */
const TROUBLES = {
  SlicesMissing: 'SlicesMissing',
  SlicesMisnamed: 'SlicesMisnamed',
  Exhausted: 'PoolExhausted',
  ReservationConflict: 'ReservationConflict',
  Overlapping: 'Overlapping',
  AmongServices: 'AmongServices',
  FamiliesDiffer: 'FamiliesDiffer',
};

/** The status and its conditions. */
export function statuses({ cluster }: Scene): Account {
  const objects = cluster.objects() as Anything[];
  const given = objects.filter(isOneOf(POOL_OR_NETWORK)).map((object): [string, Said] => {
    const { ipAddresses, nodes, conditions = [], ipv4, ipv6 } = object.status ?? {};
    const find = (wanted: string) => conditions.find(({ type }: { type: string }) => type === wanted);
    const ready = find('Ready');
    const trouble = Object.keys(TROUBLES).find((type) => find(type)?.status === 'True');
    const said =
      ready === undefined
        ? { isReady: false, state: 'NotSynced: no controller has looked at it yet' }
        : ready.status !== 'True'
          ? { isReady: false, state: sentence(ready.reason, ready.message) }
          : trouble !== undefined
            ? { isReady: true, state: sentence(TROUBLES[trouble as 'Exhausted'], find(trouble).message) }
            : { isReady: true, state: sentence('Ready', '') };
    if (object.kind === 'ClusterCIDR') {
      return [title(object), { ...said, nodes, ...(ipv4 && flat(4, ipv4)), ...(ipv6 && flat(6, ipv6)) }];
    }
    if (object.kind === 'PodNetwork') {
      const { total, allocated, pending } = nodes ?? {};
      return [title(object), { ...said, nodes: total, allocated, waiting: pending }];
    }
    const { total, used, free, outOfRange, pending } = ipAddresses ?? {};
    return [title(object), { ...said, total, used, free, outOfRange, waiting: pending }];
  });
  const claims = objects.filter(isOneOf(['IPAddressClaim'])).flatMap((object): [string, Said][] => {
    const ready = object.status?.conditions?.find(({ type }: { type: string }) => type === 'Ready');
    if (object.metadata.deletionTimestamp !== undefined || ready?.status === 'True') return [];
    const why = ready === undefined ? UNANSWERED : sentence(ready.reason, ready.message);
    return [[title(object), { why }]];
  });
  const machines = objects.filter(isOneOf(['IPAMClaim'])).map((object): [string, Said] => {
    const { ips, conditions } = object.status ?? {};
    const [ready] = conditions ?? [];
    const isWaiting = ready !== undefined && ready.status !== 'True';
    return [
      title(object),
      { ips: listed(ips), ...(isWaiting && { why: sentence(ready.reason, ready.message) }) },
    ];
  });
  return new Map([...given, ...claims, ...machines]);
}

const listed = (ips: readonly string[] = []) => [...ips].sort().join(', ');

/** Of several subnets, in their order. */
function inRows(subnets: readonly Said[]): string {
  return subnets.map(({ total, used, free }) => `${total} ${used} ${free}`).join(', ');
}

const UNANSWERED = 'Unanswered: its pool has not answered yet';

function flat(family: 4 | 6, { total, used, free }: Record<string, unknown>): Said {
  return { [`total${family}`]: total, [`used${family}`]: used, [`free${family}`]: free };
}

const crds = readCustomResourceDefinitions();
/** What `kubectl get` calls it, and here. */
const COLUMNS: Readonly<Record<string, string>> = {
  Total: 'total',
  Used: 'used',
  Free: 'free',
  Ready: 'isReady',
  Nodes: 'nodes',
  Allocated: 'allocated',
  Pending: 'waiting',
  Free4: 'free4',
  Free6: 'free6',
};

interface Printed {
  readonly additionalPrinterColumns?: readonly { readonly name: string; readonly jsonPath: string }[];
}

/** What `kubectl get` prints. */
export function kubectl({ cluster }: Scene): Account {
  return new Map(
    cluster.objects().flatMap((object): [string, Said][] => {
      if (!POOL_OR_NETWORK.includes(object.kind)) return [];
      const { versions } = crds.find(({ spec }) => spec.names.kind === object.kind)!.spec;
      const { additionalPrinterColumns = [] } = versions.find(({ storage }) => storage) as Printed;
      const said = additionalPrinterColumns.flatMap(({ name, jsonPath }): [string, unknown][] => {
        const key = COLUMNS[name];
        const value = key === undefined ? undefined : cell(object, jsonPath);
        return key === undefined || value === undefined
          ? []
          : [[key, key === 'isReady' ? value === 'True' : value]];
      });
      return [[title(object), Object.fromEntries(said)]];
    }),
  );
}

/** As much JSONPath as columns need: `.a.b`, and `.a[?(@.type=="Ready")].b`. */
function cell(object: unknown, path: string): unknown {
  const steps = [...path.matchAll(/\.(\w+)|\[\?\(@\.(\w+)=="(\w+)"\)\]/g)];
  if (steps.map(([text]) => text).join('') !== path) throw new Error(`cannot read ${path}`);
  // biome-ignore lint/suspicious/noExplicitAny: whatever the path leads through
  return steps.reduce((at: any, [, field, key, value]) => {
    return field === undefined ? at?.find((each: Said) => each[key!] === value) : at?.[field];
  }, object);
}

const GAUGES: Readonly<Record<string, string>> = {
  metaipam_pool_addresses: 'total',
  metaipam_pool_addresses_used: 'used',
  metaipam_pool_addresses_free: 'free',
  metaipam_pool_claims_pending: 'waiting',
  metaipam_pod_network_nodes: 'nodes',
  metaipam_pod_network_nodes_allocated: 'allocated',
  metaipam_pod_network_nodes_pending: 'waiting',
};

function poolOfSample({ labels: { kind = 'PodNetwork', namespace, name = '' } }: Sample): string {
  return `${kind} ${namespace ? `${namespace}/` : ''}${name}`;
}

/** The metrics of what has been synced. */
export async function gauges(scene: Scene): Promise<Account> {
  const said = new Map<string, Record<string, unknown>>();
  const text = await scene.metrics();
  for (const [metric, key] of Object.entries(GAUGES)) {
    for (const sample of samplesOf(text, metric)) {
      const of = poolOfSample(sample);
      said.set(of, { ...said.get(of), [key]: sample.value });
    }
  }
  const [total, used, free] = ['', '_used', '_free'].map((what) =>
    samplesOf(text, `metaipam_pool_subnet_addresses${what}`),
  );
  for (const [of, own] of Map.groupBy(total!, poolOfSample)) {
    const find = (samples: Sample[], subnet: string | undefined) =>
      samples.find((sample) => poolOfSample(sample) === of && sample.labels.subnet === subnet)?.value;
    const subnets = own.map(({ value, labels: { subnet } }) => ({
      total: value,
      used: find(used!, subnet),
      free: find(free!, subnet),
    }));
    said.set(of, { ...said.get(of), subnets: inRows(subnets) });
  }
  const clusterCIDRs = scene.cluster.objects('ClusterCIDR') as object[] as ClusterCIDR[];
  for (const { metadata, spec } of clusterCIDRs) {
    const of = (name: string, cidr: string | undefined) =>
      samplesOf(text, `node_ipam_controller_multicidrset_${name}`).find(
        ({ labels }) => labels.clusterCIDRName === metadata.name && labels.clusterCIDR === cidr,
      )?.value;
    const families = [4, 6].flatMap((family): [string, unknown][] => {
      const cidr = spec[`ipv${family}` as 'ipv4'];
      const total = of('max_cidrs', cidr);
      if (cidr === undefined || total === undefined) return [];
      return [
        [`total${family}`, total],
        [`free${family}`, Math.round((1 - (of('usage_cidrs', cidr) ?? Number.NaN)) * total)],
      ];
    });
    said.set(`ClusterCIDR ${metadata.name}`, Object.fromEntries(families));
  }
  return said;
}

function look({ cluster }: Scene) {
  return surveyOf(cluster.objects(), { now: cluster.now, config: DEFAULT_CONFIG });
}

/** `metaipam show -o json`. */
export function json(scene: Scene): Account {
  const survey = look(scene);
  // biome-ignore lint/suspicious/noExplicitAny: JSON
  const shown = JSON.parse(JSON.stringify(plainAnswers([], survey.overview, survey))) as any;
  const said = new Map<string, Said>();
  const pending = (list: { isHeldUp?: true }[]) => list.filter(({ isHeldUp }) => !isHeldUp).length;
  const state = ({ isReady, reason, message }: Said) => ({ isReady, state: sentence(reason, message) });
  const wait = (kind: string, list: { name: string; reason: string; message: string }[]) => {
    for (const { name, reason, message } of list)
      said.set(`${kind} ${name}`, { why: sentence(reason, message) });
  };
  for (const pool of shown.pools) {
    const { total, used, free, outOfRange, waiting, subnets } = pool;
    const counts = { total, used, free, outOfRange, waiting: pending(waiting) };
    said.set(title({ ...pool, metadata: pool }), {
      ...state(pool.state),
      ...counts,
      ...(subnets && { subnets: inRows(subnets) }),
    });
    wait('IPAddressClaim', waiting);
  }
  wait('IPAddressClaim', shown.waitingForNoPool);
  for (const { name, nodes, allocated, waiting, clusterCIDRs, ...network } of shown.networks) {
    const counts = { nodes, allocated, waiting: pending(waiting) };
    said.set(`PodNetwork ${name}`, { ...state(network.state), ...counts });
    wait('Node', waiting);
    for (const each of clusterCIDRs) {
      const blocks = each.ranges.map((range: Said & { cidr: string }) =>
        flat(range.cidr.includes(':') ? 6 : 4, range),
      );
      const counts = Object.assign({ nodes: each.nodes }, ...blocks);
      said.set(`ClusterCIDR ${each.name}`, { ...state(each.state), ...counts });
    }
  }
  return said;
}

/** `metaipam show -o wide`. */
export async function tables(scene: Scene): Promise<Account> {
  const said = new Map<string, Said>();
  const number = (text: string | undefined) => (text === '-' ? 0 : Number(text));
  const detail = { isWide: true, isDetailed: false };
  const text = await renderOverview(look(scene).overview, detail, unpainted);
  let header: string[] = [];
  for (const line of text.split('\n')) {
    const cells = line.trim().split(/ {2,}/);
    if (['POOL', 'POD NETWORK', 'CLUSTERCIDR', 'WAITING'].includes(cells[0]!)) header = cells;
    else if (line === '') header = [];
    else {
      const row = Object.fromEntries(header.map((name, index) => [name, cells[index]]));
      const counts = { total: number(row.TOTAL), used: number(row.USED), free: number(row.FREE) };
      const waiting = number(row.WAITING);
      if (header[0] === 'POOL') {
        const outOfRange = number(row['OUT OF RANGE']);
        said.set(row.POOL!, { state: row.STATE, ...counts, outOfRange, waiting });
      } else if (header[0] === 'POD NETWORK') {
        const nodes = { nodes: Number(row.NODES), allocated: Number(row.SERVED) };
        said.set(`PodNetwork ${row['POD NETWORK']}`, { state: row.STATE, ...nodes, waiting });
      } else if (header[0] === 'CLUSTERCIDR') {
        const of = `ClusterCIDR ${row.CLUSTERCIDR}`;
        const blocks = row.RANGE === '-' ? {} : flat(row.RANGE?.includes(':') ? 6 : 4, counts);
        said.set(of, { ...said.get(of), state: row.STATE, ...blocks });
      } else if (header[0] === 'WAITING') said.set(row.WAITING!, { why: row.WHY });
    }
  }
  return said;
}

/** `metaipam simulate`. */
export function report({ cluster }: Scene): Account {
  const said = new Map<string, Said>();
  const context = { now: cluster.now, config: DEFAULT_CONFIG };
  const state = (text: string) => {
    const [, not, why = 'Ready'] = /^(?:Ready|ready|(not ready))(?:[,:] (.*))?$/.exec(text) ?? [];
    return { isReady: not === undefined, state: why };
  };
  const count = (name: string, text: string) => Number(new RegExp(`\\b${name} (\\d+)`).exec(text)?.[1] ?? 0);
  const counts = (text: string) => ({
    total: count('total', text),
    used: count('used', text),
    free: count('free', text),
  });
  let section = '';
  let clusterCIDR = '';
  for (const line of renderReport(reportOf(cluster.objects(), context), unpainted).split('\n')) {
    const [, indent = '', rest = ''] = /^( *)(.*)$/.exec(line) ?? [];
    const cells = rest.split(/ {2,}/);
    if (indent === '') section = rest;
    else if (section === 'Pools' && indent.length === 2) {
      const [name = '', numbers = '', is = ''] = cells;
      const others = { outOfRange: count('out of range', numbers), waiting: count('waiting', numbers) };
      said.set(name, { ...state(is), ...counts(numbers), ...others });
    } else if (section === 'ClusterCIDRs' && indent.length === 2) {
      const [name = '', numbers = '', is = ''] = cells;
      clusterCIDR = `ClusterCIDR ${name.split(' ')[0]}`;
      said.set(clusterCIDR, { ...state(is), nodes: count('nodes', numbers) });
    } else if (section === 'ClusterCIDRs' && indent.length === 4) {
      const blocks = flat(rest.split(' ')[0]!.includes(':') ? 6 : 4, counts(rest));
      said.set(clusterCIDR, { ...said.get(clusterCIDR), ...blocks });
    } else if (section === 'IPAMClaims') {
      const [name = '', , rest = ''] = cells;
      const [, ips = '', why] = /^(.*?)(?:(?:^|; )waits: (.*))?$/.exec(rest) ?? [];
      said.set(`IPAMClaim ${name}`, { ips: listed(ips.split(', ')), ...(why && { why }) });
    } else if (section === 'Claims' || section === 'Nodes') {
      const why = cells.at(-1)?.match(/(?:^|; )waits(?:: (.*))?$/);
      const kind = section === 'Claims' ? 'IPAddressClaim' : 'Node';
      if (why) said.set(`${kind} ${cells[0]}`, { why: why[1] ?? UNANSWERED });
    }
  }
  return said;
}

/** `metaipam show ipamclaim/…`: what its IPAddressClaims have, and why they have not. */
export function asked(scene: Scene): Account {
  const survey = look(scene);
  return new Map(
    scene.cluster.objects('IPAMClaim').map((object): [string, Said] => {
      const { subjects } = ask(parseQuestion(`ipamclaim/${qualifiedName(object.metadata)}`), survey);
      const ips = subjects.flatMap(({ holdings }) => holdings.map(({ addresses }) => addresses));
      const [waiting] = subjects.filter(({ waiting }) => waiting !== undefined);
      const { reason, message } = waiting?.waiting ?? {};
      return [
        title(object),
        { addresses: listed(ips), ...(waiting && { why: `${reason}: ${waiting.title}: ${message}` }) },
      ];
    }),
  );
}

/** The page: its list, and the page of each pool and network. */
export function page(scene: Scene): Account {
  const survey = look(scene);
  const said = new Map<string, Record<string, unknown>>();
  const visit = (query: Partial<Query>) => {
    const nothing = { nonce: '', of: '', problems: [], isLive: false };
    return render({ query: { ...parseQuery(''), ...query }, ...nothing }, survey).text;
  };
  const add = (of: string, more: Said) => {
    for (const [key, value] of Object.entries(more)) {
      const known = said.get(of)?.[key];
      if (known !== undefined && known !== value)
        throw new Error(`${of}: ${key} is ${known} and ${value} on pages`);
    }
    said.set(of, { ...said.get(of), ...more });
  };
  const waiting = (kind: 'claim' | 'node', rows: readonly string[][]) => {
    for (const row of rows) {
      const [why = [], names = []] = row.slice(-2).map(pieces);
      for (const name of names.join('').split(', '))
        add(`${kind === 'claim' ? 'IPAddressClaim' : 'Node'} ${name}`, { why: why.join(': ') });
    }
  };

  const list = visit({});
  waiting('claim', rowsOf(list, 'Claims that wait'));
  for (const [name = '', state = '', use = '', free = '', waits = ''] of rowsOf(list, 'Pools')) {
    const [pool] = survey.overview.pools.filter(({ pool }) =>
      name.includes(`?${new URLSearchParams({ pool: poolPath(pool) })}"`),
    );
    const [used, total] = pieces(use).at(-1)!.split(', ')[0]!.split(' of ');
    const counts = {
      used: count(used),
      total: count(total),
      free: count(textOf(free)),
      waiting: count(textOf(waits)),
    };
    add(pool!.title, { word: textOf(state), ...counts });
  }
  for (const { pool, title } of survey.overview.pools) {
    const html = visit({ pool: poolPath(pool) });
    const outOfRange = count(factOf(html, 'Out of range'));
    const counts = { used: count(factOf(html, 'In use')), free: count(factOf(html, 'Free')), outOfRange };
    add(title, { ...headingOf(html), ...counts, waiting: count(factOf(html, 'Claims that wait')) });
    for (const caption of ['wait', 'are held up']) waiting('claim', rowsOf(html, `Claims that ${caption}`));
  }
  for (const [name = '', state = '', , served = '', waits = ''] of rowsOf(list, 'Pod networks')) {
    const [allocated, nodes] = textOf(served).split(' of ');
    const counts = { nodes: count(nodes), allocated: count(allocated), waiting: count(textOf(waits)) };
    add(`PodNetwork ${pieces(name)[0]}`, { word: textOf(state), ...counts });
  }
  for (const { name, clusterCIDRs } of survey.overview.networks) {
    const html = visit({ network: name });
    const counts = { nodes: count(factOf(html, 'Nodes')), allocated: count(factOf(html, 'Served')) };
    const waits = count(factOf(html, 'Nodes that wait'));
    add(`PodNetwork ${name}`, { ...headingOf(html), ...counts, waiting: waits });
    for (const caption of ['wait', 'are held up']) waiting('node', rowsOf(html, `Nodes that ${caption}`));
    for (const {
      clusterCIDR: { metadata },
    } of clusterCIDRs) {
      const captions = html.split('<figcaption>').map((part) => pieces(part.split('</figure>')[0]!));
      for (const [of, word, note = ''] of captions.filter(([of]) => of === metadata.name)) {
        const [, cidr = '', used, total, nodes] =
          /^(.*) in blocks of .*: (.*) of (.*) on (.*) node/.exec(note) ?? [];
        const blocks = flat(cidr.includes(':') ? 6 : 4, { used: count(used), total: count(total) });
        add(`ClusterCIDR ${of}`, { word, ...(cidr && { nodes: count(nodes), ...blocks }) });
      }
    }
  }
  return said;
}

/** The HTML of the cells of each row of a table. */
function rowsOf(html: string, caption: string): string[][] {
  const table = html.split('<table').find((each) => pieces(each)[0] === caption);
  const body = table?.slice(table.indexOf('<tbody'), table.indexOf('</table>')) ?? '';
  const [, ...rows] = body.split('<tr role="row">');
  return rows.map((row) =>
    row
      .split('<td role="cell"')
      .slice(1)
      .map((cell) => `<td${cell}`),
  );
}

function factOf(html: string, name: string): string | undefined {
  return html
    .split(`<dt>${name}</dt>`)[1]
    ?.match(/<dd[^>]*>([^<]*)/)?.[1]
    ?.trim();
}

function headingOf(html: string): Said {
  const [head = '', rest = ''] = html.split('<div class="head">')[1]!.split('</div>');
  const word = pieces(head).at(-1);
  const message = /^\s*<p>(.*?)<\/p>/s.exec(rest)?.[1];
  return { word, state: sentence(word, message && textOf(message)) };
}

/** The texts between tags. */
function pieces(html: string): string[] {
  return html
    .replaceAll(/<svg.*?<\/svg>/gs, '')
    .split(/<[^>]*>/)
    .map((text) => ENTITIES.reduce((said, [entity, sign]) => said.replaceAll(entity, sign), text).trim())
    .filter((text) => text !== '' && !/^[^<]*>$/.test(text));
}

const ENTITIES = [
  ['&lt;', '<'],
  ['&gt;', '>'],
  ['&quot;', '"'],
  ['&#39;', "'"],
  ['&amp;', '&'],
] as const;

function textOf(html: string): string {
  return pieces(html).join(' ');
}

function count(text: string | undefined): number {
  return text === undefined || text === '–' ? 0 : Number(text.replaceAll(',', ''));
}

/** `PoolExhausted` as the page has it. */
export function words(reason: string): string {
  return textOf(mark(reason).text);
}
