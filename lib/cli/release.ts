import { parseRange } from '../address/range.ts';
import { DEFAULT_CONFIG } from '../metacontroller/hook.ts';
import { HOOK_OPTIONS } from '../options/hook-options.ts';
import { defineOptions, type Parsed, UsageError } from '../options/options.ts';
import { PROGRAM } from '../program.ts';
import { plural } from '../text.ts';
import { type Command, defineCommand, type Io } from './command.ts';
import { CONNECTION_OPTIONS, connectAsUser, READ_OPTIONS, requestLog } from './connection.ts';
import { listLive } from './live-objects.ts';

const OPTIONS = defineOptions({
  all: { type: 'boolean', default: 'false', help: 'Everything that is leaked.' },
  'dry-run': { type: 'boolean', default: 'false', help: 'Only say what would be released.' },
  ...CONNECTION_OPTIONS,
  ...READ_OPTIONS,
  'install-namespace': HOOK_OPTIONS['install-namespace'],
});

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
  if (values.all === ranges.length > 0)
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
  const objects = await listLive(config, '', [], { io, log: requestLog(values, io) });
  const clusterApiVersion = await servedVersion(config);
  const context = {
    now: Date.now(),
    config: { ...DEFAULT_CONFIG, installNamespace: values['install-namespace'], clusterApiVersion },
  };
  const client = new ClusterClient(config);
  const { signal } = new AbortController();
  const isDryRun = values['dry-run'];
  let [done, left] = [0, 0];
  for (const deed of leakDeeds(objects, values.all ? undefined : ranges, context)) {
    const what = deed.act.verb === 'delete' ? 'deleted' : 'released';
    try {
      if (isDryRun || (await isStillDue(deed, client, signal))) {
        if (!isDryRun) await perform(deed, client, signal);
        stdout.write(`${printable(deed.why)}: ${isDryRun ? `would be ${what}` : what}\n`);
        done++;
        continue;
      }
      stderr.write(`${PROGRAM} release: ${printable(deed.why)}: left, as that is not so any more\n`);
    } catch (error) {
      stderr.write(
        `${PROGRAM} release: ${printable(deed.why)}: ${printable(requestFailure(error).message)}\n`,
      );
    }
    left++;
  }
  if (done + left === 0) stdout.write('nothing is leaked there\n');
  else stdout.write(`${plural(done, 'object')} ${isDryRun ? 'would be changed' : 'changed'}\n`);
  return left > 0 ? 1 : 0;
}

const command: Command = defineCommand({
  name: 'release',
  summary: 'Give up addresses and blocks that are kept for claims and nodes that are gone',
  usage: '[ADDRESS | RANGE ...] | --all [--dry-run]',
  description: `
Frees what ${PROGRAM} check calls a leaked-allocation or an orphaned-address: it deletes IPAddresses whose claim is gone
and marks their entries in AllocationSlices released, so that the address is free once the grace period of its pool
is over. Each fact is looked up right before, and whatever has a claim or a node is left alone. A running metaipam does
this by itself; it is for the time when it does not, or when a pool is paused.

It takes the rights of ${PROGRAM} check, and unless with --dry-run get on ipaddressclaims, ipaddresses, allocationslices and nodes, delete on
ipaddresses, and update or, with server-side apply, patch on allocationslices.

Exit codes: 0 everything was released, 1 on any error or when something was left.`,
  options: OPTIONS,
  main: release,
});

export default command;
