/**
 * Compares the IAM OIDC provider with the ClusterConfig if an account uses IRSA. Without the provider, new pods get no
 * credentials, although running pods keep theirs.
 */
import {
  clusterState,
  IdentityError,
  providerProblem,
  type CloudAccount,
  type ClusterFacts,
} from '../../identity/index.ts';
import type { OperatorContext } from '../context.ts';
import type { Pass } from './resync.ts';

export function createProviderPass(options: {
  readonly context: OperatorContext;
  /** IAM of this AWS account. */
  readonly aws: (accountId: string) => CloudAccount;
  /** Called when the provider differs from the status of the ClusterConfig. */
  readonly onChange: () => void;
}): Pass {
  const { accounts, clusterConfigs } = options.context.informers;

  const isUsed = ({ identityMode }: ClusterFacts): boolean =>
    accounts.store
      .list()
      .some(
        ({ spec, status }) =>
          (spec.aws.identityMode ?? identityMode) === 'IRSA' ||
          status?.targets?.some((row) => row.linked && row.identityMode !== 'PodIdentity'),
      );

  return {
    name: 'oidc-provider',
    what: 'provider',
    scopeOf: ({ providerArn }) => providerArn,
    failure: 'cannot read the IAM OIDC provider',
    async run(facts, _isFirst, signal) {
      if (!isUsed(facts)) return {};
      const { accountId, issuer, providerArn: arn } = facts;
      let provider: Awaited<ReturnType<CloudAccount['oidcProvider']>>;
      try {
        provider = await options.aws(accountId).oidcProvider(arn, signal);
      } catch (error) {
        // The status of the ClusterConfig reports the missing permission, and token exchanges show whether STS accepts
        // the provider.
        if (error instanceof IdentityError && error.code === 'AccessDenied') return {};
        throw error;
      }
      const found = providerProblem({ accountId, issuer, arn }, provider);
      // The status may have been written during the request to AWS.
      const state = clusterState(clusterConfigs.store.list());
      if (state.ok && state.facts.providerProblem?.reason !== found?.reason) options.onChange();
      return {};
    },
  };
}
