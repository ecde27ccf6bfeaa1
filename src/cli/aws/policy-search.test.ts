import { describe, expect, it } from 'vitest';
import { managedPolicies } from '../../aws/catalogue/catalogue.ts';
import { searchPolicies } from './policy-search.ts';

const catalogue = managedPolicies();
const best = (text: string, most = 3): readonly string[] =>
  searchPolicies(text, catalogue)
    .slice(0, most)
    .map(({ name }) => name);

describe('the search for a policy', () => {
  it.each([
    ['AmazonS3ReadOnlyAccess', 'AmazonS3ReadOnlyAccess'],
    ['s3 readonly', 'AmazonS3ReadOnlyAccess'],
    ['readonly s3', 'AmazonS3ReadOnlyAccess'],
    ['s3roa', 'AmazonS3ReadOnlyAccess'],
    ['sqs full', 'AmazonSQSFullAccess'],
    ['administratoraccess', 'AdministratorAccess'],
    ['arn:aws:iam::aws:policy/job-function/ViewOnlyAccess', 'ViewOnlyAccess'],
  ])('with the text "%s" ranks this policy first: %s', (text, name) => {
    expect(best(text, 1)).toEqual([name]);
  });

  it.each([
    ['s3', ['AmazonS3FullAccess', 'AmazonS3ReadOnlyAccess'], 'IVSRecordToS3'],
    ['lambda', ['AWSLambdaRole', 'AWSLambda_FullAccess'], 'AWSCodeDeployRoleForLambda'],
    ['dynamodb', ['AmazonDynamoDBReadOnlyAccess'], 'AWSLambdaInvocation-DynamoDB'],
    ['sqs', ['AmazonSQSReadOnlyAccess'], 'AmazonSageMakerQuickSightVPCPolicy'],
  ])('ranks names that begin with "%s" above shorter names that contain "%s"', (text, first, later) => {
    const names = best(text, 1000);
    for (const name of first) expect(names.indexOf(name)).toBeGreaterThanOrEqual(0);
    for (const name of first) expect(names.indexOf(name)).toBeLessThan(names.indexOf(later));
  });

  const policy = (name: string, path = ''): { readonly name: string; readonly arn: string } => ({
    name,
    arn: `arn:aws:iam::aws:policy/${path}${name}`,
  });

  it('ranks a whole word above the beginning of a longer word', () => {
    const policies = [policy('AmazonLogsy'), policy('AmazonLogsFullAccess')];
    expect(searchPolicies('logs', policies)).toEqual(policies.toReversed());
  });

  it('ranks policies of service-linked roles last among equal matches', () => {
    const policies = [policy('LogsRole', 'aws-service-role/'), policy('LogsFullAccess')];
    expect(searchPolicies('logs', policies)).toEqual(policies.toReversed());
  });

  it('returns no policy when a word matches no name', () => {
    expect(best('zzzz')).toEqual([]);
    expect(best('s3 zzzz')).toEqual([]);
  });

  it('matches words in the path of a policy', () => {
    expect(searchPolicies('service-role glue', catalogue).map(({ arn }) => arn)).toContain(
      'arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole',
    );
  });
});
