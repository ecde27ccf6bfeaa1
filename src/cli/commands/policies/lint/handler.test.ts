import { describe, expect, it } from 'vitest';
import { findingsOf } from './handler.ts';

const now = Date.parse('2026-06-01T00:00:00Z');
const account = (...statements: object[]): object => ({
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name: 'payments' },
  spec: { aws: { statements } },
});
const queue = 'arn:$(partition):sqs:$(region):$(account):orders';

describe('kon policies lint', () => {
  it('finds nothing in correct statements, and nothing in an account without statements', () => {
    const sound = account({ actions: ['sqs:SendMessage'], resources: [queue] });
    expect(findingsOf(sound, 'file', now)).toEqual([]);
    expect(findingsOf(account(), 'file', now)).toEqual([]);
  });

  it('reports what IAM would refuse as errors, and what has no effect as warnings', () => {
    const document = account(
      { sid: 'All', actions: ['*'], resources: ['*'] },
      { actions: ['sqs:SendMesage'], resources: [queue] },
    );
    expect(findingsOf(document, 'file', now)).toEqual([
      {
        level: 'error',
        in: 'payments',
        where: 'statement "All"',
        message: 'the statement allows every action on every resource; name the services',
      },
      {
        level: 'warning',
        in: 'payments',
        where: 'statements[0] (All)',
        message: '* allows the actions of every service; name the services',
      },
      {
        level: 'warning',
        in: 'payments',
        where: 'statements[1]',
        message: 'sqs:SendMesage is not an action of sqs',
      },
    ]);
  });

  it('checks an IAM policy document, and ignores elements that accounts cannot have', () => {
    const policy = (...Statement: object[]): object => ({ Version: '2012-10-17', Statement });
    const allow = { Effect: 'Allow', Action: 'SQS:SendMesage', Resource: '*' };
    expect(
      findingsOf(
        policy(allow, { ...allow, Effect: 'Deny' }, { Effect: 'Allow', NotAction: 'x:y', Resource: '*' }),
        'policy.json',
        now,
      ),
    ).toEqual([
      {
        level: 'warning',
        in: 'policy.json',
        where: 'statements[0]',
        message: 'sqs:SendMesage is not an action of sqs',
      },
    ]);
    expect(findingsOf(policy({ ...allow, Resource: 'bucket' }), 'policy.json', now)).toMatchObject([
      { level: 'error', where: 'document', message: 'Resource bucket must be in ARN format or "*".' },
    ]);
  });

  it('refuses a file that is neither an account nor an IAM policy document', () => {
    expect(() => findingsOf({ kind: 'Pod' }, 'file', now)).toThrow('file is invalid');
  });
});
