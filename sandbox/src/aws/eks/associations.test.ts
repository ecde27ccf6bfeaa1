import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  DescribePodIdentityAssociationCommand,
  ListPodIdentityAssociationsCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdatePodIdentityAssociationCommand,
  type CreatePodIdentityAssociationCommandInput,
  type PodIdentityAssociation,
} from '@aws-sdk/client-eks';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  accountId,
  issuer,
  nobody,
  region,
  startTestEmulator,
  type TestEmulator,
} from '../testing/emulator.ts';
import { wallClock } from '../../../../src/k8s/testing/clocks.ts';

const clusterName = 'demo';
const clusterArn = `arn:aws:eks:${region}:${accountId}:cluster/${clusterName}`;
const roleArn = `arn:aws:iam::${accountId}:role/kon/podrole`;
const target = { clusterName, namespace: 'production', serviceAccount: 'myaccount' };

const trust = (change: object = {}): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'pods.eks.amazonaws.com' },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        ...change,
      },
    ],
  });

let emulator: TestEmulator;

beforeEach(async () => {
  emulator = await startTestEmulator({
    now: wallClock,
    clusters: [
      {
        name: clusterName,
        endpoint: 'https://127.0.0.1:1',
        certificateAuthorityData: '',
        issuer,
        version: '1.36',
      },
    ],
  });
});
afterEach(() => emulator.close());

async function createRole(change?: object, name = 'podrole'): Promise<void> {
  await emulator
    .iam()
    .send(new CreateRoleCommand({ RoleName: name, Path: '/kon/', AssumeRolePolicyDocument: trust(change) }));
}

async function associate(
  input: Partial<CreatePodIdentityAssociationCommandInput> = {},
): Promise<PodIdentityAssociation> {
  const { association } = await emulator
    .eks()
    .send(new CreatePodIdentityAssociationCommand({ ...target, roleArn, ...input }));
  if (!association) throw new Error('no association');
  return association;
}

describe('an association', () => {
  it('is created, described, updated and deleted by the EKS API', async () => {
    await createRole();
    await createRole({}, 'other');
    const made = await associate({ tags: { team: 'payments' } });
    expect(made).toMatchObject({ ...target, roleArn, tags: { team: 'payments' }, disableSessionTags: false });
    expect(made.associationId).toMatch(/^a-[a-z0-9]{17}$/);
    expect(made.associationArn).toBe(
      `arn:aws:eks:${region}:${accountId}:podidentityassociation/demo/${made.associationId}`,
    );
    expect(made.createdAt).toBeInstanceOf(Date);

    const { associationId } = made;
    const describeIt = () =>
      emulator.eks().send(new DescribePodIdentityAssociationCommand({ clusterName, associationId }));
    expect((await describeIt()).association).toEqual(made);

    const other = roleArn.replace('podrole', 'other');
    await emulator
      .eks()
      .send(new UpdatePodIdentityAssociationCommand({ clusterName, associationId, roleArn: other }));
    expect((await describeIt()).association).toMatchObject({ roleArn: other, tags: { team: 'payments' } });

    const gone = await emulator
      .eks()
      .send(new DeletePodIdentityAssociationCommand({ clusterName, associationId }));
    expect(gone.association).toMatchObject({ associationId, roleArn: other });
    await expect(describeIt()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('is unique per ServiceAccount, and a repeated request returns the existing association', async () => {
    await createRole();
    const first = await associate({ clientRequestToken: 'same' });
    expect((await associate({ clientRequestToken: 'same' })).associationId).toBe(first.associationId);
    await expect(associate()).rejects.toMatchObject({
      name: 'ResourceInUseException',
      message: `Association already exists: ${first.associationId}`,
      $metadata: { httpStatusCode: 409 },
    });
    await associate({ namespace: 'staging' });
  });

  it('is refused for a cluster, role or name that does not exist', async () => {
    await expect(associate()).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'Role provided in the request does not exist.',
    });
    await createRole();
    await expect(associate({ clusterName: 'none' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(associate({ roleArn: roleArn.replace(accountId, '999999999999') })).rejects.toMatchObject({
      message: /not in the account/,
    });
    await expect(associate({ namespace: 'No' })).rejects.toMatchObject({ name: 'InvalidParameterException' });
    await expect(associate({ targetRoleArn: 'x' })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
    await expect(associate({ policy: '{}' })).rejects.toMatchObject({
      message: /^disableSessionTags must be true/,
    });
  });

  it.each([
    ['nobody', { Principal: { AWS: accountId } }],
    ['no session tags', { Action: 'sts:AssumeRole' }],
    ['another cluster', { Condition: { StringEquals: { 'aws:SourceArn': `${clusterArn}2` } } }],
    [
      'another namespace',
      { Condition: { StringEquals: { 'aws:RequestTag/kubernetes-namespace': ['staging'] } } },
    ],
    ['a denial', { Effect: 'Deny' }],
  ])('is refused for a role whose trust policy does not match: %s', async (_what, change) => {
    await createRole(change);
    await expect(associate()).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: /^Trust policy of the role provided is invalid\./,
    });
  });

  it('is accepted for a role that trusts exactly this ServiceAccount of this cluster', async () => {
    await createRole({
      Condition: {
        StringEquals: {
          'aws:SourceArn': clusterArn,
          'aws:RequestTag/kubernetes-namespace': ['production', 'staging'],
          'aws:RequestTag/kubernetes-service-account': 'myaccount',
        },
      },
    });
    await associate();
    await expect(associate({ disableSessionTags: true, namespace: 'staging' })).rejects.toMatchObject({
      message: /^Trust policy/,
    });
  });

  it('is accepted for a new role once IAM has propagated it', async () => {
    emulator.faults.set({ propagationMs: 60_000 });
    await createRole();
    await expect(associate()).rejects.toMatchObject({
      message: 'Role provided in the request does not exist.',
    });
  });

  it('requires the permissions to create and tag the association and to pass the role', async () => {
    await createRole();
    await expect(
      emulator.eks(nobody).send(new CreatePodIdentityAssociationCommand({ ...target, roleArn })),
    ).rejects.toMatchObject({ name: 'AccessDeniedException', message: /eks:CreatePodIdentityAssociation/ });
    const allow = (Action: string[]) => ({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Action, Resource: '*' },
    });
    await emulator.close();
    const some = { accessKeyId: 'AKIASOMEBODY00000000', secretAccessKey: 'somebody-secret' };
    emulator = await startTestEmulator({
      now: wallClock,
      clusters: [
        {
          name: clusterName,
          endpoint: 'https://127.0.0.1:1',
          certificateAuthorityData: '',
          issuer,
          version: '1.36',
        },
      ],
      credentials: [
        {
          ...some,
          principalArn: `arn:aws:iam::${accountId}:user/somebody`,
          policies: [allow(['eks:CreatePodIdentityAssociation', 'iam:GetRole'])],
        },
      ],
    });
    await createRole();
    await expect(
      emulator.eks(some).send(new CreatePodIdentityAssociationCommand({ ...target, roleArn })),
    ).rejects.toMatchObject({ name: 'AccessDeniedException', message: /iam:PassRole on resource: arn/ });
  });

  it('can be tagged and untagged', async () => {
    await createRole();
    const { associationArn: resourceArn } = await associate({ tags: { a: '1', b: '2' } });
    await emulator.eks().send(new TagResourceCommand({ resourceArn, tags: { b: '3', c: '4' } }));
    await emulator.eks().send(new UntagResourceCommand({ resourceArn, tagKeys: ['a'] }));
    const { tags } = await emulator.eks().send(new ListTagsForResourceCommand({ resourceArn }));
    expect(tags).toEqual({ b: '3', c: '4' });
    await expect(
      emulator.eks().send(new TagResourceCommand({ resourceArn, tags: { 'aws:x': '' } })),
    ).rejects.toMatchObject({ name: 'BadRequestException' });
    await expect(
      emulator.eks().send(new ListTagsForResourceCommand({ resourceArn: `${resourceArn}x` })),
    ).rejects.toMatchObject({ name: 'NotFoundException' });
  });
});

describe('the list of associations', () => {
  it('is paged, and can be filtered by namespace or ServiceAccount', async () => {
    await createRole();
    const names = Array.from({ length: 5 }, (_, index) => `ns-${index}`);
    for (const namespace of names) await associate({ namespace });
    const seen: (string | undefined)[] = [];
    let nextToken: string | undefined;
    let pages = 0;
    do {
      const page = await emulator
        .eks()
        .send(new ListPodIdentityAssociationsCommand({ clusterName, maxResults: 2, nextToken }));
      seen.push(...(page.associations ?? []).map(({ namespace }) => namespace));
      ({ nextToken } = page);
      pages += 1;
    } while (nextToken !== undefined);
    expect(pages).toBe(3);
    expect(new Set(seen)).toEqual(new Set(names));
    const only = await emulator.eks().send(
      new ListPodIdentityAssociationsCommand({
        clusterName,
        namespace: 'ns-1',
        serviceAccount: 'myaccount',
      }),
    );
    expect(only.associations).toEqual([
      {
        ...target,
        namespace: 'ns-1',
        associationArn: expect.stringContaining('podidentityassociation') as string,
        associationId: expect.stringMatching(/^a-/) as string,
      },
    ]);
  });

  it('that the webhook reads contains a new association only after EKS has propagated the association', async () => {
    await createRole();
    await associate();
    const identities = async (): Promise<unknown> => {
      const response = await fetch(`${emulator.url}/_emulator/pod-identities?cluster=demo`);
      return ((await response.json()) as { identities: unknown }).identities;
    };
    expect(await identities()).toEqual([{ namespace: 'production', serviceAccount: 'myaccount' }]);
    emulator.faults.set({ propagationMs: 60_000 });
    expect(await identities()).toEqual([]);
  });
});
