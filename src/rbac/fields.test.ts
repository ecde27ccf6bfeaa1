/**
 * Each field that users write requires a right, or is listed in this file with the reason why the field requires none.
 */
import { describe, expect, it } from 'vitest';
import { appSpec } from '../api/app.ts';
import { clusterConfigSpec } from '../api/cluster-config.ts';
import { linkedServiceAccountSpec } from '../api/linked-service-account.ts';
import { attachPolicy, claimPolicy, grantPolicy, linkPolicy } from './account-admission.ts';
import type { AdmissionPolicy } from './admission-policy.ts';
import { deployPolicy } from './app-admission.ts';
import { clusterPoliciesPolicy, clusterRolesPolicy, clusterTargetsPolicy } from './cluster-admission.ts';

const paths = (
  shape: Readonly<Record<string, unknown>>,
  aws: Readonly<Record<string, unknown>> = {},
): string[] => [
  ...Object.keys(shape).filter((field) => field !== 'aws'),
  ...Object.keys(aws).map((field) => `aws.${field}`),
];

/** Fields that grant no permission. */
const free: Readonly<Record<string, string>> = {
  'ClusterConfig aws.allowedTagKeys':
    'takes effect when an IAM administrator prints the policy again, and each tag needs its right all the same',
  'LinkedServiceAccount aws.description': 'text that no policy of IAM or Kubernetes can refer to',
  'ClusterConfig aws.driftIntervalSeconds': 'repair of drift comes sooner or later, and grants nothing',
  'ClusterConfig aws.proofIntervalSeconds':
    'an unchanged identity is checked more or less often, and changes are proven all the same',
};

const asks = (policies: readonly AdmissionPolicy[], path: string): boolean => {
  const text = JSON.stringify(policies).replaceAll('?', '');
  return text.includes(`object.spec.${path}`);
};

describe.each([
  [
    'LinkedServiceAccount',
    paths(linkedServiceAccountSpec.shape, linkedServiceAccountSpec.shape.aws.shape),
    [attachPolicy, grantPolicy, linkPolicy, claimPolicy],
  ],
  [
    'ClusterConfig',
    paths(clusterConfigSpec.shape, clusterConfigSpec.shape.aws.shape),
    [clusterTargetsPolicy('operator'), clusterPoliciesPolicy, clusterRolesPolicy],
  ],
  ['App', paths(appSpec.shape), [deployPolicy]],
] as const)('the spec of %s', (kind, fields, policies) => {
  it.each(fields)('%s', (path) => {
    const isFree = `${kind} ${path}` in free;
    expect(asks(policies, path)).toBe(!isFree);
  });
});
