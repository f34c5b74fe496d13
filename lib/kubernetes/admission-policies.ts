/**
 * ValidatingAdmissionPolicies and MutatingAdmissionPolicies, as far as ours go: bound to everything that their own rules
 * match, with every object of a kind as a parameter or with none, and with ApplyConfiguration for what they change.
 */
import { type CelError, type CelInput, type CelValue, isCelError } from '@bufbuild/cel';
import { compile, evaluatedMessage, type Program, type Variables } from './cel/program.ts';
import { distinct, type Path, textAt } from './cel/reads.ts';
import { celInput, jsonOf } from './cel/value.ts';
import type { KubernetesObject } from './object.ts';

/** A write of an object before it happens. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  /** Empty, or `status`. */
  readonly subResource: string;
  /** A deletion has none. */
  readonly object?: KubernetesObject | undefined;
  /** The object before an update or a deletion. */
  readonly oldObject?: KubernetesObject | undefined;
  /** The name of who asks. */
  readonly user?: string | undefined;
}

/** The objects of a kind, of which a policy is judged by each. */
export type Parameters = (kind: ObjectKind) => Iterable<KubernetesObject>;

type ObjectKind = Pick<KubernetesObject, 'apiVersion' | 'kind'>;

/** Why a write is refused, in the API server's words. */
export interface Denial {
  readonly reason: string;
  /** `ValidatingAdmissionPolicy 'NAME' with binding 'NAME' denied request: MESSAGE`. */
  readonly message: string;
}

interface Expression {
  readonly name: string;
  readonly expression: string;
}

interface Validation {
  readonly expression: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
}

interface Mutation {
  readonly patchType: string;
  readonly applyConfiguration?: { readonly expression: string };
}

interface ResourceRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
  readonly operations: readonly string[];
}

interface PolicyObject extends KubernetesObject {
  readonly spec: {
    readonly failurePolicy?: 'Fail' | 'Ignore';
    readonly paramKind?: ObjectKind;
    readonly matchConstraints: { readonly resourceRules: readonly ResourceRule[] };
    readonly matchConditions?: readonly Expression[];
    readonly variables?: readonly Expression[];
    readonly validations?: readonly Validation[];
    readonly mutations?: readonly Mutation[];
  };
}

interface BindingObject extends KubernetesObject {
  readonly spec: {
    readonly policyName: string;
    readonly validationActions?: readonly string[];
    readonly paramRef?: { readonly selector?: object; readonly parameterNotFoundAction?: 'Allow' | 'Deny' };
  };
}

interface Named {
  readonly name: string;
  readonly program: Program;
}

interface Check {
  readonly validation: Validation;
  readonly program: Program;
  readonly message: Program | undefined;
}

interface Policy {
  readonly kind: string;
  readonly name: string;
  readonly binding: string;
  readonly ignoresFailure: boolean;
  readonly paramKind: ObjectKind | undefined;
  readonly rules: readonly ResourceRule[];
  readonly conditions: readonly Named[];
  /** To inherit from: what they are evaluated of is the heir's. */
  readonly variables: Variables;
  readonly checks: readonly Check[];
  readonly patches: readonly Program[];
  /** Where all of its expressions look. */
  readonly paths: readonly Path[];
  /** By the text of what is there. */
  readonly judgements: Map<string, Judgement>;
}

interface Judgement {
  readonly denial?: Denial;
  /** What a mutating policy merges into the object. */
  readonly configurations: readonly object[];
}

const ALLOWED: Judgement = { configurations: [] };
/** So many of a policy are kept. */
const MOST_JUDGEMENTS = 1_000;

const VALIDATING = 'ValidatingAdmissionPolicy';
const MUTATING = 'MutatingAdmissionPolicy';
const POLICY_FIELDS = new Set([
  'failurePolicy',
  'paramKind',
  'reinvocationPolicy',
  'matchConstraints',
  'matchConditions',
  'variables',
  'validations',
  'mutations',
]);

const BINDING_FIELDS = new Set(['policyName', 'validationActions', 'paramRef']);

export class AdmissionPolicies {
  readonly #policies: readonly Policy[];
  /** Those that match, by what their rules look at. */
  readonly #matching = new Map<string, readonly Policy[]>();

  /**
   * Takes the policies and bindings among `objects`; a policy without a binding does nothing. Throws Error where one
   * uses what is not supported here, or is no CEL.
   */
  constructor(objects: readonly KubernetesObject[]) {
    this.#policies = [MUTATING, VALIDATING].flatMap((kind) => {
      const bindings = objects.filter((each) => each.kind === `${kind}Binding`) as BindingObject[];
      const policies = objects.filter((each) => each.kind === kind) as PolicyObject[];
      return policies.flatMap((policy) =>
        bindings
          .filter(({ spec }) => spec.policyName === policy.metadata.name && denies(spec))
          .map((binding) => compilePolicy(policy, binding)),
      );
    });
  }

  /**
   * The object with what mutating policies make of it, or their refusal. `apply` merges a configuration into an
   * object.
   */
  mutate<T extends KubernetesObject>(
    request: AdmissionRequest & { readonly object: T },
    apply: (object: T, configuration: object) => T,
  ): { readonly object: T; readonly denial?: never } | { readonly denial: Denial } {
    let { object } = request;
    for (const policy of this.#matchingOf(MUTATING, request)) {
      const { denial, configurations } = judge(policy, { ...request, object });
      if (denial !== undefined) return { denial };
      for (const configuration of configurations) object = apply(object, configuration);
    }
    return { object };
  }

  /**
   * Why a validating policy refuses the request; undefined if none does.
   *
   * @param parameters of which those in the namespace of a namespaced request count, and those without one
   */
  deny(request: AdmissionRequest, parameters: Parameters = () => []): Denial | undefined {
    const { namespace } = (request.object ?? request.oldObject)?.metadata ?? {};
    for (const policy of this.#matchingOf(VALIDATING, request)) {
      const { paramKind } = policy;
      if (paramKind === undefined) {
        const { denial } = judge(policy, request);
        if (denial !== undefined) return denial;
        continue;
      }
      for (const params of parameters(paramKind)) {
        if (params.metadata.namespace !== undefined && params.metadata.namespace !== namespace) continue;
        const { denial } = judge(policy, request, params);
        if (denial !== undefined) return denial;
      }
    }
    return undefined;
  }

  #matchingOf(kind: string, request: AdmissionRequest): readonly Policy[] {
    const { operation, resource, subResource } = request;
    const key = `${kind} ${operation} ${resource.group}/${resource.version}/${resource.resource}/${subResource}`;
    let policies = this.#matching.get(key);
    if (policies === undefined) {
      policies = this.#policies.filter(
        (policy) => policy.kind === kind && policy.rules.some((rule) => matches(rule, request)),
      );
      this.#matching.set(key, policies);
    }
    return policies;
  }
}

/** What a policy has to say to a request: the same whenever all that it looks at is the same. */
function judge(policy: Policy, request: AdmissionRequest, params?: KubernetesObject): Judgement {
  const bound = bind(request, params);
  const text = textAt(policy.paths, bound);
  const known = policy.judgements.get(text);
  if (known !== undefined) return known;
  if (policy.judgements.size >= MOST_JUDGEMENTS) policy.judgements.clear();
  const judgement = judgementOf(policy, variablesOf(policy, bound));
  policy.judgements.set(text, judgement);
  return judgement;
}

function judgementOf(policy: Policy, variables: Bound): Judgement {
  const matches = meetsConditions(policy, variables);
  if (matches === false) return ALLOWED;
  if (matches !== true) return failed(policy, matches.message);
  for (const check of policy.checks) {
    const result = check.program.evaluate(variables);
    if (result === true || (isCelError(result) && policy.ignoresFailure)) continue;
    const { expression, reason } = check.validation;
    if (isCelError(result))
      return failed(policy, `expression '${expression}' resulted in error: ${result.message}`);
    return { denial: denialOf(policy, messageOf(check, variables), reason), configurations: [] };
  }
  const results = policy.patches.map((patch) => patch.evaluate(variables));
  const error = results.find((result) => isCelError(result));
  if (error !== undefined && !policy.ignoresFailure) return failed(policy, error.message);
  return {
    configurations: results.flatMap((result) => (isCelError(result) ? [] : (jsonOf(result) as object))),
  };
}

function failed(policy: Policy, message: string): Judgement {
  return policy.ignoresFailure ? ALLOWED : { denial: denialOf(policy, message), configurations: [] };
}

function denies({ validationActions }: BindingObject['spec']): boolean {
  return validationActions === undefined || validationActions.includes('Deny');
}

/** Whether a policy with parameters is judged by all that there are, and by none where there is none. */
function isByAll(kind: string, { spec: { paramRef } }: BindingObject): boolean {
  const { selector, parameterNotFoundAction, ...others } = paramRef ?? {};
  const isEverything = selector !== undefined && Object.keys({ ...selector, ...others }).length === 0;
  return kind === VALIDATING && isEverything && parameterNotFoundAction === 'Allow';
}

function compilePolicy(policy: PolicyObject, binding: BindingObject): Policy {
  const { kind, metadata, spec } = policy;
  const unknown = [
    ...Object.keys(spec).filter((field) => !POLICY_FIELDS.has(field)),
    ...Object.keys(spec.matchConstraints).filter((field) => field !== 'resourceRules'),
    ...Object.keys(binding.spec).filter((field) => !BINDING_FIELDS.has(field)),
    ...(spec.paramKind === undefined || isByAll(kind, binding) ? [] : ['paramRef']),
    ...(spec.mutations ?? [])
      .map(({ patchType }) => patchType)
      .filter((type) => type !== 'ApplyConfiguration'),
  ];
  if (unknown.length > 0) throw new Error(`${kind} ${metadata.name}: ${unknown.join(', ')} not supported`);
  const programs: Program[] = [];
  const compiled = (expression: string) => {
    const program = compile(expression);
    programs.push(program);
    return program;
  };
  const named = ({ name, expression }: Expression) => ({ name, program: compiled(expression) });
  const parts = {
    conditions: (spec.matchConditions ?? []).map(named),
    variables: lazily((spec.variables ?? []).map(named)),
    checks: (spec.validations ?? []).map((validation) => ({
      validation,
      program: compiled(validation.expression),
      message:
        validation.messageExpression === undefined ? undefined : compiled(validation.messageExpression),
    })),
    patches: (spec.mutations ?? []).map(({ applyConfiguration }) => compiled(applyConfiguration!.expression)),
  };
  return {
    kind,
    name: metadata.name,
    binding: binding.metadata.name,
    ignoresFailure: spec.failurePolicy === 'Ignore',
    paramKind: spec.paramKind,
    rules: spec.matchConstraints.resourceRules,
    ...parts,
    paths: distinct(programs.flatMap(({ paths }) => paths)),
    judgements: new Map(),
  };
}

const EVALUATED = Symbol('evaluated');

/** What the expressions of a policy see, and what its variables have come to. */
type Bound = Variables & { readonly [EVALUATED]: Record<string, CelValue | CelError> };

/** As the API server has it: evaluated when first asked for, and an error where it is used. */
function lazily(variables: readonly Named[]): Variables {
  const properties = variables.map(({ name, program }): [string, PropertyDescriptor] => {
    const key = `variables.${name}`;
    const get = function evaluate(this: Bound) {
      this[EVALUATED][key] ??= program.evaluate(this);
      return this[EVALUATED][key];
    };
    return [key, { get }];
  });
  return Object.create(null, Object.fromEntries(properties));
}

function matches(rule: ResourceRule, { operation, resource, subResource }: AdmissionRequest): boolean {
  const has = (values: readonly string[], ...wanted: string[]) =>
    wanted.some((value) => values.includes(value));
  const name = resource.resource;
  return (
    has(rule.operations, '*', operation) &&
    has(rule.apiGroups, '*', resource.group) &&
    has(rule.apiVersions, '*', resource.version) &&
    (subResource === ''
      ? has(rule.resources, '*', '*/*', name)
      : has(rule.resources, '*/*', `${name}/*`, `*/${subResource}`, `${name}/${subResource}`))
  );
}

/** What Kubernetes binds, as JSON. */
function bind(request: AdmissionRequest, params: KubernetesObject | undefined) {
  const { operation, resource, subResource, object = null, oldObject = null, user: username = '' } = request;
  const { name = '', namespace = '' } = (object ?? oldObject)?.metadata ?? {};
  const asked = { operation, resource, subResource, name, namespace, userInfo: { username } };
  return { object, oldObject, params: params ?? null, request: asked };
}

function variablesOf(policy: Policy, { object, oldObject, params, request }: ReturnType<typeof bind>): Bound {
  return Object.assign(Object.create(policy.variables), {
    object: celInput(object),
    oldObject: celInput(oldObject),
    params: celInput(params),
    request: request as CelInput,
    [EVALUATED]: {},
  });
}

/** Whether all conditions are met, or the error of one while none is missed. */
function meetsConditions({ conditions }: Policy, variables: Variables): boolean | Error {
  let error: Error | undefined;
  for (const { program } of conditions) {
    const result = program.evaluate(variables);
    if (result === false) return false;
    if (isCelError(result)) error ??= result;
  }
  return error ?? true;
}

function messageOf({ validation, message }: Check, variables: Variables): string {
  const { expression, message: fixed = '' } = validation;
  return evaluatedMessage(message, variables) ?? (fixed.trim() || `failed expression: ${expression.trim()}`);
}

function denialOf({ kind, name, binding }: Policy, message: string, reason = 'Invalid'): Denial {
  return { reason, message: `${kind} '${name}' with binding '${binding}' denied request: ${message}` };
}
