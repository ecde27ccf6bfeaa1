import { describe, expect, it } from 'vitest';
import { iamActions } from './iam-actions.ts';
import type { PermissionStatement } from '../../api/index.ts';
import { lintStatements } from '../../policy/lint.ts';

const now = Date.parse('2026-06-01T00:00:00Z');
const queue = 'arn:$(partition):sqs:$(region):$(account):orders';
const lint = (actions: string[], resources: string[], more: Partial<PermissionStatement> = {}): string[] =>
  lintStatements([{ actions, resources, ...more }], iamActions, now).map(({ message }) => message);

describe('the linter of statements', () => {
  it.each<[string[], string[]]>([
    [['sqs:SendMessage', 'sqs:Get*'], [queue]],
    [['SQS:sendmessage'.replace('SQS', 'sqs')], [queue]],
    [['sqs:ListQueues'], ['*']],
    [
      ['s3:GetObject', 'sqs:SendMessage'],
      ['arn:aws:s3:::bucket/*', queue],
    ],
    [['sts:AssumeRole'], ['arn:aws:iam::123456789012:role/x']],
    [['ssm:StartSession'], ['arn:aws:ec2:*:*:instance/*']],
  ])('accepts the actions %j on the resources %j', (actions, resources) => {
    expect(lint(actions, resources)).toEqual([]);
  });

  it.each<[string[], string[], string]>([
    [['sqss:SendMessage'], ['*'], 'there is no service "sqss" with IAM actions'],
    [['sqs:SendMesage'], [queue], 'sqs:SendMesage is not an action of sqs'],
    [['sqs:Foo*'], [queue], 'sqs:Foo* is not an action of sqs'],
    [['*'], [queue], '* allows the actions of every service; name the services'],
    [['s3:*'], ['*'], 's3:* on * allows every action of s3 on every resource; list the needed resources'],
    [
      ['iam:PassRole'],
      ['*'],
      'iam:PassRole on * gives access to the permissions of other roles; name the roles',
    ],
    [['s3:GetObject'], [queue], 's3:GetObject does not apply to any of the resources'],
    [
      ['sqs:SendMessage'],
      [queue, 'arn:aws:s3:::bucket/*'],
      'no action of the statement applies to arn:aws:s3:::bucket/*',
    ],
    [
      ['sqs:ListQueues'],
      [queue],
      'sqs:ListQueues does not support specific resources, so it is allowed only with resources: ["*"]',
    ],
  ])('warns about the actions %j on the resources %j', (actions, resources, message) => {
    expect(lint(actions, resources)).toContain(message);
  });

  it('warns about a statement whose end time has passed, and names the statement', () => {
    const ended = {
      sid: 'Old',
      actions: ['sqs:SendMessage'],
      resources: [queue],
      until: '2026-01-01T00:00:00Z',
    };
    const later = { ...ended, sid: 'New', until: '2027-01-01T00:00:00Z' };
    expect(lintStatements([later, ended], iamActions, now)).toEqual([
      { where: 'statements[1] (Old)', message: 'the statement ended at 2026-01-01T00:00:00Z; remove it' },
    ]);
  });
});
