/** What is wrong with files, or questionable about them. */
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import { formatProblem, type Problem } from '../kubernetes/problem.ts';
import { adviseTemplate } from '../validation/advice.ts';
import type { LoadedObject } from './manifests.ts';

/** Every rule by its name, which is stable, with what it finds. */
export const RULES = {
  unreadable: 'a file or document that cannot be read',
  empty: 'input without any object',
  foreign: 'input without any object that metaipam reads',
  'no-object': 'a document that is no Kubernetes object',
  'other-namespace': 'an object of another namespace than the one of -n',
  duplicate: 'an object that is given twice',
  'unknown-version': 'an apiVersion or kind that is not served',
  invalid: 'what the API server refuses, or metaipam cannot use',
  refused: 'what the cluster as it is does not take',
  'host-bits': 'a CIDR with bits behind its prefix length',
  'gateway-outside': 'a gateway that is not in the subnet of its pool',
  'listed-twice': 'addresses that an earlier subnet of the pool lists too',
  'no-address': 'a pool that has no address, or no prefix, to give out; a ClusterCIDR without a block',
  'host-addresses': 'a pool of prefixes that are single addresses',
  'excluded-outside': 'an exclusion that excludes nothing',
  octal: 'a number that a leading zero makes octal',
  deprecated: 'what an earlier version had, with what to write instead',
  'no-prefix': 'a pool of v1alpha1 without the length of its subnet',
  'reservation-unmet': 'a reservation that no claim can have',
  overlap: 'pools or networks that may both give out the same address',
  'unknown-key': 'a label or annotation that looks like one of metaipam or Cluster API, and is none',
  'unserved-pool': 'a claim of a kind of pool that metaipam does not serve',
  'unserved-network': 'an IPAMClaim of a network that no pool serves it in, and one is near',
  'other-group': 'a kind that metaipam has in another API group',
  'ignored-namespace': 'a namespace on an object of a kind that has none',
} as const;

export type Rule = keyof typeof RULES;

export interface Diagnostic {
  readonly rule: Rule;
  /** Warnings refuse nothing. */
  readonly severity: 'error' | 'warning';
  /** As the user wrote it, or `<stdin>`. */
  readonly file: string;
  /** Counted from 1; only where the file has several. */
  readonly document?: number;
  /** Counted from 1. */
  readonly line?: number;
  readonly object?: KubernetesObject;
  readonly field?: string;
  readonly value?: unknown;
  readonly message: string;
  /** What to write or do instead. */
  readonly fix?: string;
}

export function isError({ severity }: Diagnostic): boolean {
  return severity === 'error';
}

/** `FILE:LINE: document 2: Kind namespace/name: spec.field: Invalid value: …: message; fix`. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { severity, file, line, document, object, fix } = diagnostic;
  const parts = [
    line === undefined ? file : `${file}:${line}`,
    ...(severity === 'warning' ? ['warning'] : []),
    ...(document === undefined ? [] : [`document ${document}`]),
    ...(object === undefined ? [] : [`${object.kind} ${qualifiedName(object.metadata)}`]),
    problemText(diagnostic),
  ];
  return fix === undefined ? parts.join(': ') : `${parts.join(': ')}; ${fix}`;
}

function problemText({ severity, field, value, message }: Diagnostic): string {
  if (field === undefined) return message;
  if (severity === 'warning' && value !== undefined) return `${field}: ${JSON.stringify(value)} ${message}`;
  const problem: Problem = value === undefined ? { field, message } : { field, value, message };
  return formatProblem(problem);
}

/** For programs: nothing but data, the object by its names. */
export function plainDiagnostic({ object, ...rest }: Diagnostic): object {
  if (object === undefined) return rest;
  const { apiVersion, kind, metadata } = object;
  const { namespace, name } = metadata;
  return { ...rest, object: { apiVersion, kind, ...(namespace !== undefined && { namespace }), name } };
}

/** What is found about an object, with the place where it is written. */
export function at(
  { file, document, object, lineOf }: LoadedObject,
  found: Omit<Diagnostic, 'file' | 'document' | 'line' | 'object'>,
): Diagnostic {
  const line = lineOf(found.field ?? '');
  return { ...found, file, ...(document !== undefined && { document }), line, object };
}

/** What the API server would say of an object. */
export function refusal(loaded: LoadedObject, message: string): Diagnostic {
  const fix = adviseTemplate(message);
  return at(loaded, { rule: 'refused', severity: 'error', message, ...(fix !== undefined && { fix }) });
}
