import { describe, expect, it } from 'vitest';
import { listedPolicies, mayName, policiesByName, policyArnOf, policyNameOf } from './policy-names.ts';

const main = { partition: 'aws', accountId: '123456789012' };
const china = { partition: 'aws-cn', accountId: '210987654321' };
const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

describe('the name of a policy', () => {
  it.each([
    ['aws/AmazonS3ReadOnlyAccess', main, readOnly],
    ['aws/service-role/X', china, 'arn:aws-cn:iam::aws:policy/service-role/X'],
    ['account/team/payments', main, 'arn:aws:iam::123456789012:policy/team/payments'],
    ['account/aws/X', china, 'arn:aws-cn:iam::210987654321:policy/aws/X'],
  ])(
    '%s is translated to one ARN on each cluster, and this ARN is translated back to the name',
    (name, scope, arn) => {
      expect(policyArnOf(name, scope)).toBe(arn);
      expect(policyNameOf(arn, scope)).toBe(name);
      expect(mayName(name, arn)).toBe(true);
    },
  );

  it('is undefined for policies of another AWS account or partition', () => {
    expect(policyNameOf('arn:aws:iam::999999999999:policy/x', main)).toBeUndefined();
    expect(policyNameOf(readOnly, china)).toBeUndefined();
    expect(mayName('account/AmazonS3ReadOnlyAccess', readOnly)).toBe(false);
    expect(mayName('aws/other', readOnly)).toBe(false);
  });
});

describe('the policies of an account', () => {
  it('are one set in which a policy listed by ARN and by name counts once', () => {
    const lists = { policyArns: [readOnly], policyNames: ['account/x', 'aws/AmazonS3ReadOnlyAccess'] };
    expect(listedPolicies(lists, main)).toEqual([readOnly, 'arn:aws:iam::123456789012:policy/x']);
  });

  it('are converted from ARNs to names, except ARNs for which no name exists', () => {
    const foreign = 'arn:aws:iam::999999999999:policy/x';
    expect(policiesByName({ policyArns: [readOnly, foreign] }, main)).toEqual({
      policyArns: [foreign],
      policyNames: ['aws/AmazonS3ReadOnlyAccess'],
    });
    expect(policiesByName({ policyArns: [] }, main)).toEqual({ policyArns: [] });
  });
});
