/** What can be said of the Dockerfiles without building them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = join(import.meta.dirname, '../..');
const IGNORED_BUT = readFileSync(join(ROOT, '.dockerignore'), 'utf8').match(/(?<=^!).+/gm)!;

interface Instruction {
  readonly name: string;
  readonly flags: readonly string[];
  readonly words: readonly string[];
}

interface Stage {
  readonly image: string;
  readonly platform: string | undefined;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The arguments before the first stage, with their defaults, and the stages. */
function readDockerfile(file: string): { args: Map<string, string>; stages: Stage[] } {
  const lines = readFileSync(join(ROOT, file), 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n');
  const args = new Map<string, string>();
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const line of lines.filter((text) => text.trim() !== '')) {
    const [name = '', ...rest] = line.trim().split(/\s+/);
    const flags = rest.filter((word) => word.startsWith('--'));
    const words = name === 'RUN' ? rest : rest.slice(flags.length);
    assert.match(name, /^[A-Z]+$/, line);
    if (name === 'FROM') {
      const [image = '', , stage] = words;
      const platform = flags.find((flag) => flag.startsWith('--platform='))?.slice('--platform='.length);
      stages.push({ image, platform, name: stage, instructions: [] });
    } else if (stages.length === 0) {
      assert.is(name, 'ARG', line);
      const [, key = '', value = ''] = /^(\w+)=(.+)$/.exec(words.join(' ')) ?? [];
      assert.ok(key, `${line}: no default`);
      args.set(key, value);
    } else stages.at(-1)!.instructions.push({ name, flags, words });
  }
  return { args, stages };
}

for (const file of ['Dockerfile', 'cni/Dockerfile']) {
  const { args, stages } = readDockerfile(file);
  const all = stages.flatMap(({ instructions }) => instructions);

  test(`${file}: every image is a build argument with a default of a fixed version`, () => {
    for (const { image } of stages) {
      const argument = /^\$\{(\w+)\}$/.exec(image)?.[1] ?? '';
      assert.match(args.get(argument) ?? '', /:\S+$/, image);
      assert.not.match(args.get(argument)!, 'latest');
    }
  });

  test(`${file}: what is copied is there, and is sent to the builder`, () => {
    const names = stages.map(({ name }) => name);
    for (const { flags, words } of all.filter(({ name }) => /^(COPY|ADD)$/.test(name))) {
      const from = flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length);
      if (from !== undefined) {
        assert.ok(names.includes(from), `no stage ${from}`);
        continue;
      }
      for (const source of words.slice(0, -1)) {
        assert.ok(existsSync(join(ROOT, source)), source);
        assert.ok(IGNORED_BUT.includes(source), `${source} is not in .dockerignore`);
      }
    }
  });

  test(`${file}: the user is a number, and no process goes through a shell`, () => {
    const last = stages.at(-1)!.instructions;
    const value = (name: string) => last.findLast((each) => each.name === name)?.words.join(' ') ?? '';
    assert.match(value('USER'), /^\d+:\d+$/);
    assert.match(value('ENTRYPOINT'), /^\["node", /);
    assert.not(
      last.some(({ name }) => name === 'RUN'),
      'the base image may have no shell',
    );
  });
}

test('the bundle is built on the platform of the builder, and runs as nobody', () => {
  const { stages } = readDockerfile('Dockerfile');
  assert.equal(
    stages.map(({ name, platform }) => [name, platform]),
    [
      ['bundle', '$BUILDPLATFORM'],
      ['server', undefined],
    ],
  );
  const { instructions } = stages[1]!;
  assert.equal(instructions.find(({ name }) => name === 'USER')?.words, ['65532:65532']);
  const labels = instructions.find(({ name }) => name === 'LABEL')!.words.join(' ');
  for (const argument of ['VERSION', 'REVISION']) {
    assert.ok(labels.includes(`"\${${argument}}"`), argument);
    assert.ok(instructions.some(({ name, words }) => name === 'ARG' && words[0]!.startsWith(`${argument}=`)));
  }
});

test('.dockerignore names what is there, and nothing else is sent', () => {
  for (const path of IGNORED_BUT) assert.ok(existsSync(join(ROOT, path)), path);
  assert.match(readFileSync(join(ROOT, '.dockerignore'), 'utf8'), /^\*$/m);
});

test.run();
