/** What one check of a cluster came to. */

/** `unknown`: what the check needs could not be read. */
export type Verdict = 'ok' | 'warning' | 'error' | 'unknown';

export interface Diagnosis {
  /** Stable, for scripts: `crds`, `hook-service`. */
  readonly check: string;
  readonly verdict: Verdict;
  /** One line. */
  readonly message: string;
  /** What to do about it: a command, or a sentence. */
  readonly fix?: string;
}

/** What could be read of a cluster, or why nothing could. */
export type Reading<T> = { readonly items: readonly T[] } | { readonly unreadable: string };

export function ok(check: string, message: string): Diagnosis {
  return { check, verdict: 'ok', message };
}

export function warning(check: string, message: string, fix: string): Diagnosis {
  return { check, verdict: 'warning', message, fix };
}

export function error(check: string, message: string, fix: string): Diagnosis {
  return { check, verdict: 'error', message, fix };
}

export function unknown(check: string, message: string, fix?: string): Diagnosis {
  return { check, verdict: 'unknown', message, ...(fix !== undefined && { fix }) };
}

/** What brings a part of the install back, in each way to install. @param what for kubectl: `-k crds` */
export function applyAgain(what: string): string {
  return `kubectl apply ${what}, helm upgrade, or clusterctl init or upgrade`;
}

/** The findings that follow from what was read; one `unknown` where it could not be. */
export function judge<T>(
  check: string,
  reading: Reading<T>,
  findings: (items: readonly T[]) => readonly Diagnosis[],
): readonly Diagnosis[] {
  return 'unreadable' in reading ? [unknown(check, reading.unreadable)] : findings(reading.items);
}

/** What was read, for checks that say elsewhere that it could not be. */
export function itemsOf<T>(reading: Reading<T>): readonly T[] {
  return 'unreadable' in reading ? [] : reading.items;
}
