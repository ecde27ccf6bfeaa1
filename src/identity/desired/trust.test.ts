import { describe, expect, it } from 'vitest';
import { sameDocument, subjectOf, trustPolicy, trustForNamespace } from './trust.ts';

const issuer = 'https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE';
const providerArn = 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE';

describe('the trust policy', () => {
  it('names one issuer, one audience and exactly the given subjects, in sorted order', () => {
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

  it('has no white space', () => {
    const subjects = Array.from({ length: 20 }, (_, index) => subjectOf(`namespace-${index}`, 'myaccount'));
    expect(trustPolicy({ providerArn, issuer, subjects })).not.toMatch(/\s/);
  });

  it('does not depend on the order of the subjects', () => {
    expect(trustPolicy({ providerArn, issuer, subjects: ['b', 'a'] })).toBe(
      trustPolicy({ providerArn, issuer, subjects: ['a', 'b'] }),
    );
  });

  it('admits no principal if there is no subject', () => {
    expect(JSON.parse(trustPolicy({ providerArn, issuer, subjects: [] }))).toMatchObject({
      Statement: [{ Effect: 'Deny' }],
    });
  });

  it('differs from a document with another meaning, but not from an equivalent document', () => {
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

describe('the trust policy for pods of EKS Pod Identity', () => {
  const clusterArn = 'arn:aws:eks:us-west-2:123456789012:cluster/main';
  const of = (namespaces: readonly string[], subjects: readonly string[] = []): string =>
    trustPolicy({
      providerArn,
      issuer,
      subjects,
      podIdentity: { clusterArn, namespaces, serviceAccount: 'myaccount' },
    });

  it('names one cluster, one ServiceAccount, and exactly the namespaces of the targets in alphabetical order', () => {
    expect(JSON.parse(of(['staging', 'production']))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'pods.eks.amazonaws.com' },
          Action: ['sts:AssumeRole', 'sts:TagSession'],
          Condition: {
            StringEquals: {
              'aws:SourceArn': clusterArn,
              'aws:RequestTag/kubernetes-namespace': ['production', 'staging'],
              'aws:RequestTag/kubernetes-service-account': 'myaccount',
            },
          },
        },
      ],
    });
  });

  it('admits both kinds of principals during a switch, and none if both lists are empty', () => {
    const both = JSON.parse(of(['staging'], ['a'])) as { Statement: { Principal: object }[] };
    expect(both.Statement.map(({ Principal }) => Object.keys(Principal))).toEqual([
      ['Federated'],
      ['Service'],
    ]);
    expect(of([])).toBe(trustPolicy({ providerArn, issuer, subjects: [] }));
  });

  it('counts as unchanged for the pods of a namespace if only web identities and subjects in other namespaces change', () => {
    const seen = trustForNamespace(of(['production']), 'production');
    expect(trustForNamespace(of(['production', 'staging'], ['a']), 'production')).toBe(seen);
    expect(trustForNamespace(of(['staging']), 'production')).not.toBe(seen);
    expect(trustForNamespace(of(['staging']), 'production')).toBe(
      trustForNamespace(of(['canary']), 'production'),
    );
    expect(trustForNamespace(of([], ['a']), 'production')).not.toBe(seen);
  });

  it('counts as changed for the pods of a namespace if any part that affects these pods changes', () => {
    const document = of(['production']);
    const seen = trustForNamespace(document, 'production');
    for (const changed of [
      document.replace('"myaccount"', '"other"'),
      document.replace('cluster/main', 'cluster/other'),
      document.replace(',"sts:TagSession"', ''),
      document.replace('"Effect":"Allow"', '"Effect":"Deny"'),
      'no JSON',
    ])
      expect(trustForNamespace(changed, 'production'), changed).not.toBe(seen);
    // Swaps the namespaces of two statements.
    const [one, other] = [of(['production']), of(['staging']).replaceAll('"myaccount"', '"other"')];
    const joined = (a: string, b: string): string =>
      JSON.stringify({
        Statement: [a, b].flatMap((text) => (JSON.parse(text) as { Statement: unknown[] }).Statement),
      });
    const swapped = joined(
      one.replace('"production"', '"staging"'),
      other.replace('"staging"', '"production"'),
    );
    expect(trustForNamespace(swapped, 'production')).not.toBe(
      trustForNamespace(joined(one, other), 'production'),
    );
  });
});
