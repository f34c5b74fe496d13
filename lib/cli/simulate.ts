import { defineCommand } from './command.ts';
import { defineOptions } from './options.ts';
import { MANIFEST_OPTIONS, manifestPaths } from './validate.ts';

const OPTIONS = defineOptions({
  ...MANIFEST_OPTIONS,
  output: {
    type: 'enum',
    values: ['table', 'json', 'yaml'],
    short: 'o',
    default: 'table',
    help: 'table is an account for people; json and yaml are one List of every object.',
  },
});

export default defineCommand({
  name: 'simulate',
  summary: 'Apply manifests to a simulated cluster and show what becomes of them',
  usage: '-f PATH... [-o table|json|yaml]',
  description: 'todo',
  options: OPTIONS,
  async main({ values, positionals }) {
    manifestPaths(values.filename, positionals);
    return 1;
  },
});
