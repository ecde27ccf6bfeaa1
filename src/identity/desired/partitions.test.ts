import { describe, expect, it } from 'vitest';
import { awsHosts, iamRegionOf, partitionNames, podIdentityAudience, stsAudience } from '../../api/index.ts';
import { clusterArn, issuerHost, oidcProviderArn, roleArn } from './arn.ts';
import { operatorPolicy } from './operator-policy.ts';
import { trustPolicy } from './trust.ts';

const accountId = '123456789012';

describe.each(partitionNames)('in the partition %s', (partition) => {
  const region = iamRegionOf(partition);
  const issuer = `https://oidc.${awsHosts(region).eks}/id/A`;
  const cluster = clusterArn({ partition, region, accountId, name: 'main' });
  const providerArn = oidcProviderArn({ partition, accountId, issuer });
  const prefix = `arn:${partition}:`;

  it('ARNs contain the partition', () => {
    expect([cluster, providerArn, roleArn({ partition, accountId, path: '/k/', name: 'a' })]).toEqual([
      `${prefix}eks:${region}:${accountId}:cluster/main`,
      `${prefix}iam::${accountId}:oidc-provider/${issuerHost(issuer)}`,
      `${prefix}iam::${accountId}:role/k/a`,
    ]);
  });

  it('a trust policy names the provider of the partition and the audiences of EKS', () => {
    const document = JSON.parse(
      trustPolicy({
        providerArn,
        issuer,
        subjects: ['system:serviceaccount:production:a'],
        podIdentity: { clusterArn: cluster, namespaces: ['production'], serviceAccount: 'a' },
      }),
    ) as { readonly Statement: readonly object[] };
    expect(document.Statement).toMatchObject([
      {
        Principal: { Federated: providerArn },
        Condition: { StringEquals: { [`${issuerHost(issuer)}:aud`]: stsAudience } },
      },
      {
        Principal: { Service: podIdentityAudience },
        Condition: { StringEquals: { 'aws:SourceArn': cluster } },
      },
    ]);
    expect([stsAudience, podIdentityAudience]).toEqual(['sts.amazonaws.com', 'pods.eks.amazonaws.com']);
  });

  it("the operator's IAM policy names no resource of another partition", () => {
    const { Statement } = operatorPolicy({
      clusterArn: cluster,
      rolePath: '/konstellation/',
      providerArn,
      permissionsBoundaryArns: [`${prefix}iam::${accountId}:policy/boundary`],
      allowedPolicyArns: [`${prefix}iam::aws:policy/*`],
    });
    const arns = JSON.stringify(Statement).match(/arn:[^:"]+:/g) ?? [];
    expect(new Set(arns)).toEqual(new Set([prefix]));
  });
});
