/** Metacontroller itself: there, of a version that works, and set up for the work. */

import { parseDuration } from '../options/options.ts';
import { type Diagnosis, error, ok, unknown, warning } from './finding.ts';
import { INSTALL_METACONTROLLER } from './resource-definitions.ts';
import {
  type Container,
  containersOf,
  goFlag,
  imageName,
  imageVersion,
  quantityBytes,
  replicas,
  type Workload,
  workloadCommand,
  workloadTitle,
} from './workload.ts';

/** The versions are the README's: below the first nothing works, the second is the one that was tested. */
const OLDEST = [4, 15] as const;
const TESTED = [4, 17] as const;

/** docs/install.md says why. */
export const METACONTROLLER_FLAGS = [
  { flag: 'client-go-qps', byDefault: '5', recommended: '200' },
  { flag: 'client-go-burst', byDefault: '10', recommended: '400' },
  { flag: 'workers', byDefault: '5', recommended: '20' },
  { flag: 'cache-flush-interval', byDefault: '30m', recommended: '10h' },
] as const;

const MEMORY = 2 ** 30;
const DOCS = 'see "Metacontroller" in docs/install.md';

/** Every container that runs Metacontroller, scaled to zero or not. */
export function metacontrollers(
  workloads: readonly Workload[],
): { readonly workload: Workload; readonly container: Container }[] {
  return containersOf(workloads).filter(
    ({ container }) =>
      imageName(container) === 'metacontroller' || /(^|\/)metacontroller$/.test(container.command?.[0] ?? ''),
  );
}

export function checkMetacontroller(workloads: readonly Workload[]): Diagnosis[] {
  const found = metacontrollers(workloads);
  const running = found.filter(({ workload }) => replicas(workload).wanted > 0);
  const [first] = found;
  if (first === undefined) {
    const message = 'no Deployment, StatefulSet or DaemonSet runs an image called metacontroller';
    return [error('metacontroller', message, INSTALL_METACONTROLLER)];
  }
  if (running.length === 0) {
    const title = workloadTitle(first.workload);
    const start = `${workloadCommand('scale', first.workload)} --replicas=1`;
    return [error('metacontroller', `${title} has no replicas`, start)];
  }
  const unrestricted = running.filter(
    ({ container }) => goFlag(container, 'target-label-selector') === undefined,
  );
  const several = unrestricted.map(({ workload }) => workloadTitle(workload));
  const rivals =
    several.length < 2
      ? []
      : [error('metacontroller', `several Metacontrollers run: ${several.join(', ')}`, 'keep one of them')];
  return running
    .flatMap(({ workload, container }) => [
      ...checkRunning(workload, container),
      ...checkFlags(workload, container),
      checkMemory(workload, container),
    ])
    .concat(rivals);
}

function checkRunning(workload: Workload, container: Container): Diagnosis[] {
  const title = workloadTitle(workload);
  const { wanted, ready } = replicas(workload);
  const findings: Diagnosis[] = [];
  const version = imageVersion(container);
  const text = version?.join('.');
  if (version === undefined) {
    const fix = `make sure that it is ${TESTED.join('.')} or later`;
    findings.push(unknown('metacontroller', `${title}: its image ${container.image} names no version`, fix));
  } else if (isBefore(version, OLDEST)) {
    const fix = `metaipam needs Metacontroller ${OLDEST.join('.')} or later`;
    findings.push(error('metacontroller', `${title} is version ${text}`, fix));
  } else if (isBefore(version, TESTED)) {
    const fix = `better ${TESTED.join('.')} or later, which metaipam is tested with`;
    findings.push(warning('metacontroller', `${title} is version ${text}`, fix));
  }
  const describe = workloadCommand('describe', workload);
  if (ready === 0) findings.push(error('metacontroller', `${title} is not ready`, describe));
  if (wanted > 1 && (goFlag(container, 'leader-election') ?? 'false') === 'false') {
    const message = `${title} has ${wanted} replicas and no leader election: they write against each other`;
    findings.push(error('metacontroller', message, 'start it with --leader-election, or as one replica'));
  }
  if (findings.length > 0) return findings;
  return [ok('metacontroller', `Metacontroller ${text}, ${title}: ${ready} of ${wanted} ready`)];
}

function checkFlags(workload: Workload, container: Container): Diagnosis[] {
  const values = METACONTROLLER_FLAGS.map(({ flag, byDefault }) => goFlag(container, flag) ?? byDefault);
  const low = METACONTROLLER_FLAGS.filter(
    ({ recommended }, index) => amountOf(values[index]!) < amountOf(recommended),
  );
  if (low.length === 0) {
    const text = METACONTROLLER_FLAGS.map(({ flag }, index) => `--${flag}=${values[index]}`).join(' ');
    return [ok('metacontroller-flags', text)];
  }
  const actual = METACONTROLLER_FLAGS.flatMap((one, index) =>
    low.includes(one) ? `--${one.flag} is ${values[index]}` : [],
  );
  const wanted = low.map(({ flag, recommended }) => `--${flag}=${recommended}`).join(' ');
  const message = `${workloadTitle(workload)}: ${actual.join(', ')}`;
  return [warning('metacontroller-flags', message, `start it with ${wanted}; ${DOCS}`)];
}

/** A number, or the milliseconds of a duration. */
function amountOf(value: string): number {
  return parseDuration(value) ?? Number(value);
}

function checkMemory(workload: Workload, container: Container): Diagnosis {
  const limit = container.resources?.limits?.memory;
  if (limit === undefined) return ok('metacontroller-memory', 'Metacontroller has no memory limit');
  const bytes = quantityBytes(limit);
  if (bytes === undefined || bytes >= MEMORY) {
    return ok('metacontroller-memory', `Metacontroller may use ${limit} of memory`);
  }
  const message = `${workloadTitle(workload)} may use ${limit} of memory`;
  return warning('metacontroller-memory', message, `1Gi is enough for some ten thousand objects; ${DOCS}`);
}

function isBefore([major, minor]: readonly [number, number], [a, b]: readonly [number, number]): boolean {
  return major < a || (major === a && minor < b);
}
