import { compareText } from '../kubernetes/object.ts';
import type {
  NodeFieldRequirement,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
} from '../kubernetes/types.ts';

/** What of a node a selector looks at. */
export interface SelectableNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface CompiledSelector {
  /** In label-selector notation, the same for selectors that differ only in the order of their parts. */
  readonly text: string;
  /**
   * How closely the selector describes the node: the number of requirements in the longest term that matches,
   * or 0 if none does.
   *
   * Every requirement counts, also one that asks for the absence of a label: what makes a selector specific is
   * how much it demands, not how much the node happens to carry.
   */
  readonly matchCount: (node: SelectableNode) => number;
  /** The labels that the answer depends on. */
  readonly labelKeys: readonly string[];
  /** Whether the answer depends on the name of the node. */
  readonly readsName: boolean;
}

interface Requirement {
  readonly key: string;
  readonly text: string;
  readonly holds: (node: SelectableNode) => boolean;
}

/**
 * Compiles a valid `core/v1` NodeSelector: the terms are ORed, the requirements of a term ANDed, and a term
 * without requirements matches nothing. As to the API server, null is as good as absent.
 */
export function compileSelector(selector: NodeSelector): CompiledSelector {
  const terms = selector.nodeSelectorTerms.map(compileTerm).filter((requirements) => requirements.length > 0);
  const texts = terms.map((requirements) => requirements.map(({ text }) => text).join(','));
  const longestFirst = terms.toSorted((a, b) => b.length - a.length);
  return {
    text: texts.sort(compareText).join(' || '),
    matchCount: (node) => longestFirst.find((term) => term.every(({ holds }) => holds(node)))?.length ?? 0,
    labelKeys: selector.nodeSelectorTerms.flatMap((term) =>
      (term.matchExpressions ?? []).map(({ key }) => key),
    ),
    readsName: selector.nodeSelectorTerms.some(({ matchFields }) => (matchFields ?? []).length > 0),
  };
}

function compileTerm(term: NodeSelectorTerm): Requirement[] {
  return [
    ...(term.matchExpressions ?? []).map((each) =>
      compileRequirement(each, (node) => labelOf(node, each.key)),
    ),
    ...(term.matchFields ?? []).map((each) => compileRequirement(each, ({ name }) => name)),
  ].sort((a, b) => compareText(a.key, b.key) || compareText(a.text, b.text));
}

function compileRequirement(
  { key, operator, values = [] }: NodeSelectorRequirement | NodeFieldRequirement,
  valueIn: (node: SelectableNode) => string | undefined,
): Requirement {
  const listed = new Set<string | undefined>(values);
  const list = [...new Set(values)].sort(compareText).join(',');
  const requirement = (text: string, holds: Requirement['holds']) => ({ key, text, holds });
  switch (operator) {
    case 'In':
      return requirement(`${key} in (${list})`, (node) => listed.has(valueIn(node)));
    case 'NotIn':
      return requirement(`${key} notin (${list})`, (node) => !listed.has(valueIn(node)));
    case 'Exists':
      return requirement(key, (node) => valueIn(node) !== undefined);
    case 'DoesNotExist':
      return requirement(`!${key}`, (node) => valueIn(node) === undefined);
    case 'Gt':
      return requirement(`${key}>${list}`, (node) => compareIntegers(valueIn(node), values[0]) > 0);
    case 'Lt':
      return requirement(`${key}<${list}`, (node) => compareIntegers(valueIn(node), values[0]) < 0);
  }
}

/** A label of the node itself: `constructor` is one only if the node says so. */
export function labelOf({ labels }: SelectableNode, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** NaN, which is neither above nor below, unless both are integers of 64 bits. */
function compareIntegers(a: string | undefined, b: string | undefined): number {
  const left = parseInt64(a);
  const right = parseInt64(b);
  if (left === undefined || right === undefined) return Number.NaN;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** As Go's `strconv.ParseInt(text, 10, 64)`. */
export function parseInt64(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
