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
  /** Those that can match at all, longest first. */
  readonly terms: readonly SelectorTerm[];
  /** The labels that the answer depends on. */
  readonly labelKeys: readonly string[];
  /** Whether the answer depends on the name of the node. */
  readonly readsName: boolean;
}

/** A term as the selector has it, for there may be some hundred thousand of them in a cluster. */
export interface SelectorTerm extends NodeSelectorTerm {
  readonly matchExpressions?: readonly SelectorRequirement[];
}

type SelectorRequirement = (NodeSelectorRequirement | NodeFieldRequirement) & {
  /** The values again, where they are many. */
  readonly listed?: ReadonlySet<string>;
};

const MANY = 16;

/**
 * Compiles a valid `core/v1` NodeSelector: the terms are ORed, the requirements of a term ANDed, and a term
 * without requirements matches nothing.
 */
export function compileNodeSelector({ nodeSelectorTerms }: NodeSelector): CompiledSelector {
  const terms = nodeSelectorTerms
    .filter((term) => lengthOf(term) > 0)
    .map(compileTerm)
    .sort((a, b) => lengthOf(b) - lengthOf(a));
  let text: string | undefined;
  return {
    // It is long, and only selectors of equal rank are compared by it.
    get text() {
      text ??= terms.map(textOf).sort(compareText).join(' || ');
      return text;
    },
    matchCount: (node) => {
      const match = terms.find((term) => meetsTerm(term, node));
      return match === undefined ? 0 : lengthOf(match);
    },
    terms,
    labelKeys: terms.flatMap((term) => expressionsOf(term).map(({ key }) => key)),
    readsName: terms.some((term) => fieldsOf(term).length > 0),
  };
}

function compileTerm(term: NodeSelectorTerm): SelectorTerm {
  const hasMany = ({ values }: NodeSelectorRequirement) => (values?.length ?? 0) > MANY;
  if (!expressionsOf(term).some(hasMany)) return term;
  const matchExpressions = expressionsOf(term).map((each) =>
    hasMany(each) ? { ...each, listed: new Set(each.values) } : each,
  );
  return { ...term, matchExpressions };
}

/** How many requirements a term has. */
export function lengthOf(term: SelectorTerm): number {
  return expressionsOf(term).length + fieldsOf(term).length;
}

/** A null is as good as nothing: an API server drops it, a file may have it. */
export function expressionsOf({ matchExpressions }: SelectorTerm): readonly SelectorRequirement[] {
  return matchExpressions ?? NONE;
}

export function fieldsOf({ matchFields }: SelectorTerm): readonly SelectorRequirement[] {
  return matchFields ?? NONE;
}

const NONE: readonly never[] = [];

/** Whether the node meets every requirement of the term. */
export function meetsTerm(term: SelectorTerm, node: SelectableNode): boolean {
  return (
    expressionsOf(term).every((each) => isMet(each, labelOf(node, each.key))) &&
    fieldsOf(term).every((each) => isMet(each, node.name))
  );
}

function isMet(requirement: SelectorRequirement, value: string | undefined): boolean {
  const { operator, values } = requirement;
  switch (operator) {
    case 'In':
      return value !== undefined && lists(requirement, value);
    case 'NotIn':
      return value === undefined || !lists(requirement, value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return compareIntegers(value, values?.[0]) > 0;
    case 'Lt':
      return compareIntegers(value, values?.[0]) < 0;
  }
}

function lists({ values, listed }: SelectorRequirement, value: string): boolean {
  return listed?.has(value) ?? values?.includes(value) ?? false;
}

function textOf(term: SelectorTerm): string {
  return [...expressionsOf(term), ...fieldsOf(term)]
    .map((requirement) => ({ key: requirement.key, text: requirementText(requirement) }))
    .sort((a, b) => compareText(a.key, b.key) || compareText(a.text, b.text))
    .map(({ text }) => text)
    .join(',');
}

function requirementText({ key, operator, values }: SelectorRequirement): string {
  const list = [...new Set(values)].sort(compareText).join(',');
  switch (operator) {
    case 'In':
      return `${key} in (${list})`;
    case 'NotIn':
      return `${key} notin (${list})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    case 'Gt':
      return `${key}>${list}`;
    case 'Lt':
      return `${key}<${list}`;
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
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
