import { expect, it } from 'vitest';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import type { ClusterFacts } from '../../identity/state/world.ts';
import { namesPolicy, policiesOf, policyNamed, statementDocuments } from './policies.ts';
import { policiesNamed, whoCan, type WhoCanRow } from './who-can.ts';

const facts: ClusterFacts = {
  configName: 'main',
  name: 'prod',
  clusterArn: 'arn:aws:eks:eu-west-1:123456789012:cluster/prod',
  accountId: '123456789012',
  partition: 'aws',
  region: 'eu-west-1',
  issuer: 'oidc.example/1',
  providerArn: 'arn:aws:iam::123456789012:oidc-provider/oidc.example/1',
  rolePath: '/k11n/',
  roleNamePrefix: '',
  identityMode: 'IRSA',
  tags: { team: 'pay' },
  permissionsBoundaryArn: 'arn:aws:iam::123456789012:policy/limit',
  allowsStatements: true,
} as unknown as ClusterFacts;
const now = Date.parse('2027-01-01T00:00:00Z');

function account(
  aws: LinkedServiceAccount['spec']['aws'],
  status?: LinkedServiceAccount['status'],
): LinkedServiceAccount {
  return {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name: 'payments', uid: '1' },
    spec: { aws } as LinkedServiceAccount['spec'],
    ...(status ? { status } : {}),
  };
}

function ask(
  of: LinkedServiceAccount,
  action: string,
  boundary = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
): WhoCanRow | undefined {
  const documents = new Map([
    ['arn:aws:iam::123456789012:policy/limit', boundary],
    ...statementDocuments([of], facts),
  ]);
  return whoCan(
    { action, resource: 'arn:aws:sqs:eu-west-1:123456789012:a' },
    [policiesOf(of, facts, now)],
    documents,
  ).rows[0];
}

const statement = { actions: ['sqs:SendMessage'], resources: ['arn:aws:sqs:*:*:a'] };

it("an account's access is limited by the boundary of the ClusterConfig, unless the account has its own boundary", () => {
  expect(policiesOf(account({ policyArns: [] }), facts, now).boundary).toBe(facts.permissionsBoundaryArn);
  const own = 'arn:aws:iam::123456789012:policy/own';
  expect(policiesOf(account({ policyArns: [], permissionsBoundaryArn: own }), facts, now).boundary).toBe(own);
  const limit = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}';
  const of = account({ policyArns: [], statements: [statement] });
  expect(ask(of, 'sqs:SendMessage')).toMatchObject({ decision: 'allowed' });
  expect(ask(of, 'sqs:SendMessage', limit)).toMatchObject({ decision: 'denied', isComplete: true });
});

it('whoCan leaves the decision unknown while the ClusterConfig, and therefore its boundary, is unknown', () => {
  const arn = 'arn:aws:iam::aws:policy/AmazonSQSFullAccess';
  const caller = policiesOf(account({ policyArns: [arn] }), undefined, now);
  const all = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}';
  const { rows, unread } = whoCan(
    { action: 'sqs:SendMessage', resource: '*' },
    [caller],
    new Map([[arn, all]]),
  );
  expect(rows).toMatchObject([{ decision: 'unknown', isComplete: false }]);
  expect(unread).toEqual(['the permissions boundary of the ClusterConfig']);
});

it("whoCan considers the end time of a statement, and conditions on the role's tags", () => {
  const until = (time: string): WhoCanRow | undefined =>
    ask(account({ policyArns: [], statements: [{ ...statement, until: time }] }), 'sqs:SendMessage');
  expect(until('2027-02-01T00:00:00Z')).toMatchObject({ decision: 'allowed', conditions: [] });
  expect(until('2026-12-01T00:00:00Z')).toMatchObject({ decision: 'denied' });
  const conditions = { StringEquals: { 'aws:PrincipalTag/team': ['pay'] } };
  const tagged = account({ policyArns: [], statements: [{ ...statement, conditions }] });
  expect(ask(tagged, 'sqs:SendMessage')).toMatchObject({ decision: 'allowed', conditions: [] });
});

it('whoCan does not rely on a role tag if a session tag of Pod Identity has the same key', () => {
  const conditions = { StringEquals: { 'aws:PrincipalTag/kubernetes-namespace': ['a'] } };
  const of = account({
    policyArns: [],
    tags: { 'kubernetes-namespace': 'a' },
    statements: [{ ...statement, conditions }],
  });
  expect(ask(of, 'sqs:SendMessage')).toMatchObject({
    decision: 'depends',
    conditions: ['aws:PrincipalTag/kubernetes-namespace'],
  });
});

it('whoCan reports which deciding policy is not attached to the role yet, and policiesOf marks a quarantined account', () => {
  const of = account({ policyArns: [], statements: [statement] });
  expect(ask(of, 'sqs:SendMessage')).toMatchObject({ by: [{ isAttached: false }, { isAttached: true }] });
  const condition = {
    type: 'Ready',
    status: 'False',
    reason: 'Quarantined',
    message: '',
    lastTransitionTime: '',
  };
  const quarantined = account({ policyArns: [] }, {
    conditions: [condition],
  } as LinkedServiceAccount['status']);
  expect(policiesOf(quarantined, facts, now).isQuarantined).toBe(true);
  expect(policiesOf(of, facts, now).isQuarantined).toBe(false);
});

it('a policy is found by its ARN, by its name and by the last part of its ARN', () => {
  const arn = 'arn:aws:iam::aws:policy/service-role/Glue';
  for (const text of [arn, 'aws/service-role/Glue', 'Glue', 'service-role/Glue'])
    expect(namesPolicy(text, arn, facts)).toBe(true);
  for (const text of ['lue', 'aws/Glue', 'account/service-role/Glue', ''])
    expect(namesPolicy(text, arn, facts)).toBe(false);
  const other = 'arn:aws:iam::123456789012:policy/Glue';
  const caller = policiesOf(account({ policyArns: [arn], policyNames: ['account/Glue'] }), facts, now);
  expect(policiesNamed(caller)).toContain(other);
  expect(policyNamed('account/Glue', [caller], facts)).toBe(other);
  expect(() => policyNamed('Glue', [caller], facts)).toThrow('several policies are named "Glue"');
  expect(() => policyNamed('None', [caller], facts)).toThrow('no account has the policy "None"');
});
