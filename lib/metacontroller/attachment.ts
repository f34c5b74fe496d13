import { DECORATOR_ANNOTATION } from '../kubernetes/names.ts';
import { controllerOf, type KubernetesObject } from '../kubernetes/object.ts';

/** Whether an object has the mark by which Metacontroller knows what a DecoratorController made. */
export function isMarked({ metadata }: KubernetesObject, controller: string): boolean {
  return metadata.annotations?.[DECORATOR_ANNOTATION] === controller;
}

/**
 * Whether Metacontroller counts an object among what a DecoratorController attached to its owner: it has the mark, and
 * the owner controls it.
 */
export function isAttachment(
  object: KubernetesObject,
  controller: string,
  owner: string | undefined,
): boolean {
  return isMarked(object, controller) && controllerOf(object)?.uid === owner;
}
