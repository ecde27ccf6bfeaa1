/**
 * Pod Identity associations. moto does not implement associations, so this part of the emulator cannot be compared with
 * moto, and the table states this.
 */
import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  DescribeClusterCommand,
  DescribePodIdentityAssociationCommand,
  ListPodIdentityAssociationsCommand,
  ListTagsForResourceCommand,
} from '@aws-sdk/client-eks';
import { tagKey } from '../place.ts';
import { newRoleIn } from './commands.ts';
import { answer, failure } from '../scenario.ts';
import type { Scenarios, Step } from '../scenario.ts';

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
  moto: { gives: failure('SyntaxError', 404), why: 'moto does not support Pod Identity associations.' },
};

export const associationScenarios: Scenarios = (place) => {
  const { accountId, partition, cluster, run } = place;
  const newRole = newRoleIn(place);
  const clusterName = cluster?.name ?? '';
  const clusterArn = `arn:${partition}:eks:${cluster?.region}:${accountId}:cluster/${clusterName}`;
  const of = { clusterName, namespace: cluster?.namespace ?? '', serviceAccount: 'associated' };
  const roleArn = place.roleArn('associated');
  const tags = { [tagKey]: run };
  const skip = cluster ? undefined : 'the run has no cluster';
  return [
    {
      name: 'the tags of a cluster are listed under its ARN, and an invalid page token is refused',
      skip,
      steps: [
        {
          eks: new DescribeClusterCommand({ name: clusterName }),
          gives: answer({ cluster: { name: clusterName, arn: clusterArn } }),
          moto: { gives: failure('ResourceNotFound', 404), why: 'moto has no cluster in this comparison.' },
        },
        {
          eks: new ListTagsForResourceCommand({ resourceArn: clusterArn }),
          gives: answer({ tags: {} }),
          moto: { gives: failure('ResourceNotFound', 404), why: 'moto has no cluster in this comparison.' },
        },
        {
          eks: new ListPodIdentityAssociationsCommand({ clusterName, nextToken: 'x' }),
          gives: failure('InvalidParameter', 400),
          ...unknownToMoto,
        },
      ],
    },
    {
      name: 'a ServiceAccount can be associated with a role only once',
      skip,
      steps: [
        {
          iam: newRole('associated', { AssumeRolePolicyDocument: trustOfPods }),
          gives: answer(),
        },
        {
          eks: new CreatePodIdentityAssociationCommand({
            ...of,
            roleArn,
            tags: { ...tags, team: 'payments' },
          }),
          gives: answer({ association: { ...of, roleArn, tags: { ...tags, team: 'payments' } } }),
          keep: { associationId: 'association.associationId' },
          ...unknownToMoto,
        },
        {
          eks: new CreatePodIdentityAssociationCommand({ ...of, roleArn, tags }),
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
};
