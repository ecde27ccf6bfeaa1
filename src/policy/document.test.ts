import { describe, expect, test } from 'vitest';
import { parsePolicyDocument } from './document.ts';

const allowAll = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
const identity = (statement: unknown, rest: object = {}): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statement, ...rest });
const trusted = {
  Effect: 'Allow',
  Principal: { Federated: 'arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/X' },
  Action: 'sts:AssumeRoleWithWebIdentity',
};

describe('identity policies that IAM accepts', () => {
  const cases: Record<string, string> = {
    'one statement as an object': identity(allowAll),
    'a list of statements': identity([allowAll, { ...allowAll, Effect: 'Deny' }]),
    'an id and sids': identity(
      [
        { ...allowAll, Sid: 'One1' },
        { ...allowAll, Sid: '' },
      ],
      { Id: 'x' },
    ),
    'NotAction and NotResource': identity({
      Effect: 'Deny',
      NotAction: 'iam:*',
      NotResource: ['arn:aws:s3:::b'],
    }),
    'the action *': identity({ ...allowAll, Action: '*' }),
    'any partition': identity({ ...allowAll, Resource: 'arn:*:s3:::b/*' }),
    'all of IAM in an account': identity({ ...allowAll, Resource: 'arn:aws:iam::111122223333:*' }),
    'a variable as the account': identity({
      ...allowAll,
      Resource: 'arn:aws:iam::${aws:PrincipalAccount}:role/app-*',
    }),
    'an S3 access point in a region': identity({
      ...allowAll,
      Resource: 'arn:aws:s3:us-east-1:111122223333:accesspoint/a',
    }),
    'boolean and number condition values': identity({
      ...allowAll,
      Condition: { Bool: { 'aws:SecureTransport': true }, NumericLessThan: { 's3:max-keys': 10 } },
    }),
    'set operators with IfExists': identity({
      ...allowAll,
      Condition: { 'ForAllValues:StringLikeIfExists': { 'aws:TagKeys': ['a*'] } },
    }),
    'a tag key with colons': identity({
      ...allowAll,
      Condition: { StringEquals: { 'aws:ResourceTag/aws:cloudformation:stack-name': 'x' } },
    }),
    'an encryption context': identity({
      ...allowAll,
      Condition: { StringEquals: { 'kms:EncryptionContext:aws:s3:arn': 'x' } },
    }),
    'dates as ISO 8601 and as epoch seconds': identity({
      ...allowAll,
      Condition: {
        DateLessThan: { 'aws:CurrentTime': ['2026-01-31T12:00:00Z', '2026-01-31', '1769860800'] },
      },
    }),
  };
  test.each(Object.entries(cases))('%s', (_name, text) => {
    expect(parsePolicyDocument(text, 'identity')).toMatchObject({ ok: true });
    expect(parsePolicyDocument(text, 'session')).toMatchObject({ ok: true });
  });
});

describe('inline and session policies', () => {
  test.each(['identity', 'session'] as const)(
    'a policy of the kind %s can have version 2008-10-17, which is the default',
    (kind) => {
      const old = JSON.stringify({ Version: '2008-10-17', Statement: allowAll });
      const without = JSON.stringify({ Statement: allowAll });
      for (const text of [old, without])
        expect(parsePolicyDocument(text, kind)).toMatchObject({
          ok: true,
          document: { version: '2008-10-17' },
        });
    },
  );

  test.each([
    'arn:aws:s3',
    'arn:aws:s3:*',
    'arn:aws:sqs:us-east-1:111122223333',
    'arn:aws:sqs:*:${aws:PrincipalAccount}',
  ])('a session policy with the incomplete ARN %s is refused', (resource) => {
    const text = identity({ ...allowAll, Resource: ['arn:aws:s3:::b', resource] });
    expect(parsePolicyDocument(text, 'identity')).toMatchObject({ ok: true });
    expect(parsePolicyDocument(text, 'session')).toMatchObject({ ok: false });
  });
});

describe('managed policies that IAM refuses, with its message', () => {
  const syntax = 'Syntax errors in policy.';
  const legacy = 'The policy failed legacy parsing';
  const cases: Record<string, [string, string]> = {
    'no JSON': ['{', syntax],
    'no object': ['[]', syntax],
    'an unknown top element': [identity(allowAll, { Conditions: {} }), syntax],
    'an unknown version': [JSON.stringify({ Version: '2020-01-01', Statement: allowAll }), syntax],
    'no version': [
      JSON.stringify({ Statement: allowAll }),
      'Policy document must be version 2012-10-17 or greater.',
    ],
    'the old version': [
      JSON.stringify({ Version: '2008-10-17', Statement: allowAll }),
      'Policy document must be version 2012-10-17 or greater.',
    ],
    'no statement': [JSON.stringify({ Version: '2012-10-17' }), syntax],
    'an empty list of statements': [identity([]), syntax],
    'an unknown element': [identity({ ...allowAll, Extra: 1 }), syntax],
    'no effect': [identity({ Action: 's3:*', Resource: '*' }), syntax],
    'another effect': [identity({ ...allowAll, Effect: 'Permit' }), syntax],
    'an effect in lower case': [identity({ ...allowAll, Effect: 'allow' }), legacy],
    'Action and NotAction': [identity({ ...allowAll, NotAction: 's3:*' }), syntax],
    'Resource and NotResource': [identity({ ...allowAll, NotResource: '*' }), syntax],
    'an action that is no string': [identity({ ...allowAll, Action: [1] }), syntax],
    'no action': [identity({ Effect: 'Allow', Resource: '*' }), 'Policy statement must contain actions.'],
    'an empty list of actions': [
      identity({ ...allowAll, Action: [] }),
      'Policy statement must contain actions.',
    ],
    'an action without a vendor': [
      identity({ ...allowAll, Action: 'GetObject' }),
      'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
    ],
    'an action with two colons': [
      identity({ ...allowAll, Action: 's3:Get:Object' }),
      'Actions/Condition can contain only one colon.',
    ],
    'a wildcard in the vendor': [identity({ ...allowAll, Action: 's*:Get' }), 'Vendor s* is not valid'],
    'no resource': [
      identity({ Effect: 'Allow', Action: 's3:*' }),
      'Policy statement must contain resources.',
    ],
    'an empty list of resources': [
      identity({ ...allowAll, Resource: [] }),
      'Policy statement must contain resources.',
    ],
    'a resource that is no ARN': [
      identity({ ...allowAll, Resource: 'my-bucket' }),
      'Resource my-bucket must be in ARN format or "*".',
    ],
    'a resource of another scheme': [
      identity({ ...allowAll, Resource: 'urn:aws:s3:::b' }),
      'Resource urn:aws:s3:::b must be in ARN format or "*".',
    ],
    'an unknown partition': [
      identity({ ...allowAll, Resource: 'arn:azure:s3:::b' }),
      'Partition "azure" is not valid for resource "arn:azure:s3:::b".',
    ],
    'no vendor in the ARN': [
      identity({ ...allowAll, Resource: 'arn:aws' }),
      'Resource vendor must be fully qualified and cannot contain regexes.',
    ],
    'a wildcard as the vendor of an ARN': [
      identity({ ...allowAll, Resource: 'arn:aws:*:::b' }),
      'Resource vendor must be fully qualified and cannot contain regexes.',
    ],
    'an ARN that lacks a segment': [identity({ ...allowAll, Resource: 'arn:aws:s3::b' }), legacy],
    'a region in an IAM ARN': [
      identity({ ...allowAll, Resource: 'arn:aws:iam:us-east-1:111122223333:role/a' }),
      'IAM resource arn:aws:iam:us-east-1:111122223333:role/a cannot contain region information.',
    ],
    'a region in a bucket ARN': [
      identity({ ...allowAll, Resource: 'arn:aws:s3:us-east-1::b' }),
      'Resource arn:aws:s3:us-east-1::b can not contain region information.',
    ],
    'an unknown kind of IAM resource': [
      identity({ ...allowAll, Resource: 'arn:aws:iam::111122223333:thing/a' }),
      'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.',
    ],
    'a principal': [
      identity({ ...allowAll, Principal: '*' }),
      'Policy document should not specify a principal.',
    ],
    'an unknown condition operator': [
      identity({ ...allowAll, Condition: { StringMatches: { 's3:prefix': 'a' } } }),
      syntax,
    ],
    'a condition without an operator': [identity({ ...allowAll, Condition: { 's3:prefix': 'a' } }), syntax],
    'Null with IfExists': [
      identity({ ...allowAll, Condition: { NullIfExists: { 's3:prefix': 'true' } } }),
      syntax,
    ],
    'a condition value that is an object': [
      identity({ ...allowAll, Condition: { StringEquals: { 's3:prefix': {} } } }),
      syntax,
    ],
    'a date that is none': [
      identity({ ...allowAll, Condition: { DateLessThan: { 'aws:CurrentTime': '2026-13-01' } } }),
      legacy,
    ],
    'an address range that is none': [
      identity({ ...allowAll, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } } }),
      legacy,
    ],
    'the same sid twice': [
      identity([
        { ...allowAll, Sid: 'a' },
        { ...allowAll, Sid: 'a' },
      ]),
      'Statement IDs (SID) in a single policy must be unique.',
    ],
    'a sid with a dash': [
      identity({ ...allowAll, Sid: 'a-b' }),
      'Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*',
    ],
  };
  test.each(Object.entries(cases))('%s', (_name, [text, message]) => {
    expect(parsePolicyDocument(text, 'managed')).toEqual({ ok: false, message });
  });
});

describe('trust policies that IAM accepts', () => {
  const principals: Record<string, unknown> = {
    'an OIDC provider': trusted.Principal,
    'a web identity domain': { Federated: 'cognito-identity.amazonaws.com' },
    'an account number': { AWS: '111122223333' },
    'an account, a role, a user, a session': {
      AWS: [
        'arn:aws:iam::111122223333:root',
        'arn:aws:iam::111122223333:role/path/a',
        'arn:aws-cn:iam::111122223333:user/b',
        'arn:aws:sts::111122223333:assumed-role/a/session',
      ],
    },
    everyone: { AWS: '*' },
    services: { Service: ['ec2.amazonaws.com', 'pods.eks.amazonaws.com', 'states.us-east-1.amazonaws.com'] },
  };
  test.each(Object.entries(principals))('%s', (_name, principal) => {
    const text = identity({ ...trusted, Principal: principal });
    expect(parsePolicyDocument(text, 'trust')).toMatchObject({ ok: true });
  });
  test('have version 2008-10-17 if they name no version', () => {
    expect(parsePolicyDocument(JSON.stringify({ Statement: trusted }), 'trust')).toMatchObject({
      ok: true,
      document: { version: '2008-10-17' },
    });
  });
  test('can contain other actions than AssumeRole', () => {
    const text = identity({ ...trusted, Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:Assume*'] });
    expect(parsePolicyDocument(text, 'trust')).toMatchObject({ ok: true });
  });
});

describe('trust policies that IAM refuses, with its message', () => {
  const cases: Record<string, [string, string]> = {
    'no JSON': ['{,}', 'This policy contains invalid Json'],
    'an unknown version': [
      identity(trusted, { Version: '2020-01-01' }),
      'The policy must contain a valid version string',
    ],
    'no statement': [identity([]), 'Could not parse the policy: Statement is empty!'],
    'an unknown element': [identity({ ...trusted, Extra: 1 }), 'Unknown field Extra'],
    'no effect': [identity({ ...trusted, Effect: undefined }), 'Missing required field Effect'],
    'another effect': [identity({ ...trusted, Effect: 'allow' }), 'Invalid effect: allow'],
    'no principal': [identity({ ...trusted, Principal: undefined }), 'Missing required field Principal'],
    'an empty principal': [
      identity({ ...trusted, Principal: {} }),
      'Missing required field Principal cannot be empty!',
    ],
    'a bare star': [
      identity({ ...trusted, Principal: '*' }),
      'AssumeRolepolicy contained an invalid principal: "STAR":"*".',
    ],
    NotPrincipal: [
      identity({ ...trusted, Effect: 'Deny', NotPrincipal: { AWS: '*' } }),
      'AssumeRole policy must not contain NotPrincipal field.',
    ],
    'a role that is no ARN': [
      identity({ ...trusted, Principal: { AWS: 'arn:aws:iam::12345678910:role/a' } }),
      'Invalid principal in policy: "AWS":"arn:aws:iam::12345678910:role/a"',
    ],
    'a role with a wildcard': [
      identity({ ...trusted, Principal: { AWS: 'arn:aws:iam::111122223333:role/*' } }),
      'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/*"',
    ],
    'no service': [
      identity({ ...trusted, Principal: { Service: 'amazonaws.com' } }),
      'Invalid principal in policy: "SERVICE":"amazonaws.com"',
    ],
    'a provider that is none': [
      identity({ ...trusted, Principal: { Federated: 'my provider' } }),
      'Federated principals must be valid domain names or SAML metadata ARNs',
    ],
    'no action': [identity({ ...trusted, Action: undefined }), 'Missing required field Action'],
    'an action of another service': [
      identity({ ...trusted, Action: ['sts:AssumeRole', 's3:GetObject'] }),
      'AssumeRole policy may only specify STS AssumeRole actions.',
    ],
    'a resource': [identity({ ...trusted, Resource: '*' }), 'Has prohibited field Resource'],
    'an issuer with its scheme in the key': [
      identity({ ...trusted, Condition: { StringEquals: { 'https://oidc.example.com/id/X:sub': 'a' } } }),
      'Condition can contain only one colon.',
    ],
    'the same sid twice': [
      identity([
        { ...trusted, Sid: 'a' },
        { ...trusted, Sid: 'a' },
      ]),
      'The Statement Ids in the policy are not unique',
    ],
  };
  test.each(Object.entries(cases))('%s', (_name, [text, message]) => {
    expect(parsePolicyDocument(text, 'trust')).toEqual({ ok: false, message });
  });
});
