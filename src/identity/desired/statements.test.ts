import { describe, expect, it } from 'vitest';
import { createWorld, facts } from '../testing/simulated-world.ts';
import type { PermissionStatement } from '../../api/index.ts';
import {
  desiredStatements,
  foreignInlinePolicies,
  hasStatements,
  statementProblems,
  statementsDocument,
} from './statements.ts';

const orders: PermissionStatement = {
  sid: 'Orders',
  actions: ['sqs:SendMessage'],
  resources: ['arn:$(partition):sqs:$(region):$(account):$(cluster)-orders'],
  conditions: { StringEquals: { 'aws:RequestedRegion': ['$(region)'] } },
  until: '2027-01-31T01:00:00.5+01:00',
};
const boundary = 'arn:aws:iam::123456789012:policy/boundary';
const allowing = { ...facts, allowsStatements: true };
const accountWith = (...statements: PermissionStatement[]) => createWorld({ aws: { statements } }).account;

describe('the inline policy of statements', () => {
  it("contains the cluster's values in place of placeholders, and the end time as a condition", () => {
    expect(JSON.parse(statementsDocument([orders], facts))).toEqual({
      Version: '2012-10-17',
      Id: 'k11n.dev/statements',
      Statement: [
        {
          Sid: 'Orders',
          Effect: 'Allow',
          Action: ['sqs:SendMessage'],
          Resource: ['arn:aws:sqs:us-west-2:123456789012:main-orders'],
          Condition: {
            StringEquals: { 'aws:RequestedRegion': ['us-west-2'] },
            DateLessThan: { 'aws:CurrentTime': '2027-01-31T00:00:00Z' },
          },
        },
      ],
    });
  });

  it('keeps variables that IAM evaluates', () => {
    const resource = 'arn:aws:s3:::bucket/${aws:PrincipalTag/team}/*';
    const document = statementsDocument([{ actions: ['s3:GetObject'], resources: [resource] }], facts);
    expect(document).toContain(resource);
    expect(statementProblems([{ actions: ['s3:GetObject'], resources: [resource] }], facts)).toEqual([]);
  });

  it("counts as foreign if its Id is not the operator's", () => {
    const own = {
      inlinePolicy: statementsDocument([orders], facts),
      inlinePolicyNames: ['konstellation', 'x'],
    };
    expect(hasStatements(own)).toBe(true);
    expect(foreignInlinePolicies(own)).toEqual(['x']);
    for (const inlinePolicy of ['{"Version":"2012-10-17","Statement":[]}', 'no JSON'])
      expect(foreignInlinePolicies({ ...own, inlinePolicy })).toEqual(['konstellation', 'x']);
  });
});

describe('statements', () => {
  const one = { actions: ['s3:GetObject'], resources: ['*'] };

  it.each<[string, PermissionStatement[], string]>([
    [
      'a statement that allows everything',
      [{ actions: ['*'], resources: ['*'] }],
      'the statement allows every action on every resource',
    ],
    [
      'an unknown placeholder',
      [{ ...one, resources: ['arn:aws:s3:::$(bucket)'] }],
      '$(bucket) is not a placeholder',
    ],
    [
      'a resource of no partition',
      [{ ...one, resources: ['arn:amazon:s3:::b'] }],
      'Partition "amazon" is not valid',
    ],
    [
      'an unknown operator',
      [{ ...one, sid: 'A', conditions: { Equals: { 'aws:RequestedRegion': ['x'] } } }],
      'statement "A": Syntax errors in policy.',
    ],
    [
      'a condition value that IAM cannot compare',
      [{ ...one, conditions: { DateLessThan: { 'aws:CurrentTime': ['soon'] } } }],
      'The policy failed legacy parsing',
    ],
    ['an end that is not a time', [{ ...one, until: '2027-02-31T25:00:00Z' }], 'is not a time'],
    [
      'two end times',
      [
        {
          ...one,
          until: '2027-01-01T00:00:00Z',
          conditions: { DateLessThan: { 'aws:CurrentTime': ['2028-01-01T00:00:00Z'] } },
        },
      ],
      'cannot be combined',
    ],
    [
      'the same sid twice',
      [
        { ...one, sid: 'A' },
        { ...one, sid: 'A' },
      ],
      'must be unique',
    ],
    [
      'more text than IAM allows',
      Array.from({ length: 20 }, (_, index) => ({
        actions: ['s3:GetObject'],
        resources: Array.from(
          { length: 20 },
          (__, at) => `arn:aws:s3:::bucket-${index}-${at}/a-long-prefix/*`,
        ),
      })),
      'characters, and IAM allows 10240',
    ],
  ])('with %s are refused before any call', (_what, statements, message) => {
    const desired = desiredStatements(accountWith(...statements), allowing, boundary);
    expect(desired).toMatchObject({
      kind: 'refused',
      problem: { reason: 'StatementsInvalid', message: expect.stringContaining(message) },
    });
  });

  it('are refused if the ClusterConfig does not allow statements', () => {
    expect(desiredStatements(accountWith(orders), facts, boundary)).toMatchObject({
      kind: 'refused',
      problem: { reason: 'StatementsNotAllowed' },
    });
  });

  it.each([undefined, 'arn:aws:iam::aws:policy/AdministratorAccess'])(
    'are refused if the permissions boundary of the account is %s',
    (arn) => {
      expect(desiredStatements(accountWith(orders), allowing, arn)).toMatchObject({
        kind: 'refused',
        problem: { reason: 'BoundaryRequired' },
      });
    },
  );

  it('count as absent if their list is empty', () => {
    expect(desiredStatements(accountWith(), facts, undefined)).toEqual({ kind: 'none' });
  });
});
