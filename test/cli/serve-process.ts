/** `metaipam serve` with one hook, which answers when its log shows that it was called and then released. */
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { parent } from '../../hooks/pools.ts';
import { serveCommand } from '../../lib/cli/serve.ts';

const [gate = '', ...argv] = process.argv.slice(2);
const { stdin, stdout, stderr, env } = process;

/** Answers once the file `gate` is there. */
async function sync(): Promise<object> {
  stdout.write('{"msg":"hook entered"}\n');
  while (!existsSync(gate)) await setTimeout(10);
  return { children: [] };
}

const command = serveCommand(async () => ({ pools: { parent, sync } }));
process.exitCode = await command.run(argv, { stdin, stdout, stderr, env });
