import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { Answer, Question } from '../inspect/ask.ts';
import type { Survey } from '../inspect/survey.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { defineOptions, type Parsed, UsageError } from '../options/options.ts';
import { PROGRAM } from '../program.ts';
import { bindOption } from './bind-option.ts';
import { type Command, defineCommand, ForbiddenError, fileFault, InputError, type Io } from './command.ts';
import { LIVE_RIGHTS } from './live-objects.ts';
import { openSource, SOURCE_OPTIONS, type Source } from './object-source.ts';
import { printable } from './table.ts';

const OPTIONS = defineOptions({
  ...SOURCE_OPTIONS,
  output: {
    type: 'enum',
    values: ['table', 'wide', 'json', 'yaml'],
    short: 'o',
    default: 'table',
    help: 'wide has more columns, larger pictures and every claim that waits; json and yaml have everything.',
  },
  watch: {
    type: 'boolean',
    short: 'w',
    default: 'false',
    help: 'Show it again whenever it changes, until interrupted.',
    excludes: { filename: 'files do not change' },
  },
  serve: {
    type: 'boolean',
    default: 'false',
    help: `Serve the page of ${PROGRAM} serve --page on this machine, with what you may read, until interrupted.`,
    excludes: {
      watch: 'the page follows changes by itself',
      output: 'the page is all that it shows',
      svg: 'the page has the pictures',
    },
  },
  listen: {
    type: 'string',
    default: '127.0.0.1:0',
    placeholder: 'address',
    help: 'Where --serve listens; port 0 takes any free one. Whoever reaches it reads with your rights.',
    needs: { serve: 'nothing else listens' },
  },
  svg: {
    type: 'string',
    default: '',
    placeholder: 'file',
    help: 'Write the pictures to this SVG file as well.',
    check: (file) => (file === '-' ? 'a file: stdout has the tables' : undefined),
  },
});

type Options = Parsed<typeof OPTIONS>['values'];

async function show({ values: given, positionals }: Parsed<typeof OPTIONS>, io: Io): Promise<number> {
  const { parseQuestion } = await import('../inspect/ask.ts');
  const [filename, behind] = splitPaths(given.filename);
  const values = { ...given, filename };
  const questions = [...positionals, ...behind].map(parseQuestion);
  const isRange = ({ is }: Question) => is === 'range';
  if (questions.some(isRange) && !questions.every(isRange))
    throw new UsageError(
      `name addresses, or pools, claims, nodes and networks, not both${adviseFile(positionals)}`,
    );
  const source = await openSource(values, io);
  if (values.serve) {
    if (questions.length > 0) throw new UsageError('--serve shows everything: ask on the page');
    const bind = bindOption('listen', values.listen);
    const { servePage } = await import('./local-page.ts');
    const looking = new AbortController();
    try {
      return await servePage(await source.page(looking.signal), source.name, bind, io);
    } finally {
      looking.abort();
    }
  }
  if (!values.watch) {
    io.stdout.write(await render(questions, await source.read(), source, values, io));
    return 0;
  }
  const { takesEscapes } = await import('./terminal.ts');
  let before = '';
  for await (const objects of source.watch!()) {
    const text = await render(questions, objects, source, values, io).catch((error) => {
      if (error instanceof InputError) return `${error.message}\n`;
      throw error;
    });
    if (text === before) continue;
    // Home, and everything below the cursor away.
    const apart = before === '' || values.output === 'json' ? '' : values.output === 'yaml' ? '---\n' : '\n';
    io.stdout.write(takesEscapes(io) ? `\u001b[H\u001b[2J${text}` : `${apart}${text}`);
    before = text;
  }
  return 0;
}

/** Of one namespace, kinds without one are left out. */
function adviseNamespace(error: unknown, values: Options): unknown {
  const isOfAll = values['all-namespaces'] || values.namespace === '';
  return error instanceof ForbiddenError && isOfAll
    ? new InputError(`${error.message}; with -n NAMESPACE the rights of that namespace are enough`)
    : error;
}

function isPath(text: string): boolean {
  return text === '-' || /\.(ya?ml|json|gz)$/i.test(text);
}

/** Of names that are most likely files, though objects may be called so. */
function adviseFile(texts: readonly string[]): string {
  const file = texts.find(isPath);
  return file === undefined ? '' : `; for a file, write -f ${file}`;
}

/** Paths, and the questions behind them, as in `-f all.yaml 10.0.0.7`: what is no file and is not called like one. */
function splitPaths([first, ...more]: readonly string[]): [paths: string[], questions: string[]] {
  const isFile = (text: string) => isPath(text) || existsSync(text);
  return [
    [...(first === undefined ? [] : [first]), ...more.filter(isFile)],
    more.filter((text) => !isFile(text)),
  ];
}

async function render(
  questions: readonly Question[],
  given: readonly KubernetesObject[],
  source: Pick<Source, 'readIPAMClaims' | 'readOwners'>,
  values: Options,
  io: Io,
): Promise<string> {
  const [{ ask, isEmpty, partAsked }, { surveyOf }, { NO_POOL }] = await Promise.all([
    import('../inspect/ask.ts'),
    import('../inspect/survey.ts'),
    import('../ipam-claim/unserved.ts'),
  ]);
  const config = { ...DEFAULT_CONFIG, installNamespace: values['install-namespace'] };
  const context = { now: Date.now(), config };
  let objects = given;
  let survey = surveyOf(objects, context);
  const askAll = () => questions.map((question) => ask(question, survey));
  let answers = askAll();
  if (answers.some((answer) => answer.question.is === 'name' && isEmpty(answer))) {
    objects = [...objects, ...(await source.readIPAMClaims())];
    survey = surveyOf(objects, context);
    answers = askAll();
  }
  const empty = answers.filter(isEmpty);
  const namespace = values['all-namespaces'] ? '' : values.namespace;
  const isPart = namespace !== '';
  const partly = `-n ${values.namespace} leaves out all that is not in that namespace`;
  const missing = empty.filter(({ question: { is } }) => is === 'name');
  if (missing.length > 0) {
    const texts = missing.map(({ question: { text } }) => text || '""');
    const advice = await adviseNames(texts, survey);
    throw new InputError(
      `there is no pool, network, ClusterCIDR, claim or node ${texts.join(', ')}${isPart ? `; ${partly}` : advice}`,
    );
  }
  const pools = new Set(survey.overview.pools.map(({ title }) => title));
  const isCut = answers.some(({ holdings, subjects }) =>
    [...holdings, ...subjects.flatMap((subject) => subject.holdings)].some(({ pool }) => !pools.has(pool)),
  );
  const isPoolless = answers.some(({ subjects }) =>
    subjects.some(({ waiting }) => waiting?.reason === NO_POOL),
  );
  if (isPart && (empty.length > 0 || isCut || isPoolless) && !values.watch)
    io.stderr.write(`warning: ${printable(partly)}\n`);
  const owners = await source.readOwners(claimsIn(answers, survey));
  if (owners.length > 0) {
    survey = surveyOf([...objects, ...owners], context);
    answers = askAll();
  }
  const overview = partAsked(answers, survey.overview);
  if (values.svg !== '') {
    const { picturesOf, svgOf } = await import('../inspect/svg.ts');
    await writeFile(values.svg, svgOf(picturesOf(overview))).catch((error: Error) => {
      throw new InputError(`--svg ${values.svg}: ${fileFault(error, 'written')}`);
    });
  }
  if (values.output === 'json' || values.output === 'yaml') {
    const { plainAnswers } = await import('../inspect/plain.ts');
    const plain = plainAnswers(answers, overview, survey);
    if (values.output === 'json') return `${JSON.stringify(plain, null, 2)}\n`;
    const { formatYaml } = await import('./yaml.ts');
    return formatYaml(plain);
  }
  const [{ holderLines, renderOverview }, { paintFor }, { terminalWidth, textFor }] = await Promise.all([
    import('./overview-text.ts'),
    import('./paint.ts'),
    import('./terminal.ts'),
  ]);
  const paint = paintFor(io);
  const isWide = values.output === 'wide';
  const width = terminalWidth(io);
  const isNamed = answers.some(({ question: { is } }) => is === 'name');
  const hasOverview = answers.length === 0 || overview.pools.length + overview.networks.length > 0;
  const sections = [
    ...(hasOverview
      ? [await renderOverview(overview, { isWide, isDetailed: isNamed || isWide, width, namespace }, paint)]
      : []),
    ...(await holderLines(answers, survey, { isWide, width }, paint)),
  ];
  return textFor(io, sections.join('\n'));
}

/** What somebody may have meant who names what is not there; empty if that cannot be told. */
async function adviseNames(texts: readonly string[], { overview, inventory }: Survey): Promise<string> {
  const [{ kindNamed }, { adviseRange }, { suggestion }] = await Promise.all([
    import('../inspect/ask.ts'),
    import('../validation/advice.ts'),
    import('../text.ts'),
  ]);
  const [kind] = texts.filter((text) => kindNamed(text) !== undefined);
  if (kind !== undefined) return `; for one of that kind, write ${kind}/NAME`;
  const [range] = texts.flatMap((text) => adviseRange(text) ?? []);
  if (range !== undefined) return `; for an address, ${range}`;
  const file = adviseFile(texts);
  const [text = '', ...others] = texts;
  if (file !== '' || others.length > 0) return file;
  const known = [
    ...overview.pools.map(({ pool }) => pool.metadata),
    ...overview.networks.flatMap(({ name, clusterCIDRs }) => [
      { name },
      ...clusterCIDRs.map(({ clusterCIDR }) => clusterCIDR.metadata),
    ]),
    ...[...inventory.claims, ...inventory.nodes].map(({ metadata }) => metadata),
  ];
  return suggestion(text, known.map(text.includes('/') ? qualifiedName : ({ name }) => name));
}

/** More claims than this are a list, whose readers do not follow each one up to its Cluster. */
const MOST_CLAIMS = 32;

/** The claims that the answers are about, if they are few. */
function claimsIn(answers: readonly Answer[], { titles }: Survey): KubernetesObject[] {
  const holders = new Set(
    answers.flatMap(({ holdings, subjects }) => [
      ...holdings.flatMap(({ holder }) => holder ?? []),
      ...subjects.map(({ title }) => title),
    ]),
  );
  const claims = [...holders].filter((title) => title.startsWith('IPAddressClaim '));
  return claims.length > MOST_CLAIMS ? [] : claims.flatMap((title) => titles().get(title) ?? []);
}

const command: Command = defineCommand({
  name: 'show',
  summary: 'Show how full pools and pod networks are, who waits for them, and who has an address',
  usage: '[QUESTION...] [-n NAMESPACE | -A] [-f PATH...] [-o table|wide|json|yaml] [--watch | --serve]',
  description: `
Tables of the pools, pod networks and ClusterCIDRs of a cluster (or of files), the claims and nodes that wait and
why, and pictures of the address spaces. FRAGMENTED is the share of the free addresses (or blocks) that lie outside
the largest free run. TOTAL is what can be given out; USED includes what is OUT OF RANGE: in use, although the pool
no longer gives it out. WAITING counts those that wait for that pool or network, as its status does; what waits for
something else, such as the end of a pause, is listed alone.

A question is an address or a range (10.0.0.7, 10.0.0.0/28), or the name of a pool, claim, node, network or
ClusterCIDR: machines, default/machines, node/worker-1; or of what owns claims, such as a Machine or a Cluster,
for what they have: machine/web-0, prod. The answer says who has it, whose that is up to its Cluster,
by which IPAddress and since when; or why nobody has it: reserved, excluded, held back for a grace period, free,
outside of every pool; and which pools overlap there. Named pools and networks are drawn larger.

${LIVE_RIGHTS}
With -n it takes only the namespaced ones, in that namespace. --watch and --serve take the right to watch them as
well, or list them every ten seconds and say so. IPAMClaims (k8s.cni.cncf.io) are listed, if they may be, where a
name is nothing else's. Owners of a claim, such as its Machine, are named as far as they may be read.

Exit codes: 0 shown, 1 on any error.`,
  options: OPTIONS,
  main: (parsed, io) =>
    show(parsed, io).catch((error) => {
      throw adviseNamespace(error, parsed.values);
    }),
});

export default command;
