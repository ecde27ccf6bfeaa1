/** The part of the operator's IAM policy for Pod Identity, evaluated by EKS and IAM. */
import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  DescribePodIdentityAssociationCommand,
  ListPodIdentityAssociationsCommand,
  TagResourceCommand,
  UpdatePodIdentityAssociationCommand,
  type CreatePodIdentityAssociationCommandInput,
  type EKSClient,
} from '@aws-sdk/client-eks';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EksAuthClient } from '../../../src/eks-auth/client.ts';
import { operatorPolicy, ownershipTags } from '../../../src/identity/index.ts';
import {
  accountId,
  issuer,
  region,
  startTestEmulator,
  type TestEmulator,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';

const arnOf = (cluster: string): string => `arn:aws:eks:${region}:${accountId}:cluster/${cluster}`;
const rolePath = '/konstellation/fenced/';
const marksOf = (cluster: string): Record<string, string> => ({
  ...ownershipTags({
    clusterArn: arnOf(cluster),
    issuer: 'https://oidc.example.com/id/A',
    providerArn: '',
    account: 'a',
    uid: 'u',
  }),
});
const marks = marksOf('fenced');
const roleArn = (name: string): string => `arn:aws:iam::${accountId}:role${name}`;
const keys = { accessKeyId: 'AKIAOPERATOR00000000', secretAccessKey: 'operator-secret' };

const cluster = (name: string) => ({
  name,
  endpoint: 'https://127.0.0.1:1',
  certificateAuthorityData: '',
  issuer,
  version: '1.36',
});
/** The trust policy from the EKS guide, which trusts pods of any cluster. */
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

let emulator: TestEmulator;
let admin: EKSClient;
let operator: EKSClient;
let auth: EksAuthClient;
const foreign = { id: '', arn: '' };
const ofOtherCluster = { id: '', arn: '' };
beforeAll(async () => {
  emulator = await startTestEmulator({
    now: wallClock,
    clusters: [cluster('fenced'), cluster('other')],
    credentials: [
      {
        ...keys,
        principalArn: `arn:aws:iam::${accountId}:user/operator`,
        policies: [operatorPolicy({ clusterArn: arnOf('fenced'), rolePath, adoption: true })],
      },
    ],
  });
  admin = emulator.eks();
  operator = emulator.eks(keys);
  auth = emulator.eksAuth(keys);
  const iam = emulator.iam();
  for (const [RoleName, Path] of [
    ['own', rolePath],
    ['own-2', rolePath],
    ['of-other-cluster', '/konstellation/other/'],
    ['alike', '/konstellation/fenced-2/'],
    ['elsewhere', '/'],
  ] as const)
    await iam.send(new CreateRoleCommand({ RoleName, Path, AssumeRolePolicyDocument: trustOfPods }));
  iam.destroy();
  const put = async (clusterName: string, tags: Record<string, string>) => {
    const { association } = await admin.send(
      new CreatePodIdentityAssociationCommand({
        clusterName,
        namespace: 'staging',
        serviceAccount: 'a',
        roleArn: roleArn('/elsewhere'),
        tags,
      }),
    );
    return { id: association?.associationId ?? '', arn: association?.associationArn ?? '' };
  };
  Object.assign(foreign, await put('fenced', { team: 'others' }));
  Object.assign(ofOtherCluster, await put('other', marksOf('other')));
});
afterAll(async () => {
  for (const client of [admin, operator]) client?.destroy();
  auth?.close();
  await emulator?.close();
});

const wanted: CreatePodIdentityAssociationCommandInput = {
  clusterName: 'fenced',
  namespace: 'production',
  serviceAccount: 'a',
  roleArn: roleArn('/konstellation/fenced/own'),
  tags: marks,
};

const denial = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error && error.name === 'AccessDeniedException') return error.message;
    throw error;
  }
  throw new Error('it was allowed');
};

it('the operator policy allows the operator to manage an association, and to read conflicting associations', async () => {
  const { association } = await operator.send(new CreatePodIdentityAssociationCommand(wanted));
  const clusterName = 'fenced';
  const associationId = association?.associationId ?? '';
  await operator.send(new TagResourceCommand({ resourceArn: association?.associationArn, tags: marks }));
  await operator.send(
    new UpdatePodIdentityAssociationCommand({
      clusterName,
      associationId,
      roleArn: roleArn('/konstellation/fenced/own-2'),
      disableSessionTags: false,
    }),
  );
  const { associations } = await operator.send(new ListPodIdentityAssociationsCommand({ clusterName }));
  expect(associations).toHaveLength(2);
  const described = await operator.send(
    new DescribePodIdentityAssociationCommand({ clusterName, associationId: foreign.id }),
  );
  expect(described.association?.tags).toEqual({ team: 'others' });
  await operator.send(new DeletePodIdentityAssociationCommand({ clusterName, associationId }));
  // There is no valid token without a pod. `InvalidTokenException` still shows that the operator is permitted to call
  // the operation.
  await expect(auth.exchange({ clusterName, token: 'none' })).rejects.toMatchObject({
    name: 'InvalidTokenException',
  });
});

describe('the operator policy denies', () => {
  it.each<[string, string, Partial<CreatePodIdentityAssociationCommandInput>]>([
    ['without ownership tags', 'eks:CreatePodIdentityAssociation', { tags: undefined }],
    [
      'with the ownership tags of another cluster',
      'eks:CreatePodIdentityAssociation',
      { tags: marksOf('other') },
    ],
    ['on another cluster', 'eks:CreatePodIdentityAssociation', { clusterName: 'other' }],
    [
      'with a tag of its own choice',
      'eks:CreatePodIdentityAssociation',
      { tags: { ...marks, team: 'payments-prod' } },
    ],
    [
      'with a role of another cluster',
      'iam:PassRole',
      { roleArn: roleArn('/konstellation/other/of-other-cluster') },
    ],
    [
      'with a role at a path that begins with the same characters',
      'iam:PassRole',
      { roleArn: roleArn('/konstellation/fenced-2/alike') },
    ],
    [
      'with a role outside the path, like any other role of the AWS account',
      'iam:PassRole',
      { roleArn: roleArn('/elsewhere') },
    ],
  ])('creating an association %s', async (_what, action, change) => {
    const call = operator.send(new CreatePodIdentityAssociationCommand({ ...wanted, ...change }));
    expect(await denial(call)).toContain(`not authorized to perform: ${action} `);
  });

  it('changing or deleting a foreign association', async () => {
    const ref = { clusterName: 'fenced', associationId: foreign.id };
    const update = { ...ref, roleArn: wanted.roleArn };
    expect(await denial(operator.send(new UpdatePodIdentityAssociationCommand(update)))).toContain(
      'eks:UpdatePodIdentityAssociation',
    );
    expect(await denial(operator.send(new DeletePodIdentityAssociationCommand(ref)))).toContain(
      'eks:DeletePodIdentityAssociation',
    );
    const tag = new TagResourceCommand({ resourceArn: foreign.arn, tags: { team: 'mine' } });
    expect(await denial(operator.send(tag))).toContain('eks:TagResource');
  });

  it('every EKS call that names another cluster or an association of another cluster', async () => {
    const ref = { clusterName: 'other', associationId: ofOtherCluster.id };
    const calls = [
      operator.send(new ListPodIdentityAssociationsCommand({ clusterName: 'other' })),
      operator.send(new DescribePodIdentityAssociationCommand(ref)),
      operator.send(new DeletePodIdentityAssociationCommand(ref)),
      operator.send(new TagResourceCommand({ resourceArn: ofOtherCluster.arn, tags: marks })),
      auth.exchange({ clusterName: 'other', token: 'none' }),
    ];
    for (const words of await Promise.all(calls.map(denial)))
      expect(words).toContain('not authorized to perform: eks');
  });
});
