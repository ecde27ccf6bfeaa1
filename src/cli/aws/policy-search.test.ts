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
  ])('ranks the policy first for "%s": %s', (text, name) => {
    expect(best(text, 1)).toEqual([name]);
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
