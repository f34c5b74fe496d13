/** Keeps what a cluster has allocated out of `clusterctl move`. */
import type { FastifyBaseLogger } from 'fastify';
import type { ObjectPath } from '../janitor/deed.ts';
import { METAIPAM_GROUP } from '../kubernetes/names.ts';
import type { Clock } from './clock.ts';
import { type ClusterClient, requestFailure } from './cluster-client.ts';
import type { Term } from './lease.ts';

/** clusterctl puts it on all that it installs, at every upgrade anew, and moves the kinds whose CRDs have it. */
const CLUSTERCTL_LABEL = 'clusterctl.cluster.x-k8s.io';
/** Of kinds that pools and nodes own, and that mean nothing in another cluster. */
const STAYING = ['allocationslices', 'podcidrclaims'];
const POLL_INTERVAL_MS = 15_000;

/** Takes clusterctl's label off the CRDs of allocations, again and again, until the term ends. */
export async function keepFromMove(
  client: Pick<ClusterClient, 'read' | 'mergePatch'>,
  log: Pick<FastifyBaseLogger, 'info' | 'warn'>,
  clock: Clock,
  { signal }: Pick<Term, 'signal'>,
): Promise<void> {
  let isTold = false;
  while (!signal.aborted) {
    for (const plural of STAYING) {
      const path: ObjectPath = {
        apiVersion: 'apiextensions.k8s.io/v1',
        resource: 'customresourcedefinitions',
        name: `${plural}.${METAIPAM_GROUP}`,
      };
      try {
        const definition = await client.read(path, signal);
        if (definition?.metadata.labels?.[CLUSTERCTL_LABEL] === undefined) continue;
        await client.mergePatch(path, { metadata: { labels: { [CLUSTERCTL_LABEL]: null } } }, signal);
        log.info({ crd: path.name }, 'taken out of what clusterctl moves');
        isTold = false;
      } catch (error) {
        if (signal.aborted) return;
        const { message } = requestFailure(error);
        if (!isTold) log.warn(`clusterctl move may take ${plural} along: ${message}`);
        isTold = true;
      }
    }
    await clock.sleep(POLL_INTERVAL_MS, signal);
  }
}
