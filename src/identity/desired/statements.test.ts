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
  it('has the values of the cluster, and an end that IAM enforces', () => {
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

  it('belongs to the operator only with its id', () => {
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
    ['everything', [{ actions: ['*'], resources: ['*'] }], 'it allows every action on every resource'],
    [
      'an unknown placeholder',
      [{ ...one, resources: ['arn:aws:s3:::$(bucket)'] }],
      '$(bucket) is no placeholder',
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
      'a value that the operator cannot compare',
      [{ ...one, conditions: { DateLessThan: { 'aws:CurrentTime': ['soon'] } } }],
      'The policy failed legacy parsing',
    ],
    ['a time that is none', [{ ...one, until: '2027-02-31T25:00:00Z' }], 'is no time'],
    [
      'two ends',
      [
        {
          ...one,
          until: '2027-01-01T00:00:00Z',
          conditions: { DateLessThan: { 'aws:CurrentTime': ['2028-01-01T00:00:00Z'] } },
        },
      ],
      'exclude each other',
    ],
    [
      'one name twice',
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

  it('need the consent of the ClusterConfig', () => {
    expect(desiredStatements(accountWith(orders), facts, boundary)).toMatchObject({
      kind: 'refused',
      problem: { reason: 'StatementsNotAllowed' },
    });
  });

  it.each([undefined, 'arn:aws:iam::aws:policy/AdministratorAccess'])(
    'need a permissions boundary that limits them, unlike %s',
    (arn) => {
      expect(desiredStatements(accountWith(orders), allowing, arn)).toMatchObject({
        kind: 'refused',
        problem: { reason: 'BoundaryRequired' },
      });
    },
  );

  it('that are an empty list count as absent', () => {
    expect(desiredStatements(accountWith(), facts, undefined)).toEqual({ kind: 'none' });
  });
});
