/** Claims and nodes that nobody has taken care of. */

import type { Node } from '../kubernetes/core-types.ts';
import { CLAIMS_FINALIZER, POOL_LABEL } from '../kubernetes/names.ts';
import { type KubernetesObject, qualifiedName } from '../kubernetes/object.ts';
import type { IPAddressClaim } from '../kubernetes/types.ts';
import { listSome, plural } from '../text.ts';
import { type Diagnosis, error, judge, ok, type Reading, warning } from './finding.ts';

/** Milliseconds in which a new object gets what it needs, even in a burst. */
const PATIENCE = 60_000;

/** What is wrong with a claim, as far as it tells by itself. */
type ClaimTrouble = 'unlabelled' | 'unprotected' | 'unanswered';

/** @param now milliseconds since the epoch */
export function claimTrouble(claim: IPAddressClaim, now: number): ClaimTrouble | undefined {
  const { metadata, status } = claim;
  if (isYoung(claim, now) || metadata.deletionTimestamp !== undefined) return undefined;
  if (metadata.labels?.[POOL_LABEL] === undefined) return 'unlabelled';
  if (!metadata.finalizers?.includes(CLAIMS_FINALIZER)) return 'unprotected';
  return status?.conditions?.some(({ type }) => type === 'Ready') ? undefined : 'unanswered';
}

export interface TroubledClaim {
  /** `namespace/name`. */
  readonly name: string;
  readonly trouble: ClaimTrouble;
}

const SENTENCES: Readonly<Record<ClaimTrouble, readonly [text: string, fix: string]>> = {
  unlabelled: [
    `have no label ${POOL_LABEL}, so that no pool sees them`,
    'the controller claim-router adds it: look at its events and at the log of Metacontroller',
  ],
  unprotected: [
    'lack the finalizer of the controller claims: their address may outlive them',
    'Metacontroller adds it: look at its log',
  ],
  unanswered: [
    'have no Ready condition',
    'the controller claims sets it: look at its events and at the log of the server',
  ],
};

export function checkClaims(troubled: Reading<TroubledClaim>): readonly Diagnosis[] {
  return judge('claims', troubled, (claims) => {
    if (claims.length === 0) return [ok('claims', 'every claim of our pools was taken care of')];
    const groups = Map.groupBy(claims, ({ trouble }) => trouble);
    return [...groups].map(([trouble, group]) => {
      const [text, fix] = SENTENCES[trouble];
      const names = listSome(group.map(({ name }) => name));
      return error('claims', `${plural(group.length, 'claim')} of our pools ${text}: ${names}`, fix);
    });
  });
}

export function checkNodes(nodes: Reading<Node>, givesPodCIDRs: boolean, now: number): readonly Diagnosis[] {
  if (!givesPodCIDRs) return [];
  return judge('nodes', nodes, (found) => {
    const without = found.filter(({ spec }) => !spec?.podCIDRs?.length);
    const bare = without.filter((node) => !isYoung(node, now));
    if (bare.length === 0) {
      const young = without.length === 0 ? '' : ` but ${without.length} that came within the last minute`;
      return [ok('nodes', `${plural(found.length, 'node')}, each with podCIDRs${young}`)];
    }
    const names = listSome(bare.map(({ metadata }) => qualifiedName(metadata)));
    const message = `${plural(bare.length, 'node')} of ${found.length} without podCIDRs: ${names}`;
    return [
      warning('nodes', message, 'kubectl get events says why, as does the status of the PodNetwork default'),
    ];
  });
}

function isYoung({ metadata }: KubernetesObject, now: number): boolean {
  return now - Date.parse(metadata.creationTimestamp ?? '') < PATIENCE;
}
