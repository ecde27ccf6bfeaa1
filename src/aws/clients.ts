/** AWS clients of the process, one per service. They use the SDK's default chain for credentials and endpoints. */
import { IAMClient } from '@aws-sdk/client-iam';
import { STSClient } from '@aws-sdk/client-sts';
import { EKSClient } from '@aws-sdk/client-eks';
import { createEksAuthClient, type EksAuthClient } from '../eks-auth/client.ts';
import type {
  AssociationStore,
  CloudAccount,
  IdentityProver,
  PodIdentityProver,
  RoleStore,
} from '../identity/index.ts';
import { createAwsAgents, type AwsEnv } from './agents.ts';
import { createAccountGuard } from './account-guard.ts';
import { createAwsCloudAccount } from './aws-cloud-account.ts';
import { callsOf } from './calls.ts';
import { createEksAssociationStore } from './eks-association-store.ts';
import { classifyEksError } from './errors.ts';
import { createIamAccessReader, type AccessReader } from './iam-access-reader.ts';
import { createIamPolicyReader, type PolicyReader } from './iam-policy-reader.ts';
import { createIamRoleStore } from './iam-role-store.ts';
import type { Caller } from './scheduler.ts';
import type { AwsSchedulers } from './schedulers.ts';
import { createEksAuthProver, createStsIdentityProver } from './identity-provers.ts';
import type { Monotonic } from '../k8s/time.ts';

/** AWS services for the Pod Identity of one cluster. */
export type PodIdentityAws = {
  readonly associations: AssociationStore;
  readonly prover: PodIdentityProver;
};

export type AwsConnection = {
  /** Returns AWS services whose calls are made on behalf of this caller. */
  as(caller: Caller): {
    readonly roles: RoleStore;
    readonly prover: IdentityProver;
    readonly account: CloudAccount;
    readonly policies: PolicyReader;
    readonly access: AccessReader;
    readonly podIdentity: (clusterName: string) => PodIdentityAws;
  };
  close(): void;
};

export function connectAws(options: {
  readonly region: string;
  readonly userAgent: string;
  readonly env: AwsEnv;
  /** Clock for the start times of listings. */
  readonly now: () => Monotonic;
  readonly schedulers: AwsSchedulers;
  /**
   * Called right before the first byte of a request that may be a write, after all waiting. It can throw to prevent the
   * request. On an established connection, it is also called for reads, because the HTTP agent cannot distinguish reads
   * from writes.
   */
  readonly beforeWrite?: (() => void) | undefined;
  /** Frees network buffers that are no longer in use. Called every few megabytes of a listing. */
  readonly releaseBuffers?: (() => void) | undefined;
}): AwsConnection {
  const { schedulers, now, beforeWrite, releaseBuffers } = options;
  const common = {
    region: options.region,
    // The scheduler retries failed calls and limits the rate, so the SDK must not retry.
    maxAttempts: 1,
    customUserAgent: options.userAgent,
    // IAM responds within one or two seconds. The timeout prevents a hanging connection from blocking a reconcile for
    // minutes.
    requestHandler: {
      requestTimeout: 15_000,
      throwOnRequestTimeout: true,
      ...createAwsAgents(options.env, beforeWrite),
    },
  };
  const iam = new IAMClient(common);
  // All clients share the same credentials, so a check of these credentials with one client applies to the others.
  const { credentials } = iam.config;
  const sts = new STSClient({ ...common, credentials });
  let eks: { readonly client: EKSClient; readonly auth: EksAuthClient } | undefined;
  const eksClients = (): NonNullable<typeof eks> =>
    (eks ??= {
      client: new EKSClient({ ...common, credentials }),
      auth: createEksAuthClient({ ...common, credentials }),
    });
  const accountOf = (caller: Caller): CloudAccount =>
    createAwsCloudAccount({
      iam,
      iamCalls: callsOf('iam', schedulers.iam, caller),
      sts,
      stsCalls: callsOf('sts', schedulers.sts, caller),
    });
  const guard = createAccountGuard({
    accessKeyId: async () => (await credentials()).accessKeyId,
    callerIdentity: () => accountOf({ owner: 'credentials', priority: 'interactive' }).callerIdentity(),
  });
  return {
    as(caller) {
      const { accountId } = caller;
      const beforeCall = accountId === undefined ? undefined : () => guard.assertAccount(accountId);
      const iamCalls = callsOf('iam', schedulers.iam, caller, { beforeCall, beforeWrite });
      const listingCalls = callsOf('iam', schedulers.iamListing, caller, { beforeCall });
      return {
        roles: createIamRoleStore({ iam, calls: iamCalls, listingCalls, now, releaseBuffers }),
        prover: createStsIdentityProver({ sts, scheduler: schedulers.sts, caller, beforeWrite }),
        account: { ...accountOf(caller), callerIdentity: (signal) => guard.callerIdentity(signal) },
        policies: createIamPolicyReader({ iam, calls: iamCalls }),
        access: createIamAccessReader({ iam, calls: iamCalls }),
        podIdentity: (clusterName) => {
          const { client, auth } = eksClients();
          return {
            associations: createEksAssociationStore({
              eks: client,
              calls: callsOf('eks', schedulers.eks, caller, {
                classify: classifyEksError,
                beforeCall,
                beforeWrite,
              }),
              listingCalls: callsOf('eks', schedulers.eksListing, caller, {
                classify: classifyEksError,
                beforeCall,
              }),
              clusterName,
              now,
            }),
            prover: createEksAuthProver({
              auth,
              scheduler: schedulers.eksAuth,
              caller,
              clusterName,
              beforeWrite,
            }),
          };
        },
      };
    },
    close() {
      iam.destroy();
      sts.destroy();
      eks?.client.destroy();
      eks?.auth.close();
    },
  };
}
