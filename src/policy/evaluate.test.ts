import { describe, expect, test } from 'vitest';
import { parsePolicyDocument } from './document.ts';
import { evaluateIdentity, evaluateTrust } from './evaluate.ts';
import type { Evaluation, EvaluationRequest, PolicyDocument, PolicySource, TrustRequest } from './model.ts';

function parse(statement: unknown, kind: 'identity' | 'trust' = 'identity'): PolicyDocument {
  const result = parsePolicyDocument(JSON.stringify({ Version: '2012-10-17', Statement: statement }), kind);
  if (!result.ok) throw new Error(result.message);
  return result.document;
}
const source = (statement: unknown, id = 'p'): PolicySource => ({ id, document: parse(statement) });
const request = (action: string, resource: string, context: EvaluationRequest['context'] = {}) => ({
  action,
  resource,
  context,
});
type Row = { statement: object; ask: EvaluationRequest; gives: Evaluation['decision'] };
const allow = (rest: object): object => ({ Effect: 'Allow', Action: 's3:*', Resource: '*', ...rest });

describe('actions and resources', () => {
  const object = 'arn:aws:s3:::bucket/folder/key';
  const rows: Record<string, Row> = {
    'actions are compared without case': {
      statement: allow({ Action: 'S3:getobject' }),
      ask: request('s3:GetObject', object),
      gives: 'allowed',
    },
    'wildcards in an action': {
      statement: allow({ Action: ['s3:Get*', 's3:Lis?Bucket'] }),
      ask: request('s3:ListBucket', object),
      gives: 'allowed',
    },
    'another action': {
      statement: allow({ Action: 's3:Get*' }),
      ask: request('s3:PutObject', object),
      gives: 'implicitDeny',
    },
    'NotAction allows the rest': {
      statement: { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' },
      ask: request('s3:PutObject', object),
      gives: 'allowed',
    },
    'NotAction leaves out what it names': {
      statement: { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' },
      ask: request('iam:GetRole', 'arn:aws:iam::111122223333:role/a'),
      gives: 'implicitDeny',
    },
    'resources are compared with case': {
      statement: allow({ Resource: 'arn:aws:s3:::Bucket/*' }),
      ask: request('s3:GetObject', object),
      gives: 'implicitDeny',
    },
    'a star crosses slashes': {
      statement: allow({ Resource: 'arn:aws:s3:::bucket/*key' }),
      ask: request('s3:GetObject', object),
      gives: 'allowed',
    },
    'a star does not cross segments': {
      statement: allow({ Resource: 'arn:aws:logs:*:log-group:a' }),
      ask: request('logs:PutLogEvents', 'arn:aws:logs:us-east-1:111122223333:log-group:a'),
      gives: 'implicitDeny',
    },
    'the sixth segment may hold colons': {
      statement: { Effect: 'Allow', Action: 'logs:*', Resource: 'arn:aws:logs:*:*:log-group:a:*' },
      ask: request('logs:PutLogEvents', 'arn:aws:logs:us-east-1:111122223333:log-group:a:log-stream:b'),
      gives: 'allowed',
    },
    'a short pattern that ends open': {
      statement: { Effect: 'Allow', Action: 'waf:*', Resource: 'arn:aws:waf:*' },
      ask: request('waf:GetRule', 'arn:aws:waf::111122223333:rule/a'),
      gives: 'allowed',
    },
    'an ARN without its last segments matches whatever they are': {
      statement: allow({ Resource: 'arn:aws:s3' }),
      ask: request('s3:GetObject', object),
      gives: 'allowed',
    },
    'an ARN without its last segments, in NotResource': {
      statement: { Effect: 'Allow', Action: 's3:*', NotResource: 'arn:aws:s3' },
      ask: request('s3:GetObject', object),
      gives: 'implicitDeny',
    },
    'an ARN without its last segments, in a deny': {
      statement: { Effect: 'Deny', Action: 'sqs:*', Resource: 'arn:aws:sqs:eu-west-1' },
      ask: request('sqs:SendMessage', 'arn:aws:sqs:eu-west-1:111122223333:jobs'),
      gives: 'explicitDeny',
    },
    'an ARN without its last segments, of another region': {
      statement: { Effect: 'Allow', Action: 'sqs:*', Resource: 'arn:aws:sqs:eu-west-1' },
      ask: request('sqs:SendMessage', 'arn:aws:sqs:eu-west-2:111122223333:jobs'),
      gives: 'implicitDeny',
    },
    'an ARN without its last segments is no star': {
      statement: allow({ Resource: 'arn:aws:s3' }),
      ask: request('s3:ListAllMyBuckets', '*'),
      gives: 'implicitDeny',
    },
    'a bucket is not its objects': {
      statement: allow({ Resource: 'arn:aws:s3:::bucket' }),
      ask: request('s3:GetObject', object),
      gives: 'implicitDeny',
    },
    'an action without a resource needs a star': {
      statement: allow({ Resource: 'arn:aws:s3:::*' }),
      ask: request('ec2:DescribeInstances', '*'),
      gives: 'implicitDeny',
    },
    'NotResource allows the rest': {
      statement: { Effect: 'Allow', Action: 's3:*', NotResource: 'arn:aws:s3:::other/*' },
      ask: request('s3:GetObject', object),
      gives: 'allowed',
    },
    'NotResource leaves out what it names': {
      statement: { Effect: 'Allow', Action: 's3:*', NotResource: 'arn:aws:s3:::bucket/*' },
      ask: request('s3:GetObject', object),
      gives: 'implicitDeny',
    },
    'a deny': {
      statement: allow({ Effect: 'Deny' }),
      ask: request('s3:GetObject', object),
      gives: 'explicitDeny',
    },
  };
  test.each(Object.entries(rows))('%s', (_name, { statement, ask, gives }) => {
    expect(evaluateIdentity(ask, { identity: [source(statement)] }).decision).toBe(gives);
  });
});

describe('policy variables', () => {
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
  const home = allow({ Resource: 'arn:aws:s3:::home/${aws:username}/*' });
  const rows: Record<string, Row> = {
    'a variable is filled in': {
      statement: home,
      ask: request('s3:GetObject', 'arn:aws:s3:::home/ann/x', { 'AWS:UserName': 'ann' }),
      gives: 'allowed',
    },
    'a wildcard in a value is an ordinary character': {
      statement: home,
      ask: request('s3:GetObject', 'arn:aws:s3:::home/ann/x', { 'aws:username': '*' }),
      gives: 'implicitDeny',
    },
    'without a value nothing matches': {
      statement: home,
      ask: request('s3:GetObject', 'arn:aws:s3:::home//x'),
      gives: 'implicitDeny',
    },
    'a default is used when there is no value': {
      statement: allow({ Resource: "arn:aws:s3:::shared/${aws:PrincipalTag/team, 'company-wide'}/*" }),
      ask: request('s3:GetObject', 'arn:aws:s3:::shared/company-wide/x'),
      gives: 'allowed',
    },
    'a value goes before a default': {
      statement: allow({ Resource: "arn:aws:s3:::shared/${aws:PrincipalTag/team, 'company-wide'}/*" }),
      ask: request('s3:GetObject', 'arn:aws:s3:::shared/company-wide/x', {
        'aws:PrincipalTag/team': 'yellow',
      }),
      gives: 'implicitDeny',
    },
    'an escaped star is a star': {
      statement: allow({ Resource: 'arn:aws:s3:::b/${*}' }),
      ask: request('s3:GetObject', 'arn:aws:s3:::b/*'),
      gives: 'allowed',
    },
    'an escaped star is no wildcard': {
      statement: allow({ Resource: 'arn:aws:s3:::b/${*}' }),
      ask: request('s3:GetObject', 'arn:aws:s3:::b/a'),
      gives: 'implicitDeny',
    },
    'a variable before the fifth colon matches nothing': {
      statement: {
        Effect: 'Allow',
        Action: 'iam:*',
        Resource: 'arn:aws:iam::${aws:PrincipalAccount}:role/*',
      },
      ask: request('iam:GetRole', 'arn:aws:iam::111122223333:role/a', {
        'aws:PrincipalAccount': '111122223333',
      }),
      gives: 'implicitDeny',
    },
    'a value with colons stays within the sixth segment': {
      statement: allow({ Action: 'sqs:*', Resource: 'arn:aws:sqs:${aws:PrincipalTag/where}:jobs' }),
      ask: request('sqs:SendMessage', 'arn:aws:sqs:eu-west-1:111122223333:jobs', {
        'aws:PrincipalTag/where': 'eu-west-1:111122223333',
      }),
      gives: 'implicitDeny',
    },
    'a value with colons in the sixth segment': {
      statement: allow({ Action: 'logs:*', Resource: 'arn:aws:logs:*:*:${aws:PrincipalTag/group}' }),
      ask: request('logs:PutLogEvents', 'arn:aws:logs:us-east-1:111122223333:log-group:a', {
        'aws:PrincipalTag/group': 'log-group:a',
      }),
      gives: 'allowed',
    },
    'a key with several values is no variable': {
      statement: allow({ Resource: 'arn:aws:s3:::b/${aws:TagKeys}' }),
      ask: request('s3:GetObject', 'arn:aws:s3:::b/a', { 'aws:TagKeys': ['a', 'b'] }),
      gives: 'implicitDeny',
    },
    'a variable in a condition': {
      statement: allow({ Condition: { StringLike: { 's3:prefix': ['${aws:username}/*'] } } }),
      ask: request('s3:ListBucket', 'arn:aws:s3:::b', { 'aws:username': 'ann', 's3:prefix': 'ann/x' }),
      gives: 'allowed',
    },
    'a variable without a value does not match': {
      statement: allow({ Condition: { StringLike: { 's3:prefix': '${aws:username}*' } } }),
      ask: request('s3:ListBucket', 'arn:aws:s3:::b', { 's3:prefix': 'ann' }),
      gives: 'implicitDeny',
    },
    'an inverted operator matches against a variable without a value': {
      statement: allow({ Condition: { StringNotEquals: { 's3:prefix': '${aws:username}' } } }),
      ask: request('s3:ListBucket', 'arn:aws:s3:::b', { 's3:prefix': 'ann' }),
      gives: 'allowed',
    },
  };
  test.each(Object.entries(rows))('%s', (_name, { statement, ask, gives }) => {
    expect(evaluateIdentity(ask, { identity: [source(statement)] }).decision).toBe(gives);
  });
});

describe('conditions', () => {
  const key = 'aws:Key';
  type Given = string | string[] | undefined;
  const rows: [string, unknown, Given, boolean][] = [
    ['StringEquals', 'a', 'a', true],
    ['StringEquals', ['x', 'a'], 'a', true],
    ['StringEquals', 'a', 'A', false],
    ['StringEquals', 'a*', 'ab', false],
    ['StringEquals', 'a', undefined, false],
    ['StringNotEquals', 'a', 'b', true],
    ['StringNotEquals', ['a', 'b'], 'b', false],
    ['StringNotEquals', 'a', undefined, true],
    ['StringEqualsIgnoreCase', 'a', 'A', true],
    ['StringNotEqualsIgnoreCase', 'a', 'A', false],
    ['StringLike', 'a?c*', 'abcd', true],
    ['StringLike', 'a?c', 'abcd', false],
    ['StringNotLike', 'a*', 'abc', false],
    ['StringEqualsIfExists', 'a', undefined, true],
    ['StringEqualsIfExists', 'a', 'b', false],
    ['NumericEquals', '10', '10.0', true],
    ['NumericNotEquals', '10', '11', true],
    ['NumericLessThan', '10', '9', true],
    ['NumericLessThan', '10', '10', false],
    ['NumericLessThanEquals', '10', '10', true],
    ['NumericLessThanEquals', '10', undefined, false],
    ['NumericGreaterThan', '10', 'many', false],
    ['NumericGreaterThan', '10', '10.5', true],
    ['NumericGreaterThanEquals', '10', '10', true],
    ['DateLessThan', '2026-01-31T12:00:00Z', '2026-01-31T11:59:59Z', true],
    ['DateLessThan', '2026-01-31T12:00:00Z', '1769860801', false],
    ['DateEquals', '2026-01-31T12:00:00Z', '1769860800', true],
    ['DateEquals', '2026-01-31T13:00:00+01:00', '2026-01-31T12:00:00.000Z', true],
    ['DateNotEquals', '2026-01-31', '2026-02-01', true],
    ['DateLessThanEquals', '2026-01-31', '2026-01-31', true],
    ['DateGreaterThan', '2026-01-31', '2026-02-01', true],
    ['DateGreaterThanEquals', '2026-02-01', '2026-01-31', false],
    ['Bool', 'true', 'TRUE', true],
    ['Bool', 'true', 'false', false],
    ['Bool', 'true', undefined, false],
    ['BoolIfExists', 'true', undefined, true],
    ['BinaryEquals', 'QmluYXJ5', 'QmluYXJ5', true],
    ['BinaryEquals', 'QmluYXJ5', 'QmluYXJ6', false],
    ['IpAddress', '203.0.113.0/24', '203.0.113.9', true],
    ['IpAddress', '203.0.113.0/24', '203.0.114.9', false],
    ['IpAddress', '203.0.113.9', '203.0.113.9', true],
    ['IpAddress', '2001:db8::/32', '2001:db8:1::1', true],
    ['IpAddress', '0.0.0.0/0', '2001:db8::1', false],
    ['NotIpAddress', ['203.0.113.0/24', '10.0.0.0/8'], '10.1.1.1', false],
    ['NotIpAddress', '203.0.113.0/24', '10.1.1.1', true],
    ['ArnEquals', 'arn:aws:sns:*:111122223333:t*', 'arn:aws:sns:us-east-1:111122223333:topic', true],
    ['ArnLike', 'arn:aws:sns:*:topic', 'arn:aws:sns:us-east-1:111122223333:topic', false],
    ['ArnNotEquals', 'arn:aws:sns:*:*:*', 'arn:aws:sqs:us-east-1:111122223333:q', true],
    ['ArnNotLike', 'arn:aws:sns:*:*:*', 'arn:aws:sns:us-east-1:111122223333:t', false],
    ['Null', 'true', undefined, true],
    ['Null', 'true', 'a', false],
    ['Null', 'false', 'a', true],
    ['Null', 'false', undefined, false],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'b'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
    ['ForAllValues:StringEquals', ['a', 'b'], [], true],
    ['ForAllValues:StringEquals', ['a', 'b'], [''], true],
    ['ForAllValues:StringEquals', ['a', 'b'], undefined, true],
    ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'd'], true],
    ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'a'], false],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'b'], true],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c'], false],
    ['ForAnyValue:StringEquals', ['a', 'b'], undefined, false],
    ['ForAnyValue:StringEqualsIfExists', ['a', 'b'], undefined, false],
    ['ForAnyValue:StringNotEqualsIfExists', ['a', 'b'], undefined, false],
    ['ForAnyValue:NumericLessThanIfExists', '10', undefined, false],
    ['ForAllValues:StringEqualsIfExists', ['a', 'b'], undefined, true],
    ['ForAnyValue:StringNotEquals', ['a'], ['a', 'b'], true],
    ['ForAnyValue:StringNotEquals', ['a'], undefined, false],
  ];
  test.each(rows)(
    'the condition operator %s with the policy value %j and the request value %j gives %j',
    (operator, wanted, given, holds) => {
      const statement = allow({ Condition: { [operator]: { [key.toUpperCase()]: wanted } } });
      const context: EvaluationRequest['context'] = given === undefined ? {} : { [key]: given };
      const { decision } = evaluateIdentity(request('s3:GetObject', 'arn:aws:s3:::b/k', context), {
        identity: [source(statement)],
      });
      expect(decision).toBe(holds ? 'allowed' : 'implicitDeny');
    },
  );

  test('of a statement must hold for every condition operator and every key', () => {
    const statement = allow({
      Condition: { StringEquals: { 'aws:A': '1', 'aws:B': '2' }, NumericLessThan: { 'aws:C': '3' } },
    });
    const decide = (context: EvaluationRequest['context']): string =>
      evaluateIdentity(request('s3:GetObject', 'arn:aws:s3:::b/k', context), {
        identity: [source(statement)],
      }).decision;
    expect(decide({ 'aws:A': '1', 'aws:B': '2', 'aws:C': '2' })).toBe('allowed');
    expect(decide({ 'aws:A': '1', 'aws:B': '3', 'aws:C': '2' })).toBe('implicitDeny');
    expect(decide({ 'aws:A': '1', 'aws:B': '2', 'aws:C': '4' })).toBe('implicitDeny');
  });
});

describe('when evaluateIdentity combines policies', () => {
  const ask = request('s3:GetObject', 'arn:aws:s3:::b/k');
  const all = source(allow({}), 'all');
  const nothing = source(allow({ Action: 'ec2:*' }), 'nothing');
  const deny = source(allow({ Effect: 'Deny', Sid: 'No' }), 'deny');

  test('the absence of policies is an implicit deny', () => {
    expect(evaluateIdentity(ask, { identity: [] })).toEqual({
      decision: 'implicitDeny',
      by: [],
      notAllowedBy: ['identity'],
      missingContextKeys: [],
    });
  });
  test('an explicit deny overrides an allow, and the result names the denying statement', () => {
    expect(evaluateIdentity(ask, { identity: [all, deny] })).toMatchObject({
      decision: 'explicitDeny',
      by: [{ layer: 'identity', policy: 'deny', statement: 0, sid: 'No' }],
    });
  });
  test('a boundary must also allow the request', () => {
    expect(evaluateIdentity(ask, { identity: [all], boundary: [nothing] })).toMatchObject({
      decision: 'implicitDeny',
      notAllowedBy: ['boundary'],
    });
    expect(evaluateIdentity(ask, { identity: [nothing], boundary: [all] })).toMatchObject({
      decision: 'implicitDeny',
      notAllowedBy: ['identity'],
    });
  });
  test('at least one session policy must also allow the request', () => {
    expect(evaluateIdentity(ask, { identity: [all], session: [nothing] }).decision).toBe('implicitDeny');
    expect(evaluateIdentity(ask, { identity: [all], session: [nothing, all] }).decision).toBe('allowed');
    expect(evaluateIdentity(ask, { identity: [all], session: [] }).decision).toBe('implicitDeny');
  });
  test('a deny in a session policy overrides an allow', () => {
    expect(evaluateIdentity(ask, { identity: [all], session: [deny] })).toMatchObject({
      decision: 'explicitDeny',
      by: [{ layer: 'session', policy: 'deny' }],
    });
  });
  test('if a request is allowed, the result names the allowing statement in each kind of policy', () => {
    expect(evaluateIdentity(ask, { identity: [nothing, all], boundary: [all] }).by).toEqual([
      { layer: 'identity', policy: 'all', statement: 0 },
      { layer: 'boundary', policy: 'all', statement: 0 },
    ]);
  });
  test('missing condition keys are reported, but only for the requested action', () => {
    const statements = [
      allow({ Condition: { StringEquals: { 'aws:PrincipalTag/team': 'a', 'aws:Here': 'x' } } }),
      allow({ Resource: 'arn:aws:s3:::${aws:username}/k' }),
      allow({ Action: 'ec2:*', Condition: { Bool: { 'aws:SecureTransport': 'true' } } }),
    ];
    const { missingContextKeys } = evaluateIdentity(
      { ...ask, context: { 'aws:here': 'x' } },
      { identity: [source(statements)] },
    );
    expect(missingContextKeys).toEqual(['aws:PrincipalTag/team', 'aws:username']);
  });
});

describe('trust policies', () => {
  const provider = 'arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/X';
  const issuer = 'oidc.eks.us-east-1.amazonaws.com/id/X';
  const web = parse(
    {
      Effect: 'Allow',
      Principal: { Federated: provider },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: {
          [`${issuer}:aud`]: 'sts.amazonaws.com',
          [`${issuer}:sub`]: ['system:serviceaccount:a:x', 'system:serviceaccount:b:x'],
        },
      },
    },
    'trust',
  );
  const webRequest = (sub: string, values = [provider]): TrustRequest => ({
    action: 'sts:AssumeRoleWithWebIdentity',
    principal: { type: 'Federated', values },
    context: { [`${issuer}:aud`]: 'sts.amazonaws.com', [`${issuer}:sub`]: sub },
  });

  test('allow a listed subject of the provider', () => {
    expect(evaluateTrust(webRequest('system:serviceaccount:b:x'), web)).toMatchObject({
      decision: 'allowed',
      by: [{ layer: 'trust', statement: 0 }],
      delegatedToAccount: false,
    });
  });
  test('do not admit another subject, another provider or another action', () => {
    expect(evaluateTrust(webRequest('system:serviceaccount:a:y'), web).decision).toBe('implicitDeny');
    expect(evaluateTrust(webRequest('system:serviceaccount:a:x', [`${provider}Y`]), web).decision).toBe(
      'implicitDeny',
    );
    expect(
      evaluateTrust({ ...webRequest('system:serviceaccount:a:x'), action: 'sts:AssumeRole' }, web).decision,
    ).toBe('implicitDeny');
  });

  const caller = {
    type: 'AWS' as const,
    values: [
      'arn:aws:sts::111122223333:assumed-role/deployer/session',
      'arn:aws:iam::111122223333:role/deployer',
    ],
  };
  const trusting = (principal: object, effect = 'Allow'): PolicyDocument =>
    parse({ Effect: effect, Principal: principal, Action: 'sts:AssumeRole' }, 'trust');
  const ask: TrustRequest = { action: 'sts:AssumeRole', principal: caller, context: {} };
  const rows: Record<string, [object, Evaluation['decision'], boolean]> = {
    "the caller's role": [{ AWS: 'arn:aws:iam::111122223333:role/deployer' }, 'allowed', false],
    "the caller's session": [
      { AWS: 'arn:aws:sts::111122223333:assumed-role/deployer/session' },
      'allowed',
      false,
    ],
    "the caller's account by number": [{ AWS: '111122223333' }, 'allowed', true],
    "the caller's account by ARN": [{ AWS: 'arn:aws:iam::111122223333:root' }, 'allowed', true],
    "the caller's account and role": [
      { AWS: ['111122223333', 'arn:aws:iam::111122223333:role/deployer'] },
      'allowed',
      false,
    ],
    everyone: [{ AWS: '*' }, 'allowed', false],
    'another account': [{ AWS: '444455556666' }, 'implicitDeny', false],
    'another role': [{ AWS: 'arn:aws:iam::111122223333:role/other' }, 'implicitDeny', false],
    'a service': [{ Service: 'ec2.amazonaws.com' }, 'implicitDeny', false],
  };
  test.each(Object.entries(rows))(
    'give the documented decision if they name %s as principal',
    (_name, [principal, decision, delegatedToAccount]) => {
      expect(evaluateTrust(ask, trusting(principal))).toMatchObject({ decision, delegatedToAccount });
    },
  );
  test('deny the request if one of their statements denies the request', () => {
    const document = parse(
      [
        { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' },
        { Effect: 'Deny', Principal: { AWS: '111122223333' }, Action: 'sts:*' },
      ],
      'trust',
    );
    expect(evaluateTrust(ask, document).decision).toBe('explicitDeny');
  });
  test('treat variables as ordinary text before version 2012-10-17', () => {
    const statement = {
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'aws:username': '${aws:username}' } },
    };
    const old = parsePolicyDocument(JSON.stringify({ Version: '2008-10-17', Statement: statement }), 'trust');
    const context = { 'aws:username': 'ann' };
    expect(old.ok && evaluateTrust({ ...ask, context }, old.document).decision).toBe('implicitDeny');
    expect(evaluateTrust({ ...ask, context }, parse(statement, 'trust')).decision).toBe('allowed');
  });
});
