import { setTimeout } from 'node:timers/promises';
import {
  annotationOf,
  type ClaimFacts,
  claimFacts,
  claimReferences,
  NETWORKS,
} from '../../lib/cni/claim-facts.ts';
import { CLAIMS_PATH, ipamClaimPath } from '../../lib/cni/fetch-claim.ts';
import { type PodFacts, writeClaims } from '../../lib/cni/known-claims.ts';
import { isObject, type JsonObject } from '../../lib/json.ts';
import { NETWORK_LABEL } from '../../lib/kubernetes/names.ts';
import { removeFile, replaceFile } from '../node/host.ts';
import { getObject } from '../node/https.ts';
import { reflect } from './reflect.ts';
import { type List, presentConnection } from './watch-list.ts';

/** Milliseconds between two signs in the file that nothing has changed. */
const SIGN_INTERVAL = 10_000;
/** Milliseconds that the answer to a question for one claim may take, and before it is asked again, at first and at last. */
const DEADLINE = 15_000;
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 60_000;

interface Options {
  /** The name of the Node. */
  readonly node: string;
  readonly file: string;
  readonly signal: AbortSignal;
  readonly log: (msg: string, fields: object) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A list, and when it was last known to be so. */
interface Seen<T> {
  readonly objects: ReadonlyMap<string, T>;
  readonly at: number;
}

/**
 * Keeps in a file the pods of the node that are in networks of Multus, and the IPAMClaims that they name, until `signal`
 * ends it. Of claims those that metaipam serves are looked at: the API server has no way to tell which are named here.
 *
 * Two watches may tell in any order, and one may have died unseen. So that no pod gets what its claim's predecessor
 * had, the claim is read once after the pod was seen, and the pod is in the file when the watch has come as far.
 */
export async function keepClaims({ node, file, signal, log, now = Date.now }: Options): Promise<void> {
  let pods: Seen<PodFacts> | undefined;
  let claims: Seen<ClaimFacts> | undefined;
  let written = { state: '', at: 0 };
  /** Claims as they were after the pod that names them was there, by the pod's uid and their names. */
  let floors = new Map<string, ClaimFacts>();
  let reading = Promise.resolve();
  let delay = FIRST_DELAY;
  let isToAskAgain = false;
  const asked = new Set<string>();

  /** Whether the watch may not have come as far as the pod yet. */
  const isBehind = (pod: PodFacts, name: string) => {
    const [claim, floor] = [claims?.objects.get(name), floors.get(floorKey(pod, name))];
    return claim !== undefined && !(floor && isAsNew(claim, floor));
  };

  const keep = () => {
    // What a predecessor has seen holds for as long as it says.
    if (pods === undefined || claims === undefined) return;
    const { objects } = claims;
    const usable = [...pods.objects].filter(([name, pod]) =>
      claimsOf(name, pod).every((claim) => !isBehind(pod, claim)),
    );
    const named = new Set(usable.flatMap(([name, pod]) => claimsOf(name, pod)));
    const kept = [...named].filter((name) => objects.has(name));
    const known = {
      pods: Object.fromEntries(usable),
      claims: Object.fromEntries(kept.map((name) => [name, objects.get(name)!])),
    };
    const seenAt = Math.min(pods.at, claims.at);
    const state = JSON.stringify(known);
    if (state === written.state && seenAt - written.at < SIGN_INTERVAL) return;
    try {
      replaceFile(file, writeClaims({ ...known, seenAt }));
      written = { state, at: seenAt };
    } catch (error) {
      // Rather nothing than what has changed since.
      removeFile(file);
      written = { state: '', at: 0 };
      throw error;
    }
  };

  const onProblem = ({ message }: Error) => log('the claims are not seen', { error: message });

  /** One after another: when the agent starts, they are those of all pods. */
  const readLater = (key: string, name: string) => {
    if (asked.has(key)) return;
    asked.add(key);
    reading = reading.then(async () => {
      try {
        const floor = await readClaim(name, signal);
        delay = FIRST_DELAY;
        if (floor === undefined) return;
        floors.set(key, floor);
        keep();
      } catch (error) {
        if (!signal.aborted) onProblem(error as Error);
        askAgain();
      } finally {
        asked.delete(key);
      }
    });
  };

  /** The watches may have nothing to tell for a long time. */
  const askAgain = () => {
    if (isToAskAgain) return;
    isToAskAgain = true;
    setTimeout(delay * (0.5 + Math.random()), undefined, { signal })
      .then(() => {
        isToAskAgain = false;
        onState();
      })
      .catch((error) => {
        if (!signal.aborted) onProblem(error);
      });
    delay = Math.min(2 * delay, LONGEST_DELAY);
  };

  const onState = () => {
    const all = [...(pods?.objects ?? [])].flatMap(([name, pod]) =>
      claimsOf(name, pod).map((claim) => ({ pod, claim, key: floorKey(pod, claim) })),
    );
    floors = new Map(all.flatMap(({ key }) => (floors.has(key) ? [[key, floors.get(key)!]] : [])));
    for (const { pod, claim, key } of all) if (isBehind(pod, claim)) readLater(key, claim);
    keep();
  };

  await Promise.all([
    reflect({
      ...{ list: podsOf(node), mayBeOld: true, signal, onProblem },
      read: podFacts,
      onState(objects) {
        pods = { objects, at: now() };
        onState();
      },
    }),
    reflect({
      ...{ list: CLAIMS, signal, onProblem },
      read: claimFacts,
      onState(objects) {
        claims = { objects, at: now() };
        onState();
      },
    }),
  ]);
  await reading;
}

/** Those that run, as far as the API server tells. */
function podsOf(node: string): List {
  const selector = `spec.nodeName=${node},status.phase!=Succeeded,status.phase!=Failed`;
  const selectors = `fieldSelector=${encodeURIComponent(selector)}`;
  return { path: '/api/v1/pods', selectors, isMetadataOnly: true };
}

/** Those that metaipam serves have its label, whatever network it names. */
const CLAIMS: List = {
  path: CLAIMS_PATH,
  selectors: `labelSelector=${encodeURIComponent(NETWORK_LABEL)}`,
};

function podFacts(pod: JsonObject): PodFacts | undefined {
  const references = claimReferences(annotationOf(pod, NETWORKS));
  const { uid } = isObject(pod.metadata) ? pod.metadata : {};
  return Object.keys(references).length === 0 ? undefined : { uid: String(uid), references };
}

/** The names of the claims of a pod, with their namespace. */
function claimsOf(pod: string, { references }: PodFacts): string[] {
  const namespace = pod.slice(0, pod.indexOf('/'));
  return Object.values(references).flatMap((name) => (name === null ? [] : `${namespace}/${name}`));
}

function floorKey({ uid }: PodFacts, claim: string): string {
  return `${uid} ${claim}`;
}

function isAsNew(claim: ClaimFacts, floor: ClaimFacts): boolean {
  return claim.uid === floor.uid && Number(claim.resourceVersion) >= Number(floor.resourceVersion);
}

/** The claim as it is now; undefined if there is none. Rejects with an Error if the API server will not tell. */
async function readClaim(name: string, signal: AbortSignal): Promise<ClaimFacts | undefined> {
  const [namespace = '', ownName = ''] = name.split('/');
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)]);
  const answer = await getObject(presentConnection(), ipamClaimPath(namespace, ownName), limit);
  if ('object' in answer) return claimFacts(answer.object);
  if (answer.status === 404) return undefined;
  throw new Error(`IPAMClaim ${name}: ${answer.message}`);
}
