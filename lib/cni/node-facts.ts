import { isObject, type JsonObject } from '../json.ts';
import { KUBECTL_APPLIED_ANNOTATION } from '../kubernetes/names.ts';
import { cacheFolder, readKnown, writeKnown } from './cache.ts';
import { isTexts } from './network-config.ts';

/** What the CNI programs know of their node. */
export interface NodeFacts {
  readonly name: string;
  readonly podCIDRs: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** The facts in a file, and when they were last known to be true. */
export interface KnownNode extends NodeFacts {
  /** Milliseconds since 1970. */
  readonly seenAt: number;
}

/** The file with the facts of this node. */
export function factsFile(env: Readonly<Record<string, string | undefined>>): string {
  return `${cacheFolder(env)}/node.json`;
}

/** The file that shows, beside the one with the facts, that there is a question without an answer. */
export function questionFile(factsFile: string): string {
  return `${factsFile}.asked`;
}

/** The facts in a Node object, or undefined if it is none. */
export function nodeFacts(node: unknown): NodeFacts | undefined {
  const { metadata, spec } = isObject(node) ? node : ({} as JsonObject);
  if (!isObject(metadata) || typeof metadata.name !== 'string') return undefined;
  const { podCIDRs, podCIDR } = isObject(spec) ? spec : ({} as JsonObject);
  const texts = Array.isArray(podCIDRs) ? podCIDRs : podCIDR ? [podCIDR] : [];
  const annotations = isObject(metadata.annotations) ? metadata.annotations : {};
  // A copy of the whole object is of no use to a plugin.
  const kept = Object.entries(annotations).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' && entry[0] !== KUBECTL_APPLIED_ANNOTATION,
  );
  return {
    name: metadata.name,
    podCIDRs: texts.filter((text) => typeof text === 'string'),
    annotations: Object.fromEntries(kept),
  };
}

/** The text of the file. */
export function writeFacts({ name, podCIDRs, annotations }: NodeFacts, seenAt: number): string {
  return writeKnown({ name, podCIDRs, annotations, seenAt });
}

/** Reads the file. What is not whole and of this form is as good as absent. */
export function readFacts(text: string | undefined): KnownNode | undefined {
  const { name, podCIDRs, annotations, seenAt } = readKnown(text) ?? {};
  if (typeof name !== 'string' || typeof seenAt !== 'number' || !isTexts(podCIDRs)) return undefined;
  if (!isObject(annotations) || !isTexts(Object.values(annotations))) return undefined;
  return { name, podCIDRs, annotations: annotations as Record<string, string>, seenAt };
}
