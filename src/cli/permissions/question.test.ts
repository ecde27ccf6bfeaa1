import { describe, expect, it } from 'vitest';
import { CliError } from '../framework/errors.ts';
import { requireQuestion } from './question.ts';

describe('requireQuestion', () => {
  it.each([
    ['s3:GetObject', '*'],
    ['s3:GetObject', 'arn:aws:s3:::bucket/key'],
    ['execute-api:Invoke', 'arn:aws-cn:execute-api:cn-north-1:111122223333:api/*'],
    ['iam:PassRole', 'arn:aws:iam::111122223333:role/x'],
  ])('accepts %s on %s', (action, resource) => {
    expect(() => requireQuestion(action, resource)).not.toThrow();
  });

  it.each([
    ['s3:*', '*', 'IAM simulates single actions'],
    ['s3:Get*', '*', 'IAM simulates single actions'],
    ['nonsense', '*', 'Pass service:Action'],
    ['s3:GetObject', 'tour/x', 'pass arn:aws:s3:::tour/x'],
    ['sqs:SendMessage', 'orders', 'Pass the resource as arn:PARTITION:SERVICE'],
  ])('refuses %s on %s', (action, resource, advice) => {
    try {
      requireQuestion(action, resource);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(CliError);
      expect(error).toMatchObject({ code: 'USAGE', next: [expect.stringContaining(advice)] });
    }
  });
});
