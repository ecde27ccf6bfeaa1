/** Malformed policy documents, and IAM's error messages for them. */
import { PutRolePolicyCommand, UpdateAssumeRolePolicyCommand, UpdateRoleCommand } from '@aws-sdk/client-iam';
import { answer, failure } from '../scenario.ts';
import type { Outcome, Scenario, Scenarios } from '../scenario.ts';
import { policyText } from '../place.ts';
import { newPolicyIn, newRoleIn } from './commands.ts';
import { ownText, trustUnchecked, unchecked } from './differences.ts';

const allow = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };
const trust = { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' };
const malformed = (message: string | RegExp): Outcome => failure('MalformedPolicyDocument', 400, message);

type Difference = { readonly gives: Outcome; readonly why: string };

export const malformedScenarios: Scenarios = (place) => {
  const { name, prefix, roleArn } = place;
  const newRole = newRoleIn(place);
  const newPolicy = newPolicyIn(place);
  const refused = (kind: string, document: string, message: string, moto?: Difference): Scenario => ({
    name: `an identity policy with ${kind}`,
    steps: [
      {
        iam: newPolicy('malformed', { PolicyDocument: document }),
        gives: malformed(message),
        ...(moto ? { moto } : {}),
      },
    ],
  });

  const mistrusted = (kind: string, document: string, message: string, moto?: Difference): Scenario => {
    const role = `mistrusted-${kind.replaceAll(/[^a-z]+/gi, '-')}`.slice(0, 64 - prefix.length);
    return {
      name: `a trust policy with ${kind}`,
      steps: [
        {
          iam: newRole(role),
          gives: answer(),
        },
        {
          iam: new UpdateAssumeRolePolicyCommand({ RoleName: name(role), PolicyDocument: document }),
          gives: malformed(message),
          ...(moto ? { moto } : {}),
        },
      ],
    };
  };

  return [
    refused('broken JSON', '{"Version"', 'Syntax errors in policy.'),
    refused('an unknown element', policyText({ ...allow, Extra: 'x' }), 'Syntax errors in policy.'),
    refused(
      'no version',
      JSON.stringify({ Statement: allow }),
      'Policy document must be version 2012-10-17 or greater.',
    ),
    {
      name: 'an inline policy can have the version 2008-10-17, which is also the default',
      steps: [
        {
          iam: newRole('old-inline'),
          gives: answer(),
        },
        ...[policyText(allow, '2008-10-17'), JSON.stringify({ Statement: allow })].map((PolicyDocument) => ({
          iam: new PutRolePolicyCommand({ RoleName: name('old-inline'), PolicyName: 'old', PolicyDocument }),
          gives: answer(),
          moto: {
            gives: malformed('Policy document must be version 2012-10-17 or greater.'),
            why: 'moto applies the rule for managed policies to inline policies.',
          },
        })),
        {
          iam: new PutRolePolicyCommand({
            RoleName: name('old-inline'),
            PolicyName: 'cyrillic',
            PolicyDocument: policyText({ ...allow, Resource: 'arn:aws:s3:::Ж/*' }),
          }),
          gives: failure('ValidationError', 400, /'policyDocument' failed to satisfy constraint/),
          moto: unchecked,
        },
        {
          iam: new UpdateRoleCommand({ RoleName: name('old-inline'), Description: '\u0001' }),
          gives: failure('ValidationError', 400, /'description' failed to satisfy constraint/),
          moto: unchecked,
        },
      ],
    },
    refused(
      'an effect in lower case',
      policyText({ ...allow, Effect: 'allow' }),
      'The policy failed legacy parsing',
    ),
    refused(
      'an action without a service',
      policyText({ ...allow, Action: 'GetObject' }),
      'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
    ),
    refused(
      'a resource that is not an ARN',
      policyText({ ...allow, Resource: 'photos' }),
      'Resource photos must be in ARN format or "*".',
    ),
    refused(
      'no resource',
      policyText({ Effect: 'Allow', Action: 's3:GetObject' }),
      'Policy statement must contain resources.',
    ),
    refused(
      'a resource of an unknown partition',
      policyText({ ...allow, Resource: 'arn:azure:s3:::photos' }),
      'Partition "azure" is not valid for resource "arn:azure:s3:::photos".',
    ),
    refused(
      'two statements with the same Sid',
      policyText([
        { ...allow, Sid: 'a' },
        { ...allow, Sid: 'a' },
      ]),
      'Statement IDs (SID) in a single policy must be unique.',
    ),
    refused(
      'an unknown condition operator',
      policyText({ ...allow, Condition: { StringMatches: { 's3:prefix': 'a' } } }),
      'Syntax errors in policy.',
    ),
    refused(
      'an invalid date',
      policyText({ ...allow, Condition: { DateLessThan: { 'aws:CurrentTime': '2026-13-01' } } }),
      'The policy failed legacy parsing',
    ),
    refused(
      'a principal',
      policyText({ ...allow, Principal: { AWS: '*' } }),
      'Policy document should not specify a principal.',
      { gives: answer(), why: 'moto allows principals in an identity policy.' },
    ),
    {
      name: 'an inline policy with invalid JSON',
      steps: [
        {
          iam: newRole('malformed-inline'),
          gives: answer(),
        },
        {
          iam: new PutRolePolicyCommand({
            RoleName: name('malformed-inline'),
            PolicyName: 'p',
            PolicyDocument: '{"Version"',
          }),
          gives: malformed('Syntax errors in policy.'),
        },
      ],
    },
    mistrusted(
      'broken JSON',
      '{"Version"',
      'This policy contains invalid Json',
      ownText('MalformedPolicyDocument', 400, 'Syntax errors in policy.'),
    ),
    mistrusted(
      'a resource',
      policyText({ ...trust, Resource: '*' }),
      'Has prohibited field Resource',
      ownText('MalformedPolicyDocument', 400, 'Has prohibited field Resource.'),
    ),
    mistrusted(
      'an action of another service',
      policyText({ ...trust, Action: 's3:GetObject' }),
      'AssumeRole policy may only specify STS AssumeRole actions.',
      ownText(
        'MalformedPolicyDocument',
        400,
        'Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  and sts:AssumeRoleWithWebIdentity',
      ),
    ),
    mistrusted(
      'no principal',
      policyText({ Effect: 'Allow', Action: 'sts:AssumeRole' }),
      'Missing required field Principal',
      trustUnchecked,
    ),
    mistrusted(
      'only an asterisk as the principal',
      policyText({ ...trust, Principal: '*' }),
      'AssumeRolepolicy contained an invalid principal: "STAR":"*".',
      trustUnchecked,
    ),
    mistrusted(
      'a role that does not exist',
      policyText({ ...trust, Principal: { AWS: roleArn('never-made') } }),
      `Invalid principal in policy: "AWS":"${roleArn('never-made')}"`,
      trustUnchecked,
    ),
    mistrusted(
      'a condition key that includes the scheme of the issuer',
      policyText({
        Effect: 'Allow',
        Principal: { Federated: place.providerArn(place.madeUpIssuer) },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { StringEquals: { 'https://oidc.example.com/id/X:sub': 'a' } },
      }),
      'Condition can contain only one colon.',
      trustUnchecked,
    ),
    {
      name: 'a trust policy can have the version 2008-10-17',
      steps: [
        {
          iam: newRole('old-trust', {
            AssumeRolePolicyDocument: policyText(trust, '2008-10-17'),
          }),
          gives: answer(),
        },
        {
          iam: new UpdateAssumeRolePolicyCommand({
            RoleName: name('old-trust'),
            PolicyDocument: policyText(trust, '2008-10-17'),
          }),
          gives: answer(),
          moto: {
            gives: malformed('Policy document must be version 2012-10-17 or greater.'),
            why: "moto applies the rule for identity policies; AWS's default trust policies have the version 2008-10-17.",
          },
        },
      ],
    },
  ];
};
