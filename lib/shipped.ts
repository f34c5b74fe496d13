/** What metaipam reads of its own package. The bundle holds a copy instead: release/bundle.ts replaces this module. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const PATTERNS = {
  crds: '**/*.yaml',
  metacontroller: '*.yaml',
  'metacontroller/admission': '*.yaml',
  'metacontroller/ipam-claims': '*.yaml',
} as const;

interface ShippedFile {
  /** Relative to its folder. */
  readonly name: string;
  readonly text: string;
}

/** The manifests of `crds`, with subfolders, or of one of the other folders without, by name. */
export function shippedFiles(folder: keyof typeof PATTERNS): readonly ShippedFile[] {
  return globSync(PATTERNS[folder], { cwd: join(ROOT, folder) })
    .sort()
    .map((name) => ({ name, text: readFileSync(join(ROOT, folder, name), 'utf8') }));
}

/** The version of package.json. */
export function shippedVersion(): string {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
}
