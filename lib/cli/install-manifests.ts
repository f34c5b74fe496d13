import type { KubernetesObject } from '../kubernetes/object.ts';
import { shippedFiles } from '../shipped.ts';
import { parseManifests } from './manifests.ts';

/** The objects of this release's install: metacontroller/ without its components. */
export function readInstall(): KubernetesObject[] {
  return readObjects('metacontroller');
}

/** The admission policies of metacontroller/admission, which installs have where the API server knows such policies. */
export function readClaimRouting(): KubernetesObject[] {
  return readObjects('metacontroller/admission');
}

/** The controllers of the component `ipam-claims`, which no install has to have. */
export function readIPAMClaimControllers(): KubernetesObject[] {
  return readObjects('metacontroller/ipam-claims').filter(({ kind }) => kind === 'DecoratorController');
}

function readObjects(folder: Parameters<typeof shippedFiles>[0]): KubernetesObject[] {
  return shippedFiles(folder)
    .flatMap(({ name, text }) => parseManifests(text, name).objects)
    .map(({ object }) => object);
}
