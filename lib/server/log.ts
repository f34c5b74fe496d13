/** Structured logs: one JSON object, or one line of text, per entry. */
import Fastify, { type FastifyBaseLogger } from 'fastify';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
const LOG_FORMATS = ['json', 'text'] as const;

export interface LogOptions {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: (typeof LOG_FORMATS)[number];
}

interface Sink {
  write(line: string): unknown;
}

/** Fastify's logger, to be shared by every server of the process. */
export function createLogger({ level, format }: LogOptions, sink: Sink): FastifyBaseLogger {
  const stream = {
    write(line: string) {
      sink.write(format === 'json' ? line : textLine(line));
    },
  };
  const logger = {
    level,
    stream,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return Fastify({ logger }).log;
}

/** `2026-01-31T12:00:00.000Z INFO  message key=value`, the stack of an error on lines of its own. */
function textLine(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line);
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${formatValue(value)}`);
  const stack = err === undefined ? '' : `\n${err.stack ?? err.message}`;
  return `${time} ${level.toUpperCase().padEnd(5)} ${msg ?? ''}${fields.join('')}${stack}\n`;
}

function formatValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
