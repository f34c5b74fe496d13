/** Structured logs: one JSON object, or one line of text, per entry. */
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly format: 'json' | 'text';
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

/** Of a server: its log has what its handlers say, and not every request. */
export function logsTo(logger: FastifyBaseLogger) {
  return {
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
  };
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
