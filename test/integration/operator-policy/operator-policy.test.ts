/**
 * The operator's IAM policy, evaluated by IAM: it allows the calls that the operator needs, and denies every call outside its
 * limits.
 */
import {
  AttachRolePolicyCommand,
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetAccountAuthorizationDetailsCommand,
  GetAccountSummaryCommand,
  GetOpenIDConnectProviderCommand,
  GetRoleCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  type IAMClient,
  type Tag,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  operatorPolicy,
  ownershipTagKeys,
  ownershipTags,
  retentionTags,
  tagKeysLostOnRetain,
  type OperatorPolicyOptions,
} from '../../../src/identity/index.ts';
import {
  accountId,
  issuer,
  startTestEmulator,
  type TestEmulator,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';

const clusterArn = `arn:aws:eks:eu-west-1:${accountId}:cluster/fenced`;
const otherCluster = `arn:aws:eks:eu-west-1:${accountId}:cluster/other`;
const rolePath = '/konstellation/';
const boundary = `arn:aws:iam::${accountId}:policy/boundary`;
const otherBoundary = 'arn:aws:iam::aws:policy/PowerUserAccess';
const allowed = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const administrator = 'arn:aws:iam::aws:policy/AdministratorAccess';

const trust = (principal: unknown): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' }],
  });
const noTrust = trust({ Service: 'ec2.amazonaws.com' });
const marksOf = (cluster: string): Tag[] =>
  tagList(ownershipTags({ clusterArn: cluster, issuer, providerArn: '', account: 'a', uid: 'u' }));
const tagList = (tags: Readonly<Record<string, string>>): Tag[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const marks = marksOf(clusterArn);

/** Users of the AWS account, each with the operator's policy for a different configuration. */
const operators = {
  fenced: {
    permissionsBoundaryArns: [boundary],
    allowedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3*'],
    tagKeys: ['team'],
  },
  plain: {},
  adopting: { adoption: true },
} as const satisfies Readonly<Record<string, Partial<OperatorPolicyOptions>>>;
type OperatorName = keyof typeof operators;
const keysOf = (name: OperatorName) => ({
  accessKeyId: `AKIAOPERATOR${name.toUpperCase().padEnd(8, '0')}`,
  secretAccessKey: `${name}-secret`,
});

let emulator: TestEmulator;
let admin: IAMClient;
let operator: Readonly<Record<OperatorName, IAMClient>>;
beforeAll(async () => {
  emulator = await startTestEmulator({
    now: wallClock,
    credentials: Object.entries(operators).map(([name, options]) => ({
      ...keysOf(name as OperatorName),
      principalArn: `arn:aws:iam::${accountId}:user/operator-${name}`,
      policies: [operatorPolicy({ clusterArn, rolePath, ...options })],
    })),
  });
  admin = emulator.iam();
  operator = {
    fenced: emulator.iam(keysOf('fenced')),
    plain: emulator.iam(keysOf('plain')),
    adopting: emulator.iam(keysOf('adopting')),
  };
  await admin.send(
    new CreatePolicyCommand({
      PolicyName: 'boundary',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
      }),
    }),
  );
  await admin.send(
    new CreateOpenIDConnectProviderCommand({ Url: issuer, ClientIDList: ['sts.amazonaws.com'] }),
  );
  const create = (
    RoleName: string,
    Path: string,
    Tags: Tag[],
    PermissionsBoundary?: string,
  ): Promise<unknown> =>
    admin.send(
      new CreateRoleCommand({ RoleName, Path, Tags, PermissionsBoundary, AssumeRolePolicyDocument: noTrust }),
    );
  await create('foreign', '/', []);
  await create('foreign-in-path', rolePath, []);
  await create('of-other-cluster', rolePath, marksOf(otherCluster), boundary);
  await create('own', rolePath, marks, boundary);
  await create('own-unbounded', rolePath, marks);
  await create('own-retained', rolePath, marks);
  await create('consented', '/eksctl/', tagList({ 'k11n.dev/cluster': clusterArn }));
});
afterAll(async () => {
  for (const client of [admin, ...Object.values(operator ?? {})]) client?.destroy();
  await emulator?.close();
});

const denial = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error && error.name === 'AccessDenied') return error.message;
    throw error;
  }
  throw new Error('IAM allowed it');
};

describe('the operator policy', () => {
  it('allows each step from the creation of a role to its deletion', async () => {
    const iam = operator.fenced;
    const RoleName = 'kon-fenced-life';
    await iam.send(
      new CreateRoleCommand({
        RoleName,
        Path: rolePath,
        AssumeRolePolicyDocument: noTrust,
        Tags: marks,
        PermissionsBoundary: boundary,
      }),
    );
    await iam.send(new GetRoleCommand({ RoleName }));
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: allowed }));
    await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    await iam.send(
      new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: trust({ Service: 's3.amazonaws.com' }) }),
    );
    await iam.send(new UpdateRoleCommand({ RoleName, MaxSessionDuration: 7200 }));
    await iam.send(new TagRoleCommand({ RoleName, Tags: [{ Key: 'team', Value: 'payments' }] }));
    await iam.send(new TagRoleCommand({ RoleName, Tags: marks }));
    await iam.send(new UntagRoleCommand({ RoleName, TagKeys: ['team'] }));
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: boundary }));
    // The operator is permitted to detach any policy that others have attached.
    await admin.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: administrator }));
    await admin.send(
      new PutRolePolicyCommand({ RoleName, PolicyName: 'inline', PolicyDocument: inlineDocument }),
    );
    await iam.send(new ListRolePoliciesCommand({ RoleName }));
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'inline' }));
    for (const PolicyArn of [administrator, allowed])
      await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
    await iam.send(new DeleteRoleCommand({ RoleName }));
  });

  it('allows reading the IAM account summary, the OIDC provider of the cluster, and all roles, including roles of other owners', async () => {
    const iam = operator.fenced;
    await iam.send(new GetAccountSummaryCommand({}));
    await iam.send(new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'] }));
    await iam.send(
      new GetOpenIDConnectProviderCommand({
        OpenIDConnectProviderArn: `arn:aws:iam::${accountId}:oidc-provider/${issuer.slice('https://'.length)}`,
      }),
    );
    await iam.send(new GetRoleCommand({ RoleName: 'foreign' }));
    await expect(iam.send(new GetRoleCommand({ RoleName: 'nothing' }))).rejects.toThrow('cannot be found');
  });

  it('allows tagging a role as retained and removing its ownership tags, and denies later changes of that role', async () => {
    const RoleName = 'own-retained';
    const Tags = tagList(retentionTags(clusterArn));
    await operator.fenced.send(new TagRoleCommand({ RoleName, Tags }));
    await operator.fenced.send(new UntagRoleCommand({ RoleName, TagKeys: [...tagKeysLostOnRetain] }));
    const { Role: role } = await operator.fenced.send(new GetRoleCommand({ RoleName }));
    expect(role?.Tags).toEqual([...tagList({ 'k11n.dev/account': 'a' }), ...Tags]);
    expect(await denial(operator.fenced.send(new DeleteRoleCommand({ RoleName })))).toContain(
      'iam:DeleteRole',
    );
    expect(await denial(operator.fenced.send(new TagRoleCommand({ RoleName, Tags })))).toContain(
      'iam:TagRole',
    );
  });

  it('allows removing the ownership tags of a role, and denies later changes of that role', async () => {
    const RoleName = 'kon-fenced-retained';
    await operator.plain.send(
      new CreateRoleCommand({ RoleName, Path: rolePath, AssumeRolePolicyDocument: noTrust, Tags: marks }),
    );
    await operator.plain.send(new UntagRoleCommand({ RoleName, TagKeys: [...ownershipTagKeys] }));
    expect(await denial(operator.plain.send(new DeleteRoleCommand({ RoleName })))).toContain(
      'iam:DeleteRole',
    );
    expect(await denial(operator.plain.send(new TagRoleCommand({ RoleName, Tags: marks })))).toContain(
      'iam:TagRole',
    );
  });

  it('allows setting and removing the boundary of an account when the ClusterConfig has no boundary', async () => {
    const RoleName = 'own-unbounded';
    await operator.plain.send(
      new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: otherBoundary }),
    );
    await operator.plain.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }));
  });

  it('allows adopting a role outside the path, once the role has the tag that consents to an adoption by this cluster', async () => {
    const RoleName = 'consented';
    expect(await denial(operator.plain.send(new TagRoleCommand({ RoleName, Tags: marks })))).toContain(
      'iam:TagRole',
    );
    const attach = new AttachRolePolicyCommand({ RoleName, PolicyArn: allowed });
    expect(await denial(operator.adopting.send(attach))).toContain('iam:AttachRolePolicy');
    await operator.adopting.send(new TagRoleCommand({ RoleName, Tags: marks }));
    await operator.adopting.send(attach);
    expect(
      await denial(operator.adopting.send(new TagRoleCommand({ RoleName: 'foreign', Tags: marks }))),
    ).toContain('iam:TagRole');
  });
});

const inlineDocument = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
});

const newRole = { RoleName: 'kon-fenced-escape', AssumeRolePolicyDocument: noTrust } as const;
const create =
  (
    change: Partial<ConstructorParameters<typeof CreateRoleCommand>[0]>,
  ): ((iam: IAMClient) => Promise<unknown>) =>
  (iam) =>
    iam.send(
      new CreateRoleCommand({
        ...newRole,
        Path: rolePath,
        Tags: marks,
        PermissionsBoundary: boundary,
        ...change,
      }),
    );
const onForeign = (
  RoleName: string,
): readonly (readonly [string, string, (iam: IAMClient) => Promise<unknown>])[] => [
  ['put ownership tags on', 'iam:TagRole', (iam) => iam.send(new TagRoleCommand({ RoleName, Tags: marks }))],
  [
    'tag',
    'iam:TagRole',
    (iam) => iam.send(new TagRoleCommand({ RoleName, Tags: [{ Key: 'team', Value: 'x' }] })),
  ],
  [
    'untag',
    'iam:UntagRole',
    (iam) => iam.send(new UntagRoleCommand({ RoleName, TagKeys: ['k11n.dev/cluster'] })),
  ],
  [
    'attach to',
    'iam:AttachRolePolicy',
    (iam) => iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: allowed })),
  ],
  [
    'detach from',
    'iam:DetachRolePolicy',
    (iam) => iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn: allowed })),
  ],
  [
    'change the trust policy of',
    'iam:UpdateAssumeRolePolicy',
    (iam) => iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: trust({ AWS: '*' }) })),
  ],
  [
    'change the boundary of',
    'iam:PutRolePermissionsBoundary',
    (iam) => iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: boundary })),
  ],
  [
    'lengthen the sessions of',
    'iam:UpdateRole',
    (iam) => iam.send(new UpdateRoleCommand({ RoleName, MaxSessionDuration: 43_200 })),
  ],
  [
    'empty',
    'iam:DeleteRolePolicy',
    (iam) => iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: 'x' })),
  ],
  ['delete', 'iam:DeleteRole', (iam) => iam.send(new DeleteRoleCommand({ RoleName }))],
];

describe('under the operator policy', () => {
  describe.each(['foreign', 'foreign-in-path', 'of-other-cluster'])('with the role "%s"', (role) => {
    it.each(onForeign(role))('the operator cannot %s that role', async (_what, action, attempt) => {
      expect(await denial(attempt(operator.fenced))).toMatch(
        new RegExp(`not authorized to perform: ${action} .*because no identity-based policy allows`),
      );
    });
  });

  it.each([
    ['outside the path', create({ Path: '/' })],
    ['at a path that begins with the same characters', create({ Path: '/konstellation-of-others/' })],
    ['without ownership tags', create({ Tags: [] })],
    ['with the ownership tags of another cluster', create({ Tags: marksOf(otherCluster) })],
    ['without the boundary', create({ PermissionsBoundary: undefined })],
    ['with another boundary', create({ PermissionsBoundary: otherBoundary })],
  ])('the operator cannot create a role %s', async (_what, attempt) => {
    expect(await denial(attempt(operator.fenced))).toContain('iam:CreateRole');
    await expect(admin.send(new GetRoleCommand({ RoleName: newRole.RoleName }))).rejects.toThrow(
      'cannot be found',
    );
  });

  it.each([
    [
      'attach a policy that is not allowed',
      'own',
      new AttachRolePolicyCommand({ RoleName: 'own', PolicyArn: administrator }),
    ],
    [
      'attach a policy to a role without its boundary',
      'own-unbounded',
      new AttachRolePolicyCommand({ RoleName: 'own-unbounded', PolicyArn: allowed }),
    ],
  ])('the operator cannot %s', async (_what, _role, command) => {
    expect(await denial(operator.fenced.send(command))).toContain('iam:AttachRolePolicy');
  });

  it('the operator cannot remove the boundary of a role, and cannot replace the boundary with another one', async () => {
    const RoleName = 'own';
    expect(
      await denial(operator.fenced.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }))),
    ).toContain('iam:DeleteRolePermissionsBoundary');
    expect(
      await denial(
        operator.fenced.send(
          new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: otherBoundary }),
        ),
      ),
    ).toContain('iam:PutRolePermissionsBoundary');
  });

  it.each([
    ['an account in another cluster', { 'k11n.dev/cluster': otherCluster }],
    ['somebody else', { 'k11n.dev/managed-by': 'somebody' }],
  ])('the operator cannot tag one of its roles as the role of %s', async (_what, tags) => {
    const call = operator.fenced.send(new TagRoleCommand({ RoleName: 'own', Tags: tagList(tags) }));
    expect(await denial(call)).toContain('iam:TagRole');
  });

  describe.each(['own', 'new'] as const)('on the role "%s"', (which) => {
    const setTags = (tags: Readonly<Record<string, string>>): Promise<unknown> =>
      which === 'own'
        ? operator.fenced.send(new TagRoleCommand({ RoleName: 'own', Tags: tagList(tags) }))
        : create({ Tags: [...marks, ...tagList(tags)] })(operator.fenced);

    it.each([
      ['that no account may set', { project: 'payments-prod' }],
      [
        'that no account may set, next to a key that accounts may set',
        { team: 'payments', project: 'payments-prod' },
      ],
      ['that differs only in letter case from a key that accounts may set', { Team: 'payments' }],
      ['that begins with a key that accounts may set', { 'team-lead': 'x' }],
      ['of a Pod Identity session', { 'kubernetes-namespace': 'production' }],
      ['of a Pod Identity session, in other letter case', { 'EKS-Cluster-Name': 'other' }],
      ['of an ownership tag, in other letter case', { 'K11N.dev/account': 'other' }],
    ])('the operator cannot set a tag key %s', async (_what, tags) => {
      expect(await denial(setTags(tags))).toContain(which === 'own' ? 'iam:TagRole' : 'iam:CreateRole');
    });
  });

  it('a call of TagRole without tags is denied', async () => {
    const call = operator.fenced.send(new TagRoleCommand({ RoleName: 'own', Tags: [] }));
    expect(await denial(call)).toContain('iam:TagRole');
  });

  it('the operator cannot write an inline policy or create a managed policy', async () => {
    expect(
      await denial(
        operator.fenced.send(
          new PutRolePolicyCommand({ RoleName: 'own', PolicyName: 'x', PolicyDocument: inlineDocument }),
        ),
      ),
    ).toContain('iam:PutRolePolicy');
    expect(
      await denial(
        operator.fenced.send(new CreatePolicyCommand({ PolicyName: 'x', PolicyDocument: inlineDocument })),
      ),
    ).toContain('iam:CreatePolicy');
  });

  it('the operator cannot assume a role', async () => {
    const sts = new STSClient(emulator.client(keysOf('fenced')));
    const call = sts.send(
      new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${accountId}:role/foreign`, RoleSessionName: 'escape' }),
    );
    expect(await denial(call)).toContain('sts:AssumeRole');
    sts.destroy();
  });
});
