/** What the AWS account says about itself. */
import {
  GetAccountSummaryCommand,
  GetOpenIDConnectProviderCommand,
  type IAMClient,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import { partitionOf, type CloudAccount } from '../identity/index.ts';
import { classifyAwsError } from './errors.ts';

export function createAwsCloudAccount(iam: IAMClient, sts: STSClient): CloudAccount {
  const options = (signal: AbortSignal | undefined): { abortSignal?: AbortSignal } =>
    signal ? { abortSignal: signal } : {};
  return {
    async callerIdentity(signal) {
      try {
        const { Account: accountId = '', Arn: arn = '' } = await sts.send(
          new GetCallerIdentityCommand({}),
          options(signal),
        );
        return { accountId, arn, partition: partitionOf(arn) };
      } catch (error) {
        throw classifyAwsError(error, 'sts:GetCallerIdentity');
      }
    },

    async oidcProvider(arn, signal) {
      try {
        const provider = await iam.send(
          new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn }),
          options(signal),
        );
        return { clientIds: provider.ClientIDList ?? [] };
      } catch (error) {
        if (error instanceof Error && error.name.startsWith('NoSuchEntity')) return undefined;
        throw classifyAwsError(error, `iam:GetOpenIDConnectProvider on ${arn}`);
      }
    },

    async quotas(signal) {
      try {
        const { SummaryMap: summary = {} } = await iam.send(
          new GetAccountSummaryCommand({}),
          options(signal),
        );
        return {
          policiesPerRole: summary['AttachedPoliciesPerRoleQuota'] ?? 10,
          trustPolicySize: summary['AssumeRolePolicySizeQuota'] ?? 2048,
          roles: summary['RolesQuota'] ?? 1000,
          rolesUsed: summary['Roles'] ?? 0,
        };
      } catch (error) {
        throw classifyAwsError(error, 'iam:GetAccountSummary');
      }
    },
  };
}
