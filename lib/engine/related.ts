/**
 * Related objects: asks the customize hook for rules, remembers the answer, finds the objects, and wakes the
 * parents whose rules match an object that changed (`pkg/controller/common/customize`).
 */
import type { RelatedResourceRule } from '../metacontroller/hook.ts';
import type { Environment } from './environment.ts';
import { readCustomize } from './hook-response.ts';
import type { Informer } from './informer.ts';
import { compileSelector } from './label-selector.ts';
import { objectText, type Unstructured } from './object.ts';
import { ObjectGroups } from './object-groups.ts';
import type { ResourceType } from './resources.ts';
import { type HookCall, hook, SyncError, type Task } from './task.ts';

const CACHE_MS = 20 * 60 * 1000;

interface Rule {
  readonly apiVersion: string;
  readonly type: ResourceType | undefined;
  readonly resource: string;
  /** A part of the cache that holds every object the rule can match. */
  readonly candidates: (informer: Informer) => Iterable<Unstructured>;
  /** Whether an object of the rule's resource is wanted. */
  readonly matches: (object: Unstructured) => boolean;
}

interface Answer {
  readonly rules: readonly Rule[];
  readonly expires: number;
}

export interface RelatedOptions {
  readonly environment: Environment;
  readonly controller: string;
  readonly controllerText: string;
  readonly parents: () => Iterable<Unstructured>;
  readonly enqueue: (parent: Unstructured) => void;
}

export class Related {
  readonly #options: RelatedOptions;
  /** By uid, then generation. */
  readonly #answers = new Map<string, Map<number, Answer>>();
  readonly #informers = new Map<string, Informer>();

  constructor(options: RelatedOptions) {
    this.#options = options;
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
      for (const object of rule.candidates(informer)) if (rule.matches(object)) groups.insert(object);
    }
    return groups;
  }

  *#rules(parent: Unstructured): Task<readonly Rule[]> {
    const cached = this.#cached(parent);
    if (cached !== undefined) return cached;
    const call = this.#call(parent);
    return this.#remember(parent, call, yield* hook(call));
  }

  #informer({ apiVersion, resource }: Rule): Informer {
    const key = `${apiVersion} ${resource}`;
    let informer = this.#informers.get(key);
    if (informer === undefined) {
      informer = this.#options.environment.informer(apiVersion, resource);
      this.#informers.set(key, informer);
      informer.addHandler({
        add: (object) => this.#notify(object),
        update: (old, current) => {
          if (old.metadata.resourceVersion !== current.metadata.resourceVersion) this.#notify(old, current);
        },
        delete: (object) => this.#notify(object),
      });
    }
    return informer;
  }

  /** Queues every parent with a rule that matches one of `states`; asks the hook for parents never seen yet. */
  #notify(...states: Unstructured[]): void {
    const { parents, enqueue, environment } = this.#options;
    const matches = ({ type, apiVersion, matches }: Rule) =>
      states.some((state) => state.kind === type?.kind && state.apiVersion === apiVersion && matches(state));
    for (const parent of parents()) {
      let rules = this.#cached(parent);
      if (rules === undefined) {
        const call = this.#call(parent);
        try {
          rules = this.#remember(parent, call, environment.callHook(call));
        } catch {
          continue;
        }
      }
      if (rules.some(matches)) enqueue(parent);
    }
  }

  #call(parent: Unstructured): HookCall {
    const { controller, controllerText } = this.#options;
    return {
      controller,
      hook: 'customize',
      body: `{"controller":${controllerText},"parent":${objectText(parent)}}`,
    };
  }

  #cached({ metadata }: Unstructured): readonly Rule[] | undefined {
    const answer = this.#answers.get(metadata.uid as string)?.get(metadata.generation ?? 0);
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
    const generations = this.#answers.get(metadata.uid as string) ?? new Map<number, Answer>();
    generations.set(metadata.generation ?? 0, { rules, expires: now() + CACHE_MS });
    this.#answers.set(metadata.uid as string, generations);
    return rules;
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
  const selects = compileSelector(labelSelector ?? undefined);
  const within = type?.namespaced === true && namespace ? namespace : undefined;
  const [label] = Object.entries(labelSelector?.matchLabels ?? {});
  return {
    apiVersion,
    type,
    resource,
    candidates: (informer) => (label === undefined ? informer.list() : informer.withLabel(...label)),
    matches: ({ metadata }) =>
      (within === undefined || metadata.namespace === within) &&
      (names === undefined || names.includes(metadata.name)) &&
      selects(metadata.labels),
  };
}
