/** `npm run bench`: how long syncs of many claims take, beside reading and writing them as JSON. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { endOnClosedOutput } from '../lib/closed-output.ts';
import { scriptArguments } from '../lib/script.ts';
import type { SyncResult } from './measured.ts';
import { formatReport, type Result } from './report.ts';
import { rounds } from './rounds.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const USAGE = `npm run bench -- [options]

  --filter=<text>  Only the scenarios whose names contain it.
  --json           The results as JSON.
  --list           Only the names of the scenarios.
`;

const { values } = scriptArguments(USAGE, {
  options: {
    filter: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

endOnClosedOutput();
const scenarios = SCENARIOS.filter(({ name }) => name.includes(values.filter));
if (values.list) {
  process.stdout.write(scenarios.map(({ name }) => `${name}\n`).join(''));
} else if (scenarios.length === 0) {
  process.stderr.write(`no scenario contains ${JSON.stringify(values.filter)}; --list has them all\n`);
  process.exitCode = 1;
} else {
  const results: Result[] = [];
  for (const scenario of scenarios) {
    if (process.stderr.isTTY) process.stderr.write(`${scenario.name}\n`);
    results.push(await measure(scenario));
  }
  process.stdout.write(values.json ? `${JSON.stringify(results, null, 2)}\n` : formatReport(results));
}

async function measure(scenario: Scenario): Promise<Result> {
  const body = Buffer.from(JSON.stringify(scenario.request()));
  const { name, aimMilliseconds } = scenario;
  const sync = await measureSync(scenario, body);
  return {
    name,
    ...(aimMilliseconds !== undefined && { aimMilliseconds }),
    requestBytes: body.length,
    sync,
    http: await measureHttp(scenario, body, sync.responseBytes),
  };
}

async function measureSync({ controller }: Scenario, body: Buffer): Promise<SyncResult> {
  const child = start('sync', controller);
  child.stdin!.end(body);
  return (await message(child)) as SyncResult;
}

async function measureHttp(
  { controller }: Scenario,
  body: Buffer,
  responseBytes: number,
): Promise<Result['http']> {
  const child = start('serve', controller);
  const url = `http://${await message(child)}/hooks/${controller}/sync`;
  const agent = new http.Agent({ keepAlive: true });
  let peakBytes = 0;
  const [milliseconds] = await rounds(async () => {
    const started = performance.now();
    const answer = await post(url, body, agent);
    const taken = performance.now() - started;
    if (answer.length !== responseBytes)
      throw new Error(`unlike a direct call: ${answer.toString('utf8', 0, 500)}`);
    child.send('collect garbage');
    peakBytes = (await message(child)) as number;
    return [taken];
  });
  agent.destroy();
  child.disconnect();
  return { milliseconds: milliseconds!, peakBytes };
}

function start(mode: 'sync' | 'serve', controller: string): ChildProcess {
  const program = new URL('measured.ts', import.meta.url);
  return fork(program, [mode, controller], { stdio: ['pipe', 'inherit', 'inherit', 'ipc'] });
}

/** The next message of the process. Throws if it ends instead. */
async function message(child: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  try {
    const [received] = await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code, killedBy]) => {
        throw new Error(`a measured process ended with ${killedBy ?? code}`);
      }),
    ]);
    return received;
  } finally {
    over.abort();
  }
}

async function post(url: string, body: Buffer, agent: http.Agent): Promise<Buffer> {
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  const request = http.request(url, { method: 'POST', agent, headers });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks);
}
