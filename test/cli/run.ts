/** Runs a command in this process, with everything it reads and writes in memory. */
import { Readable } from 'node:stream';
import type { Io } from '../../lib/cli/command.ts';

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Surroundings {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export async function run(
  command: (argv: readonly string[], io: Io) => Promise<number>,
  argv: readonly string[],
  { stdin = '', env = {}, isTTY = false, columns }: Surroundings = {},
): Promise<Run> {
  let [out, err] = ['', ''];
  const stdout = {
    isTTY,
    ...(columns !== undefined && { columns }),
    write(text: string) {
      out += text;
    },
  };
  const stderr = {
    write(text: string) {
      err += text;
    },
  };
  const code = await command(argv, { stdin: Readable.from([stdin]), stdout, stderr, env });
  return { code, out, err };
}
