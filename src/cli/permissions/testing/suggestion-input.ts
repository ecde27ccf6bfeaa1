/** Accounts, facts and a small service reference for tests of suggestions. */
import type { LinkedServiceAccount, LinkedServiceAccountSpec } from '../../../api/linked-service-account.ts';
import { policyEntries } from '../../../identity/desired/policy-entries.ts';
import type { ClusterFacts } from '../../../identity/state/world.ts';
import { usageSince, type RoleLastAccessed } from '../../../policy/last-accessed.ts';
import type { Reference } from '../../../policy/narrow.ts';
import type { SuggestionInput } from '../suggestion.ts';

export const since = Date.parse('2027-01-01T00:00:00Z');
export const recently = '2027-02-01T00:00:00Z';
export const longAgo = '2026-06-01T00:00:00Z';

const actions: Readonly<Record<string, readonly string[]>> = {
  s3: ['CreateBucket', 'DeleteBucket', 'GetBucketAcl', 'GetObject', 'ListAllMyBuckets', 'PutObject'],
  iam: ['CreateRole', 'GetRole', 'ListRoles', 'PassRole'],
  sqs: ['ReceiveMessage', 'SendMessage'],
};

export const reference: Reference = {
  services: Object.keys(actions),
  actions: (service) => {
    const names = actions[service];
    return names && new Map(names.map((name) => [name.toLowerCase(), { name, resourcesOf: [] }]));
  },
};

export const knownActions: readonly string[] = Object.entries(actions).flatMap(([service, names]) =>
  names.map((name) => `${service}:${name}`),
);

export const facts: ClusterFacts = {
  name: 'main',
  configName: 'main',
  clusterArn: 'arn:aws:eks:eu-west-1:123456789012:cluster/main',
  accountId: '123456789012',
  partition: 'aws',
  issuer: 'https://oidc.example.com',
  providerArn: 'arn:aws:iam::123456789012:oidc-provider/oidc.example.com',
  rolePath: '/konstellation/',
  identityMode: 'IRSA',
  targets: ['production'],
  permissionsBoundaryArn: 'arn:aws:iam::123456789012:policy/boundary',
  allowsStatements: true,
  detachesDisallowed: false,
  region: 'eu-west-1',
  tags: {},
  strictInline: false,
  proofIntervalMs: 0,
  quotas: { policiesPerRole: 10, trustPolicySize: 2048 },
};

export function accountWith(aws: LinkedServiceAccountSpec['aws']): LinkedServiceAccount {
  return {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name: 'orders' },
    spec: { aws, deletionPolicy: 'Delete' },
  };
}

export const managed = (name: string): string => `arn:aws:iam::aws:policy/${name}`;

export function policyText(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

/** @param given document texts of the account's policies, by ARN or name */
export function inputOf(
  given: Readonly<Record<string, string>>,
  reports: readonly RoleLastAccessed[],
  rest: Partial<SuggestionInput> & { readonly aws?: Partial<LinkedServiceAccountSpec['aws']> } = {},
): SuggestionInput {
  const { aws, ...more } = rest;
  const account = accountWith({ policyArns: Object.keys(given), ...aws });
  const entries = policyEntries(account.spec.aws);
  return {
    account,
    facts,
    documents: new Map(Object.entries(given).filter(([arn]) => entries.includes(arn))),
    usage: usageSince(reports, since),
    reference,
    catalogue: () => [],
    ...more,
  };
}
