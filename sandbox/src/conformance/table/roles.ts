/** Roles: their lifecycle, names, attachments, inline policies, boundaries and tags. */
import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { expect } from 'vitest';
import { accountId, answer, failure } from '../scenario.ts';
import type { Scenario, Step } from '../scenario.ts';
import { noQuota, ownText, unchecked } from './differences.ts';
import { managed, readObjects, roleArn, trustAccount, trustNobody } from './documents.ts';

const create = (RoleName: string, rest: object = {}): Step => ({
  iam: new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trustNobody, ...rest }),
  gives: answer(),
});
const attach = (RoleName: string, policy: string): Step => ({
  iam: new AttachRolePolicyCommand({ RoleName, PolicyArn: managed(policy) }),
  gives: answer(),
});

export const roleScenarios: readonly Scenario[] = [
  {
    name: 'a role is made, read and deleted',
    steps: [
      {
        iam: new CreateRoleCommand({
          RoleName: 'plain',
          AssumeRolePolicyDocument: trustAccount,
          Description: 'for a test',
          MaxSessionDuration: 7200,
          Path: '/konstellation/',
          Tags: [{ Key: 'team', Value: 'payments' }],
        }),
        gives: answer({
          Role: {
            RoleName: 'plain',
            Path: '/konstellation/',
            Arn: roleArn('konstellation/plain'),
            RoleId: expect.stringMatching(/^AROA[A-Z0-9]{17}$/),
            CreateDate: expect.any(Date),
            AssumeRolePolicyDocument: encodeURIComponent(trustAccount).replaceAll('*', '%2A'),
            Tags: [{ Key: 'team', Value: 'payments' }],
          },
        }),
      },
      {
        iam: new GetRoleCommand({ RoleName: 'plain' }),
        gives: answer({
          Role: {
            Arn: roleArn('konstellation/plain'),
            Description: 'for a test',
            MaxSessionDuration: 7200,
            Tags: [{ Key: 'team', Value: 'payments' }],
          },
        }),
      },
      { iam: new DeleteRoleCommand({ RoleName: 'plain' }), gives: answer() },
      {
        iam: new GetRoleCommand({ RoleName: 'plain' }),
        gives: failure('NoSuchEntity', 404, 'The role with name plain cannot be found.'),
        moto: ownText('NoSuchEntity', 404, 'Role plain not found'),
      },
      {
        iam: new DeleteRoleCommand({ RoleName: 'plain' }),
        gives: failure('NoSuchEntity', 404, 'The role with name plain cannot be found.'),
        moto: ownText('NoSuchEntity', 404, 'Role plain not found'),
      },
    ],
  },
  {
    name: 'a role is made twice',
    steps: [
      create('twice'),
      {
        iam: new CreateRoleCommand({ RoleName: 'twice', AssumeRolePolicyDocument: trustNobody }),
        gives: failure('EntityAlreadyExists', 409, 'Role with name twice already exists.'),
      },
    ],
  },
  {
    name: 'names of roles are unique without regard to case',
    steps: [
      create('CaseRole'),
      {
        iam: new CreateRoleCommand({ RoleName: 'caserole', AssumeRolePolicyDocument: trustNobody }),
        gives: failure('EntityAlreadyExists', 409),
        moto: { gives: answer(), why: 'moto compares names with their case.' },
      },
    ],
  },
  {
    name: 'a role has a name of at most 64 characters',
    steps: [
      create('n'.repeat(64)),
      {
        iam: new CreateRoleCommand({ RoleName: 'n'.repeat(65), AssumeRolePolicyDocument: trustNobody }),
        gives: failure(
          'ValidationError',
          400,
          /'roleName' failed to satisfy constraint: Member must have length less than or equal to 64/,
        ),
        moto: unchecked,
      },
    ],
  },
  {
    name: 'a role has a name without spaces and slashes',
    steps: [
      {
        iam: new CreateRoleCommand({ RoleName: 'a role', AssumeRolePolicyDocument: trustNobody }),
        gives: failure('ValidationError', 400, /The specified value for roleName is invalid/),
        moto: unchecked,
      },
    ],
  },
  {
    name: 'a path begins and ends with a slash',
    steps: [
      {
        iam: new CreateRoleCommand({
          RoleName: 'pathless',
          AssumeRolePolicyDocument: trustNobody,
          Path: 'konstellation',
        }),
        gives: failure('ValidationError', 400, /The specified value for path is invalid/),
        moto: unchecked,
      },
    ],
  },
  {
    name: 'sessions last between one and twelve hours',
    steps: [
      {
        iam: new CreateRoleCommand({
          RoleName: 'long',
          AssumeRolePolicyDocument: trustNobody,
          MaxSessionDuration: 43_201,
        }),
        gives: failure('ValidationError', 400, /Member must have value less than or equal to 43200/),
        moto: unchecked,
      },
      {
        iam: new CreateRoleCommand({
          RoleName: 'short',
          AssumeRolePolicyDocument: trustNobody,
          MaxSessionDuration: 3599,
        }),
        gives: failure('ValidationError', 400, /Member must have value greater than or equal to 3600/),
        moto: unchecked,
      },
    ],
  },
  {
    name: 'a role is updated',
    steps: [
      create('updated'),
      {
        iam: new UpdateRoleCommand({ RoleName: 'updated', Description: 'new', MaxSessionDuration: 5400 }),
        gives: answer(),
      },
      {
        iam: new UpdateAssumeRolePolicyCommand({ RoleName: 'updated', PolicyDocument: trustAccount }),
        gives: answer(),
      },
      {
        iam: new GetRoleCommand({ RoleName: 'updated' }),
        gives: answer({
          Role: {
            Description: 'new',
            MaxSessionDuration: 5400,
            AssumeRolePolicyDocument: encodeURIComponent(trustAccount).replaceAll('*', '%2A'),
          },
        }),
      },
      {
        iam: new UpdateRoleCommand({ RoleName: 'never-made', Description: 'new' }),
        gives: failure('NoSuchEntity', 404),
      },
    ],
  },
  {
    name: 'managed policies are attached and detached',
    steps: [
      create('attached'),
      attach('attached', 'AmazonS3ReadOnlyAccess'),
      attach('attached', 'AmazonS3ReadOnlyAccess'),
      attach('attached', 'service-role/AWSLambdaBasicExecutionRole'),
      {
        iam: new ListAttachedRolePoliciesCommand({ RoleName: 'attached' }),
        gives: answer({
          AttachedPolicies: expect.arrayContaining([
            { PolicyName: 'AmazonS3ReadOnlyAccess', PolicyArn: managed('AmazonS3ReadOnlyAccess') },
            {
              PolicyName: 'AWSLambdaBasicExecutionRole',
              PolicyArn: managed('service-role/AWSLambdaBasicExecutionRole'),
            },
          ]),
          IsTruncated: false,
        }),
      },
      {
        iam: new DetachRolePolicyCommand({
          RoleName: 'attached',
          PolicyArn: managed('AmazonS3ReadOnlyAccess'),
        }),
        gives: answer(),
      },
      {
        iam: new DetachRolePolicyCommand({
          RoleName: 'attached',
          PolicyArn: managed('AmazonS3ReadOnlyAccess'),
        }),
        gives: failure('NoSuchEntity', 404, `Policy ${managed('AmazonS3ReadOnlyAccess')} was not found.`),
      },
    ],
  },
  {
    name: 'only policies that exist are attached',
    steps: [
      create('wishful'),
      {
        iam: new AttachRolePolicyCommand({ RoleName: 'wishful', PolicyArn: managed('NoSuchPolicy') }),
        gives: failure(
          'NoSuchEntity',
          404,
          `Policy ${managed('NoSuchPolicy')} does not exist or is not attachable.`,
        ),
      },
      {
        iam: new AttachRolePolicyCommand({
          RoleName: 'wishful',
          PolicyArn: managed('AWSLambdaBasicExecutionRole'),
        }),
        gives: failure('NoSuchEntity', 404),
      },
      {
        iam: new AttachRolePolicyCommand({
          RoleName: 'never-made',
          PolicyArn: managed('AmazonS3ReadOnlyAccess'),
        }),
        gives: failure('NoSuchEntity', 404, 'The role with name never-made cannot be found.'),
        moto: ownText('NoSuchEntity', 404, 'Role never-made not found'),
      },
    ],
  },
  {
    name: 'a role holds at most ten managed policies',
    steps: [
      create('laden'),
      ...[
        'AmazonS3ReadOnlyAccess',
        'AmazonSQSReadOnlyAccess',
        'AmazonSNSReadOnlyAccess',
        'AmazonEC2ReadOnlyAccess',
        'AmazonRDSReadOnlyAccess',
        'AmazonDynamoDBReadOnlyAccess',
        'AmazonVPCReadOnlyAccess',
        'AmazonSSMReadOnlyAccess',
        'CloudWatchReadOnlyAccess',
        'IAMReadOnlyAccess',
      ].map((policy) => attach('laden', policy)),
      {
        iam: new AttachRolePolicyCommand({
          RoleName: 'laden',
          PolicyArn: managed('AmazonRoute53ReadOnlyAccess'),
        }),
        gives: failure('LimitExceeded', 409, 'Cannot exceed quota for PoliciesPerRole: 10'),
        moto: noQuota,
      },
    ],
  },
  {
    name: 'a role in use is not deleted',
    steps: [
      create('used'),
      attach('used', 'AmazonS3ReadOnlyAccess'),
      {
        iam: new DeleteRoleCommand({ RoleName: 'used' }),
        gives: failure('DeleteConflict', 409, 'Cannot delete entity, must detach all policies first.'),
      },
      {
        iam: new DetachRolePolicyCommand({ RoleName: 'used', PolicyArn: managed('AmazonS3ReadOnlyAccess') }),
        gives: answer(),
      },
      {
        iam: new PutRolePolicyCommand({
          RoleName: 'used',
          PolicyName: 'inline',
          PolicyDocument: readObjects,
        }),
        gives: answer(),
      },
      {
        iam: new DeleteRoleCommand({ RoleName: 'used' }),
        gives: failure('DeleteConflict', 409, 'Cannot delete entity, must delete policies first.'),
      },
    ],
  },
  {
    name: 'inline policies are put, read, listed and deleted',
    steps: [
      create('inline'),
      {
        iam: new PutRolePolicyCommand({ RoleName: 'inline', PolicyName: 'one', PolicyDocument: readObjects }),
        gives: answer(),
      },
      {
        iam: new GetRolePolicyCommand({ RoleName: 'inline', PolicyName: 'one' }),
        gives: answer({
          RoleName: 'inline',
          PolicyName: 'one',
          PolicyDocument: encodeURIComponent(readObjects).replaceAll('*', '%2A'),
        }),
      },
      {
        iam: new ListRolePoliciesCommand({ RoleName: 'inline' }),
        gives: answer({ PolicyNames: ['one'], IsTruncated: false }),
      },
      { iam: new DeleteRolePolicyCommand({ RoleName: 'inline', PolicyName: 'one' }), gives: answer() },
      {
        iam: new GetRolePolicyCommand({ RoleName: 'inline', PolicyName: 'one' }),
        gives: failure('NoSuchEntity', 404, 'The role policy with name one cannot be found.'),
        moto: ownText('NoSuchEntity', 404, 'Policy Document one not attached to role inline'),
      },
      {
        iam: new DeleteRolePolicyCommand({ RoleName: 'inline', PolicyName: 'one' }),
        gives: failure('NoSuchEntity', 404),
      },
    ],
  },
  {
    name: 'a permissions boundary is put and taken away',
    steps: [
      create('bounded', { PermissionsBoundary: managed('PowerUserAccess') }),
      {
        iam: new GetRoleCommand({ RoleName: 'bounded' }),
        gives: answer({
          Role: {
            PermissionsBoundary: {
              PermissionsBoundaryType: 'Policy',
              PermissionsBoundaryArn: managed('PowerUserAccess'),
            },
          },
        }),
        moto: {
          gives: answer({
            Role: { PermissionsBoundary: { PermissionsBoundaryType: 'PermissionsBoundaryPolicy' } },
          }),
          why: 'moto follows an old error of the API model; AWS says Policy.',
        },
      },
      { iam: new DeleteRolePermissionsBoundaryCommand({ RoleName: 'bounded' }), gives: answer() },
      {
        iam: new PutRolePermissionsBoundaryCommand({
          RoleName: 'bounded',
          PermissionsBoundary: managed('NoSuchPolicy'),
        }),
        gives: failure(
          'NoSuchEntity',
          404,
          `Scope ARN: ${managed('NoSuchPolicy')} does not exist or is not attachable.`,
        ),
        moto: { gives: answer(), why: 'moto takes any ARN as a boundary.' },
      },
    ],
  },
  {
    name: 'tags are set, replaced, listed and removed',
    steps: [
      create('tagged', { Tags: [{ Key: 'a', Value: '1' }] }),
      {
        iam: new TagRoleCommand({
          RoleName: 'tagged',
          Tags: [
            { Key: 'a', Value: '2' },
            { Key: 'b', Value: '' },
          ],
        }),
        gives: answer(),
      },
      {
        iam: new ListRoleTagsCommand({ RoleName: 'tagged' }),
        gives: answer({
          Tags: expect.arrayContaining([
            { Key: 'a', Value: '2' },
            { Key: 'b', Value: '' },
          ]),
          IsTruncated: false,
        }),
      },
      { iam: new UntagRoleCommand({ RoleName: 'tagged', TagKeys: ['a', 'never-there'] }), gives: answer() },
      {
        iam: new ListRoleTagsCommand({ RoleName: 'tagged' }),
        gives: answer({ Tags: [{ Key: 'b', Value: '' }] }),
      },
    ],
  },
  {
    name: 'tag keys are distinct without regard to case',
    steps: [
      {
        iam: new CreateRoleCommand({
          RoleName: 'double',
          AssumeRolePolicyDocument: trustNobody,
          Tags: [
            { Key: 'team', Value: 'a' },
            { Key: 'Team', Value: 'b' },
          ],
        }),
        gives: failure(
          'InvalidInput',
          400,
          'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
        ),
      },
    ],
  },
  {
    name: 'tag keys of more than 128 characters are refused',
    steps: [
      create('untagged'),
      {
        iam: new TagRoleCommand({ RoleName: 'untagged', Tags: [{ Key: 'k'.repeat(129), Value: 'v' }] }),
        gives: failure('ValidationError', 400, /Member must have length less than or equal to 128/),
      },
    ],
  },
  {
    name: 'roles are listed by path and in pages',
    steps: [
      create('page-1', { Path: '/pages/' }),
      create('page-2', { Path: '/pages/' }),
      create('page-3', { Path: '/pages/' }),
      {
        iam: new ListRolesCommand({ PathPrefix: '/pages/', MaxItems: 2 }),
        gives: answer({
          // AWS promises no order.
          Roles: [
            { RoleName: expect.stringMatching(/^page-/) },
            { RoleName: expect.stringMatching(/^page-/) },
          ],
          IsTruncated: true,
          Marker: expect.any(String),
        }),
        keep: { marker: 'Marker' },
      },
      {
        iam: ({ marker }) => new ListRolesCommand({ PathPrefix: '/pages/', MaxItems: 2, Marker: marker }),
        gives: answer({ Roles: [{ RoleName: expect.stringMatching(/^page-/) }], IsTruncated: false }),
      },
      {
        iam: new ListRolesCommand({ PathPrefix: '/nobody/' }),
        gives: answer({ Roles: [], IsTruncated: false }),
      },
    ],
  },
  {
    name: 'a trust policy that names another account is accepted',
    steps: [
      create('foreign', {
        AssumeRolePolicyDocument: trustAccount.replace(accountId, '210987654321'),
      }),
    ],
  },
];
