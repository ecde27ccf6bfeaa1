import {
  AddClientIDToOpenIDConnectProviderCommand,
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  DeleteOpenIDConnectProviderCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  GetAccountAuthorizationDetailsCommand,
  GetAccountSummaryCommand,
  GetOpenIDConnectProviderCommand,
  GetRolePolicyCommand,
  GetUserCommand,
  ListInstanceProfilesForRoleCommand,
  ListOpenIDConnectProvidersCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
  SimulateCustomPolicyCommand,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam';
import type { GetAccountAuthorizationDetailsCommandOutput, IAMClient } from '@aws-sdk/client-iam';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestEmulator } from '../testing/emulator.ts';
import { accountId, issuer, providerArn, providerUrl, startTestEmulator } from '../testing/emulator.ts';
import { wallClock } from '../../../../src/k8s/testing/clocks.ts';

const trust = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
});
const policy = (effect: string, action: string, more: object = {}): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: effect, Action: action, Resource: '*', ...more },
  });
const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

let emulator: TestEmulator;
let iam: IAMClient;

beforeEach(async () => {
  emulator = await startTestEmulator({ now: wallClock });
  iam = emulator.iam();
});
afterEach(() => emulator.close());

const createRole = (RoleName: string, more: object = {}) =>
  iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust, ...more }));

describe('the emulator', () => {
  async function allPages(input: object): Promise<GetAccountAuthorizationDetailsCommandOutput[]> {
    const pages: GetAccountAuthorizationDetailsCommandOutput[] = [];
    let Marker: string | undefined;
    do {
      const page = await iam.send(new GetAccountAuthorizationDetailsCommand({ ...input, Marker }));
      pages.push(page);
      ({ Marker } = page);
    } while (Marker !== undefined);
    return pages;
  }

  it('omits the description and the session duration of roles in GetAccountAuthorizationDetails, as IAM does', async () => {
    await createRole('a', {
      Path: '/kon/',
      Description: 'text',
      Tags: [{ Key: 'k', Value: 'v' }],
      PermissionsBoundary: readOnly,
    });
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'a', PolicyArn: readOnly }));
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: 'a',
        PolicyName: 'inline',
        PolicyDocument: policy('Allow', 's3:*'),
      }),
    );
    const [page] = await allPages({ Filter: ['Role'] });
    expect(page?.RoleDetailList).toEqual([
      {
        Path: '/kon/',
        RoleName: 'a',
        RoleId: expect.stringMatching(/^AROA/),
        Arn: `arn:aws:iam::${accountId}:role/kon/a`,
        CreateDate: expect.any(Date),
        AssumeRolePolicyDocument: expect.stringMatching(/^%7B%22Version%22%3A/),
        InstanceProfileList: [],
        RolePolicyList: [{ PolicyName: 'inline', PolicyDocument: expect.stringMatching(/^%7B/) }],
        AttachedManagedPolicies: [{ PolicyName: 'AmazonS3ReadOnlyAccess', PolicyArn: readOnly }],
        PermissionsBoundary: { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: readOnly },
        Tags: [{ Key: 'k', Value: 'v' }],
        RoleLastUsed: {},
      },
    ]);
    expect(page).toMatchObject({ UserDetailList: [], GroupDetailList: [], Policies: [], IsTruncated: false });
  });

  it('returns each item of every kind exactly once across all pages of GetAccountAuthorizationDetails', async () => {
    for (let index = 0; index < 7; index += 1) await createRole(`role-${index}`);
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'role-3', PolicyArn: readOnly }));
    for (const PolicyName of ['x', 'y'])
      await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument: policy('Allow', 's3:*') }));
    for (const MaxItems of [1, 2, 3, 100]) {
      const pages = await allPages({ MaxItems });
      expect(pages.flatMap((page) => (page.UserDetailList ?? []).map((user) => user.UserName))).toEqual([
        'administrator',
        'nobody',
      ]);
      expect(pages.flatMap((page) => (page.RoleDetailList ?? []).map((role) => role.RoleName))).toEqual(
        Array.from({ length: 7 }, (_, index) => `role-${index}`),
      );
      expect(pages.flatMap((page) => (page.Policies ?? []).map((found) => found.PolicyName))).toEqual([
        'x',
        'y',
        'AmazonS3ReadOnlyAccess',
      ]);
      expect(pages).toHaveLength(Math.ceil(12 / MaxItems));
    }
  });

  it('returns its own quotas in GetAccountSummary', async () => {
    await emulator.close();
    emulator = await startTestEmulator({ now: wallClock, quotas: { assumeRolePolicySize: 4096 } });
    iam = emulator.iam();
    await createRole('a');
    const { SummaryMap } = await iam.send(new GetAccountSummaryCommand());
    expect(SummaryMap).toMatchObject({
      Roles: 1,
      RolesQuota: 1000,
      AttachedPoliciesPerRoleQuota: 10,
      AssumeRolePolicySizeQuota: 4096,
      Users: 2,
      Providers: 0,
    });
  });
});

describe('an OpenID Connect provider', () => {
  const create = (more: object = {}) =>
    iam.send(
      new CreateOpenIDConnectProviderCommand({ Url: issuer, ClientIDList: ['sts.amazonaws.com'], ...more }),
    );

  it('can be created, read, listed, updated with audiences and deleted, but not created twice', async () => {
    expect((await create({ ThumbprintList: ['a'.repeat(40)] })).OpenIDConnectProviderArn).toBe(providerArn);
    await expect(create()).rejects.toMatchObject({
      name: 'EntityAlreadyExistsException',
      message: `Provider with url ${issuer} already exists.`,
    });
    const arn = { OpenIDConnectProviderArn: providerArn };
    await iam.send(new AddClientIDToOpenIDConnectProviderCommand({ ...arn, ClientID: 'other' }));
    expect(await iam.send(new GetOpenIDConnectProviderCommand(arn))).toMatchObject({
      Url: providerUrl,
      ClientIDList: ['sts.amazonaws.com', 'other'],
      ThumbprintList: ['a'.repeat(40)],
    });
    expect((await iam.send(new ListOpenIDConnectProvidersCommand())).OpenIDConnectProviderList).toEqual([
      { Arn: providerArn },
    ]);
    await iam.send(new DeleteOpenIDConnectProviderCommand(arn));
    await iam.send(new DeleteOpenIDConnectProviderCommand(arn));
    await expect(iam.send(new GetOpenIDConnectProviderCommand(arn))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
      message: `OpenIDConnect Provider not found for arn ${providerArn}`,
    });
  });

  it.each(['http://example.com', 'example.com', 'https://example.com:8443', 'https://example.com?x=1'])(
    'is refused if its URL is %s',
    async (Url) => {
      await expect(create({ Url })).rejects.toMatchObject({
        name: 'ValidationError',
        message: 'Invalid Open ID Connect Provider URL',
      });
    },
  );
});

describe('inline policies', () => {
  it('are written, read, listed and deleted, within a size limit for all inline policies of a role', async () => {
    await createRole('a');
    const put = (PolicyName: string, PolicyDocument: string) =>
      iam.send(new PutRolePolicyCommand({ RoleName: 'a', PolicyName, PolicyDocument }));
    await put('one', policy('Allow', 's3:*'));
    await put('two', policy('Deny', 's3:DeleteObject'));
    await put('one', policy('Allow', 'sqs:*'));
    expect((await iam.send(new ListRolePoliciesCommand({ RoleName: 'a' }))).PolicyNames).toEqual([
      'one',
      'two',
    ]);
    const one = { RoleName: 'a', PolicyName: 'one' };
    const read = await iam.send(new GetRolePolicyCommand(one));
    expect(decodeURIComponent(read.PolicyDocument ?? '')).toBe(policy('Allow', 'sqs:*'));
    await expect(put('three', policy('Allow', `s3:${'x'.repeat(10_200)}`))).rejects.toMatchObject({
      name: 'LimitExceededException',
      message: 'Maximum policy size of 10240 bytes exceeded for role a',
    });
    await iam.send(new DeleteRolePolicyCommand(one));
    await expect(iam.send(new DeleteRolePolicyCommand(one))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
      message: 'The role policy with name one cannot be found.',
    });
  });
});

describe('an instance profile', () => {
  it('prevents the deletion of its role', async () => {
    await createRole('a');
    const both = { InstanceProfileName: 'p', RoleName: 'a' };
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'p' }));
    await iam.send(new AddRoleToInstanceProfileCommand(both));
    const { InstanceProfiles } = await iam.send(new ListInstanceProfilesForRoleCommand({ RoleName: 'a' }));
    expect(InstanceProfiles).toMatchObject([{ InstanceProfileName: 'p', Roles: [{ RoleName: 'a' }] }]);
    await expect(iam.send(new DeleteRoleCommand({ RoleName: 'a' }))).rejects.toMatchObject({
      name: 'DeleteConflictException',
      message: 'Cannot delete entity, must remove roles from instance profile first.',
    });
    await iam.send(new RemoveRoleFromInstanceProfileCommand(both));
    await iam.send(new DeleteRoleCommand({ RoleName: 'a' }));
  });
});

describe('the policy simulator', () => {
  it('evaluates the policies and the permissions boundary of a role', async () => {
    await createRole('a', { PermissionsBoundary: readOnly });
    await iam.send(
      new AttachRolePolicyCommand({ RoleName: 'a', PolicyArn: 'arn:aws:iam::aws:policy/AmazonS3FullAccess' }),
    );
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: 'a',
        PolicyName: 'no',
        PolicyDocument: policy('Deny', 's3:GetBucketAcl'),
      }),
    );
    const { EvaluationResults } = await iam.send(
      new SimulatePrincipalPolicyCommand({
        PolicySourceArn: `arn:aws:iam::${accountId}:role/a`,
        ActionNames: ['s3:GetObject', 's3:PutObject', 's3:GetBucketAcl'],
        ResourceArns: ['arn:aws:s3:::bucket/key'],
      }),
    );
    expect(EvaluationResults).toMatchObject([
      {
        EvalActionName: 's3:GetObject',
        EvalDecision: 'allowed',
        PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: true },
      },
      {
        EvalActionName: 's3:PutObject',
        EvalDecision: 'implicitDeny',
        PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: false },
      },
      {
        EvalActionName: 's3:GetBucketAcl',
        EvalDecision: 'explicitDeny',
        MatchedStatements: [{ SourcePolicyId: 'role_a_no' }],
      },
    ]);
    await expect(
      iam.send(
        new SimulatePrincipalPolicyCommand({
          PolicySourceArn: `arn:aws:iam::${accountId}:role/none`,
          ActionNames: ['s3:GetObject'],
        }),
      ),
    ).rejects.toMatchObject({ name: 'NoSuchEntityException' });
  });

  it('evaluates policies and context keys from the request, and lists missing context keys', async () => {
    const PolicyInputList = [
      policy('Allow', 's3:GetObject', { Condition: { StringEquals: { 'aws:PrincipalTag/team': 'a' } } }),
    ];
    const simulate = async (
      ContextEntries?: { ContextKeyName: string; ContextKeyType: 'string'; ContextKeyValues: string[] }[],
    ) =>
      (
        await iam.send(
          new SimulateCustomPolicyCommand({ PolicyInputList, ActionNames: ['s3:GetObject'], ContextEntries }),
        )
      ).EvaluationResults?.[0];
    expect(await simulate()).toMatchObject({
      EvalDecision: 'implicitDeny',
      MissingContextValues: ['aws:PrincipalTag/team'],
    });
    expect(
      await simulate([
        { ContextKeyName: 'aws:PrincipalTag/team', ContextKeyType: 'string', ContextKeyValues: ['a'] },
      ]),
    ).toMatchObject({
      EvalDecision: 'allowed',
      MatchedStatements: [{ SourcePolicyId: 'PolicyInputList.1' }],
    });
  });
});

describe('GetUser', () => {
  it('returns the caller by default, or the named user', async () => {
    expect((await iam.send(new GetUserCommand())).User?.UserName).toBe('administrator');
    expect((await iam.send(new GetUserCommand({ UserName: 'nobody' }))).User?.Arn).toBe(
      `arn:aws:iam::${accountId}:user/nobody`,
    );
    await expect(iam.send(new GetUserCommand({ UserName: 'x' }))).rejects.toMatchObject({
      message: 'The user with name x cannot be found.',
    });
  });
});
