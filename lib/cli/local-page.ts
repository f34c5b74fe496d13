/** The page on this machine alone, for whoever runs a command. */
import { once } from 'node:events';
import Fastify, { type FastifyInstance } from 'fastify';
import type { PageSource } from '../page/source.ts';
import { type BindAddress, listen } from '../server/bind-address.ts';
import { addPage } from '../server/page.ts';
import { InputError, type Io } from './command.ts';

/** Names by which a browser on this machine calls it: others would be those of a page that wants to read along. */
const OWN_NAMES = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** A server of the page that does not listen yet. On the loopback interface it answers those who call it by that. */
export function createLocalPage(source: PageSource, of: string, host: string | undefined): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  if (OWN_NAMES.has(host ?? '')) {
    app.addHook('onRequest', async (request, reply) => {
      const { host: name = '' } = request.headers;
      if (OWN_NAMES.has(name.replace(/:\d+$/, ''))) return;
      return reply.code(403).send('this is the page of another host\n');
    });
  }
  addPage(app, { source, of });
  return app;
}

/** Serves the page until the process is told to end. Resolves to the exit code. Throws InputError. */
export async function servePage(source: PageSource, of: string, bind: BindAddress, io: Io): Promise<number> {
  const app = createLocalPage(source, of, bind.host);
  const at = await listen(app, bind, 'listen').catch((error: Error) => {
    throw new InputError(error.message);
  });
  io.stdout.write(`http://${at}/  (Ctrl-C ends it)\n`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await app.close();
  return 0;
}
