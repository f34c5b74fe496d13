import type { KubernetesObject } from '../kubernetes/object.ts';
import { shippedFiles } from '../shipped.ts';
import { parseManifests } from './manifests.ts';

/** The objects of this release's install: metacontroller/ without its components. */
export function readInstall(): KubernetesObject[] {
  return shippedFiles('metacontroller')
    .flatMap(({ name, text }) => parseManifests(text, name).objects)
    .map(({ object }) => object);
}
