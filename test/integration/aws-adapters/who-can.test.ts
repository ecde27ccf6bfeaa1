/**
 * Results of `kon who-can`, compared with SimulatePrincipalPolicy over HTTP, for random roles, actions and resources.
 */
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestEmulator, type TestEmulator } from '../../../sandbox/src/aws/testing/emulator.ts';
import { managedPolicy } from '../../../src/aws/catalogue/catalogue.ts';
import { whoCan } from '../../../src/cli/permissions/who-can.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';

const actions = ['s3:GetObject', 's3:PutObject', 'sqs:SendMessage', 'iam:GetRole', 'kms:Decrypt'];
const resources = [
  '*',
  'arn:aws:s3:::orders/2027/1',
  'arn:aws:s3:::orders',
  'arn:aws:sqs:eu-west-1:123456789012:orders',
  'arn:aws:iam::123456789012:role/x',
];
const known = { 'aws:PrincipalTag/team': 'pay' };
const roles = 40;

const condition = fc.constantFrom(
  {},
  {},
  { StringEquals: { 'aws:PrincipalTag/team': 'pay' } },
  { StringNotEquals: { 'aws:PrincipalTag/team': 'pay' } },
  { StringEquals: { 'aws:SourceVpce': 'vpce-1' } },
  { StringEqualsIfExists: { 'aws:SourceVpce': 'vpce-1' } },
  { Null: { 'aws:SourceVpce': 'true' } },
);
const statement = fc
  .tuple(
    fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
    fc.constantFrom('Action', 'Action', 'NotAction'),
    fc.constantFrom('*', 's3:*', 's3:Get*', 'SQS:sendmessage', 'iam:*', 'kms:Decrypt'),
    fc.constantFrom('Resource', 'Resource', 'NotResource'),
    fc.constantFrom('*', 'arn:aws:s3:::orders/*', 'arn:aws:s3:::*', 'arn:aws:sqs:*:123456789012:*'),
    condition,
  )
  .map(([Effect, action, actionValue, resource, resourceValue, Condition]) => ({
    Effect,
    [action]: actionValue,
    [resource]: resourceValue,
    Condition,
  }));
const document = fc
  .array(statement, { minLength: 1, maxLength: 3 })
  .map((Statement) => JSON.stringify({ Version: '2012-10-17', Statement }));
const managed = ['AmazonS3ReadOnlyAccess', 'AmazonSQSFullAccess', 'ReadOnlyAccess', 'AWSDenyAll'].map(
  (name) => `arn:aws:iam::aws:policy/${name}`,
);

let emulator: TestEmulator;
beforeAll(async () => {
  emulator = await startTestEmulator({ now: wallClock });
});
afterAll(() => emulator?.close());

it('who-can agrees with SimulatePrincipalPolicy on 1,000 random pairs of a role and a question', async () => {
  const iam = emulator.iam();
  const documents = new Map<string, string>();
  for (const arn of managed) {
    const policy = managedPolicy(arn);
    documents.set(arn, policy?.document(policy.defaultVersionId) ?? '');
  }
  for (const [index, text] of fc.sample(document, { numRuns: 30, seed: 18 }).entries()) {
    const { Policy } = await iam.send(
      new CreatePolicyCommand({ PolicyName: `p${index}`, PolicyDocument: text }),
    );
    documents.set(Policy?.Arn ?? '', text);
  }
  const arn = fc.constantFrom(...documents.keys());
  const shapes = fc.sample(
    fc.tuple(
      fc.uniqueArray(arn, { minLength: 1, maxLength: 3 }),
      fc.option(arn, { nil: undefined, freq: 2 }),
    ),
    { numRuns: roles, seed: 18 },
  );
  const counts = { allowed: 0, denied: 0, depends: 0, unknown: 0 };
  for (const [index, [policies, boundary]] of shapes.entries()) {
    const RoleName = `r${index}`;
    const { Role } = await iam.send(
      new CreateRoleCommand({
        RoleName,
        AssumeRolePolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: {
            Effect: 'Allow',
            Principal: { Service: 'ec2.amazonaws.com' },
            Action: 'sts:AssumeRole',
          },
        }),
        ...(boundary === undefined ? {} : { PermissionsBoundary: boundary }),
      }),
    );
    for (const PolicyArn of policies) await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
    const { EvaluationResults = [] } = await iam.send(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn: Role?.Arn,
        ActionNames: actions,
        ResourceArns: resources,
        ContextEntries: Object.entries(known).map(([ContextKeyName, value]) => ({
          ContextKeyName,
          ContextKeyType: 'string' as const,
          ContextKeyValues: [value],
        })),
      }),
    );
    expect(EvaluationResults).toHaveLength(actions.length * resources.length);
    for (const result of EvaluationResults) {
      const { EvalActionName: action = '', EvalResourceName: resource = '' } = result;
      const [row] = whoCan(
        { action, resource },
        [{ name: RoleName, policies, ...(boundary === undefined ? {} : { boundary }), context: known }],
        documents,
      ).rows;
      const { decision } = row ?? { decision: 'unknown' };
      counts[decision]++;
      const where = `${action} on ${resource} by ${policies.join(', ')} within ${boundary}`;
      // If the decision depends on a condition key, the simulator decides as if the request did not contain the key,
      // and names the key.
      if (decision === 'depends')
        expect(result.MissingContextValues, where).toEqual(
          expect.arrayContaining([...(row?.conditions ?? [])]),
        );
      else expect(result.EvalDecision === 'allowed' ? 'allowed' : 'denied', where).toBe(decision);
    }
  }
  const { allowed, denied, depends, unknown } = counts;
  expect(allowed + denied + depends).toBe(1000);
  expect(unknown).toBe(0);
  expect(Math.min(allowed, denied, depends), JSON.stringify(counts)).toBeGreaterThan(20);
}, 60_000);
