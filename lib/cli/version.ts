import { defineOptions, outputOption, type Parsed } from '../options/options.ts';
import { shippedVersion } from '../shipped.ts';
import { defineCommand, type Io, refuseArguments } from './command.ts';

const OPTIONS = defineOptions({ output: outputOption(['text', 'json'], 'json is an object with version.') });

async function run({ values, positionals }: Parsed<typeof OPTIONS>, { stdout }: Io): Promise<number> {
  refuseArguments(positionals);
  const version = shippedVersion();
  stdout.write(values.output === 'json' ? `${JSON.stringify({ version })}\n` : `metaipam ${version}\n`);
  return 0;
}

export default defineCommand({
  name: 'version',
  summary: 'Print the version',
  usage: '[-o json]',
  description: `
Of this program: doctor tells what runs in a cluster.

Exit codes: 0 printed, 1 on any error.`,
  options: OPTIONS,
  main: run,
});
