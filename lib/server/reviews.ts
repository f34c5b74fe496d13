/** Asks an API server who somebody is and what that may. */
import { AuthenticationV1Api, AuthorizationV1Api, type KubeConfig } from '@kubernetes/client-node';
import type { Reviewer } from './access.ts';

/** The account of `config` needs `create` on tokenreviews and subjectaccessreviews: ClusterRole system:auth-delegator. */
export function apiReviewer(config: KubeConfig): Reviewer {
  const authentication = config.makeApiClient(AuthenticationV1Api);
  const authorization = config.makeApiClient(AuthorizationV1Api);
  return {
    async whoIs(token) {
      const { status } = await authentication.createTokenReview({
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
      });
      return status?.authenticated === true ? (status.user ?? {}) : undefined;
    },
    async may({ username, uid, groups = [], extra = {} }, verb, path) {
      const { status } = await authorization.createSubjectAccessReview({
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            ...(username && { user: username }),
            ...(uid && { uid }),
            groups: [...groups],
            extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])),
            nonResourceAttributes: { verb, path },
          },
        },
      });
      return status?.allowed === true;
    },
  };
}
