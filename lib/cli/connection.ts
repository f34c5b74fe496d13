/** How commands that people run reach a cluster. */
import type { KubeConfig } from '@kubernetes/client-node';
import { defineOptions, type Values } from '../options/options.ts';
import { InputError } from './command.ts';

export const CONNECTION_OPTIONS = defineOptions({
  kubeconfig: {
    type: 'string',
    env: 'IPAM_KUBECONFIG',
    default: '',
    placeholder: 'file',
    help: 'How to reach the API server; without it $KUBECONFIG, ~/.kube/config or as a pod does, like kubectl.',
  },
  context: {
    type: 'string',
    default: '',
    placeholder: 'name',
    help: 'The context of the kubeconfig to use, instead of its current one.',
  },
});

/** The connection that kubectl would use. Throws InputError when there is none. */
export async function connectAsUser({
  kubeconfig,
  context,
}: Values<typeof CONNECTION_OPTIONS>): Promise<KubeConfig> {
  const { userConfig } = await import('../binder/cluster-client.ts');
  const connection = userConfig(kubeconfig);
  if ('problem' in connection) throw new InputError(connection.problem);
  const { config } = connection;
  if (context !== '') {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name);
      throw new InputError(`--context: there is no ${context}, but ${known.join(', ') || 'none'}`);
    }
    config.setCurrentContext(context);
  }
  return config;
}
