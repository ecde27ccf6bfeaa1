/** The way to AWS: one client per service for the whole process. Credentials and endpoints come from the SDK's ordinary chain. */
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
import { ConnectionAgent } from '../http/index.ts';
import { createAccountGuard } from './account-guard.ts';
import { createAwsCloudAccount } from './aws-cloud-account.ts';
import { callsOf } from './calls.ts';
import { createEksAssociationStore } from './eks-association-store.ts';
import { createEksAuthProver } from './eks-auth-prover.ts';
import { classifyEksError } from './errors.ts';
import { createIamPolicyReader, type PolicyReader } from './iam-policy-reader.ts';
import { createIamRoleStore } from './iam-role-store.ts';
import type { Caller } from './scheduler.ts';
import type { AwsSchedulers } from './schedulers.ts';
import { createStsIdentityProver } from './sts-identity-prover.ts';
import type { Monotonic } from '../k8s/time.ts';

/** EKS Pod Identity on one cluster. */
export type PodIdentityAws = {
  readonly associations: AssociationStore;
  readonly prover: PodIdentityProver;
};

export type AwsConnection = {
  /** AWS on somebody's behalf. */
  as(caller: Caller): {
    readonly roles: RoleStore;
    readonly prover: IdentityProver;
    readonly account: CloudAccount;
    readonly policies: PolicyReader;
    readonly podIdentity: (clusterName: string) => PodIdentityAws;
  };
  close(): void;
};

export function connectAws(options: {
  readonly region: string;
  readonly userAgent: string;
  /** Milliseconds, by the clock of whoever keeps what is read: it tells when a listing was begun. */
  readonly now: () => Monotonic;
  readonly schedulers: AwsSchedulers;
  /**
   * Called right before anything is sent that may write, however long it waited for its turn or for a connection; throws to
   * call it off. Once a connection is there it is called for reads too, as from there on nobody knows what is sent.
   */
  readonly beforeWrite?: (() => void) | undefined;
}): AwsConnection {
  const { schedulers, now, beforeWrite } = options;
  const connections = { connectMs: 3_000, idleMs: 60_000, maxSockets: 50, guard: beforeWrite };
  const common = {
    region: options.region,
    // Slowing down and repeating is the scheduler's.
    maxAttempts: 1,
    customUserAgent: options.userAgent,
    // IAM answers within a second or two; a connection that hangs must not hold a reconcile for minutes.
    requestHandler: {
      requestTimeout: 15_000,
      throwOnRequestTimeout: true,
      httpAgent: new ConnectionAgent(connections),
      httpsAgent: new ConnectionAgent({ ...connections, tls: {} }),
    },
  };
  const iam = new IAMClient(common);
  // All sign with the same credentials, so that what is known of one's is true of the others'.
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
      return {
        roles: createIamRoleStore({ iam, calls: iamCalls, now }),
        prover: createStsIdentityProver({ sts, scheduler: schedulers.sts, caller, beforeWrite }),
        account: { ...accountOf(caller), callerIdentity: (signal) => guard.callerIdentity(signal) },
        policies: createIamPolicyReader({ iam, calls: iamCalls }),
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
