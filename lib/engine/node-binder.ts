/** The binder as one process of the cluster: the decisions of `lib/binder`, one patch a step. */
import { decideBindings } from '../binder/decide.ts';
import type { Node } from '../kubernetes/core-types.ts';
import { DEFAULT_NETWORK, METAIPAM_API_VERSION, NETWORK_LABEL } from '../kubernetes/names.ts';
import type { AllocationSlice } from '../kubernetes/types.ts';
import type { ControllerEnvironment, Reconciler } from './environment.ts';
import type { Informer } from './informer.ts';
import { api, SyncError, type Task } from './task.ts';
import type { WorkQueue } from './work-queue.ts';

const EVERYTHING = 'nodes';

export class NodeBinder implements Reconciler {
  readonly name = 'binder';
  readonly queue: WorkQueue;
  readonly #nodes: Informer;
  readonly #slices: Informer;
  /** podCIDRs sent, by node uid, until the cache shows the node with podCIDRs or not at all. */
  readonly #written = new Map<string, readonly string[]>();
  /** Names of the nodes, by uid, whose write has no answer yet: it is sent again as it was, never decided anew. */
  readonly #unanswered = new Map<string, string>();

  readonly #decide: typeof decideBindings;

  constructor(environment: ControllerEnvironment, decide: typeof decideBindings = decideBindings) {
    this.#decide = decide;
    this.queue = environment.newQueue();
    this.#nodes = environment.informer('v1', 'nodes');
    this.#slices = environment.informer(METAIPAM_API_VERSION, 'allocationslices');
    const wake = () => this.queue.add(EVERYTHING);
    for (const informer of [this.#nodes, this.#slices]) {
      informer.addHandler({ add: wake, update: wake, delete: wake });
    }
  }

  get ready(): boolean {
    return this.#nodes.synced && this.#slices.synced;
  }

  *sync(): Task<void> {
    const nodes = [...this.#nodes.list()] as object[] as Node[];
    const slices = [...this.#slices.list()].filter(
      ({ metadata }) => metadata.labels?.[NETWORK_LABEL] === DEFAULT_NETWORK,
    ) as object[] as AllocationSlice[];
    const unbound = new Set(
      nodes.filter((node) => !node.spec?.podCIDRs?.length).map((node) => node.metadata.uid),
    );
    for (const uid of this.#written.keys()) {
      if (unbound.has(uid)) continue;
      this.#written.delete(uid);
      this.#unanswered.delete(uid);
    }
    for (const { node, podCIDRs, refusal } of this.#decide(nodes, slices, this.#written)) {
      if (refusal !== undefined) continue;
      const { name, uid = '' } = node.metadata;
      this.#written.set(uid, podCIDRs);
      this.#unanswered.set(uid, name);
    }
    const problems: string[] = [];
    for (const [uid, name] of this.#unanswered) {
      const podCIDRs = this.#written.get(uid) ?? [];
      const patch = { metadata: { uid }, spec: { podCIDR: podCIDRs[0], podCIDRs } };
      const { error } = yield* api({ verb: 'patch', apiVersion: 'v1', resource: 'nodes', name, patch });
      const answered = error === undefined || error.code < 500;
      if (answered) this.#unanswered.delete(uid);
      if (answered && error !== undefined) this.#written.delete(uid);
      if (error !== undefined && error.reason !== 'NotFound')
        problems.push(`can't bind node ${name}: ${error.message}`);
    }
    if (problems.length > 0) throw new SyncError(problems.join('; '));
  }
}
