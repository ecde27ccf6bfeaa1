/**
 * Pod Identity associations. moto does not implement them, so there is nothing to compare the emulator with, and the table says
 * so.
 */
import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  DescribeClusterCommand,
  DescribePodIdentityAssociationCommand,
  ListPodIdentityAssociationsCommand,
  ListTagsForResourceCommand,
} from '@aws-sdk/client-eks';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { accountId, answer, clusterName, failure, region } from '../scenario.ts';
import type { Scenario, Step } from '../scenario.ts';

const of = { clusterName, namespace: 'production', serviceAccount: 'associated' };
const clusterArn = `arn:aws:eks:${region}:${accountId}:cluster/${clusterName}`;
const roleArn = 'arn:aws:iam::123456789012:role/associated';
const trustOfPods = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'pods.eks.amazonaws.com' },
      Action: ['sts:AssumeRole', 'sts:TagSession'],
    },
  ],
});

const unknownToMoto: Pick<Step, 'moto'> = {
  moto: { gives: failure('SyntaxError', 404), why: 'moto knows no Pod Identity associations.' },
};

export const associationScenarios: readonly Scenario[] = [
  {
    name: 'a cluster has its tags under the ARN that it is described with, and a list no page of a made-up token',
    steps: [
      {
        eks: new DescribeClusterCommand({ name: clusterName }),
        gives: answer({ cluster: { name: clusterName, arn: clusterArn } }),
        moto: { gives: failure('ResourceNotFound', 404), why: 'moto is given no cluster.' },
      },
      {
        eks: new ListTagsForResourceCommand({ resourceArn: clusterArn }),
        gives: answer({ tags: {} }),
        moto: { gives: failure('ResourceNotFound', 404), why: 'moto is given no cluster.' },
      },
      {
        eks: new ListPodIdentityAssociationsCommand({ clusterName, nextToken: 'x' }),
        gives: failure('InvalidParameter', 400),
        ...unknownToMoto,
      },
    ],
  },
  {
    name: 'a ServiceAccount is associated with a role, once',
    steps: [
      {
        iam: new CreateRoleCommand({ RoleName: 'associated', AssumeRolePolicyDocument: trustOfPods }),
        gives: answer(),
      },
      {
        eks: new CreatePodIdentityAssociationCommand({ ...of, roleArn, tags: { team: 'payments' } }),
        gives: answer({ association: { ...of, roleArn, tags: { team: 'payments' } } }),
        keep: { associationId: 'association.associationId' },
        ...unknownToMoto,
      },
      {
        eks: new CreatePodIdentityAssociationCommand({ ...of, roleArn }),
        gives: failure('ResourceInUse', 409),
        ...unknownToMoto,
      },
      {
        eks: new ListPodIdentityAssociationsCommand(of),
        gives: answer({ associations: [of] }),
        ...unknownToMoto,
      },
      {
        eks: ({ associationId = 'a-unknown' }) =>
          new DescribePodIdentityAssociationCommand({ clusterName, associationId }),
        gives: answer({ association: { ...of, roleArn } }),
        ...unknownToMoto,
      },
      {
        eks: ({ associationId = 'a-unknown' }) =>
          new DeletePodIdentityAssociationCommand({ clusterName, associationId }),
        gives: answer({ association: of }),
        ...unknownToMoto,
      },
    ],
  },
];
