/** Why a write is not admitted, in the API server's words. */
import type { Denial } from '../kubernetes/admission-policies.ts';
import { type ApiResult, apiError, ERROR_CODES, type ErrorReason } from './api.ts';
import type { Unstructured } from './object.ts';
import type { ResourceType } from './resources.ts';

/** `Kind.group "name" is invalid: ` and the sentences, in brackets if there are several. */
export function invalid(
  { group, kind }: ResourceType,
  { metadata }: Unstructured,
  problems: readonly string[],
): ApiResult {
  const list = problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`;
  return apiError('Invalid', `${inGroup(kind, group)} "${metadata.name}" is invalid: ${list}`);
}

/** `plural.group "name" is forbidden: ` and what the policy says. */
export function denied(
  { group, resource }: ResourceType,
  { metadata }: Unstructured,
  { reason, message }: Denial,
): ApiResult {
  const known = (reason in ERROR_CODES ? reason : 'Invalid') as ErrorReason;
  return apiError(known, `${inGroup(resource, group)} "${metadata.name}" is forbidden: ${message}`);
}

function inGroup(name: string, group: string): string {
  return group === '' ? name : `${name}.${group}`;
}
