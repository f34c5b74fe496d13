/** Where Metacontroller calls a hook. */

/** The CA certificates of a webhook, as a CompositeController or DecoratorController gives them. */
export interface CaBundle {
  readonly inline?: string;
  readonly secretRef?: ObjectKey;
  readonly configMapRef?: ObjectKey;
}

/** A key in the data of a Secret or a ConfigMap; `ca.crt` unless given. */
interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
  readonly key?: string;
}

export interface Webhook {
  readonly url?: string;
  readonly timeout?: string;
  readonly path?: string;
  readonly service?: {
    readonly namespace: string;
    readonly name: string;
    readonly port?: number;
    readonly protocol?: string;
  };
  readonly caBundle?: CaBundle;
}

export interface EndpointConfig {
  readonly host?: string;
  readonly caBundle?: CaBundle;
}

export interface HookTarget {
  readonly protocol: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** The Service that the host names, as a pod resolves it. */
  readonly service?: { readonly namespace: string; readonly name: string };
  /** Whether the server is in the same pod as Metacontroller, or on its machine. */
  readonly isLocal: boolean;
  readonly caBundle?: CaBundle;
}

/** The target of a webhook; undefined if it has neither a URL that can be read nor a service. */
export function hookTarget(
  webhook: Webhook,
  endpointConfigs: readonly EndpointConfig[] = [],
): HookTarget | undefined {
  const { service, url = '', path = '/' } = webhook;
  if (!url && service !== undefined) {
    const { namespace, name, port = 80, protocol } = service;
    return targetOf(protocol === 'https' ? 'https' : 'http', `${name}.${namespace}.svc`, port, path);
  }
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const isTls = protocol === 'https:';
  return targetOf(isTls ? 'https' : 'http', hostname, Number(port) || (isTls ? 443 : 80), pathname);

  function targetOf(protocol: HookTarget['protocol'], host: string, port: number, path: string): HookTarget {
    const [, name, namespace] = /^([^.]+)\.([^.]+)\.svc(?:\..*)?$/.exec(host) ?? [];
    const config = endpointConfigs.find((candidate) =>
      [host, `${host}:${port}`].includes(candidate.host ?? ''),
    );
    const caBundle = webhook.caBundle ?? config?.caBundle;
    return {
      protocol,
      host,
      port,
      path,
      ...(name !== undefined && namespace !== undefined && { service: { namespace, name } }),
      isLocal: /^(localhost|127\..*|\[::1\])$/.test(host),
      ...(caBundle !== undefined && { caBundle }),
    };
  }
}

/** `http://metaipam-hooks.metaipam-system.svc:80`, the same for all hooks of one server. */
export function originOf({ protocol, host, port }: HookTarget): string {
  return `${protocol}://${host}:${port}`;
}
