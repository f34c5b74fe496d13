/** The part of Deployments, StatefulSets and DaemonSets that a diagnosis reads. */
import type { KubernetesObject } from '../kubernetes/object.ts';

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
  }[];
  readonly resources?: { readonly limits?: Readonly<Record<string, string>> };
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly hostNetwork?: boolean;
  readonly dnsPolicy?: string;
  readonly containers: readonly Container[];
}

export interface Workload extends KubernetesObject {
  readonly spec: {
    /** A DaemonSet has none. */
    readonly replicas?: number;
    readonly template: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec: PodSpec;
    };
  };
  readonly status?: {
    readonly readyReplicas?: number;
    readonly numberReady?: number;
    readonly desiredNumberScheduled?: number;
  };
}

/** `Deployment metaipam-system/metaipam`. */
export function workloadTitle({ kind, metadata }: Workload): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

/** `kubectl -n metaipam-system describe deployment metaipam`. */
export function workloadCommand(verb: string, { kind, metadata }: Workload): string {
  return `kubectl -n ${metadata.namespace} ${verb} ${kind.toLowerCase()} ${metadata.name}`;
}

export function replicas({ kind, spec, status }: Workload): { wanted: number; ready: number } {
  if (kind === 'DaemonSet') {
    return { wanted: status?.desiredNumberScheduled ?? 0, ready: status?.numberReady ?? 0 };
  }
  return { wanted: spec.replicas ?? 1, ready: status?.readyReplicas ?? 0 };
}

/** The last part of an image's name: `metacontroller` of `ghcr.io/metacontroller/metacontroller:v4.17.0`. */
export function imageName({ image = '' }: Container): string {
  return /([^/:@]+)(?::[^/]*)?(?:@.*)?$/.exec(image)?.[1] ?? '';
}

/** The version in an image's tag: `[4, 17]` of `v4.17.0-distroless`; undefined for a digest or a name. */
export function imageVersion({ image = '' }: Container): readonly [major: number, minor: number] | undefined {
  const match = /:v?(\d+)\.(\d+)[^/@]*(?:@.*)?$/.exec(image);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/** The value of a flag of a Go program, `--flag=value` or `-flag value`; the last one counts. */
export function goFlag({ command = [], args = [] }: Container, flag: string): string | undefined {
  const words = [...command, ...args];
  let value: string | undefined;
  for (const [index, word] of words.entries()) {
    const [, name, inline] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name !== flag) continue;
    const next = words[index + 1];
    value = inline ?? (next === undefined || next.startsWith('-') ? 'true' : next);
  }
  return value;
}

/** Bytes of a Kubernetes quantity: `1Gi`, `512Mi`, `1000000`. Undefined for what no memory limit looks like. */
export function quantityBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(?:([KMGT])(i)|([kMGT]))?$/.exec(text);
  if (match === null) return undefined;
  const unit = (match[2] ?? match[4] ?? '').toUpperCase();
  const power = unit === '' ? 0 : 'KMGT'.indexOf(unit) + 1;
  return Number(match[1]) * (match[3] === undefined ? 1000 : 1024) ** power;
}

/** Containers of all workloads, each with its workload. */
export function containersOf(
  workloads: readonly Workload[],
): { readonly workload: Workload; readonly container: Container }[] {
  return workloads.flatMap((workload) =>
    workload.spec.template.spec.containers.map((container) => ({ workload, container })),
  );
}
