/** The pages of the documentation: their blocks, headings and links. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface Block {
  /** `docs/cni.md:12`, where the block begins. */
  readonly place: string;
  /** The first word after the fence: `yaml`, `sh`. */
  readonly language: string;
  /** Whether the word `fragment` follows: part of a document, or one in which `…` stands for more. */
  readonly isFragment: boolean;
  /** The heading above it. */
  readonly heading: string;
  readonly text: string;
}

export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly blocks: readonly Block[];
  /** What `#…` can refer to. */
  readonly anchors: ReadonlySet<string>;
  /** Targets of links, as they are written. */
  readonly links: readonly string[];
  /** The page without its blocks. */
  readonly prose: string;
}

/**
 * The files of a page: blocks of YAML whose first line is a comment with a name, `# pool.yaml`, and as `fixture.json`
 * that of a hook.
 */
export function filesOf({ blocks }: Page): { readonly name: string; readonly text: string }[] {
  return blocks.flatMap(({ language, isFragment, text }) => {
    if (language === 'json' && !isFragment) {
      return JSON.parse(text).request === undefined ? [] : [{ name: 'fixture.json', text }];
    }
    const [, name] = /^# ([\w-]+\.yaml)\n/.exec(text) ?? [];
    return name === undefined ? [] : [{ name, text }];
  });
}

/** Every page that a user reads, the README first. */
export function readPages(): Page[] {
  const paths = [
    'README.md',
    '{CHANGELOG,CODE_OF_CONDUCT,CONTRIBUTING,SECURITY}.md',
    'docs/*.md',
    'examples/*.md',
    'metacontroller/*.md',
    'cni/*.md',
    'charts/*/*.md',
  ];
  return paths
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT }).sort())
    .map((path) => parsePage(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** A fence may be indented, within a list; then so are the lines of its block. */
const FENCED = /^( *)```([^\n]*)\n([\s\S]*?)^\1```$/gm;

export function parsePage(path: string, text: string): Page {
  const blocks = [...text.matchAll(FENCED)].map((match) => {
    const [, indent = '', info = '', body = ''] = match;
    const above = text.slice(0, match.index);
    const [language = '', ...marks] = info.trim().split(/\s+/);
    return {
      place: `${path}:${above.split('\n').length}`,
      language,
      isFragment: marks.includes('fragment'),
      heading: [...above.replaceAll(FENCED, '').matchAll(/^#+ +(.*)$/gm)].at(-1)?.[1] ?? '',
      text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    };
  });
  const prose = text.replaceAll(FENCED, '');
  const plain = prose.replaceAll(/`[^`\n]*`/g, '');
  return {
    path,
    blocks,
    anchors: anchorsOf(prose),
    links: [...plain.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
    prose,
  };
}

/** As GitHub makes them: of several equal ones the second has `-1` after it. */
function anchorsOf(prose: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose.matchAll(/^#+ +(.*)$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  for (const [, id = ''] of prose.matchAll(/<a id="([^"]+)">/g)) anchors.add(id);
  return anchors;
}
