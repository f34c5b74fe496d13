/**
 * Every error that the hooks server answers with.
 *
 * | code | status | when |
 * |---|---|---|
 * | METAIPAM_ERR_NOT_FOUND | 404 | no such path, controller or hook; the message lists the known ones |
 * | METAIPAM_ERR_CONTENT_TYPE | 400 | the body is not declared as application/json |
 * | METAIPAM_ERR_INVALID_JSON | 400 | the body is not JSON; the message says where |
 * | METAIPAM_ERR_INVALID_REQUEST | 400 | the body is not the hook's request; `field` says where |
 * | METAIPAM_ERR_BODY_TOO_LARGE | 413 | the body is over `--body-limit` |
 * | METAIPAM_ERR_HTTP | 4xx | any other fault of the HTTP request |
 * | METAIPAM_ERR_HOOK_FAILED | 500 | the hook threw; the log holds the stack under the same request id |
 */

import { MissingObjects } from '../metacontroller/hook.ts';

const STATUS = {
  METAIPAM_ERR_NOT_FOUND: 404,
  METAIPAM_ERR_CONTENT_TYPE: 400,
  METAIPAM_ERR_INVALID_JSON: 400,
  METAIPAM_ERR_INVALID_REQUEST: 400,
  METAIPAM_ERR_BODY_TOO_LARGE: 413,
  METAIPAM_ERR_HTTP: 400,
  METAIPAM_ERR_HOOK_FAILED: 500,
} as const;

type ErrorCode = keyof typeof STATUS;

/** The body of every answer that is not 200. */
interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    /** Path into the request, for example `parent.metadata.name`. */
    readonly field?: string;
    readonly requestId: string;
  };
}

interface Details {
  readonly field?: string;
  readonly cause?: unknown;
  readonly statusCode?: number;
}

export class ServerError extends Error {
  readonly code: ErrorCode;
  readonly statusCode: number;
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, { field, cause, statusCode = STATUS[code] }: Details = {}) {
    super(message, { cause });
    this.code = code;
    this.statusCode = statusCode;
    this.field = field;
  }

  toBody(requestId: string): ErrorBody {
    const { code, message, field } = this;
    return { error: { code, message, ...(field === undefined ? {} : { field }), requestId } };
  }
}

/** Fastify's own errors and anything else that is thrown, as one of the table. */
export function toServerError(error: unknown, bodyLimit: number): ServerError {
  if (error instanceof ServerError) return error;
  if (error instanceof MissingObjects) {
    const { message, field } = error;
    return new ServerError('METAIPAM_ERR_INVALID_REQUEST', message, { field, cause: error });
  }
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const text = `the request body is over the limit of ${bodyLimit} bytes; raise --body-limit (METAIPAM_BODY_LIMIT)`;
    return new ServerError('METAIPAM_ERR_BODY_TOO_LARGE', text, { cause: error });
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const text = 'the Content-Type of a hook request must be application/json';
    return new ServerError('METAIPAM_ERR_CONTENT_TYPE', text, { cause: error });
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ServerError('METAIPAM_ERR_HTTP', message ?? 'bad request', { cause: error, statusCode });
  }
  return new ServerError('METAIPAM_ERR_HOOK_FAILED', message ?? String(error), { cause: error });
}
