/** OIDC providers and role sessions: which callers get a session, its duration, and its properties. */
import {
  AddClientIDToOpenIDConnectProviderCommand,
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
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
import { expect } from 'vitest';
import { accountId, answer, failure } from '../scenario.ts';
import type { Kept, Scenario, Step } from '../scenario.ts';
import { assumesAnyRole, mintsForAnyToken, missingOperation, unchecked } from './differences.ts';
import {
  issuerHost,
  policyText,
  providerArn,
  readObjects,
  roleArn,
  trustAccount,
  trustNobody,
  trustRole,
  trustServiceAccount,
} from './documents.ts';

const thumbprint = '9e99a48a9960b14926bb7f3b02e22da2b0ab7280';
const createProvider: Step = {
  iam: new CreateOpenIDConnectProviderCommand({
    Url: `https://${issuerHost}`,
    ClientIDList: ['sts.amazonaws.com'],
    ThumbprintList: [thumbprint],
  }),
  gives: answer({ OpenIDConnectProviderArn: providerArn }),
};
const deleteProvider: Step = {
  iam: new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: providerArn }),
  gives: answer(),
};
const createRole = (RoleName: string, AssumeRolePolicyDocument: string): Step => ({
  iam: new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }),
  gives: answer(),
});
const withToken =
  (role: string, token: keyof Tokens, rest: object = {}) =>
  (kept: Kept): AssumeRoleWithWebIdentityCommand =>
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: roleArn(role),
      RoleSessionName: 'pod',
      WebIdentityToken: kept[token] ?? '',
      ...rest,
    });

/** Tokens that the test's issuer signs; each except the first is faulty in one way. */
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

export const identityScenarios: readonly Scenario[] = [
  {
    name: 'an OIDC provider is made, read and deleted',
    steps: [
      createProvider,
      {
        iam: new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: providerArn }),
        gives: answer({ Url: issuerHost, ClientIDList: ['sts.amazonaws.com'], ThumbprintList: [thumbprint] }),
      },
      {
        iam: new CreateOpenIDConnectProviderCommand({
          Url: `https://${issuerHost}`,
          ThumbprintList: [thumbprint],
        }),
        gives: failure('EntityAlreadyExists', 409),
      },
      {
        iam: new AddClientIDToOpenIDConnectProviderCommand({
          OpenIDConnectProviderArn: providerArn,
          ClientID: 'other',
        }),
        gives: answer(),
        moto: missingOperation,
      },
      {
        iam: new ListOpenIDConnectProvidersCommand({}),
        gives: answer({ OpenIDConnectProviderList: [{ Arn: providerArn }] }),
      },
      deleteProvider,
      {
        iam: new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: providerArn }),
        gives: failure('NoSuchEntity', 404),
      },
    ],
  },
  {
    name: 'an OIDC provider has an https address',
    steps: [
      {
        iam: new CreateOpenIDConnectProviderCommand({
          Url: 'http://issuer.example.com',
          ThumbprintList: [thumbprint],
        }),
        gives: failure('ValidationError', 400),
        moto: unchecked,
      },
    ],
  },
  {
    name: 'a caller is told who it is',
    steps: [
      {
        sts: new GetCallerIdentityCommand({}),
        gives: answer({ Account: accountId, Arn: expect.stringContaining(`:${accountId}:user/`) }),
      },
    ],
  },
  {
    name: 'a role is assumed, and the session is told who it is',
    steps: [
      createRole('assumed', trustAccount),
      {
        sts: new AssumeRoleCommand({ RoleArn: roleArn('assumed'), RoleSessionName: 'session' }),
        gives: answer({
          AssumedRoleUser: {
            Arn: `arn:aws:sts::${accountId}:assumed-role/assumed/session`,
            AssumedRoleId: expect.stringMatching(/^AROA[A-Z0-9]{17}:session$/),
          },
          Credentials: {
            AccessKeyId: expect.stringMatching(/^ASIA[A-Z0-9]{16}$/),
            SecretAccessKey: expect.any(String),
            SessionToken: expect.any(String),
            Expiration: expect.any(Date),
          },
        }),
        keepCredentials: 'session',
      },
      {
        sts: new GetCallerIdentityCommand({}),
        as: 'session',
        gives: answer({
          Account: accountId,
          Arn: `arn:aws:sts::${accountId}:assumed-role/assumed/session`,
          UserId: expect.stringMatching(/^AROA[A-Z0-9]{17}:session$/),
        }),
      },
    ],
  },
  {
    name: 'a role is assumed only by whom it trusts',
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
    name: 'a session lasts no longer than its role allows',
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
        moto: { gives: answer(), why: "moto does not compare with the role's MaxSessionDuration." },
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
    name: 'a session has a name without spaces',
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
    name: 'a session policy is read as strictly as any other',
    steps: [
      createRole('narrowed', trustAccount),
      {
        sts: new AssumeRoleCommand({
          RoleArn: roleArn('narrowed'),
          RoleSessionName: 'session',
          Policy: policyText({ Effect: 'Allow', Action: 's3:GetObject' }),
        }),
        gives: failure('MalformedPolicyDocument', 400, 'Policy statement must contain resources.'),
        moto: { gives: answer(), why: 'moto does not read session policies.' },
      },
      {
        sts: new AssumeRoleCommand({
          RoleArn: roleArn('narrowed'),
          RoleSessionName: 'session',
          Policy: readObjects,
        }),
        gives: answer({ PackedPolicySize: expect.any(Number) }),
      },
    ],
  },
  {
    name: 'a service account gets a session of its role',
    steps: [
      createProvider,
      createRole('web', trustServiceAccount),
      {
        sts: withToken('web', 'goodToken'),
        gives: answer({
          SubjectFromWebIdentityToken: 'system:serviceaccount:production:myaccount',
          Audience: 'sts.amazonaws.com',
          Provider: providerArn,
          AssumedRoleUser: { Arn: `arn:aws:sts::${accountId}:assumed-role/web/pod` },
          Credentials: { AccessKeyId: expect.stringMatching(/^ASIA/) },
        }),
        moto: {
          gives: answer({ AssumedRoleUser: { Arn: `arn:aws:sts::${accountId}:assumed-role/web/pod` } }),
          why: 'moto leaves out what the token said: subject, audience and provider.',
        },
        keepCredentials: 'pod',
      },
      {
        sts: new GetCallerIdentityCommand({}),
        as: 'pod',
        gives: answer({ Arn: `arn:aws:sts::${accountId}:assumed-role/web/pod` }),
      },
      deleteProvider,
    ],
  },
  {
    name: 'a token is refused for its subject, audience, age, key and issuer',
    steps: [
      createProvider,
      createRole('web-strict', trustServiceAccount),
      {
        sts: withToken('web-strict', 'otherSubjectToken'),
        gives: failure('AccessDenied', 403, 'Not authorized to perform sts:AssumeRoleWithWebIdentity'),
        moto: mintsForAnyToken,
      },
      {
        sts: withToken('web-strict', 'otherAudienceToken'),
        gives: failure('InvalidIdentityToken', 400, 'Incorrect token audience'),
        moto: mintsForAnyToken,
      },
      {
        sts: withToken('web-strict', 'expiredToken'),
        gives: failure('ExpiredToken', 400, /Token expired/),
        moto: mintsForAnyToken,
      },
      {
        sts: withToken('web-strict', 'otherKeyToken'),
        gives: failure('InvalidIdentityToken', 400),
        moto: mintsForAnyToken,
      },
      {
        sts: withToken('web-strict', 'otherIssuerToken'),
        gives: failure('InvalidIdentityToken', 400, /No OpenIDConnect provider found in your account for/),
        moto: mintsForAnyToken,
      },
      deleteProvider,
    ],
  },
  {
    name: 'a token may have expired up to five minutes ago',
    steps: [
      createProvider,
      createRole('web-late', trustServiceAccount),
      { sts: withToken('web-late', 'justExpiredToken'), gives: answer() },
      deleteProvider,
    ],
  },
  {
    name: 'a token is refused for claims of the wrong type, and for an issuer in another spelling',
    steps: [
      createProvider,
      createRole('web-typed', trustServiceAccount),
      ...(['textExpiryToken', 'listSubjectToken', 'noSubjectToken', 'listIssuerToken'] as const).map(
        (token): Step => ({
          sts: withToken('web-typed', token),
          gives: failure('InvalidIdentityToken', 400),
          moto: mintsForAnyToken,
        }),
      ),
      ...(['bareIssuerToken', 'slashIssuerToken'] as const).map((token): Step => ({
        sts: withToken('web-typed', token),
        gives: failure('InvalidIdentityToken', 400, /No OpenIDConnect provider found in your account for/),
        moto: mintsForAnyToken,
      })),
      deleteProvider,
    ],
  },
  {
    name: 'a session of a deleted role assumes no other',
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
      { iam: new DeleteRoleCommand({ RoleName: 'caller' }), gives: answer() },
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
    name: 'a session policy has complete ARNs, and may be of the old version',
    steps: [
      createRole('narrowed-arn', trustAccount),
      ...['arn:aws:s3', 'arn:aws:s3:*'].map((Resource): Step => ({
        sts: new AssumeRoleCommand({
          RoleArn: roleArn('narrowed-arn'),
          RoleSessionName: 'session',
          Policy: policyText({ Effect: 'Allow', Action: 's3:GetObject', Resource }),
        }),
        gives: failure('MalformedPolicyDocument', 400),
        moto: { gives: answer(), why: 'moto does not read session policies.' },
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
    name: 'a session has an external id and a source identity of the documented characters',
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
  {
    name: 'a good token is of no use for a role that does not trust its issuer',
    steps: [
      createProvider,
      createRole('web-untrusting', trustNobody),
      {
        sts: withToken('web-untrusting', 'goodToken'),
        gives: failure('AccessDenied', 403, 'Not authorized to perform sts:AssumeRoleWithWebIdentity'),
        moto: mintsForAnyToken,
      },
      {
        sts: withToken('web-never-made', 'goodToken'),
        gives: failure('AccessDenied', 403, 'Not authorized to perform sts:AssumeRoleWithWebIdentity'),
        moto: mintsForAnyToken,
      },
      deleteProvider,
    ],
  },
];
