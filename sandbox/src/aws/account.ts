/** One AWS account with its users, keys and services, independent of the transport. */
import type { Partition } from '../../../src/api/partition-names.ts';
import type { EvaluationRequest } from '../../../src/policy/model.ts';
import { createAuthenticator } from './authenticate.ts';
import type { Authenticator } from './authenticate.ts';
import type { CredentialStore, UserCredential } from './credentials.ts';
import { createCredentialStore } from './credentials.ts';
import { eksActions } from './eks/actions.ts';
import type { EksCluster, EksState } from './eks/state.ts';
import { createEksState } from './eks/state.ts';
import { eksAuthActions } from './eks-auth/actions.ts';
import type { Faults } from './faults/faults.ts';
import { iamActions } from './iam/actions.ts';
import { createAwsManagedPolicies } from './iam/aws-managed.ts';
import { readPolicy } from './iam/documents.ts';
import { newProvider } from './iam/oidc-providers.ts';
import type { IamQuotas } from './iam/quotas.ts';
import { defaultQuotas } from './iam/quotas.ts';
import { IamState } from './iam/state.ts';
import type { Identifiers } from './identifiers.ts';
import { createS3Service } from './s3/service.ts';
import { stsActions } from './sts/actions.ts';
import type { IssuerKeys } from './sts/token-verifier.ts';
import { createTokenVerifier } from './sts/token-verifier.ts';
import { createQueryService } from './wire/query-service.ts';
import { createRestJsonService } from './wire/rest-json-service.ts';
import type { Caller, Service, ServiceName } from './wire/service.ts';

export type AwsCredential = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** ARN of an IAM user, which is created together with the account. */
  readonly principalArn: string;
  /** Inline policy documents of the user, as JSON values. */
  readonly policies: readonly object[];
};

export type AccountOptions = {
  readonly partition?: Partition;
  /** Twelve digits. */
  readonly accountId: string;
  readonly region: string;
  readonly credentials: readonly AwsCredential[];
  /** Fetches the key document of an OIDC issuer. */
  readonly issuerKeys: IssuerKeys;
  readonly clusters: readonly EksCluster[];
  /** OIDC providers that exist from the start; IAM calls can create more. */
  readonly oidcProviders?: readonly { readonly issuer: string; readonly clientIds: readonly string[] }[];
  /** Called for each permission that is checked, with the ARN of the caller. */
  readonly onCheck?: ((principalArn: string, permission: EvaluationRequest) => void) | undefined;
  /** Whether callers need permissions for their calls (default: true). Trust policies always apply. */
  readonly enforceCallerPolicies?: boolean;
  /** Quotas that differ from AWS's defaults. */
  readonly quotas?: Partial<IamQuotas>;
};

export type Account = {
  readonly state: IamState;
  readonly eks: EksState;
  readonly credentials: CredentialStore;
  readonly authenticate: Authenticator;
  readonly services: Readonly<Record<ServiceName, Service>>;
  /** Returns the service that an action of the Query protocol belongs to. */
  readonly serviceOfAction: (action: string) => ServiceName | undefined;
};

export function createAccount(
  options: AccountOptions,
  runtime: { readonly identifiers: Identifiers; readonly faults: Faults; readonly startedAt: number },
): Account {
  const { accountId, region, partition = 'aws' } = options;
  const { identifiers, faults, startedAt } = runtime;
  const users = options.credentials.map((given) =>
    toUser(given, partition, accountId, identifiers, startedAt),
  );
  const state = new IamState({
    partition,
    accountId,
    quotas: { ...defaultQuotas, ...options.quotas },
    awsManaged: createAwsManagedPolicies(partition),
    users: users.map(({ user }) => user),
  });
  for (const { issuer, clientIds } of options.oidcProviders ?? []) {
    const provider = newProvider({ issuer, clientIds, thumbprints: [], tags: [] }, state, startedAt);
    // Stores the provider as of time 0, so that even a read with the maximum staleness returns the provider.
    state.putProvider(provider, 0);
  }
  const credentials = createCredentialStore(users, identifiers);
  const tokens = createTokenVerifier(options.issuerKeys);
  const eks = createEksState({
    partition,
    region,
    accountId,
    clusters: options.clusters,
    createdAt: startedAt,
  });
  return {
    state,
    eks,
    credentials,
    authenticate: createAuthenticator({
      credentials,
      state,
      authorisesAsOf: faults.authorisesAsOf,
      adjust(caller) {
        const { onCheck } = options;
        const given = options.enforceCallerPolicies === false ? allowEverything(caller) : caller;
        return onCheck ? { ...given, onCheck: (checked) => onCheck(caller.principalArn, checked) } : given;
      },
    }),
    services: {
      iam: createQueryService({
        version: '2010-05-08',
        namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
        actions: iamActions,
        env: { state, identifiers, faults },
        revision: () => state.revision,
      }),
      sts: createQueryService({
        version: '2011-06-15',
        namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
        actions: stsActions,
        env: { state, credentials, faults, tokens },
        revision: () => state.revision,
      }),
      eks: createRestJsonService({
        prefix: 'eks',
        actions: eksActions,
        env: { eks, iam: state, faults, identifiers },
      }),
      'eks-auth': createRestJsonService({
        prefix: 'eks-auth',
        actions: eksAuthActions,
        env: { eks, iam: state, credentials, faults, identifiers, tokens },
      }),
      s3: createS3Service({ partition }),
    },
    serviceOfAction: (action) => {
      if (stsActions.some(({ name }) => name === action)) return 'sts';
      return iamActions.some(({ name }) => name === action) ? 'iam' : undefined;
    },
  };
}

function toUser(
  given: AwsCredential,
  partition: Partition,
  accountId: string,
  identifiers: Identifiers,
  now: number,
): UserCredential {
  const { principalArn: arn } = given;
  const prefix = `arn:${partition}:iam::${accountId}:user/`;
  if (!arn.startsWith(prefix)) {
    throw new Error(`${arn} is not a user of the account ${accountId}: its ARN must begin with ${prefix}`);
  }
  const pathAndName = arn.slice(prefix.length);
  const slash = pathAndName.lastIndexOf('/');
  return {
    kind: 'user',
    accessKeyId: given.accessKeyId,
    secretAccessKey: given.secretAccessKey,
    user: {
      name: pathAndName.slice(slash + 1),
      path: `/${pathAndName.slice(0, slash + 1)}`,
      id: identifiers.uniqueId('AIDA'),
      arn,
      createdAt: now,
      inlinePolicies: given.policies.map((document, index) => ({
        name: `policy-${index + 1}`,
        policy: readPolicy(JSON.stringify(document), 'identity'),
      })),
    },
  };
}

const everything = readPolicy(
  JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }),
  'identity',
);

const allowEverything = (caller: Caller): Caller => ({
  ...caller,
  policies: [{ id: 'everything', document: everything.document }],
  boundary: undefined,
  sessionPolicies: undefined,
});
