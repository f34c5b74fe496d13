import { type Diagnosis, error, ok, unknown } from './finding.ts';

/** Selectable fields and the CEL functions of our CRDs need it. */
const OLDEST = 31;

/** @param version what the API server says of itself: `v1.36.0` */
export function checkKubernetesVersion(version: string): Diagnosis {
  const match = /^v?(\d+)\.(\d+)/.exec(version);
  if (match === null) return unknown('kubernetes', `Kubernetes says it is version ${version}`);
  const isOld = Number(match[1]) === 1 && Number(match[2]) < OLDEST;
  return isOld
    ? error('kubernetes', `Kubernetes is ${version}`, `metaipam needs Kubernetes 1.${OLDEST} or later`)
    : ok('kubernetes', `Kubernetes ${version}`);
}
