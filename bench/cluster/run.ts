/** `npm run bench:cluster`: what claims, nodes or IPAMClaims cost on a real control plane, and beside what they cost elsewhere. */
import { endOnClosedOutput } from '../../lib/closed-output.ts';
import { helpText, UsageError } from '../../lib/options/options.ts';
import { ASSETS, missingPrograms } from '../../test/e2e/control-plane.ts';
import { type Measurement, measure } from './measure.ts';
import { type BenchOptions, OPTIONS, parseBenchOptions } from './options.ts';
import { formatMeasurements } from './report.ts';
import { problemOfReference, type System, startMetaipam, startReference } from './system.ts';
import { workloadOf } from './workload.ts';

const USAGE = `Usage: npm run bench:cluster -- claims|nodes|ipam-claims [number] [options]

Makes so many IPAddressClaims (1000), Nodes (200) or IPAMClaims (1000) at once on a control plane of its own, and
prints how long they took, what they asked of the API server, and what every process used. Linux only; needs the
programs of the end-to-end tests.

Exits with 1 if not all were served in time, if anything was given out twice, or if it could not start.

Options:
${helpText(OPTIONS)}
`;

endOnClosedOutput();
process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseBenchOptions(argv, process.env);
    if (options === 'help') {
      process.stdout.write(USAGE);
      return 0;
    }
    const problem = obstacle(options);
    if (problem !== undefined) throw new UsageError(problem);
    const measurements = await measureAll(options);
    process.stdout.write(
      options.output === 'json'
        ? `${JSON.stringify({ options, measurements: measurements.map(jsonOf) }, null, 2)}\n`
        : formatMeasurements(options, measurements),
    );
    return 0;
  } catch (error) {
    const isExpected = error instanceof UsageError;
    process.stderr.write(`bench:cluster: ${isExpected ? error.message : (error as Error).stack}\n`);
    if (isExpected) process.stderr.write('See npm run bench:cluster -- --help.\n');
    return 1;
  }
}

/** What is missing on this machine. */
function obstacle({ reference }: BenchOptions): string | undefined {
  if (process.platform !== 'linux') return 'only Linux has the /proc that CPU and memory are read from';
  const missing = missingPrograms();
  if (missing.length > 0) return `not in ${ASSETS}: ${missing.join(', ')}`;
  return reference === undefined ? undefined : problemOfReference(reference);
}

/** One after another, so that none takes another's CPU. */
async function measureAll(options: BenchOptions): Promise<Measurement[]> {
  const { subject, reference } = options;
  const measurements = [await measureOne(options, () => startMetaipam(options))];
  if (reference !== undefined && subject !== 'ipam-claims')
    measurements.push(await measureOne(options, () => startReference(subject, reference)));
  return measurements;
}

async function measureOne(options: BenchOptions, start: () => Promise<System>): Promise<Measurement> {
  progress('starting a control plane');
  const system = await start();
  try {
    return await measure(system, workloadOf(options), { ...options, progress });
  } finally {
    await system.stop();
    progress('');
  }
}

/** On one line, which the next overwrites. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
}

function jsonOf({ requests, ...measurement }: Measurement): object {
  const { sum, byRequest } = requests;
  return { ...measurement, requests: { sum, byRequest: Object.fromEntries(byRequest) } };
}
