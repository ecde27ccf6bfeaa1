/**
 * Compares the IAM OIDC provider with the ClusterConfig while an account uses IRSA. Without the provider, new pods get
 * no credentials. Running pods keep their credentials until these expire.
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
  /** Returns the client for the AWS account. */
  readonly aws: (accountId: string) => CloudAccount;
  /** Called when the state of the provider differs from the ClusterConfig's status. */
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
        // A denied read is not reported here, because the ClusterConfig's status already reports the missing
        // permission. Token exchanges still show whether STS accepts the provider.
        if (error instanceof IdentityError && error.code === 'AccessDenied') return {};
        throw error;
      }
      const found = providerProblem({ accountId, issuer, arn }, provider);
      // The status is read after the AWS request, since it may have been written during the request.
      const state = clusterState(clusterConfigs.store.list());
      if (state.ok && state.facts.providerProblem?.reason !== found?.reason) options.onChange();
      return {};
    },
  };
}
