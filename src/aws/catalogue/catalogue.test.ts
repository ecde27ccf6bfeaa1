import { describe, expect, test } from 'vitest';
import { parsePolicyDocument } from '../../policy/document.ts';
import { evaluateIdentity } from '../../policy/evaluate.ts';
import { managedPolicies, managedPolicy } from './catalogue.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

describe('a managed policy', () => {
  test('has its ARN, name, path, default version and date', () => {
    expect(managedPolicy('arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole')).toMatchObject({
      arn: 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole',
      name: 'AWSLambdaBasicExecutionRole',
      path: '/service-role/',
      defaultVersionId: 'v1',
      createDate: '2015-04-09T15:03:43.000Z',
    });
  });
  test('has the documents of its versions', () => {
    const policy = managedPolicy(readOnly);
    expect(policy?.versions.map(({ versionId }) => versionId)).toContain(policy?.defaultVersionId);
    expect(JSON.parse(policy?.document('v1') ?? '')).toEqual({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: ['s3:Get*', 's3:List*'], Resource: '*' }],
    });
    expect(policy?.document('v999')).toBeUndefined();
  });
  test('is evaluated as its document states', () => {
    const policy = managedPolicy(readOnly);
    const parsed = parsePolicyDocument(policy?.document(policy.defaultVersionId) ?? '', 'identity');
    const decide = (action: string): string | false =>
      parsed.ok &&
      evaluateIdentity(
        { action, resource: 'arn:aws:s3:::b/k', context: {} },
        { identity: [{ id: readOnly, document: parsed.document }] },
      ).decision;
    expect(decide('s3:GetObject')).toBe('allowed');
    expect(decide('s3:PutObject')).toBe('implicitDeny');
  });
  test('has ARNs of the partition for which the policy is requested', () => {
    const arn = 'arn:aws-cn:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy';
    const inChina = managedPolicy(arn);
    expect(inChina?.arn).toBe(arn);
    const document = inChina?.document(inChina.defaultVersionId) ?? '';
    expect(document).toContain('arn:aws-cn:');
    expect(document).not.toContain('arn:aws:');
  });
  test.each([
    'arn:aws:iam::aws:policy/NoSuchPolicy',
    'arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole',
    'arn:aws:iam::111122223333:policy/AmazonS3ReadOnlyAccess',
    'arn:azure:iam::aws:policy/AmazonS3ReadOnlyAccess',
    'AmazonS3ReadOnlyAccess',
  ])('is not found by the text "%s"', (arn) => {
    expect(managedPolicy(arn)).toBeUndefined();
  });
});

describe('all policies', () => {
  test('are sorted, have distinct ids, and are more than a thousand', () => {
    const all = managedPolicies();
    expect(all.length).toBeGreaterThan(1000);
    expect(all.map(({ arn }) => arn)).toEqual(all.map(({ arn }) => arn).toSorted());
    expect(new Set(all.map(({ policyId }) => policyId)).size).toBe(all.length);
    expect(all.every(({ policyId }) => /^ANPA[A-Z2-7]{17}$/.test(policyId))).toBe(true);
  });
  test('have a default version that the parser accepts', () => {
    const refused = managedPolicies().flatMap(({ arn, defaultVersionId, document }) => {
      const parsed = parsePolicyDocument(document(defaultVersionId) ?? '', 'identity');
      return parsed.ok ? [] : [`${arn}: ${parsed.message}`];
    });
    expect(refused).toEqual([]);
  });
});
