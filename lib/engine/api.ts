/** Requests to the API server as data, so that a scheduler can hold, lose or refuse each one. */
import type { Unstructured } from './object.ts';

interface Target {
  readonly apiVersion: string;
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

export type ApiRequest =
  | ({ readonly verb: 'get' } & Target)
  | ({ readonly verb: 'create'; readonly object: Unstructured } & Target)
  | ({ readonly verb: 'update'; readonly subresource?: 'status'; readonly object: Unstructured } & Target)
  /** A JSON merge patch (RFC 7386). */
  | ({ readonly verb: 'patch'; readonly subresource?: 'status'; readonly patch: object } & Target)
  /** A forced server-side apply. */
  | ({
      readonly verb: 'apply';
      readonly object: Unstructured;
      readonly fieldManager: string;
      readonly dryRun?: boolean;
    } & Target)
  | ({
      readonly verb: 'delete';
      /** Delete only the object with this uid. */
      readonly uid?: string | undefined;
      /** Delete only at this resourceVersion. */
      readonly resourceVersion?: string | undefined;
      readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
      /** Who asks, for admission policies; some user unless given. */
      readonly user?: string;
    } & Target);

/** The reason of a `metav1.Status`, and its HTTP code. */
export const ERROR_CODES = {
  BadRequest: 400,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  Timeout: 504,
} as const;

export type ErrorReason = keyof typeof ERROR_CODES;

export interface ApiRejection {
  readonly reason: ErrorReason;
  readonly code: number;
  readonly message: string;
}

/** The object as it is after the request; after a deletion, its last state. */
export type ApiResult =
  | { readonly object: Unstructured; readonly error?: never }
  | { readonly error: ApiRejection; readonly object?: never };

export function apiError(reason: ErrorReason, message: string): { error: ApiRejection } {
  return { error: { reason, code: ERROR_CODES[reason], message } };
}

/** Whether the request can change anything. */
export function isWrite(request: ApiRequest): boolean {
  return request.verb !== 'get' && !(request.verb === 'apply' && request.dryRun === true);
}

/** The request's target: `name` in the object's namespace, under the object's kind. */
export function target(
  apiVersion: string,
  resource: string,
  metadata: { readonly name: string; readonly namespace?: string },
): Target {
  return { apiVersion, resource, namespace: metadata.namespace, name: metadata.name };
}
