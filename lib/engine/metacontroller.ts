/** A Metacontroller process: every controller of a set of configs, over one set of caches. */

import { formatTime } from '../kubernetes/time.ts';
import type { ApplyStrategy, LastUpdates } from './children.ts';
import { CompositeHookController } from './composite.ts';
import { type ControllerConfig, checkConfig } from './controller-config.ts';
import { DecoratorHookController } from './decorator.ts';
import type { ControllerEnvironment, Reconciler } from './environment.ts';
import { uuid } from './random.ts';

interface MetacontrollerOptions {
  readonly controllers: readonly ControllerConfig[];
  readonly strategy: ApplyStrategy;
  /** See `ClusterOptions`. */
  readonly forgetsTimers?: boolean | undefined;
  readonly cacheFlushSeconds?: number | undefined;
  readonly rulesKeptSeconds?: number | undefined;
}

/** Throws where Metacontroller would not start a controller, or does what the engine does not model. */
export function startMetacontroller(
  { controllers, ...rest }: MetacontrollerOptions,
  environment: ControllerEnvironment,
): Reconciler[] {
  const lastUpdates: LastUpdates = new Map();
  return controllers.map((config, index) => {
    checkConfig(config);
    const controllerObject = withSystemFields(config, index);
    const options = { ...rest, environment, lastUpdates, controllerObject };
    return config.kind === 'CompositeController'
      ? new CompositeHookController(config, options)
      : new DecoratorHookController(config, options);
  });
}

/** The controller as hooks are sent it: as the API server would hold it. */
function withSystemFields(config: ControllerConfig, index: number): object {
  const metadata = {
    ...config.metadata,
    uid: uuid(0x6d657461, index),
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: formatTime(0),
  };
  return { kind: config.kind, apiVersion: config.apiVersion, metadata, spec: config.spec, status: {} };
}
