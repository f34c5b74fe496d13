/** Objects whose apiVersion or kind nobody serves, although they look like metaipam's. */

import type { KubernetesObject } from '../kubernetes/object.ts';
import { groupOf } from '../kubernetes/object.ts';
import type { Problem } from '../kubernetes/problem.ts';
import type { CustomResource, CustomResources } from '../kubernetes/schema.ts';
import { nearest } from '../text.ts';

/** Nothing for what is served, and for kinds that are somebody else's. */
export function unknownKind({ apiVersion, kind }: KubernetesObject, { all }: CustomResources): Problem[] {
  const group = groupOf(apiVersion);
  const served = all.filter((resource) => resource.kind === kind);
  if (served.some((resource) => resource.apiVersion === apiVersion)) return [];
  const [meant] = served.filter((resource) => isMeant(group, groupOf(resource.apiVersion)));
  if (meant !== undefined) return [notServed(apiVersion, served)];
  const ofGroup = all.filter((resource) => groupOf(resource.apiVersion) === group);
  const like = nearest(kind, new Set(ofGroup.map((resource) => resource.kind)));
  // Others have pools in versions that ours had.
  const isOurs = ofGroup.some((resource) => resource.storage && resource.apiVersion === apiVersion);
  if (like === undefined && !isOurs) return [];
  const hint = like === undefined ? '' : `: use ${like}`;
  return [{ field: 'kind', value: kind, message: `${apiVersion} has none${hint}` }];
}

/** No group at all is none of ours, and no other has grown a kind of ours there. */
function isMeant(group: string, ours: string): boolean {
  return group === '' || group === ours || nearest(group, [ours]) !== undefined;
}

function notServed(apiVersion: string, served: readonly CustomResource[]): Problem {
  const versions = served
    .toSorted((a, b) => Number(b.storage) - Number(a.storage))
    .map((resource) => resource.apiVersion);
  const message = `has no ${served[0]!.kind}: use ${versions.join(' or ')}`;
  return { field: 'apiVersion', value: apiVersion, message };
}
