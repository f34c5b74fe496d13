import type { Controllers } from '../server/request.ts';

/** Every controller's hooks. Imported late: `--help` needs none of them. */
export async function loadControllers(): Promise<Controllers> {
  return (await import('../../hooks/index.ts')).controllers;
}
