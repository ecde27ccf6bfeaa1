import { describe, expect, it } from 'vitest';
import { whoCan } from './who-can.ts';

const allow = (action: string, resource = '*', more: object = {}): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: action, Resource: resource, ...more }],
  });
const arn = (name: string): string => `arn:aws:iam::123456789012:policy/${name}`;

const documents = new Map([
  [arn('read'), allow('s3:Get*', 'arn:aws:s3:::orders/*')],
  [arn('all'), allow('s3:*')],
  [arn('queue'), allow('sqs:*')],
  [
    arn('deny'),
    JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Deny', Action: 's3:*', Resource: '*' } }),
  ],
  [arn('tagged'), allow('s3:*', '*', { Condition: { StringEquals: { 'aws:PrincipalTag/team': 'pay' } } })],
]);
const question = { action: 's3:GetObject', resource: 'arn:aws:s3:::orders/1' };
const decisions = (policies: readonly string[], boundary?: string, without?: string): object | undefined =>
  whoCan(
    question,
    [
      {
        name: 'a',
        policies: policies.map(arn),
        ...(boundary === undefined ? {} : { boundary: arn(boundary) }),
      },
    ],
    documents,
    without && arn(without),
  ).rows[0];

describe('who can call an action', () => {
  it.each([
    [['read'], undefined, 'allowed'],
    [['queue'], undefined, 'denied'],
    [['all', 'deny'], undefined, 'denied'],
    [['all'], 'queue', 'denied'],
    [['all'], 'read', 'allowed'],
    [['tagged'], undefined, 'depends'],
    [[], undefined, 'denied'],
  ] as const)('with the policies %j and the boundary %s is %s', (policies, boundary, decision) => {
    expect(decisions(policies, boundary)).toMatchObject({ decision });
  });

  it('is shown with the deciding statement', () => {
    expect(decisions(['queue', 'read'])).toMatchObject({
      by: [{ policy: arn('read'), statement: expect.stringContaining('"s3:Get*"') as string }],
    });
    expect(decisions(['tagged'])).toMatchObject({ conditions: ['aws:PrincipalTag/team'] });
  });

  it('does not depend on a condition when another statement allows the action unconditionally', () => {
    expect(decisions(['tagged', 'read'])).toMatchObject({ decision: 'allowed', conditions: [] });
  });

  it('is decided with the context keys that are known for the account', () => {
    const row = (team: string): object | undefined =>
      whoCan(
        question,
        [{ name: 'a', policies: [arn('tagged')], context: { 'aws:PrincipalTag/team': team } }],
        documents,
      ).rows[0];
    expect(row('pay')).toMatchObject({ decision: 'allowed', conditions: [] });
    expect(row('web')).toMatchObject({ decision: 'denied', conditions: [] });
  });

  it('includes an account whose sessions a Quarantine denies, and marks the account as quarantined', () => {
    const { rows } = whoCan(
      question,
      [{ name: 'a', policies: [arn('read')], isQuarantined: true }],
      documents,
    );
    expect(rows).toMatchObject([{ decision: 'allowed', isQuarantined: true }]);
  });

  it('depends on a policy only if no other policy allows the action', () => {
    expect(decisions(['read'], undefined, 'read')).toMatchObject({ loses: true });
    expect(decisions(['read', 'all'], undefined, 'read')).toMatchObject({ loses: false });
    expect(decisions(['queue'], undefined, 'queue')).toMatchObject({ loses: false });
    expect(decisions(['read'])).not.toHaveProperty('loses');
  });

  it('is incomplete when a policy or a boundary cannot be read', () => {
    const answer = whoCan(
      question,
      [
        { name: 'a', policies: [arn('read'), arn('unknown')] },
        { name: 'b', policies: [arn('read')], boundary: arn('limit') },
      ],
      documents,
    );
    expect(answer.unread).toEqual([arn('limit'), arn('unknown')]);
    expect(answer.rows).toMatchObject([
      { account: 'a', decision: 'allowed', isComplete: false },
      { account: 'b', decision: 'unknown', isComplete: false },
    ]);
  });
});
