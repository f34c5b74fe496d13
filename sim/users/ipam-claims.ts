/** People make IPAMClaims, and start and end the machines and pods that use them. */
import type { IPAMClaim } from '../../lib/kubernetes/core-types.ts';
import { IPAM_CLAIM_API_VERSION, REQUESTED_ADDRESS_ANNOTATION } from '../../lib/kubernetes/names.ts';
import { CLAIM_ANNOTATION, NETWORK } from '../ipam-claims.ts';
import { placeIn, poolsOf } from './pools.ts';
import { creationOf, deleteAs, patchOf, pickOne, type UserOp, type UserScene } from './user-op.ts';

/** As KubeVirt's extension has one, until the machine is gone. */
const MACHINE_FINALIZER = 'kubevirt.io/persistent-ipam';

/** Some are of a network that nobody here serves. */
export function createIPAMClaim({ random, layout }: UserScene): UserOp {
  const requested = random.chance(0.15) && placeIn(random.pick(poolsOf(layout)), random.below(8));
  const metadata = {
    name: `vm-${random.below(4)}`,
    namespace: layout.pools.includes(3) && random.chance(0.3) ? 'team' : 'default',
    ...(requested && { annotations: { [REQUESTED_ADDRESS_ANNOTATION]: requested } }),
    ...(random.chance(0.3) && { finalizers: [MACHINE_FINALIZER] }),
  };
  const spec = { network: random.chance(0.1) ? 'red' : NETWORK, interface: 'net1' };
  return creationOf({ apiVersion: IPAM_CLAIM_API_VERSION, kind: 'IPAMClaim', metadata, spec });
}

export function deleteIPAMClaimInForeground(scene: UserScene): UserOp | undefined {
  const claim = pickOne(scene, 'IPAMClaim');
  return claim && deleteAs(scene, claim, 'Foreground');
}

/** Its IPAMClaim may go. */
export function endMachine(scene: UserScene): UserOp | undefined {
  const claim = pickOne(scene, 'IPAMClaim');
  if (claim?.metadata.deletionTimestamp === undefined) return undefined;
  const finalizers = claim.metadata.finalizers?.filter((each) => each !== MACHINE_FINALIZER) ?? [];
  return patchOf(scene, claim, 'ends the machine of', { metadata: { finalizers } });
}

/** The first pod of an IPAMClaim that has addresses, or one more on whatever node. */
export function startPod(scene: UserScene, isMigration: boolean): UserOp | undefined {
  const { world, random } = scene;
  const claim = pickOne(scene, 'IPAMClaim');
  if (claim === undefined || (claim.status as IPAMClaim['status'])?.ips?.[0] === undefined) return undefined;
  const { namespace, name } = claim.metadata;
  const pods = world.cluster
    .objects('Pod')
    .filter(
      ({ metadata }) => metadata.namespace === namespace && metadata.annotations?.[CLAIM_ANNOTATION] === name,
    );
  if (pods.length > 0 !== isMigration) return undefined;
  return creationOf({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${name}-${random.below(1000)}`,
      ...(namespace !== undefined && { namespace }),
      annotations: { [CLAIM_ANNOTATION]: name },
    },
    spec: { nodeName: `n${random.below(7)}` },
  });
}
