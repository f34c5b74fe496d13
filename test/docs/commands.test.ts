/**
 * Every command in the documentation exists, with its flags, and those that need no cluster are run.
 *
 * They find the files of their page. A block of text right below commands is what they print, where a line `…` stands
 * for any lines.
 */
import { spawnSync } from 'node:child_process';
import {
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Command } from '../../lib/cli/command.ts';
import type { OptionTable } from '../../lib/options/options.ts';
import { filesOf, type Page, parsePage, ROOT, readPages } from './pages.ts';

/** Flags of other programs that the pages speak of. */
const FOREIGN_FLAGS = new Set([
  '--allocate-node-cidrs',
  '--apply-strategy',
  '--cache-flush-interval',
  '--cidr-allocator-type',
  '--client-go-burst',
  '--client-go-qps',
  '--cluster-cidr',
  '--force-conflicts',
  '--node-cidr-mask-size',
  '--node-cidr-mask-size-ipv4',
  '--node-cidr-mask-size-ipv6',
  '--server-side',
  '--service-cluster-ip-range',
  '--subresource',
  '--target-namespace',
  '--workers',
  '--zap-log-level',
]);
/** Commands that are run as they stand. Others wait for a cluster, for a signal, or for a long time. */
const CAN_RUN = [
  /^metaipam (simulate|validate|hook|import|help|version)\b/,
  /^metaipam [a-z]+ --help$/,
  /^metaipam plan .*--current/,
  /^npm run demo$/,
  /^npm run sim -- --seed/,
];

const pages = readPages();
const scripts: Record<string, string> = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts;
const makefile = readFileSync(join(ROOT, 'Makefile'), 'utf8');
const targets = new Set([...makefile.matchAll(/^([a-z0-9-]+):/gm)].map(([, target]) => target));
const commands = new Map<string, OptionTable>();
for (const file of globSync('lib/cli/*.ts', { cwd: ROOT })) {
  const { default: command } = (await import(join(ROOT, file))) as { default?: Command };
  if (command?.name === basename(file, '.ts')) commands.set(command.name, command.options);
}

test('the commands are found', () => {
  for (const name of ['serve', 'simulate', 'adopt']) assert.ok(commands.has(name), name);
});

test('docs/install.md has every command', () => {
  const { prose } = pages.find(({ path }) => path === 'docs/install.md')!;
  const shown = [...prose.matchAll(/^\| `metaipam ([a-z]+)` \|/gm)].map(([, name]) => name);
  assert.equal(shown.sort(), [...commands.keys()].sort());
});

for (const page of pages) {
  test(`${page.path}: commands and flags exist`, () => assert.equal(problemsOf(page), []));

  const runs = page.blocks.flatMap((block, index) => {
    const lines = block.language === 'sh' ? commandsIn(block.text).filter(canRun) : [];
    const below = page.blocks[index + 1];
    const expected = below?.language === 'text' ? below.text : undefined;
    return lines.length === 0 ? [] : [{ place: block.place, lines, expected }];
  });
  for (const { place, lines, expected } of runs) {
    test(`${place}: ${lines.join('; ')}`, () => {
      const printed = inFolderOf(page, (folder) => lines.map((line) => run(line, folder)).join(''));
      if (expected !== undefined) assertPrinted(printed, expected);
    });
  }
}

test('text below a command is compared with what the command prints', () => {
  const printed = 'a\nb (c)\nd\n';
  for (const expected of [printed, 'a\n…\nd\n', '…\nd\n', '…\n'])
    assert.ok(isAsExpected(printed, expected), expected);
  for (const expected of ['a\n', 'b (c)\n…\n', '…\na\n', 'a\n…\nd\ne\n', 'a\nd\n']) {
    assert.not(isAsExpected(printed, expected), expected);
  }
});

test('commands and flags that do not exist are found', () => {
  const text =
    '`--never-heard-of`\n```sh\nnpx metaipam serve --prot=1\nnpx metaipam sreve\nnpm run nothing\nmake nothing\n```\n';
  assert.is(problemsOf(parsePage('page.md', text)).length, 5);
});

/** The commands of a shell block: without comments, and lines that `\` continues as one. */
function commandsIn(text: string): string[] {
  return text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/(^|\s+)#.*$/, '').trim())
    .flatMap((line) => line.split(/ && | \| /))
    .map((line) => line.replace(/^npx metaipam\b/, 'metaipam'))
    .filter((line) => line !== '');
}

function canRun(line: string): boolean {
  return CAN_RUN.some((pattern) => pattern.test(line)) && !/<\w+>/.test(line);
}

function problemsOf({ blocks, prose }: Page): string[] {
  const problems: string[] = [];
  const shell = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => commandsIn(text));
  const inline = [...prose.matchAll(/`((?:npx )?metaipam [a-z]+[^`]*|npm run [^`]*|make [^`]*)`/g)].flatMap(
    ([, text = '']) => commandsIn(text),
  );
  for (const line of [...shell, ...inline]) {
    const [program, ...words] = line.split(/\s+/);
    if (program === 'npm' && words[0] === 'run') {
      const script = words.find((word) => word !== 'run' && !word.startsWith('--')) ?? '';
      if (scripts[script] === undefined) problems.push(`${line}: there is no script ${script}`);
    }
    if (program === 'make') {
      const unknown = words.filter((word) => /^[a-z0-9-]+$/.test(word) && !targets.has(word));
      problems.push(...unknown.map((target) => `${line}: there is no target ${target}`));
    }
    if (program !== 'metaipam') continue;
    const [name = '', ...rest] = words;
    const options = commands.get(name);
    if (options === undefined && name !== 'help') problems.push(`${line}: there is no command ${name}`);
    for (const flag of flagsIn(rest.join(' ')))
      if (!known(options ?? {}).has(flag)) problems.push(`${line}: there is no flag ${flag}`);
  }
  const everywhere = new Set([...commands.values()].flatMap((options) => [...known(options)]));
  for (const [, code = ''] of prose.matchAll(/`([^`\n]+)`/g)) {
    if (/^(npx |metaipam |npm |kubectl |helm |clusterctl )/.test(code)) continue;
    for (const flag of flagsIn(code)) {
      if (!everywhere.has(flag) && !FOREIGN_FLAGS.has(flag))
        problems.push(`${code}: nothing has a flag ${flag}`);
    }
  }
  return problems;
}

function flagsIn(text: string): string[] {
  return [...text.matchAll(/(?<=^|\s)--?[a-z][a-z0-9-]*/g)].map(([flag]) => flag);
}

function known(options: OptionTable): Set<string> {
  const names = Object.entries(options).flatMap(([name, { short, aliases = [] }]) => [
    `--${name}`,
    ...aliases.map((alias) => `--${alias}`),
    ...(short === undefined ? [] : [`-${short}`]),
  ]);
  return new Set([...names, '--help', '-h']);
}

/** What `work` gives in a folder with the files of the page beside those of the repository. */
function inFolderOf<T>(page: Page, work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'metaipam-docs-'));
  try {
    for (const entry of readdirSync(ROOT)) symlinkSync(join(ROOT, entry), join(folder, entry));
    for (const { name, text } of filesOf(page)) writeFileSync(join(folder, name), text);
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the command prints. */
function run(line: string, folder: string): string {
  const command = line
    .replace(/^metaipam/, `"${process.execPath}" lib/cli/metaipam.ts`)
    .replace(/^npm run/, 'npm run --silent');
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
  // plan: something would change.
  const expected = line.startsWith('metaipam plan') ? 2 : 0;
  assert.is(status, expected, `${line}: exit ${status}\n${stderr}`);
  return stdout;
}

function assertPrinted(printed: string, expected: string): void {
  // With no gap in it, a difference is shown line by line.
  if (!/^…$/m.test(expected)) assert.is(printed, expected);
  else assert.ok(isAsExpected(printed, expected), `printed:\n${printed}`);
}

function isAsExpected(printed: string, expected: string): boolean {
  const parts = expected.split(/^…\n/m).map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('(?:.*\\n)*?')}$`).test(printed);
}

test.run();
