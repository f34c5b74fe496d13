/** Reads the text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/ */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const ESCAPED: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

/** The samples of one metric; of a histogram, each of its series has a name of its own (`_sum`, `_count`). */
export function samplesOf(text: string, metric: string): Sample[] {
  const line = new RegExp(`^${metric}(?:\\{(.*)\\})? (\\S+)(?: -?[0-9]+)?$`, 'gm');
  return [...text.matchAll(line)].map(([, labels = '', value]) => ({
    labels: Object.fromEntries(
      [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, name, escaped = '']) => [
        name,
        escaped.replaceAll(/\\[n"\\]/g, (pair) => ESCAPED[pair]!),
      ]),
    ),
    value: Number(value),
  }));
}
