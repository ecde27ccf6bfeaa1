/** Roles: their lifecycle, names, tags, listings and last use. */
import {
  AttachRolePolicyCommand,
  type CreateRoleCommandInput,
  DeleteRoleCommand,
  GenerateServiceLastAccessedDetailsCommand,
  GetRoleCommand,
  GetServiceLastAccessedDetailsCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { answer, failure } from '../scenario.ts';
import type { Scenarios, Step } from '../scenario.ts';
import { anyDate, anyText, inAnyOrder, including, matching, shape } from '../matchers.ts';
import { newRoleIn } from './commands.ts';
import { missingOperation, ownText, unchecked } from './differences.ts';

export const roleScenarios: Scenarios = (place) => {
  const { accountId, folder, managed, name, path, prefix, roleArn, tags, trustAccount, trustThisRun } = place;
  const newRole = newRoleIn(place);
  const create = (short: string, rest: Partial<CreateRoleCommandInput> = {}): Step => ({
    iam: newRole(short, rest),
    gives: answer(),
  });
  const pageName = new RegExp(`^${prefix}page-`);
  return [
    {
      name: 'a role is created, read and deleted',
      steps: [
        {
          iam: newRole('plain', {
            AssumeRolePolicyDocument: trustAccount,
            Description: 'for a test',
            MaxSessionDuration: 7200,
            Path: folder('konstellation/'),
            Tags: [{ Key: 'team', Value: 'payments' }],
          }),
          gives: answer({
            Role: {
              RoleName: name('plain'),
              Path: folder('konstellation/'),
              Arn: roleArn('plain', 'konstellation/'),
              RoleId: matching(/^AROA[A-Z0-9]{17}$/),
              CreateDate: anyDate,
              AssumeRolePolicyDocument: encodeURIComponent(trustAccount).replaceAll('*', '%2A'),
              Tags: [...tags, { Key: 'team', Value: 'payments' }],
            },
          }),
        },
        {
          iam: new GetRoleCommand({ RoleName: name('plain') }),
          gives: answer({
            Role: {
              Arn: roleArn('plain', 'konstellation/'),
              Description: 'for a test',
              MaxSessionDuration: 7200,
              Tags: [...tags, { Key: 'team', Value: 'payments' }],
            },
          }),
        },
        { iam: new DeleteRoleCommand({ RoleName: name('plain') }), gives: answer() },
        {
          iam: new GetRoleCommand({ RoleName: name('plain') }),
          gives: failure('NoSuchEntity', 404, `The role with name ${name('plain')} cannot be found.`),
          moto: ownText('NoSuchEntity', 404, `Role ${name('plain')} not found`),
        },
        {
          iam: new DeleteRoleCommand({ RoleName: name('plain') }),
          gives: failure('NoSuchEntity', 404, `The role with name ${name('plain')} cannot be found.`),
          moto: ownText('NoSuchEntity', 404, `Role ${name('plain')} not found`),
        },
      ],
    },
    {
      name: 'two roles cannot have the same name',
      steps: [
        create('twice'),
        {
          iam: newRole('twice'),
          gives: failure('EntityAlreadyExists', 409, `Role with name ${name('twice')} already exists.`),
        },
      ],
    },
    {
      name: 'role names are unique regardless of case',
      steps: [
        create('CaseRole'),
        {
          iam: newRole('caserole'),
          gives: failure('EntityAlreadyExists', 409),
          moto: { gives: answer(), why: 'moto distinguishes upper and lower case in names.' },
        },
      ],
    },
    {
      name: 'a role name has at most 64 characters',
      steps: [
        create(''.padEnd(64 - prefix.length, 'n')),
        {
          iam: newRole(''.padEnd(65 - prefix.length, 'n')),
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
      name: 'a role name cannot contain spaces or slashes',
      steps: [
        {
          iam: newRole('a role'),
          gives: failure('ValidationError', 400, /The specified value for roleName is invalid/),
          moto: unchecked,
        },
      ],
    },
    {
      name: 'the path of a role must begin and end with a slash',
      steps: [
        {
          iam: newRole('pathless', {
            // A path without the leading slash.
            Path: path.slice(1),
          }),
          gives: failure('ValidationError', 400, /The specified value for path is invalid/),
          moto: unchecked,
        },
      ],
    },
    {
      name: 'the maximum session duration of a role is between one and twelve hours',
      steps: [
        {
          iam: newRole('long', {
            MaxSessionDuration: 43_201,
          }),
          gives: failure('ValidationError', 400, /Member must have value less than or equal to 43200/),
          moto: unchecked,
        },
        {
          iam: newRole('short', {
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
          iam: new UpdateRoleCommand({
            RoleName: name('updated'),
            Description: 'new',
            MaxSessionDuration: 5400,
          }),
          gives: answer(),
        },
        {
          iam: new UpdateAssumeRolePolicyCommand({ RoleName: name('updated'), PolicyDocument: trustAccount }),
          gives: answer(),
        },
        {
          iam: new GetRoleCommand({ RoleName: name('updated') }),
          gives: answer({
            Role: {
              Description: 'new',
              MaxSessionDuration: 5400,
              AssumeRolePolicyDocument: encodeURIComponent(trustAccount).replaceAll('*', '%2A'),
            },
          }),
        },
        {
          iam: new UpdateRoleCommand({ RoleName: name('never-made'), Description: 'new' }),
          gives: failure('NoSuchEntity', 404),
        },
      ],
    },
    {
      name: 'tags are set, replaced, listed and removed',
      steps: [
        create('tagged', { Tags: [{ Key: 'a', Value: '1' }] }),
        {
          iam: new TagRoleCommand({
            RoleName: name('tagged'),
            Tags: [
              { Key: 'a', Value: '2' },
              { Key: 'b', Value: '' },
            ],
          }),
          gives: answer(),
        },
        {
          iam: new ListRoleTagsCommand({ RoleName: name('tagged') }),
          gives: answer({
            Tags: including([
              { Key: 'a', Value: '2' },
              { Key: 'b', Value: '' },
            ]),
            IsTruncated: false,
          }),
        },
        {
          iam: new UntagRoleCommand({ RoleName: name('tagged'), TagKeys: ['a', 'never-there'] }),
          gives: answer(),
        },
        {
          iam: new ListRoleTagsCommand({ RoleName: name('tagged') }),
          gives: answer({ Tags: inAnyOrder([...tags, { Key: 'b', Value: '' }]) }),
        },
      ],
    },
    {
      name: 'tag keys are unique regardless of case',
      steps: [
        {
          iam: newRole('double', {
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
          iam: new TagRoleCommand({
            RoleName: name('untagged'),
            Tags: [{ Key: 'k'.repeat(129), Value: 'v' }],
          }),
          gives: failure('ValidationError', 400, /Member must have length less than or equal to 128/),
        },
      ],
    },
    {
      name: 'roles are listed by path and in pages',
      steps: [
        create('page-1', { Path: folder('pages/') }),
        create('page-2', { Path: folder('pages/') }),
        create('page-3', { Path: folder('pages/') }),
        {
          iam: new ListRolesCommand({ PathPrefix: folder('pages/'), MaxItems: 2 }),
          gives: answer({
            // AWS promises no order of the roles in a page.
            Roles: [{ RoleName: matching(pageName) }, { RoleName: matching(pageName) }],
            IsTruncated: true,
            Marker: anyText,
          }),
          keep: { marker: 'Marker' },
        },
        {
          iam: ({ marker }) =>
            new ListRolesCommand({ PathPrefix: folder('pages/'), MaxItems: 2, Marker: marker }),
          gives: answer({ Roles: [{ RoleName: matching(pageName) }], IsTruncated: false }),
        },
        {
          iam: new ListRolesCommand({ PathPrefix: folder('nobody/') }),
          gives: answer({ Roles: [], IsTruncated: false }),
        },
      ],
    },
    {
      name: 'a new role has no last use, and lists of roles omit the last use',
      steps: [
        create('unused', { Path: folder('unused/') }),
        {
          iam: new GetRoleCommand({ RoleName: name('unused') }),
          gives: answer({ Role: { RoleLastUsed: { LastUsedDate: undefined, Region: undefined } } }),
        },
        {
          iam: new ListRolesCommand({ PathPrefix: folder('unused/') }),
          gives: answer({ Roles: [{ RoleName: name('unused'), RoleLastUsed: undefined }] }),
        },
      ],
    },
    {
      name: 'a job reports the services that a role is permitted to use, with the last use of each service',
      steps: [
        create('accessed'),
        {
          iam: new AttachRolePolicyCommand({
            RoleName: name('accessed'),
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
          }),
          gives: answer(),
        },
        {
          iam: new GenerateServiceLastAccessedDetailsCommand({
            Arn: roleArn('accessed'),
            Granularity: 'ACTION_LEVEL',
          }),
          gives: answer({ JobId: matching(/^[0-9a-f-]{36}$/) }),
          keep: { job: 'JobId' },
          moto: missingOperation,
        },
        {
          iam: ({ job }) => new GetServiceLastAccessedDetailsCommand({ JobId: job }),
          while: { JobStatus: 'IN_PROGRESS' },
          gives: answer({
            JobStatus: 'COMPLETED',
            JobType: 'ACTION_LEVEL',
            JobCreationDate: anyDate,
            JobCompletionDate: anyDate,
            ServicesLastAccessed: including([
              shape({ ServiceNamespace: 's3', TotalAuthenticatedEntities: 0 }),
            ]),
            IsTruncated: false,
          }),
          moto: missingOperation,
        },
      ],
    },
    {
      name: 'a report on a missing role and the report of an unknown job are refused',
      steps: [
        {
          iam: new GenerateServiceLastAccessedDetailsCommand({ Arn: roleArn('missing') }),
          gives: failure('NoSuchEntity', 404),
          moto: missingOperation,
        },
        {
          iam: new GetServiceLastAccessedDetailsCommand({ JobId: '01234567-89ab-4def-8123-456789abcdef' }),
          gives: failure('NoSuchEntity', 404),
          moto: missingOperation,
        },
      ],
    },
    {
      name: 'a trust policy that names another account is accepted',
      steps: [
        create('foreign', {
          AssumeRolePolicyDocument: trustThisRun.replace(accountId, '210987654321'),
        }),
      ],
    },
  ];
};
