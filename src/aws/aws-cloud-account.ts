/** Reads facts about the AWS account: the caller identity, the quotas and the OIDC providers. */
import {
  GetAccountSummaryCommand,
  GetOpenIDConnectProviderCommand,
  type IAMClient,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import { IdentityError, partitionOf, type CloudAccount } from '../identity/index.ts';
import { senderOf, type Calls } from './calls.ts';

export function createAwsCloudAccount(options: {
  readonly iam: IAMClient;
  readonly iamCalls: Calls;
  readonly sts: STSClient;
  readonly stsCalls: Calls;
}): CloudAccount {
  const sendIam = senderOf(options.iam, options.iamCalls);
  const sendSts = senderOf(options.sts, options.stsCalls);
  return {
    async callerIdentity(signal) {
      const { Account: accountId = '', Arn: arn = '' } = await sendSts(
        { action: 'GetCallerIdentity', read: true, signal },
        new GetCallerIdentityCommand({}),
      );
      return { accountId, arn, partition: partitionOf(arn) };
    },

    async oidcProvider(arn, signal) {
      try {
        const provider = await sendIam(
          { action: 'GetOpenIDConnectProvider', on: arn, read: true, signal },
          new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn }),
        );
        return { clientIds: provider.ClientIDList ?? [], thumbprints: provider.ThumbprintList ?? [] };
      } catch (error) {
        const cause = error instanceof IdentityError ? error.cause : error;
        if (cause instanceof Error && cause.name.startsWith('NoSuchEntity')) return undefined;
        throw error;
      }
    },

    async quotas(signal) {
      const { SummaryMap: summary = {} } = await sendIam(
        { action: 'GetAccountSummary', read: true, signal },
        new GetAccountSummaryCommand({}),
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
