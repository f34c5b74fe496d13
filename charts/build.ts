/**
 * Brings the chart up to date: what it has from crds/ and metacontroller/, and the table of its values.
 *
 * Copies, because a symbolic link is lost by those who install a chart out of a Git repository.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { scriptArguments } from '../lib/script.ts';
import { valuesTable } from './values-table.ts';

const ROOT = dirname(import.meta.dirname);
export const CHART = join(import.meta.dirname, 'metaipam');

/** Folders of `files/` that hold nothing but copies, and where those come from. */
const SOURCES = {
  crds: 'crds/*.yaml',
  'crds/cluster-api': 'crds/cluster-api/*.yaml',
  controllers: 'metacontroller/*.yaml',
  'controllers/ipam-claims': 'metacontroller/ipam-claims/*.yaml',
  admission: 'metacontroller/{.,admission}/*.yaml',
} as const;

/** The text of every copy, by its path in the chart. */
export function copies(): Map<string, string> {
  const found = new Map<string, string>();
  const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
  for (const [folder, pattern] of Object.entries(SOURCES)) {
    for (const path of globSync(pattern, { cwd: ROOT }).sort()) {
      const text = read(path);
      const kind = /^kind: (.*)$/m.exec(text)?.[1] ?? '';
      if (kind === 'Kustomization') continue;
      if (folder.startsWith('controllers') && !kind.endsWith('Controller')) continue;
      if (folder === 'admission' && !kind.endsWith('AdmissionPolicy')) continue;
      found.set(join('files', folder, basename(path)), text);
    }
  }
  for (const name of ['default-pod-network.yaml', 'tenant-roles.yaml']) {
    found.set(join('files', name), read(join('metacontroller', name)));
  }
  return found;
}

/** README.md with the table of values.yaml between its two marks. */
export function readme(): string {
  const text = readFileSync(join(CHART, 'README.md'), 'utf8');
  const table = valuesTable(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  const marks = /(<!-- values -->\n).*(<!-- end of values -->)/s;
  if (!marks.test(text)) throw new Error('README.md of the chart has lost the marks of its table');
  return text.replace(marks, (_, begin, end) => `${begin}\n${table}\n${end}`);
}

if (import.meta.main) {
  scriptArguments(
    'npm run build:chart\n\nBrings the chart up to date, with what it has from elsewhere.\n',
    {},
  );
  for (const folder of Object.keys(SOURCES))
    rmSync(join(CHART, 'files', folder), { recursive: true, force: true });
  for (const [path, text] of copies()) {
    mkdirSync(dirname(join(CHART, path)), { recursive: true });
    writeFileSync(join(CHART, path), text);
  }
  writeFileSync(join(CHART, 'README.md'), readme());
}
