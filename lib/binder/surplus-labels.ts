/** Keeps what a cluster has allocated out of `clusterctl move`, and controllers in what clusterctl replaces. */

import type { FastifyBaseLogger } from 'fastify';
import type { Clock } from '../cluster/clock.ts';
import { type ClusterClient, requestFailure } from '../cluster/cluster-client.ts';
import type { Term } from '../cluster/lease.ts';
import { CLUSTERCTL_LABEL, PROVIDER, PROVIDER_LABEL } from '../kubernetes/names.ts';
import type { ObjectPath } from '../kubernetes/object.ts';

interface Surplus {
  readonly crd: string;
  readonly label: string;
  readonly value: string;
  /** What clusterctl does while it has the label. */
  readonly consequence: string;
}

const moved = (crd: string): Surplus => ({
  crd,
  label: CLUSTERCTL_LABEL,
  value: '',
  consequence: `clusterctl move may take ${crd.replace(/\..*$/, '')} along`,
});
/** clusterctl takes objects of a provider's CRDs for its users': it neither replaces nor deletes them. */
const withheld = (crd: string): Surplus => ({
  crd,
  label: PROVIDER_LABEL,
  value: PROVIDER,
  consequence: `clusterctl upgrade and delete may leave ${crd.replace(/\..*$/, '')} as they are`,
});

/** Labels of CRDs that clusterctl puts there at every install and upgrade, and that have to go. */
export const SURPLUS_LABELS: readonly Surplus[] = [
  moved('allocationslices.metaipam.io'),
  moved('podcidrclaims.metaipam.io'),
  withheld('compositecontrollers.metacontroller.k8s.io'),
  withheld('controllerrevisions.metacontroller.k8s.io'),
  withheld('decoratorcontrollers.metacontroller.k8s.io'),
];
const POLL_INTERVAL_MS = 15_000;

/** Takes the labels off, again and again, until the term ends. */
export async function takeOffSurplusLabels(
  client: Pick<ClusterClient, 'read' | 'mergePatch'>,
  log: Pick<FastifyBaseLogger, 'info' | 'warn'>,
  clock: Clock,
  { signal }: Pick<Term, 'signal'>,
): Promise<void> {
  let isTold = false;
  while (!signal.aborted) {
    for (const { crd, label, value, consequence } of SURPLUS_LABELS) {
      const path: ObjectPath = {
        apiVersion: 'apiextensions.k8s.io/v1',
        resource: 'customresourcedefinitions',
        name: crd,
      };
      try {
        const definition = await client.read(path, signal);
        if (definition?.metadata.labels?.[label] !== value) continue;
        await client.mergePatch(path, { metadata: { labels: { [label]: null } } }, signal);
        log.info({ crd, label }, 'label of clusterctl taken off');
        isTold = false;
      } catch (error) {
        if (signal.aborted) return;
        const { message } = requestFailure(error);
        if (!isTold) log.warn(`${consequence}: ${message}`);
        isTold = true;
      }
    }
    await clock.sleep(POLL_INTERVAL_MS, signal);
  }
}
