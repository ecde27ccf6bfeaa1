import { expect, it } from 'vitest';
import type { ClusterConfig } from '../../../api/cluster-config.ts';
import { operatorPolicy, operatorPolicyOptions } from '../../../identity/index.ts';
import { describeInstallation, type InstallationChoice } from './installation.ts';

const boundary = 'arn:aws:iam::123456789012:policy/apps';
const cluster = {
  name: 'main',
  region: 'eu-west-1',
  accountId: '123456789012',
  partition: 'aws',
  clusterArn: 'arn:aws:eks:eu-west-1:123456789012:cluster/main',
  issuer: 'https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE',
  providerArn: 'arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE',
  eks: true,
  autoMode: false,
};
const choice: InstallationChoice = {
  targets: ['production'],
  boundary,
  allowedPolicies: [],
  tagKeys: [],
  allowStatements: false,
  demands: {},
  namespace: 'konstellation',
  image: undefined,
  replicas: 2,
  withoutOperator: false,
  downgrade: false,
};

it.each([true, false])(
  "with --allow-statements %s, the ClusterConfig and the operator's IAM policy agree on inline policies",
  (allowStatements) => {
    const request = { ...choice, allowStatements };
    const { config, policy } = describeInstallation(cluster, undefined, 'IRSA', request, undefined);
    const { spec, metadata } = config as unknown as ClusterConfig;
    expect(spec.aws.allowStatements ?? false).toBe(allowStatements);
    expect(JSON.stringify(policy).includes('iam:PutRolePolicy')).toBe(allowStatements);
    const printed = operatorPolicyOptions({ metadata, spec });
    if (!printed) throw new Error('no policy follows from the ClusterConfig');
    expect(policy).toEqual(operatorPolicy({ ...printed, providerArn: cluster.providerArn }));
  },
);
