/**
 * Scenarios about OIDC providers, and about role sessions: which callers get a session, how long the session lasts, and
 * which properties the session has.
 */
import {
  AddClientIDToOpenIDConnectProviderCommand,
  CreateOpenIDConnectProviderCommand,
  DeleteOpenIDConnectProviderCommand,
  DeleteRoleCommand,
  GetOpenIDConnectProviderCommand,
  ListOpenIDConnectProvidersCommand,
} from '@aws-sdk/client-iam';
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
} from '@aws-sdk/client-sts';
import { anyDate, anyNumber, anyText, including, matching } from '../matchers.ts';
import { policyText, type ClusterOfPlace } from '../place.ts';
import { answer, failure } from '../scenario.ts';
import type { Kept, Scenario, Scenarios, Step } from '../scenario.ts';
import { newRoleIn, readObjects } from './commands.ts';
import { assumesAnyRole, mintsForAnyToken, missingOperation, unchecked } from './differences.ts';

const thumbprint = '9e99a48a9960b14926bb7f3b02e22da2b0ab7280';

/**
 * Tokens of a cluster's issuer. Each token except the first has one fault. A real cluster signs only some of these
 * tokens; tests sign all of them.
 */
export type Tokens = {
  readonly goodToken: string;
  readonly expiredToken: string;
  /** A token that expired within the five minutes that STS tolerates after `exp`. */
  readonly justExpiredToken: string;
  readonly textExpiryToken: string;
  readonly listSubjectToken: string;
  readonly noSubjectToken: string;
  readonly listIssuerToken: string;
  readonly bareIssuerToken: string;
  readonly slashIssuerToken: string;
  readonly otherAudienceToken: string;
  readonly otherSubjectToken: string;
  readonly otherKeyToken: string;
  readonly otherIssuerToken: string;
};

/** Placeholder that provides names for scenarios that are skipped without a cluster. */
const noCluster: ClusterOfPlace = {
  name: '',
  region: '',
  namespace: '',
  serviceAccount: '',
  issuerHost: 'none.invalid',
  hasProvider: true,
};

export const identityScenarios: Scenarios = (place) => {
  const { accountId, callerArn, name, providerArn, roleArn, sessionArn, tags } = place;
  const { trustAccount, trustNobody, trustRole } = place;
  const newRole = newRoleIn(place);
  const createRole = (short: string, AssumeRolePolicyDocument: string): Step => ({
    iam: newRole(short, { AssumeRolePolicyDocument }),
    gives: answer(),
  });
  const newProvider = (host: string): CreateOpenIDConnectProviderCommand =>
    new CreateOpenIDConnectProviderCommand({
      Url: `https://${host}`,
      ClientIDList: ['sts.amazonaws.com'],
      ThumbprintList: [thumbprint],
      Tags: [...tags],
    });
  const deleteProvider = (host: string): Step => ({
    iam: new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: providerArn(host) }),
    gives: answer(),
  });
  const madeUp = place.madeUpIssuer;
  const cluster = place.cluster ?? noCluster;
  const trustServiceAccount = place.trustServiceAccount(cluster);
  const clusterProviderArn = providerArn(cluster.issuerHost);
  /**
   * A scenario that exchanges tokens of the cluster. If the AWS account already has an OIDC provider for the issuer,
   * the scenario does not change the provider.
   */
  const withCluster = (title: string, ...steps: readonly Step[]): Scenario => ({
    name: title,
    skip: place.cluster ? undefined : 'without a cluster, no issuer signs tokens that AWS accepts',
    steps: cluster.hasProvider
      ? steps
      : [
          {
            iam: newProvider(cluster.issuerHost),
            gives: answer({ OpenIDConnectProviderArn: clusterProviderArn }),
          },
          ...steps,
          deleteProvider(cluster.issuerHost),
        ],
  });
  const withToken = (role: string, token: keyof Tokens): { sts: (kept: Kept) => object; needs: string } => ({
    sts: (kept: Kept) =>
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: roleArn(role),
        RoleSessionName: 'pod',
        WebIdentityToken: kept[token] ?? '',
      }),
    needs: token,
  });
  return [
    {
      name: 'an OIDC provider is created, read and deleted',
      steps: [
        { iam: newProvider(madeUp), gives: answer({ OpenIDConnectProviderArn: providerArn(madeUp) }) },
        {
          iam: new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: providerArn(madeUp) }),
          gives: answer({
            Url: madeUp,
            ClientIDList: ['sts.amazonaws.com'],
            ThumbprintList: [thumbprint],
          }),
        },
        {
          iam: newProvider(madeUp),
          gives: failure('EntityAlreadyExists', 409),
        },
        {
          iam: new AddClientIDToOpenIDConnectProviderCommand({
            OpenIDConnectProviderArn: providerArn(madeUp),
            ClientID: 'other',
          }),
          gives: answer(),
          moto: missingOperation,
        },
        {
          iam: new ListOpenIDConnectProvidersCommand({}),
          gives: answer({ OpenIDConnectProviderList: including([{ Arn: providerArn(madeUp) }]) }),
        },
        deleteProvider(madeUp),
        {
          iam: new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: providerArn(madeUp) }),
          gives: failure('NoSuchEntity', 404),
        },
      ],
    },
    {
      name: 'the URL of an OIDC provider must begin with https',
      steps: [
        {
          iam: new CreateOpenIDConnectProviderCommand({
            Url: `http://${madeUp}`,
            ThumbprintList: [thumbprint],
            Tags: [...tags],
          }),
          gives: failure('ValidationError', 400),
          moto: unchecked,
        },
      ],
    },
    {
      name: 'GetCallerIdentity returns the account and ARN of the caller',
      steps: [
        {
          sts: new GetCallerIdentityCommand({}),
          gives: answer({ Account: accountId, Arn: callerArn }),
        },
      ],
    },
    {
      name: 'a role is assumed, and GetCallerIdentity returns the ARN of the session',
      steps: [
        createRole('assumed', trustAccount),
        {
          sts: new AssumeRoleCommand({ RoleArn: roleArn('assumed'), RoleSessionName: 'session' }),
          gives: answer({
            AssumedRoleUser: {
              Arn: sessionArn('assumed', 'session'),
              AssumedRoleId: matching(/^AROA[A-Z0-9]{17}:session$/),
            },
            Credentials: {
              AccessKeyId: matching(/^ASIA[A-Z0-9]{16}$/),
              SecretAccessKey: anyText,
              SessionToken: anyText,
              Expiration: anyDate,
            },
          }),
          keepCredentials: 'session',
        },
        {
          sts: new GetCallerIdentityCommand({}),
          as: 'session',
          gives: answer({
            Account: accountId,
            Arn: sessionArn('assumed', 'session'),
            UserId: matching(/^AROA[A-Z0-9]{17}:session$/),
          }),
        },
      ],
    },
    {
      name: 'a role can be assumed only by callers that the role trusts',
      steps: [
        createRole('untrusting', trustNobody),
        {
          sts: new AssumeRoleCommand({ RoleArn: roleArn('untrusting'), RoleSessionName: 'session' }),
          gives: failure('AccessDenied', 403, /is not authorized to perform: sts:AssumeRole on resource/),
          moto: assumesAnyRole,
        },
        {
          sts: new AssumeRoleCommand({ RoleArn: roleArn('never-made'), RoleSessionName: 'session' }),
          gives: failure('AccessDenied', 403, /is not authorized to perform: sts:AssumeRole on resource/),
          moto: assumesAnyRole,
        },
      ],
    },
    {
      name: 'the duration of a session cannot exceed the maximum duration of its role',
      skip: place.callerArn.includes(':assumed-role/')
        ? 'the caller is a role session, which can assume other roles for at most an hour'
        : undefined,
      steps: [
        createRole('brief', trustAccount),
        {
          sts: new AssumeRoleCommand({
            RoleArn: roleArn('brief'),
            RoleSessionName: 'session',
            DurationSeconds: 3601,
          }),
          gives: failure(
            'ValidationError',
            400,
            'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
          ),
          moto: { gives: answer(), why: "moto does not check the role's MaxSessionDuration." },
        },
        {
          sts: new AssumeRoleCommand({
            RoleArn: roleArn('brief'),
            RoleSessionName: 'session',
            DurationSeconds: 899,
          }),
          gives: failure('ValidationError', 400, /Member must have value greater than or equal to 900/),
          moto: unchecked,
        },
      ],
    },
    {
      name: 'a session name cannot contain spaces',
      steps: [
        createRole('named', trustAccount),
        {
          sts: new AssumeRoleCommand({ RoleArn: roleArn('named'), RoleSessionName: 'a b' }),
          gives: failure('ValidationError', 400, /'roleSessionName' failed to satisfy constraint/),
          moto: unchecked,
        },
      ],
    },
    {
      name: 'a session policy is validated as strictly as any other policy',
      steps: [
        createRole('narrowed', trustAccount),
        {
          sts: new AssumeRoleCommand({
            RoleArn: roleArn('narrowed'),
            RoleSessionName: 'session',
            Policy: policyText({ Effect: 'Allow', Action: 's3:GetObject' }),
          }),
          gives: failure('MalformedPolicyDocument', 400, 'Policy statement must contain resources.'),
          moto: { gives: answer(), why: 'moto does not validate session policies.' },
        },
        {
          sts: new AssumeRoleCommand({
            RoleArn: roleArn('narrowed'),
            RoleSessionName: 'session',
            Policy: readObjects,
          }),
          gives: answer({ PackedPolicySize: anyNumber }),
        },
      ],
    },
    withCluster(
      'a service account token is exchanged for a session of the role that trusts the service account',
      createRole('web', trustServiceAccount),
      {
        ...withToken('web', 'goodToken'),
        gives: answer({
          SubjectFromWebIdentityToken: `system:serviceaccount:${cluster.namespace}:${cluster.serviceAccount}`,
          Audience: 'sts.amazonaws.com',
          Provider: clusterProviderArn,
          AssumedRoleUser: { Arn: sessionArn('web', 'pod') },
          Credentials: { AccessKeyId: matching(/^ASIA/) },
        }),
        moto: {
          gives: answer({ AssumedRoleUser: { Arn: sessionArn('web', 'pod') } }),
          why: 'moto omits the subject, audience and provider of the token.',
        },
        keepCredentials: 'pod',
      },
      {
        sts: new GetCallerIdentityCommand({}),
        as: 'pod',
        gives: answer({ Arn: sessionArn('web', 'pod') }),
      },
    ),
    withCluster(
      'a token with the wrong subject, audience, age, key or issuer is refused',
      createRole('web-strict', trustServiceAccount),
      {
        ...withToken('web-strict', 'otherSubjectToken'),
        gives: failure('AccessDenied', 403, 'Not authorized to perform sts:AssumeRoleWithWebIdentity'),
        moto: mintsForAnyToken,
      },
      {
        ...withToken('web-strict', 'otherAudienceToken'),
        gives: failure('InvalidIdentityToken', 400, 'Incorrect token audience'),
        moto: mintsForAnyToken,
      },
      {
        ...withToken('web-strict', 'expiredToken'),
        gives: failure('ExpiredToken', 400, /Token expired/),
        moto: mintsForAnyToken,
      },
      {
        ...withToken('web-strict', 'otherKeyToken'),
        gives: failure('InvalidIdentityToken', 400),
        moto: mintsForAnyToken,
      },
      {
        ...withToken('web-strict', 'otherIssuerToken'),
        gives: failure('InvalidIdentityToken', 400, /No OpenIDConnect provider found in your account for/),
        moto: mintsForAnyToken,
      },
    ),
    withCluster(
      'a token is accepted up to five minutes after its expiry',
      createRole('web-late', trustServiceAccount),
      { ...withToken('web-late', 'justExpiredToken'), gives: answer() },
    ),
    withCluster(
      'a token with a claim of the wrong type or with a different spelling of the issuer is refused',
      createRole('web-typed', trustServiceAccount),
      ...(['textExpiryToken', 'listSubjectToken', 'noSubjectToken', 'listIssuerToken'] as const).map(
        (token): Step => ({
          ...withToken('web-typed', token),
          gives: failure('InvalidIdentityToken', 400),
          moto: mintsForAnyToken,
        }),
      ),
      ...(['bareIssuerToken', 'slashIssuerToken'] as const).map((token): Step => ({
        ...withToken('web-typed', token),
        gives: failure('InvalidIdentityToken', 400, /No OpenIDConnect provider found in your account for/),
        moto: mintsForAnyToken,
      })),
    ),
    {
      name: 'a session of a deleted role cannot assume another role',
      steps: [
        createRole('caller', trustAccount),
        {
          sts: new AssumeRoleCommand({ RoleArn: roleArn('caller'), RoleSessionName: 'session' }),
          gives: answer(),
          keepCredentials: 'caller',
        },
        createRole('called', trustRole('caller')),
        {
          sts: new AssumeRoleCommand({ RoleArn: roleArn('called'), RoleSessionName: 'session' }),
          as: 'caller',
          gives: answer(),
        },
        { iam: new DeleteRoleCommand({ RoleName: name('caller') }), gives: answer() },
        ...[[], [createRole('caller', trustAccount)]].flatMap((before): Step[] => [
          ...before,
          {
            sts: new AssumeRoleCommand({ RoleArn: roleArn('called'), RoleSessionName: 'session' }),
            as: 'caller',
            gives: failure('AccessDenied', 403),
            moto: assumesAnyRole,
          },
        ]),
      ],
    },
    {
      name: 'a session policy must have complete ARNs, and can have the version 2008-10-17',
      steps: [
        createRole('narrowed-arn', trustAccount),
        ...['arn:aws:s3', 'arn:aws:s3:*'].map((Resource): Step => ({
          sts: new AssumeRoleCommand({
            RoleArn: roleArn('narrowed-arn'),
            RoleSessionName: 'session',
            Policy: policyText({ Effect: 'Allow', Action: 's3:GetObject', Resource }),
          }),
          gives: failure('MalformedPolicyDocument', 400),
          moto: { gives: answer(), why: 'moto does not validate session policies.' },
        })),
        {
          sts: new AssumeRoleCommand({
            RoleArn: roleArn('narrowed-arn'),
            RoleSessionName: 'session',
            Policy: policyText({ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }, '2008-10-17'),
          }),
          gives: answer(),
        },
      ],
    },
    {
      name: 'an external id, a source identity and session tags must have the documented form',
      steps: [
        createRole('patterned', trustAccount),
        ...[
          { ExternalId: 'a b' },
          { ExternalId: '*' },
          { SourceIdentity: 'aws:me' },
          { Tags: [{ Key: 'aws:x', Value: '1' }] },
          {
            Tags: [
              { Key: 'k', Value: '1' },
              { Key: 'K', Value: '2' },
            ],
          },
          { TransitiveTagKeys: ['team'] },
        ].map((more): Step => ({
          sts: new AssumeRoleCommand({ RoleArn: roleArn('patterned'), RoleSessionName: 'session', ...more }),
          gives: failure('ValidationError', 400),
          moto: unchecked,
        })),
      ],
    },
    withCluster(
      "a valid token is refused for a role that does not trust the token's issuer",
      createRole('web-untrusting', trustNobody),
      {
        ...withToken('web-untrusting', 'goodToken'),
        gives: failure('AccessDenied', 403, 'Not authorized to perform sts:AssumeRoleWithWebIdentity'),
        moto: mintsForAnyToken,
      },
      {
        ...withToken('web-never-made', 'goodToken'),
        gives: failure('AccessDenied', 403, 'Not authorized to perform sts:AssumeRoleWithWebIdentity'),
        moto: mintsForAnyToken,
      },
    ),
  ];
};
