/** What a user types for this program, for messages that name a command of it. */
import { basename } from 'node:path';

/** By the file that was started: a plugin of kubectl, what npx finds in a clone, or else. */
export const PROGRAM = programOf(process.argv[1] ?? '');

function programOf(file: string): string {
  if (basename(file) === 'kubectl-ipam') return 'kubectl ipam';
  return file.endsWith('/node_modules/.bin/metaipam') ? 'npx metaipam' : 'metaipam';
}
