/**
 * Related objects: asks the customize hook for rules, remembers the answer, finds the objects, and wakes the
 * parents whose rules match an object that changed (`pkg/controller/common/customize`).
 */
import type { RelatedResourceRule } from '../metacontroller/hook.ts';
import { entryOf } from './entry-of.ts';
import type { ControllerEnvironment } from './environment.ts';
import { readCustomize } from './hook-response.ts';
import type { Informer } from './informer.ts';
import { compileLabelSelector } from './label-selector.ts';
import type { Unstructured } from './object.ts';
import { ObjectGroups } from './object-groups.ts';
import type { ResourceType } from './resources.ts';
import { HookCall, hook, SyncError, type Task } from './task.ts';
import { TextSets } from './text-sets.ts';

const KEPT_SECONDS = 20 * 60;

interface Rule {
  /** Its apiVersion and resource as one text. */
  readonly key: string;
  readonly apiVersion: string;
  readonly type: ResourceType | undefined;
  readonly resource: string;
  /** Of a namespaced type, where the rule names one. */
  readonly namespace: string | undefined;
  /** What every object has that the rule can match: one of these names, or this label. Neither if that is nothing. */
  readonly names: readonly string[] | undefined;
  readonly label: string | undefined;
  /** Its value, where the rule asks for one. */
  readonly value: string | undefined;
  /** The label that no such object has, where there is neither a name nor a label. */
  readonly absent: string | undefined;
  readonly selects: ReturnType<typeof compileLabelSelector>;
}

interface Answer {
  /** Of the parent. */
  readonly generation: number;
  readonly rules: readonly Rule[];
  readonly expires: number;
}

/** A parent as the cache has it. */
interface Listed {
  parent: Unstructured;
  /** In the order of the caches. */
  readonly place: number;
}

interface RelatedOptions {
  readonly environment: ControllerEnvironment;
  readonly controller: string;
  /** The controller object as hooks see it. */
  readonly controllerObject: object;
  /** How long answers of the hook are remembered. */
  readonly keptSeconds?: number | undefined;
  readonly parents: readonly Informer[];
  readonly enqueue: (parent: Unstructured) => void;
}

/** uids of parents that have, or had, a rule about a resource, by what the rule asks for. */
interface Interested {
  readonly byName: TextSets;
  readonly byLabel: TextSets;
  /** By label, then by its value. */
  readonly byValue: Map<string, TextSets>;
  readonly byAbsence: TextSets;
  readonly inAny: Set<string>;
}

/** More than there are objects in a cache. */
const CACHE_SIZE = 1e9;

export class Related {
  readonly #options: RelatedOptions;
  /** By uid. */
  readonly #answers = new Map<string, readonly Answer[]>();
  /** By the key of a rule. */
  readonly #informers = new Map<string, Informer>();
  /** By uid. */
  readonly #listed = new Map<string, Listed>();
  /** uids of listed parents whose rules are not known, or were for another generation. */
  readonly #unknown = new Set<string>();
  /** By the key of a rule. */
  readonly #interested = new Map<string, Interested>();
  #places = 0;
  #expires = Number.POSITIVE_INFINITY;

  constructor(options: RelatedOptions) {
    this.#options = options;
    for (const [index, informer] of options.parents.entries()) {
      informer.addHandler({
        add: (parent) => this.#list(parent, index * CACHE_SIZE + this.#places++),
        update: (old, parent) => {
          const { place } = this.#listed.get(old.metadata.uid as string)!;
          this.#unlist(old);
          this.#list(parent, place);
        },
        delete: (parent) => this.#unlist(parent),
      });
    }
  }

  *objects(parent: Unstructured): Task<ObjectGroups> {
    const groups = new ObjectGroups();
    for (const rule of yield* this.#rules(parent)) {
      if (rule.type === undefined) {
        throw new SyncError(
          `discovery: can't find resource ${rule.resource} in apiVersion ${rule.apiVersion}`,
        );
      }
      const informer = this.#informer(rule);
      if (!informer.synced) throw new SyncError('related informer not synced yet');
      groups.group(rule.apiVersion, rule.type.kind);
      for (const object of candidates(rule, informer)) if (matches(rule, object)) groups.insert(object);
    }
    return groups;
  }

  *#rules(parent: Unstructured): Task<readonly Rule[]> {
    const cached = this.#cached(parent);
    if (cached !== undefined) return cached;
    const call = this.#call(parent);
    return this.#remember(parent, call, yield* hook(call));
  }

  #informer({ key, apiVersion, resource }: Rule): Informer {
    let informer = this.#informers.get(key);
    if (informer === undefined) {
      informer = this.#options.environment.informer(apiVersion, resource);
      this.#informers.set(key, informer);
      informer.addHandler({
        add: (object) => this.#notify(key, object),
        update: (old, current) => {
          if (old.metadata.resourceVersion !== current.metadata.resourceVersion)
            this.#notify(key, old, current);
        },
        delete: (object) => this.#notify(key, object),
      });
    }
    return informer;
  }

  /** Queues every parent with a rule that matches one of `states`; asks the hook for parents never seen yet. */
  #notify(resource: string, ...states: Unstructured[]): void {
    const { enqueue, environment } = this.#options;
    const isMet = (rule: Rule) =>
      states.some(
        (state) =>
          state.kind === rule.type?.kind && state.apiVersion === rule.apiVersion && matches(rule, state),
      );
    if (environment.now() >= this.#expires) this.#expire();
    const uids = new Set(this.#unknown);
    for (const { metadata } of states) {
      for (const namespace of [undefined, metadata.namespace]) {
        const interested = this.#interested.get(placeOf(resource, namespace));
        if (interested !== undefined) addInterested(uids, interested, metadata);
      }
    }
    for (const { parent } of this.#inOrder(uids)) {
      let rules = this.#cached(parent);
      if (rules === undefined) {
        const call = this.#call(parent);
        try {
          rules = this.#remember(parent, call, environment.callHook(call));
        } catch {
          continue;
        }
      }
      if (rules.some(isMet)) enqueue(parent);
    }
  }

  /** Those that are listed. */
  #inOrder(uids: ReadonlySet<string>): Listed[] {
    const listed: Listed[] = [];
    for (const uid of uids) {
      const parent = this.#listed.get(uid);
      if (parent !== undefined) listed.push(parent);
    }
    return listed.sort((a, b) => a.place - b.place);
  }

  #call(parent: Unstructured): HookCall {
    const { controller, controllerObject } = this.#options;
    return new HookCall(controller, 'customize', { controller: controllerObject, parent });
  }

  #cached({ metadata }: Unstructured): readonly Rule[] | undefined {
    const generation = metadata.generation ?? 0;
    const answer = this.#answers.get(metadata.uid as string)?.find((each) => each.generation === generation);
    return answer !== undefined && this.#options.environment.now() < answer.expires
      ? answer.rules
      : undefined;
  }

  #remember(
    { metadata }: Unstructured,
    call: HookCall,
    result: Parameters<typeof readCustomize>[1],
  ): readonly Rule[] {
    const { now, resources } = this.#options.environment;
    const rules = (readCustomize(call, result).relatedResources ?? []).map((rule) =>
      compileRule(rule, resources.find(rule.apiVersion, rule.resource)),
    );
    const uid = metadata.uid as string;
    const generation = metadata.generation ?? 0;
    const expires = now() + (this.#options.keptSeconds ?? KEPT_SECONDS) * 1000;
    const others = (this.#answers.get(uid) ?? []).filter((each) => each.generation !== generation);
    this.#answers.set(uid, [...others, { generation, rules, expires }]);
    this.#expires = Math.min(this.#expires, expires);
    for (const { key, namespace, names, label, value, absent } of rules) {
      const place = placeOf(key, namespace);
      const { byName, byLabel, byValue, byAbsence, inAny } = entryOf(this.#interested, place, noInterested);
      if (names !== undefined) for (const name of names) byName.add(name, uid);
      else if (value !== undefined) entryOf(byValue, label!, () => new TextSets()).add(value, uid);
      else if (label !== undefined) byLabel.add(label, uid);
      else if (absent !== undefined) byAbsence.add(absent, uid);
      else inAny.add(uid);
    }
    const listed = this.#listed.get(uid);
    if (listed !== undefined) this.#mark(listed.parent);
    return rules;
  }

  #list(parent: Unstructured, place: number): void {
    this.#listed.set(parent.metadata.uid as string, { parent, place });
    this.#mark(parent);
  }

  #unlist({ metadata }: Unstructured): void {
    this.#listed.delete(metadata.uid as string);
    this.#unknown.delete(metadata.uid as string);
  }

  #mark(parent: Unstructured): void {
    const uid = parent.metadata.uid as string;
    if (this.#cached(parent) === undefined) this.#unknown.add(uid);
    else this.#unknown.delete(uid);
  }

  /** Looks for answers that are too old now. */
  #expire(): void {
    const now = this.#options.environment.now();
    this.#expires = Number.POSITIVE_INFINITY;
    for (const [uid, answers] of this.#answers) {
      const valid = answers.filter(({ expires }) => expires > now);
      this.#answers.set(uid, valid);
      for (const { expires } of valid) this.#expires = Math.min(this.#expires, expires);
    }
    for (const { parent } of this.#listed.values()) this.#mark(parent);
  }
}

/** Where rules about a resource look: in one namespace, or in all. */
function placeOf(resource: string, namespace: string | undefined): string {
  return `${resource} ${namespace ?? ''}`;
}

function noInterested(): Interested {
  return {
    byName: new TextSets(),
    byLabel: new TextSets(),
    byValue: new Map(),
    byAbsence: new TextSets(),
    inAny: new Set(),
  };
}

/** Adds the uids of parents with a rule that may match an object. */
function addInterested(
  uids: Set<string>,
  { byName, byLabel, byValue, byAbsence, inAny }: Interested,
  { name, labels }: Unstructured['metadata'],
): void {
  for (const uid of inAny) uids.add(uid);
  for (const uid of byName.get(name)) uids.add(uid);
  for (const label in labels) {
    for (const uid of byLabel.get(label)) uids.add(uid);
    for (const uid of byValue.get(label)?.get(labels[label]!) ?? []) uids.add(uid);
  }
  for (const label of byAbsence.keys()) {
    if (labels?.[label] === undefined) for (const uid of byAbsence.get(label)) uids.add(uid);
  }
}

/** Throws SyncError on a rule that Metacontroller refuses. */
function compileRule(rule: RelatedResourceRule, type: ResourceType | undefined): Rule {
  const { apiVersion, resource, namespace, labelSelector } = rule;
  const names = rule.names?.length ? rule.names : undefined;
  if (names !== undefined && labelSelector) {
    throw new SyncError('related rule cannot have both names and labelSelector/namespaceSelector specified');
  }
  if ('namespaceSelector' in rule) throw new SyncError('namespaceSelector is not modelled');
  const [matchLabel] = Object.entries(labelSelector?.matchLabels ?? {});
  const keyThat = (asked: 'Exists' | 'DoesNotExist') =>
    labelSelector?.matchExpressions?.find(({ operator }) => operator === asked)?.key;
  const [label, value] = names === undefined ? (matchLabel ?? [keyThat('Exists')]) : [];
  return {
    key: `${apiVersion} ${resource}`,
    apiVersion,
    type,
    resource,
    namespace: type?.namespaced === true && namespace ? namespace : undefined,
    names,
    label,
    value,
    absent: names === undefined && label === undefined ? keyThat('DoesNotExist') : undefined,
    selects: compileLabelSelector(labelSelector ?? undefined),
  };
}

/** A part of the cache that holds every object the rule can match. */
function candidates(
  { type, namespace, names, label, value, absent }: Rule,
  informer: Informer,
): Iterable<Unstructured> {
  const hasHome = type?.namespaced === false || namespace !== undefined;
  if (names !== undefined && hasHome) return names.flatMap((name) => informer.get(namespace, name) ?? []);
  if (absent !== undefined) return informer.withoutLabelKey(absent, namespace);
  if (label === undefined) return informer.list();
  return value === undefined
    ? informer.withLabelKey(label, namespace)
    : informer.withLabel(label, value, namespace);
}

/** Whether an object of the rule's resource is wanted. */
function matches({ namespace, names, selects }: Rule, { metadata }: Unstructured): boolean {
  return (
    (namespace === undefined || metadata.namespace === namespace) &&
    (names === undefined || names.includes(metadata.name)) &&
    selects(metadata.labels)
  );
}
