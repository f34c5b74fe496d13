/** The file in which the node agent keeps the pods of its node and the IPAMClaims that they name. */

import { isObject } from '../json.ts';
import { cacheFolder, isWithin, readKnown, writeKnown } from './cache.ts';
import { answerOf, type ClaimAnswer, type ClaimFacts } from './claim-facts.ts';
import { isTexts } from './network-config.ts';

export interface KnownClaims {
  /** By `namespace/name`. */
  readonly pods: Readonly<Record<string, PodFacts>>;
  /** By `namespace/name`. */
  readonly claims: Readonly<Record<string, ClaimFacts>>;
  /** When all of it was last known to be true: milliseconds since 1970. */
  readonly seenAt: number;
}

export interface PodFacts {
  readonly uid: string;
  /** What it names for each interface, as `claimReferences` has it. */
  readonly references: Readonly<Record<string, string | null>>;
}

/** What an ADD has to know. */
export interface ClaimQuestion {
  readonly namespace: string;
  readonly pod: string;
  /** Of the pod, where the runtime tells. */
  readonly uid?: string;
  readonly ifname: string;
  /** The name of the network's configuration. */
  readonly network: string;
}

/**
 * Milliseconds that what the agent has seen holds. Its watches end every 75 seconds; one that hears nothing for longer
 * may have missed that a claim went and came back with another address.
 */
export const CLAIMS_HOLD = 120_000;

/** The file beside the one with the facts of the node. */
export function claimsFile(env: Readonly<Record<string, string | undefined>>): string {
  return `${cacheFolder(env)}/claims.json`;
}

/** The text of the file. */
export function writeClaims({ pods, claims, seenAt }: KnownClaims): string {
  return writeKnown({ pods, claims, seenAt });
}

/** Reads the file. What is not whole and of this form, or older than it may be, is as good as absent. */
export function readClaims(text: string | undefined, now: number): KnownClaims | undefined {
  const { pods, claims, seenAt } = readKnown(text) ?? {};
  if (!isRecord(pods, isPod) || !isRecord(claims, isClaim) || typeof seenAt !== 'number') return undefined;
  return isWithin(CLAIMS_HOLD, seenAt, now) ? { pods, claims, seenAt } : undefined;
}

function isRecord<T>(value: unknown, isOne: (item: unknown) => item is T): value is Record<string, T> {
  return isObject(value) && Object.values(value).every(isOne);
}

function isPod(item: unknown): item is PodFacts {
  return isObject(item) && typeof item.uid === 'string' && isRecord(item.references, isReference);
}

function isReference(item: unknown): item is string | null {
  return item === null || typeof item === 'string';
}

function isClaim(item: unknown): item is ClaimFacts {
  return isObject(item) && typeof item.network === 'string' && isTexts(item.ips) && isTexts(item.gateways);
}

/** What the agent knows of it; it may see more in a moment where it `mayChange`. */
type KnownAnswer = { readonly mayChange: boolean } & (
  | { readonly answer: ClaimAnswer }
  /** Others have to be asked. */
  | { readonly unseen: string }
);

/**
 * A pod of the same name with another uid is another pod. An interface that is not in the pod's annotation may have
 * been plugged in a moment ago.
 */
export function knownAnswer({ pods, claims }: KnownClaims, question: ClaimQuestion): KnownAnswer {
  const { namespace, uid, ifname, network } = question;
  const podName = `${namespace}/${question.pod}`;
  const pod = own(pods, podName);
  if (pod === undefined || (uid && pod.uid !== uid)) return { unseen: `Pod ${podName}`, mayChange: true };
  const reference = own(pod.references, ifname);
  if (reference === undefined) return { unseen: `${ifname} of Pod ${podName}`, mayChange: false };
  if (reference === null) return { answer: { claim: null }, mayChange: false };
  const name = `${namespace}/${reference}`;
  const claim = own(claims, name);
  if (claim === undefined) return { unseen: `IPAMClaim ${name}`, mayChange: true };
  const answer = answerOf(name, claim, network);
  return { answer, mayChange: 'problem' in answer };
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
