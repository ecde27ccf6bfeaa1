/** Reads facts about the AWS account: the caller identity, the quotas and the OIDC providers. */
import {
  GetAccountSummaryCommand,
  GetOpenIDConnectProviderCommand,
  type IAMClient,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import { IdentityError, partitionOf, type CloudAccount } from '../identity/index.ts';
import type { Calls } from './calls.ts';

export function createAwsCloudAccount(options: {
  readonly iam: IAMClient;
  readonly iamCalls: Calls;
  readonly sts: STSClient;
  readonly stsCalls: Calls;
}): CloudAccount {
  const { iam, iamCalls, sts, stsCalls } = options;
  return {
    async callerIdentity(signal) {
      const { Account: accountId = '', Arn: arn = '' } = await stsCalls(
        { action: 'GetCallerIdentity', read: true, signal },
        (attempt) => sts.send(new GetCallerIdentityCommand({}), attempt),
      );
      return { accountId, arn, partition: partitionOf(arn) };
    },

    async oidcProvider(arn, signal) {
      try {
        const provider = await iamCalls(
          { action: 'GetOpenIDConnectProvider', on: arn, read: true, signal },
          (attempt) =>
            iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn }), attempt),
        );
        return { clientIds: provider.ClientIDList ?? [], thumbprints: provider.ThumbprintList ?? [] };
      } catch (error) {
        const cause = error instanceof IdentityError ? error.cause : error;
        if (cause instanceof Error && cause.name.startsWith('NoSuchEntity')) return undefined;
        throw error;
      }
    },

    async quotas(signal) {
      const { SummaryMap: summary = {} } = await iamCalls(
        { action: 'GetAccountSummary', read: true, signal },
        (attempt) => iam.send(new GetAccountSummaryCommand({}), attempt),
      );
      return {
        policiesPerRole: summary['AttachedPoliciesPerRoleQuota'] ?? 10,
        trustPolicySize: summary['AssumeRolePolicySizeQuota'] ?? 2048,
        roles: summary['RolesQuota'] ?? 1000,
        rolesUsed: summary['Roles'] ?? 0,
      };
    },
  };
}
