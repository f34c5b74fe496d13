/** Shell completion: the candidates, and the scripts in the shells that are here. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { main } from '../../lib/cli/metaipam.ts';
import { run } from './run.ts';

const complete = async (...words: string[]) => {
  const { code, out, err } = await run(main, ['__complete', ...words]);
  assert.equal([code, err], [0, '']);
  return out
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t')[0]!);
};

const CASES: [words: string[], candidates: string[]][] = [
  [['ser'], ['serve']],
  [['v'], ['validate', 'version']],
  [['help', 'simu'], ['simulate']],
  [['nonsense', ''], ['']],
  [['validate', '--st'], ['--strict']],
  [
    ['validate', '-o', ''],
    ['text', 'json', 'sarif'],
  ],
  [['validate', '-o', 's'], ['sarif']],
  [['validate', '--output=s'], ['--output=sarif']],
  [['validate', '--output', '=', 's'], ['sarif']],
  [
    ['validate', '--output', '='],
    ['text', 'json', 'sarif'],
  ],
  [
    ['validate', '--strict='],
    ['--strict=true', '--strict=false'],
  ],
  [['validate', '-f', ''], [':files']],
  [['validate', '-f', 'a.yaml', ''], [':files']],
  [['validate', '-f', 'a.yaml', '--strict', ''], ['']],
  [['validate', '-f', 'a.yaml', '-o', 'j'], ['json']],
  [['show', '--kubeconfig', ''], [':files']],
  [['show', '-n', ''], ['']],
  [['check', '--skip', 'duplicate-address', 'duplicate-c'], ['duplicate-cidr']],
  [['hook', 'cluster-cidrs/s'], ['cluster-cidrs/sync']],
  [['hook', '-f', 'x.json', 'cluster-cidrs/s'], ['cluster-cidrs/sync']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish', 'kubectl'],
  ],
  [['simulate', '--', ''], ['']],
];
for (const [words, candidates] of CASES) {
  test(`metaipam ${words.join(' ')}<TAB>`, async () => assert.equal(await complete(...words), candidates));
}

test('every flag of every command is offered, with what it is for', async () => {
  const { out } = await run(main, ['__complete', 'serve', '-']);
  for (const line of out.trimEnd().split('\n')) assert.match(line, /^--?[\w-]+\t[^\n]+[^.]$/);
  const flags = (await complete('simulate', '-')).sort();
  assert.equal(flags, [
    '--fail-on-waiting',
    '--filename',
    '--help',
    '--listen',
    '--namespace',
    '--output',
    '--page',
    '-f',
    '-n',
    '-o',
  ]);
});

test('a script for each shell, and for no other', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out } = await run(main, ['completion', shell]);
    assert.is(code, 0);
    assert.match(out, `# ${shell} completion for metaipam`);
  }
  assert.match((await run(main, ['completion'])).err, 'for what? One of bash, zsh, fish, kubectl\n');
  assert.match((await run(main, ['completion', 'fishy'])).err, 'found fishy (did you mean fish?)');
});

/** Prints what each shell makes of flags, their values, and paths behind `-f` and in `--filename=`. */
const SHELLS: Readonly<Record<string, (script: string) => [argv: string[], expected: string]>> = {
  bash: (script) => [
    [
      '-c',
      `source ${script}
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _metaipam; echo "\${COMPREPLY[*]}"; }
try metaipam validate -o ''; try metaipam validate --output = s; try metaipam validate -f ''`,
    ],
    'text json sarif\nsarif\n\n',
  ],
  zsh: (script) => [
    [
      '-fc',
      `compdef() { :; }; _files() { echo "files of $PREFIX"; }; compset() { PREFIX=\${PREFIX#\${~2}}; }; _describe() { print -l -- \${(P)2}; }
source ${script}
try() { words=("$@"); CURRENT=$#; PREFIX=$words[-1]; _metaipam; }
try metaipam validate --st; try metaipam validate --output=s; try metaipam validate -f a
try metaipam validate --filename=a`,
    ],
    '--strict:Take warnings for problems\n--output=sarif\nfiles of a\nfiles of a\n',
  ],
  fish: (script) => [
    [
      '--no-config',
      '-c',
      `source ${script}; complete -C 'metaipam validate --st'; complete -C 'metaipam validate -o s'
complete -C 'metaipam validate -f metai'; complete -C 'metaipam validate --filename=metai'`,
    ],
    '--strict\tTake warnings for problems\nsarif\nmetaipam\n--filename=metaipam\n',
  ],
};
const dir = mkdtempSync(join(tmpdir(), 'metaipam-completion-'));
test.after(() => rmSync(dir, { recursive: true }));

const entry = join(import.meta.dirname, '../../lib/cli/metaipam.ts');
const CALL = `#!/bin/sh\nexec "${process.execPath}" "${entry}" "$@"\n`;
function writeProgram(name: string, text: string): void {
  writeFileSync(join(dir, name), text);
  chmodSync(join(dir, name), 0o755);
}

for (const [shell, tryIn] of Object.entries(SHELLS)) {
  if (spawnSync(shell, ['-c', 'true']).error !== undefined) {
    console.log(`# SKIPPED: no ${shell} here`);
    continue;
  }
  test(`in ${shell}`, async () => {
    writeProgram('metaipam', CALL);
    const script = join(dir, shell);
    writeFileSync(script, (await run(main, ['completion', shell])).out);
    const [argv, expected] = tryIn(script);
    const env = { ...process.env, PATH: `${dir}${delimiter}${process.env.PATH}`, HOME: dir };
    const { stdout, stderr } = spawnSync(shell, argv, { cwd: dir, env, encoding: 'utf8' });
    assert.is(stderr, '');
    assert.is(stdout, expected);
  });
}

test('a script of a shell completes metaipam: whoever calls it by another name is told', () => {
  symlinkSync(entry, join(dir, 'kubectl-ipam'));
  const said = (...argv: string[]) => spawnSync(process.execPath, argv, { encoding: 'utf8' }).stderr;
  for (const shell of Object.keys(SHELLS)) {
    assert.is(
      said(join(dir, 'kubectl-ipam'), 'completion', shell),
      'kubectl ipam completion: warning: this completes metaipam, not kubectl ipam; its own is kubectl ipam completion kubectl\n',
    );
    assert.is(said(entry, 'completion', shell), '');
  }
  assert.is(said(join(dir, 'kubectl-ipam'), 'completion', 'kubectl'), '');
  rmSync(join(dir, 'kubectl-ipam'));
});

if (spawnSync('kubectl', ['help']).error !== undefined) console.log('# SKIPPED: no kubectl here');
else
  test('behind kubectl ipam', async () => {
    writeProgram('kubectl-ipam', CALL);
    writeProgram('kubectl_complete-ipam', (await run(main, ['completion', 'kubectl'])).out);
    const env = { ...process.env, PATH: `${dir}${delimiter}${process.env.PATH}`, HOME: dir };
    const tried = (...words: string[]) =>
      spawnSync('kubectl', ['__complete', 'ipam', ...words], { env, encoding: 'utf8' }).stdout;
    assert.is(tried('validate', '-o', ''), 'text\njson\nsarif\n:4\n');
    assert.is(tried('validate', '--st'), '--strict\tTake warnings for problems\n:4\n');
    assert.is(tried('validate', '-f', ''), ':0\n');
  });

test.run();
