/**
 * Compares the IAM OIDC provider with what the ClusterConfig says of it, once per drift interval and only where an account uses
 * IRSA: without the provider every new pod gets no credentials, while STS refuses nothing that running pods already hold.
 */
import {
  clusterState,
  IdentityError,
  providerProblem,
  type CloudAccount,
  type ClusterFacts,
} from '../../identity/index.ts';
import type { OperatorContext } from '../context.ts';
import { createResync, type Resync } from './resync.ts';

export function createProviderResync(options: {
  readonly context: OperatorContext;
  /** In this AWS account. */
  readonly aws: (accountId: string) => CloudAccount;
  /** Called when the check has something new to report. */
  readonly onChecked: () => void;
  /** Called when the provider is not what the ClusterConfig says. */
  readonly onChange: () => void;
}): Resync {
  const { context, aws, onChecked, onChange } = options;
  const { accounts, clusterConfigs } = context.informers;

  const isUsed = ({ identityMode }: ClusterFacts): boolean =>
    accounts.store
      .list()
      .some(
        ({ spec, status }) =>
          (spec.aws.identityMode ?? identityMode) === 'IRSA' ||
          status?.targets?.some((row) => row.linked && row.identityMode !== 'PodIdentity'),
      );

  return createResync({
    name: 'oidc-provider',
    what: 'provider',
    context,
    scopeOf: ({ providerArn }) => providerArn,
    failure: 'the IAM OIDC provider could not be read',
    onChecked,
    onSuspicion: () => undefined,
    async sweep(facts, _first, signal) {
      if (!isUsed(facts)) return [];
      const { accountId, issuer, providerArn: arn } = facts;
      const provider = await readProvider(aws(accountId), arn, signal);
      if (provider === 'denied') return [];
      const found = providerProblem({ accountId, issuer, arn }, provider);
      // The status may have been written while AWS answered.
      const state = clusterState(clusterConfigs.store.list());
      if (state.ok && state.facts.providerProblem?.reason !== found?.reason) onChange();
      return [];
    },
  });
}

/** Without the right to read the provider, the ClusterConfig says so, and proofs alone show what STS accepts. */
async function readProvider(
  account: CloudAccount,
  arn: string,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<CloudAccount['oidcProvider']>> | 'denied'> {
  try {
    return await account.oidcProvider(arn, signal);
  } catch (error) {
    if (error instanceof IdentityError && error.code === 'AccessDenied') return 'denied';
    throw error;
  }
}
