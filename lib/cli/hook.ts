import { readBytes, readFileBytes } from '../file-bytes.ts';
import { withEmptyGroups } from '../metacontroller/groups.ts';
import type { HookConfig } from '../metacontroller/hook.ts';
import { HOOK_OPTIONS, hookConfig } from '../options/hook-options.ts';
import { defineOptions, type Parsed, UsageError } from '../options/options.ts';
import type { HookName } from '../server/request.ts';
import { suggestion } from '../text.ts';
import { type Command, defineCommand, fileFault, InputError, type Io, isFileFault } from './command.ts';
import { loadControllers } from './controllers.ts';
import { fileText } from './file-text.ts';

const OPTIONS = defineOptions({
  file: {
    type: 'string',
    short: 'f',
    default: '-',
    placeholder: 'path',
    help: 'The request, or a fixture of docs/hook-fixtures.md with one in it. - reads stdin.',
  },
  now: {
    type: 'string',
    placeholder: 'time',
    help: "The time the hook is told, RFC 3339, so that an answer can be repeated. Default: the fixture's, else the current time.",
    check: (text: string) =>
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) &&
      !Number.isNaN(Date.parse(text))
        ? undefined
        : 'a time such as 2026-01-31T12:00:00Z',
  },
  pretty: { type: 'boolean', help: 'Indent the answer. Default: only on a terminal.' },
  ...HOOK_OPTIONS,
});

async function callHook(
  load: typeof loadControllers,
  { values, positionals }: Parsed<typeof OPTIONS>,
  io: Io,
): Promise<number> {
  const [controllers, { checkRequest, decodeBody, hookPaths }, { ServerError }, { MissingObjects }] =
    await Promise.all([
      load(),
      import('../server/request.ts'),
      import('../server/errors.ts'),
      import('../metacontroller/hook.ts'),
    ]);
  const known = hookPaths(controllers);
  const [path, ...excess] = positionals;
  if (path === undefined) throw new UsageError(`which hook? One of ${known.join(', ')}`);
  if (excess.length > 0) throw new UsageError(`one hook at a time, found also ${excess.join(' ')}`);
  if (!known.includes(path)) {
    throw new UsageError(`unknown hook ${path}${suggestion(path, known)}. Known: ${known.join(', ')}`);
  }

  const [controller, hook] = path.split('/') as [string, HookName];
  const { file } = values;
  const name = file === '-' ? '<stdin>' : file;
  let response: object;
  try {
    const text = fileText(await (file === '-' ? readBytes(io.stdin) : readFileBytes(file)));
    if (typeof text === 'object') throw new InputError(`${name}: ${text.problem}; ${text.fix}`);
    const given = readRequest(decodeBody(text));
    const { request } = checkRequest(controllers[controller]!, hook, given.body);
    const config = { ...hookConfig(values), ...given.config };
    const now = values.now ?? given.now;
    const complete =
      hook === 'customize' ? request : withEmptyGroups(controllers[controller]!.parent, request, config);
    const context = { now: now === undefined ? Date.now() : Date.parse(now), config };
    response = await controllers[controller]![hook]!(complete, context);
  } catch (error) {
    if (error instanceof ServerError || error instanceof MissingObjects)
      throw new InputError(`${name}: ${error.message}`);
    if (isFileFault(error)) throw new InputError(`${name}: ${fileFault(error)}`);
    throw error;
  }
  const indent = (values.pretty ?? io.stdout.isTTY) ? 2 : undefined;
  io.stdout.write(`${JSON.stringify(response, null, indent)}\n`);
  return 0;
}

interface Given {
  readonly body: unknown;
  readonly now?: string;
  readonly config?: Partial<HookConfig>;
}

/** A request as it is, or that of a fixture, which may leave out the parts that have no group in them. */
function readRequest(body: unknown): Given {
  if (typeof body !== 'object' || body === null || !('request' in body)) return { body };
  const { request, now, config } = body as { request: object; now?: string; config?: Partial<HookConfig> };
  const complete = { children: {}, attachments: {}, related: {}, ...request };
  return { body: complete, ...(now !== undefined && { now }), ...(config !== undefined && { config }) };
}

/** `hook`, with the hooks of `load`. */
export function hookCommand(load: typeof loadControllers): Command {
  return defineCommand({
    name: 'hook',
    summary: 'Answer one hook request from a file or stdin',
    usage: '<controller>/<sync|customize|finalize> [options] < request.json',
    description: `
Calls one hook without a server: reads the request that Metacontroller would send, or a fixture with such a request
in it, and writes the answer. A fixture's time and configuration count as well.

Exit codes: 0 answered, 1 the hook is unknown or the request is not one of its requests.`,
    options: OPTIONS,
    choices: async () => (await import('../server/request.ts')).hookPaths(await load()),
    main: (parsed, io) => callHook(load, parsed, io),
  });
}

export default hookCommand(loadControllers);
