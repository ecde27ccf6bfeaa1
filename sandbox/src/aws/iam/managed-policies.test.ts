import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DetachRolePolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  ListEntitiesForPolicyCommand,
  ListPoliciesCommand,
  ListPolicyVersionsCommand,
  PutRolePermissionsBoundaryCommand,
  SetDefaultPolicyVersionCommand,
} from '@aws-sdk/client-iam';
import type { IAMClient } from '@aws-sdk/client-iam';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { managedPolicies } from '../../../../src/aws/catalogue/catalogue.ts';
import type { TestEmulator } from '../testing/emulator.ts';
import { accountId, startTestEmulator } from '../testing/emulator.ts';
import { createAwsManagedPolicies } from './aws-managed.ts';
import { defaultVersion } from './state.ts';
import { wallClock } from '../../../../src/k8s/testing/clocks.ts';

const document = (action: string): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] });
const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
});
const arn = `arn:aws:iam::${accountId}:policy/team/mine`;
const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

let emulator: TestEmulator;
let iam: IAMClient;

beforeEach(async () => {
  emulator = await startTestEmulator({ now: wallClock });
  iam = emulator.iam();
});
afterEach(() => emulator.close());

const create = (PolicyName = 'mine', more: object = {}) =>
  iam.send(
    new CreatePolicyCommand({
      PolicyName,
      Path: '/team/',
      PolicyDocument: document('s3:GetObject'),
      ...more,
    }),
  );

describe('a customer managed policy', () => {
  it('is created, read and versioned', async () => {
    const { Policy: created } = await create('mine', {
      Description: 'of ours',
      Tags: [{ Key: 'a', Value: 'b' }],
    });
    expect(created).toMatchObject({
      Arn: arn,
      DefaultVersionId: 'v1',
      AttachmentCount: 0,
      PolicyId: expect.stringMatching(/^ANPA/),
    });
    await iam.send(new CreatePolicyVersionCommand({ PolicyArn: arn, PolicyDocument: document('s3:*') }));
    await iam.send(
      new CreatePolicyVersionCommand({
        PolicyArn: arn,
        PolicyDocument: document('sqs:*'),
        SetAsDefault: true,
      }),
    );
    const { Versions } = await iam.send(new ListPolicyVersionsCommand({ PolicyArn: arn }));
    expect(Versions?.map(({ VersionId, IsDefaultVersion }) => [VersionId, IsDefaultVersion])).toEqual([
      ['v3', true],
      ['v2', false],
      ['v1', false],
    ]);
    await iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn: arn, VersionId: 'v2' }));
    await expect(
      iam.send(new DeletePolicyVersionCommand({ PolicyArn: arn, VersionId: 'v2' })),
    ).rejects.toMatchObject({
      name: 'DeleteConflictException',
      message: 'Cannot delete the default version of a policy.',
    });
    await iam.send(new DeletePolicyVersionCommand({ PolicyArn: arn, VersionId: 'v3' }));
    const { PolicyVersion } = await iam.send(
      new CreatePolicyVersionCommand({ PolicyArn: arn, PolicyDocument: document('ec2:*') }),
    );
    expect(PolicyVersion?.VersionId).toBe('v4');
    const { Policy: read } = await iam.send(new GetPolicyCommand({ PolicyArn: arn }));
    expect(read).toMatchObject({
      DefaultVersionId: 'v2',
      Description: 'of ours',
      Tags: [{ Key: 'a', Value: 'b' }],
    });
    const version = await iam.send(new GetPolicyVersionCommand({ PolicyArn: arn, VersionId: 'v2' }));
    expect(decodeURIComponent(version.PolicyVersion?.Document ?? '')).toBe(document('s3:*'));
  });

  it('has at most five versions', async () => {
    await create();
    const add = () =>
      iam.send(new CreatePolicyVersionCommand({ PolicyArn: arn, PolicyDocument: document('s3:*') }));
    for (let index = 0; index < 4; index += 1) await add();
    await expect(add()).rejects.toMatchObject({
      name: 'LimitExceededException',
      message: expect.stringMatching(/up to 5 versions/),
    });
  });

  it('has a unique name, regardless of path and case', async () => {
    await create();
    await expect(create('MINE', { Path: '/' })).rejects.toMatchObject({
      name: 'EntityAlreadyExistsException',
      message: 'A policy called MINE already exists. Duplicate names are not allowed.',
    });
  });

  it.each([
    ['no JSON', 'no', 'MalformedPolicyDocumentException'],
    [
      'a principal',
      JSON.stringify({
        Version: '2012-10-17',
        Statement: { Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' },
      }),
      'MalformedPolicyDocumentException',
    ],
    ['more than 6,144 characters', document(`s3:${'x'.repeat(6144)}`), 'LimitExceededException'],
  ])('is refused if its document contains %s', async (_name, PolicyDocument, name) => {
    await expect(create('mine', { PolicyDocument })).rejects.toMatchObject({ name });
  });

  it('is deleted only when it is not in use and has one version', async () => {
    await create();
    await iam.send(new CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: trust }));
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'r', PolicyArn: arn }));
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: 'r', PermissionsBoundary: arn }));
    expect(await iam.send(new GetPolicyCommand({ PolicyArn: arn }))).toMatchObject({
      Policy: { AttachmentCount: 1, PermissionsBoundaryUsageCount: 1 },
    });
    const entities = await iam.send(new ListEntitiesForPolicyCommand({ PolicyArn: arn }));
    expect(entities.PolicyRoles).toEqual([{ RoleName: 'r', RoleId: expect.stringMatching(/^AROA/) }]);
    const remove = () => iam.send(new DeletePolicyCommand({ PolicyArn: arn }));
    await expect(remove()).rejects.toMatchObject({ message: 'Cannot delete a policy attached to entities.' });
    await iam.send(new DetachRolePolicyCommand({ RoleName: 'r', PolicyArn: arn }));
    await expect(remove()).rejects.toMatchObject({ name: 'DeleteConflictException' });
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: 'r', PermissionsBoundary: readOnly }));
    await iam.send(new CreatePolicyVersionCommand({ PolicyArn: arn, PolicyDocument: document('s3:*') }));
    await expect(remove()).rejects.toMatchObject({ message: expect.stringMatching(/more than one version/) });
    await iam.send(new DeletePolicyVersionCommand({ PolicyArn: arn, VersionId: 'v2' }));
    await remove();
    await expect(remove()).rejects.toMatchObject({
      name: 'NoSuchEntityException',
      message: `Policy ${arn} was not found.`,
    });
  });
});

describe('AWS managed policies', () => {
  it('have the same documents as in AWS and cannot be changed', async () => {
    const { Policy } = await iam.send(new GetPolicyCommand({ PolicyArn: readOnly }));
    const { PolicyVersion } = await iam.send(
      new GetPolicyVersionCommand({ PolicyArn: readOnly, VersionId: Policy?.DefaultVersionId }),
    );
    expect(decodeURIComponent(PolicyVersion?.Document ?? '')).toContain('s3:Get*');
    for (const command of [
      new DeletePolicyCommand({ PolicyArn: readOnly }),
      new CreatePolicyVersionCommand({ PolicyArn: readOnly, PolicyDocument: document('s3:*') }),
    ]) {
      await expect(iam.send(command as DeletePolicyCommand)).rejects.toMatchObject({
        name: 'AccessDenied',
        message: 'Policy is outside your own account.',
      });
    }
  });

  it('are listed after the customer managed policies, in pages without gaps or repetitions', async () => {
    for (const name of ['b', 'a', 'c']) await create(name);
    const names: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await iam.send(new ListPoliciesCommand({ MaxItems: 400, Marker }));
      names.push(...(page.Policies ?? []).map((policy) => policy.PolicyName ?? ''));
      ({ Marker } = page);
    } while (Marker !== undefined);
    expect(names.slice(0, 3)).toEqual(['a', 'b', 'c']);
    expect(names).toHaveLength(3 + managedPolicies().length);
    expect(new Set(names).size).toBe(names.length);
    const local = await iam.send(new ListPoliciesCommand({ Scope: 'Local', PathPrefix: '/team/' }));
    expect(local.Policies).toHaveLength(3);
    expect((await iam.send(new ListPoliciesCommand({ OnlyAttached: true }))).Policies).toEqual([]);
  });

  it.each(['aws', 'aws-cn', 'aws-us-gov'])('can all be evaluated in the partition %s', (partition) => {
    const policies = createAwsManagedPolicies(partition);
    for (const policy of policies.all())
      expect(defaultVersion(policy).policy.document.statements.length).toBeGreaterThan(0);
    expect(policies.find(`arn:${partition}:iam::aws:policy/AmazonS3ReadOnlyAccess`)?.arn).toBe(
      `arn:${partition}:iam::aws:policy/AmazonS3ReadOnlyAccess`,
    );
    expect(policies.find('arn:aws-iso:iam::aws:policy/AmazonS3ReadOnlyAccess')).toBeUndefined();
  });
});
