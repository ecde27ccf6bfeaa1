import { describe, expect, it } from 'vitest';
import { sameDocument, subjectOf, trustPolicy } from './trust.ts';

const issuer = 'https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE';
const providerArn = 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE';

describe('the trust policy', () => {
  it('names one issuer, one audience and exactly the subjects, in order', () => {
    const subjects = [subjectOf('staging', 'myaccount'), subjectOf('production', 'myaccount')];
    expect(JSON.parse(trustPolicy({ providerArn, issuer, subjects }))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: providerArn },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: {
              'oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE:aud': 'sts.amazonaws.com',
              'oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE:sub': [
                'system:serviceaccount:production:myaccount',
                'system:serviceaccount:staging:myaccount',
              ],
            },
          },
        },
      ],
    });
  });

  it('has no white space, which would count against the quota', () => {
    const subjects = Array.from({ length: 20 }, (_, index) => subjectOf(`namespace-${index}`, 'myaccount'));
    expect(trustPolicy({ providerArn, issuer, subjects })).not.toMatch(/\s/);
  });

  it('is the same text whatever the order of the subjects', () => {
    expect(trustPolicy({ providerArn, issuer, subjects: ['b', 'a'] })).toBe(
      trustPolicy({ providerArn, issuer, subjects: ['a', 'b'] }),
    );
  });

  it('lets nobody in when there is no subject', () => {
    expect(JSON.parse(trustPolicy({ providerArn, issuer, subjects: [] }))).toMatchObject({
      Statement: [{ Effect: 'Deny' }],
    });
  });

  it('is told from one that says something else, but not from one that says the same otherwise', () => {
    const one = trustPolicy({ providerArn, issuer, subjects: ['a'] });
    const parsed = JSON.parse(one) as {
      Statement: [{ Condition: { StringEquals: Record<string, unknown> } }];
    };
    expect(sameDocument(one, JSON.stringify(parsed, null, 2))).toBe(true);
    const sub = 'oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE:sub';
    parsed.Statement[0].Condition.StringEquals[sub] = 'a';
    expect(sameDocument(one, JSON.stringify(parsed))).toBe(true);
    parsed.Statement[0].Condition.StringEquals[sub] = ['a', 'b'];
    expect(sameDocument(one, JSON.stringify(parsed))).toBe(false);
    expect(sameDocument(one, 'no JSON')).toBe(false);
  });
});
