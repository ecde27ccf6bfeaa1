import { describe, expect, it } from 'vitest';
import { changedSpec, describesChange, type AccountChange } from './from-options.ts';

const none: AccountChange = {
  allow: [],
  on: [],
  until: undefined,
  policy: [],
  addPolicy: [],
  removePolicy: [],
  target: [],
  removeTarget: [],
  allTargets: false,
  description: undefined,
  boundary: undefined,
  noBoundary: false,
  identityMode: undefined,
  deletionPolicy: undefined,
};
const current = {
  targets: ['production'],
  aws: { policyArns: ['a', 'b'], maxSessionDuration: 7200 },
  deletionPolicy: 'Delete' as const,
};

describe('changedSpec of an account', () => {
  it.each<[string, Partial<AccountChange>, object]>([
    ['sets the policies', { policy: ['c'] }, { aws: { policyArns: ['c'], maxSessionDuration: 7200 } }],
    ['adds what is not there', { addPolicy: ['b', 'c'] }, { aws: { policyArns: ['a', 'b', 'c'] } }],
    ['removes and adds', { addPolicy: ['c'], removePolicy: ['a'] }, { aws: { policyArns: ['b', 'c'] } }],
    [
      'sets policies by ARN and by name',
      { policy: ['c', 'aws/d', 'account/x/e'] },
      { aws: { policyArns: ['c'], policyNames: ['aws/d', 'account/x/e'] } },
    ],
    [
      'allows actions by a statement',
      { allow: ['sqs:SendMessage'], on: ['arn:x'], until: '2027-01-31T00:00:00Z' },
      {
        aws: {
          policyArns: ['a', 'b'],
          statements: [{ actions: ['sqs:SendMessage'], resources: ['arn:x'], until: '2027-01-31T00:00:00Z' }],
        },
      },
    ],
    ['adds a name', { addPolicy: ['aws/d'] }, { aws: { policyArns: ['a', 'b'], policyNames: ['aws/d'] } }],
    ['sets targets', { target: ['staging'] }, { targets: ['staging'], aws: { policyArns: ['a', 'b'] } }],
    [
      'sets the boundary',
      { boundary: 'x' },
      { aws: { permissionsBoundaryArn: 'x', policyArns: ['a', 'b'] } },
    ],
    ['sets the description', { description: 'Payments API' }, { aws: { description: 'Payments API' } }],
    ['sets the identity mode', { identityMode: 'PodIdentity' }, { aws: { identityMode: 'PodIdentity' } }],
    ['sets the deletion policy', { deletionPolicy: 'Retain' }, { deletionPolicy: 'Retain' }],
  ])('%s', (_what, options, expected) => {
    expect(changedSpec(current, { ...none, ...options })).toMatchObject(expected);
  });

  it('removes the list of targets to make the account available in every target', () => {
    expect(changedSpec(current, { ...none, allTargets: true })).not.toHaveProperty('targets');
  });

  it('adds a statement once, and keeps the others', () => {
    const more = { allow: ['sqs:SendMessage'], on: ['arn:x'] };
    const once = changedSpec(current, { ...none, ...more });
    expect(changedSpec(once, { ...none, ...more })).toEqual(once);
    expect(changedSpec(once, { ...none, ...more, on: ['arn:y'] }).aws.statements).toHaveLength(2);
    expect(changedSpec(once, { ...none, policy: ['c'] }).aws.statements).toHaveLength(1);
  });

  it('removes the permissions boundary and no other field with --no-boundary, and keeps the boundary without this option', () => {
    const bounded = { ...current, aws: { ...current.aws, permissionsBoundaryArn: 'x' } };
    expect(changedSpec(bounded, { ...none, noBoundary: true })).toEqual(current);
    expect(changedSpec(bounded, { ...none, addPolicy: ['c'] }).aws.permissionsBoundaryArn).toBe('x');
    expect(describesChange({ ...none, noBoundary: true })).toBe(true);
    expect(describesChange(none)).toBe(false);
  });

  it.each<[Partial<AccountChange>, string]>([
    [{ policy: ['c'], addPolicy: ['d'] }, '--policy sets the whole list'],
    [{ target: ['x'], allTargets: true }, '--target and --all-targets'],
    [{ removePolicy: ['z'] }, 'does not list these policies: z'],
    [{ allow: ['sqs:SendMessage'] }, '--allow needs --on'],
    [{ on: ['arn:x'] }, '--on and --until need --allow'],
    [{ until: '2027-01-31T00:00:00Z' }, '--on and --until need --allow'],
    [{ boundary: 'x', noBoundary: true }, '--boundary and --no-boundary'],
    [{ noBoundary: true }, 'has no boundary of its own'],
  ])('refuses %o', (options, message) => {
    expect(() => changedSpec(current, { ...none, ...options })).toThrow(message);
  });
});
