import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  ListAttachedRolePoliciesCommand,
  ListRoleTagsCommand,
  ListRolesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import type { IAMClient } from '@aws-sdk/client-iam';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestEmulator } from '../testing/emulator.ts';
import { accountId, providerArn, providerUrl, startTestEmulator } from '../testing/emulator.ts';
import { wallClock } from '../../../../src/k8s/testing/clocks.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';

const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Federated: providerArn },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: { StringEquals: { [`${providerUrl}:sub`]: 'system:serviceaccount:a:b' } },
    },
  ],
});

const byName = (left: string, right: string): number => (left < right ? -1 : 1);

let emulator: TestEmulator;
let iam: IAMClient;

beforeEach(async () => {
  emulator = await startTestEmulator({ now: wallClock, quotas: { roles: 25 } });
  iam = emulator.iam();
});
afterEach(() => emulator.close());

const create = (RoleName: string, more: object = {}) =>
  iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust, ...more }));

describe('a role', () => {
  it('is created with all requested properties and read back unchanged', async () => {
    const created = await create('Example', {
      Path: '/konstellation/',
      Description: 'of <an> "app" & more',
      MaxSessionDuration: 7200,
      PermissionsBoundary: fullAccess,
      Tags: [
        { Key: 'team', Value: 'payments' },
        { Key: 'empty', Value: '' },
      ],
    });
    expect(created.Role?.RoleId).toMatch(/^AROA[A-Z2-7]{17}$/);
    expect(created.Role?.Arn).toBe(`arn:aws:iam::${accountId}:role/konstellation/Example`);
    const { Role: role } = await iam.send(new GetRoleCommand({ RoleName: 'eXAMPLE' }));
    expect(role).toMatchObject({
      RoleName: 'Example',
      Path: '/konstellation/',
      RoleId: created.Role?.RoleId,
      Description: 'of <an> "app" & more',
      MaxSessionDuration: 7200,
      PermissionsBoundary: { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: fullAccess },
      Tags: [
        { Key: 'team', Value: 'payments' },
        { Key: 'empty', Value: '' },
      ],
      RoleLastUsed: {},
    });
    expect(decodeURIComponent(role?.AssumeRolePolicyDocument ?? '')).toBe(trust);
    expect(role?.CreateDate).toBeInstanceOf(Date);
  });

  it('has a unique name, regardless of case', async () => {
    await create('Example');
    await expect(create('EXAMPLE')).rejects.toMatchObject({
      name: 'EntityAlreadyExistsException',
      message: 'Role with name EXAMPLE already exists.',
      $metadata: { httpStatusCode: 409 },
    });
  });

  it.each([
    [
      'a name of 65 characters',
      { RoleName: 'x'.repeat(65) },
      'ValidationError',
      /1 validation error detected: .*at 'roleName'.*less than or equal to 64/,
    ],
    [
      'a name with a slash',
      { RoleName: 'a/b' },
      'ValidationError',
      /specified value for roleName is invalid/,
    ],
    [
      'a path without slashes',
      { Path: 'konstellation' },
      'ValidationError',
      /specified value for path is invalid/,
    ],
    [
      'too short a session',
      { MaxSessionDuration: 3599 },
      'ValidationError',
      /'maxSessionDuration'.*greater than or equal to 3600/,
    ],
    ['too long a session', { MaxSessionDuration: 43_201 }, 'ValidationError', /less than or equal to 43200/],
    [
      '51 tags',
      { Tags: Array.from({ length: 51 }, (_, index) => ({ Key: `k${index}`, Value: '' })) },
      'ValidationError',
      /less than or equal to 50/,
    ],
    [
      'tags that differ in case only',
      {
        Tags: [
          { Key: 'a', Value: '' },
          { Key: 'A', Value: '' },
        ],
      },
      'InvalidInputException',
      /Duplicate tag keys/,
    ],
    ['a tag of the system', { Tags: [{ Key: 'aws:x', Value: '' }] }, 'InvalidInputException', /System tags/],
    [
      'a boundary that does not exist',
      { PermissionsBoundary: `arn:aws:iam::${accountId}:policy/none` },
      'NoSuchEntityException',
      /Scope ARN: .* does not exist or is not attachable/,
    ],
    ['trust that is not JSON', { AssumeRolePolicyDocument: 'no' }, 'MalformedPolicyDocumentException', /./],
    [
      'a principal that does not exist',
      {
        AssumeRolePolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: {
            Effect: 'Allow',
            Principal: { AWS: `arn:aws:iam::${accountId}:role/none` },
            Action: 'sts:AssumeRole',
          },
        }),
      },
      'MalformedPolicyDocumentException',
      /Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:role\/none"/,
    ],
    [
      'trust of more than 2,048 characters',
      { AssumeRolePolicyDocument: trust.replace('system:', `system:${'x'.repeat(2048)}`) },
      'LimitExceededException',
      /Cannot exceed quota for ACLSizePerRole: 2048/,
    ],
  ])('cannot be created with %s', async (_name, input, name, message) => {
    await expect(create('Example', input)).rejects.toMatchObject({
      name,
      message: expect.stringMatching(message),
    });
    expect(emulator.state.roleCount()).toBe(0);
  });

  it('can have a trust policy that exceeds the size limit only because of its white space', async () => {
    await create('Example', { AssumeRolePolicyDocument: trust.replace('{', `{${' '.repeat(3000)}`) });
  });

  it('with several invalid parameters is refused with an error that lists all of them', async () => {
    await expect(create('', { MaxSessionDuration: 1 })).rejects.toMatchObject({
      message: expect.stringMatching(/^2 validation errors detected: .*roleName.*; .*maxSessionDuration/),
    });
  });

  it('cannot be created when the AWS account has reached its quota of roles', async () => {
    for (let index = 0; index < 25; index += 1) await create(`role-${index}`);
    await expect(create('another')).rejects.toMatchObject({
      name: 'LimitExceededException',
      message: 'Cannot exceed quota for RolesPerAccount: 25',
    });
  });

  it('can be deleted only if it has no attached and no inline policies', async () => {
    await create('Example');
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'Example', PolicyArn: readOnly }));
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: 'Example',
        PolicyName: 'inline',
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' },
        }),
      }),
    );
    const remove = () => iam.send(new DeleteRoleCommand({ RoleName: 'Example' }));
    await expect(remove()).rejects.toMatchObject({
      name: 'DeleteConflictException',
      message: 'Cannot delete entity, must detach all policies first.',
    });
    await iam.send(new DetachRolePolicyCommand({ RoleName: 'Example', PolicyArn: readOnly }));
    await expect(remove()).rejects.toMatchObject({
      message: 'Cannot delete entity, must delete policies first.',
    });
  });

  it('that does not exist is reported as missing, with the error message of IAM', async () => {
    await expect(iam.send(new GetRoleCommand({ RoleName: 'none' }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
      message: 'The role with name none cannot be found.',
      $metadata: { httpStatusCode: 404 },
    });
  });

  it('accepts changes of its trust policy, duration, boundary and tags', async () => {
    await create('Example', { Tags: [{ Key: 'Team', Value: 'a' }] });
    const other = trust.replace('a:b', 'c:d');
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'Example', PolicyDocument: other }));
    await iam.send(new UpdateRoleCommand({ RoleName: 'Example', MaxSessionDuration: 5000 }));
    await iam.send(
      new PutRolePermissionsBoundaryCommand({ RoleName: 'Example', PermissionsBoundary: readOnly }),
    );
    await iam.send(
      new TagRoleCommand({
        RoleName: 'Example',
        Tags: [
          { Key: 'team', Value: 'b' },
          { Key: 'x', Value: 'y' },
        ],
      }),
    );
    const { Role: role } = await iam.send(new GetRoleCommand({ RoleName: 'Example' }));
    expect(decodeURIComponent(role?.AssumeRolePolicyDocument ?? '')).toBe(other);
    expect(role).toMatchObject({
      MaxSessionDuration: 5000,
      PermissionsBoundary: { PermissionsBoundaryArn: readOnly },
      Tags: [
        { Key: 'team', Value: 'b' },
        { Key: 'x', Value: 'y' },
      ],
    });
    await iam.send(new UntagRoleCommand({ RoleName: 'Example', TagKeys: ['TEAM', 'none'] }));
    expect((await iam.send(new ListRoleTagsCommand({ RoleName: 'Example' }))).Tags).toEqual([
      { Key: 'x', Value: 'y' },
    ]);
  });
});

describe('attached policies', () => {
  const attach = (PolicyArn: string) =>
    iam.send(new AttachRolePolicyCommand({ RoleName: 'Example', PolicyArn }));
  const detach = (PolicyArn: string) =>
    iam.send(new DetachRolePolicyCommand({ RoleName: 'Example', PolicyArn }));
  beforeEach(() => create('Example'));

  it('are unchanged by a repeated attachment, and a repeated detachment fails', async () => {
    await attach(readOnly);
    const revision = emulator.state.revision;
    await attach(readOnly);
    expect(emulator.state.revision).toBe(revision);
    const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: 'Example' }));
    expect(AttachedPolicies).toEqual([{ PolicyName: 'AmazonS3ReadOnlyAccess', PolicyArn: readOnly }]);
    await detach(readOnly);
    await expect(detach(readOnly)).rejects.toMatchObject({
      name: 'NoSuchEntityException',
      message: `Policy ${readOnly} was not found.`,
    });
  });

  it.each([
    [
      'no policy of AWS',
      'arn:aws:iam::aws:policy/NoSuchPolicy',
      'NoSuchEntityException',
      /does not exist or is not attachable\./,
    ],
    [
      'a policy of another partition',
      'arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess',
      'NoSuchEntityException',
      /not attachable/,
    ],
    [
      'a policy of another account',
      'arn:aws:iam::999999999999:policy/theirs',
      'NoSuchEntityException',
      /not attachable/,
    ],
    [
      'something else of IAM',
      `arn:aws:iam::${accountId}:role/Example`,
      'InvalidInputException',
      /is not valid/,
    ],
    ['no ARN', 'AmazonS3ReadOnlyAccess', 'InvalidInputException', /ARN AmazonS3ReadOnlyAccess is not valid/],
    ['too short a text', 'x', 'ValidationError', /greater than or equal to 20/],
  ])('are refused for %s', async (_name, arn, name, message) => {
    await expect(attach(arn)).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
  });

  it('are limited to ten per role', async () => {
    const names = [
      'AmazonS3ReadOnlyAccess',
      'AmazonS3FullAccess',
      'ReadOnlyAccess',
      'AdministratorAccess',
      'PowerUserAccess',
      'IAMReadOnlyAccess',
      'IAMFullAccess',
      'AmazonSQSFullAccess',
      'AmazonSNSFullAccess',
      'AmazonEC2ReadOnlyAccess',
    ];
    for (const name of names) await attach(`arn:aws:iam::aws:policy/${name}`);
    await expect(attach('arn:aws:iam::aws:policy/AmazonEC2FullAccess')).rejects.toMatchObject({
      name: 'LimitExceededException',
      message: 'Cannot exceed quota for PoliciesPerRole: 10',
    });
    const first = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: 'Example', MaxItems: 7 }));
    const second = await iam.send(
      new ListAttachedRolePoliciesCommand({ RoleName: 'Example', MaxItems: 7, Marker: first.Marker }),
    );
    expect([first.IsTruncated, second.IsTruncated]).toEqual([true, false]);
    expect(
      [...(first.AttachedPolicies ?? []), ...(second.AttachedPolicies ?? [])]
        .map((policy) => policy.PolicyName ?? '')
        .sort(byName),
    ).toEqual(names.toSorted(byName));
  });
});

describe('a list of roles', () => {
  it('stays correct across pages while roles are created and deleted', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name, { Path: name === 'c' ? '/' : '/kon/' });
    const first = await iam.send(new ListRolesCommand({ PathPrefix: '/kon/', MaxItems: 2 }));
    expect(first.Roles?.map((role) => role.RoleName)).toEqual(['a', 'b']);
    await iam.send(new DeleteRoleCommand({ RoleName: 'b' }));
    await create('bb', { Path: '/kon/' });
    const second = await iam.send(new ListRolesCommand({ PathPrefix: '/kon/', Marker: first.Marker }));
    expect(second.Roles?.map((role) => role.RoleName)).toEqual(['bb', 'd', 'e']);
    expect(second.IsTruncated).toBe(false);
    await expect(iam.send(new ListRolesCommand({ Marker: 'nonsense' }))).rejects.toMatchObject({
      name: 'ValidationError',
    });
  });
});
