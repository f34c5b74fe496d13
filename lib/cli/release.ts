import { overlaps, parseRange } from '../address/range.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { HOOK_OPTIONS } from '../options/hook-options.ts';
import { defineOptions, outputOption, type Parsed, UsageError } from '../options/options.ts';
import { PROGRAM } from '../program.ts';
import { plural } from '../text.ts';
import { type Command, defineCommand, type Io } from './command.ts';
import { connectAsUser, requestLog, WRITE_OPTIONS } from './connection.ts';
import { listLive } from './live-objects.ts';

const OPTIONS = defineOptions({
  all: { type: 'boolean', default: 'false', help: 'Everything that is leaked.' },
  ...WRITE_OPTIONS,
  'install-namespace': HOOK_OPTIONS['install-namespace'],
  output: outputOption(
    ['text', 'json'],
    'json has every object with its addresses, what is to be done to it and why, whether that was done or why not.',
  ),
});

/** What became of an object, for programs. */
interface Outcome {
  readonly object: string;
  readonly addresses: readonly string[];
  readonly action: 'delete' | 'release';
  readonly why: string;
  readonly done: boolean;
  /** Why it was not done, but for a dry run. */
  readonly left?: string;
}

async function release({ values, positionals }: Parsed<typeof OPTIONS>, io: Io): Promise<number> {
  const { stdout, stderr, env } = io;
  const { adviseRange } = await import('../validation/advice.ts');
  const ranges = positionals.map((text) => {
    const range = parseRange(text);
    const advice = adviseRange(text);
    if (range === undefined || advice !== undefined)
      throw new UsageError(
        `${text.trim() || JSON.stringify(text)} must be an address or a range${advice === undefined ? '' : `: ${advice}`}`,
      );
    return range;
  });
  if (values.all && ranges.length > 0)
    throw new UsageError(`--all or addresses, not both: leave out --all, or ${positionals.join(' ')}`);
  if (!values.all && ranges.length === 0)
    throw new UsageError('name the addresses or ranges to release, or --all');
  const [
    { leakDeeds },
    { isStillDue, perform },
    { ClusterClient, requestFailure },
    { servedVersion },
    { printable },
  ] = await Promise.all([
    import('../inspect/leaks.ts'),
    import('../janitor/perform.ts'),
    import('../cluster/cluster-client.ts'),
    import('./watch-live.ts'),
    import('./table.ts'),
  ]);
  const config = await connectAsUser(values, env);
  const log = requestLog(values, io);
  const objects = await listLive(config, '', [], { io, log });
  const clusterApiVersion = await servedVersion(config, log);
  const context = {
    now: Date.now(),
    config: { ...DEFAULT_CONFIG, installNamespace: values['install-namespace'], clusterApiVersion },
  };
  const client = new ClusterClient(config, log);
  const { signal } = new AbortController();
  const isDryRun = values['dry-run'];
  const outcomes: Outcome[] = [];
  const leaks = leakDeeds(objects, values.all ? undefined : ranges, context);
  for (const { object, addresses, ...deed } of leaks) {
    const action = deed.act.verb === 'delete' ? 'delete' : 'release';
    let left: string | undefined;
    try {
      if (!isDryRun && !(await isStillDue(deed, client, signal))) left = 'that is not so any more';
      else if (!isDryRun) await perform(deed, client, signal);
    } catch (error) {
      left = requestFailure(error).message;
    }
    const done = !isDryRun && left === undefined;
    outcomes.push({ object, addresses, action, why: deed.why, done, ...(left !== undefined && { left }) });
    const line = (what: string) => `${printable(`${deed.why}: ${what}`)}\n`;
    if (left !== undefined) stderr.write(`${PROGRAM} release: ${line(`left: ${left}`)}`);
    else if (values.output === 'text') stdout.write(line(`${isDryRun ? 'would be ' : ''}${action}d`));
  }
  const isLeft = ({ left }: Outcome) => left !== undefined;
  const touched = outcomes.flatMap(({ addresses }) => addresses.flatMap((text) => parseRange(text) ?? []));
  const notLeaked = positionals.filter((_, index) => !touched.some((each) => overlaps(each, ranges[index]!)));
  if (values.output === 'json')
    stdout.write(`${JSON.stringify({ dryRun: isDryRun, objects: outcomes, notLeaked }, null, 2)}\n`);
  else {
    for (const text of notLeaked)
      stdout.write(`nothing is leaked in ${text}: ${PROGRAM} show ${text} says who has it\n`);
    const changed = outcomes.filter((each) => !isLeft(each)).length;
    if (outcomes.length > 0)
      stdout.write(`${plural(changed, 'object')} ${isDryRun ? 'would be changed' : 'changed'}\n`);
    else if (values.all) stdout.write('nothing is leaked\n');
  }
  return outcomes.some(isLeft) ? 1 : 0;
}

const command: Command = defineCommand({
  name: 'release',
  summary: 'Give up addresses and blocks that are kept for claims and nodes that are gone',
  usage: 'ADDRESS | RANGE ... | --all [--dry-run] [-o text|json]',
  description: `
Frees what ${PROGRAM} check calls a leaked-allocation or, if metaipam made it, an orphaned-address: it deletes IPAddresses
whose claim is gone and marks their entries in AllocationSlices released, so that the address is free once the grace period
of its pool is over. IPAddresses that were made by hand keep their addresses until somebody deletes them. Each fact is looked up right before, and whatever has a claim or a node is left alone. A running metaipam does
this by itself; it is for the time when it does not, or when a pool is paused.

It takes the rights of ${PROGRAM} check, and unless with --dry-run get on ipaddressclaims, ipaddresses, allocationslices and nodes, delete on
ipaddresses, and update or, with server-side apply, patch on allocationslices.

Exit codes: 0 everything was released, or nothing is leaked, 1 on any error or when something was left.`,
  options: OPTIONS,
  main: release,
});

export default command;
