/** Policies of a role: attached managed policies, inline policies and the permissions boundary. */
import {
  AttachRolePolicyCommand,
  type CreateRoleCommandInput,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { answer, failure } from '../scenario.ts';
import type { Scenarios, Step } from '../scenario.ts';
import { including } from '../matchers.ts';
import { newRoleIn, readObjects } from './commands.ts';
import { noQuota, ownText } from './differences.ts';

export const rolePolicyScenarios: Scenarios = (place) => {
  const { managed, name } = place;
  const newRole = newRoleIn(place);
  const create = (short: string, rest: Partial<CreateRoleCommandInput> = {}): Step => ({
    iam: newRole(short, rest),
    gives: answer(),
  });
  const attach = (short: string, policy: string): Step => ({
    iam: new AttachRolePolicyCommand({ RoleName: name(short), PolicyArn: managed(policy) }),
    gives: answer(),
  });
  return [
    {
      name: 'managed policies are attached and detached',
      steps: [
        create('attached'),
        attach('attached', 'AmazonS3ReadOnlyAccess'),
        attach('attached', 'AmazonS3ReadOnlyAccess'),
        attach('attached', 'service-role/AWSLambdaBasicExecutionRole'),
        {
          iam: new ListAttachedRolePoliciesCommand({ RoleName: name('attached') }),
          gives: answer({
            AttachedPolicies: including([
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
            RoleName: name('attached'),
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
          }),
          gives: answer(),
        },
        {
          iam: new DetachRolePolicyCommand({
            RoleName: name('attached'),
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
          }),
          gives: failure('NoSuchEntity', 404, `Policy ${managed('AmazonS3ReadOnlyAccess')} was not found.`),
        },
      ],
    },
    {
      name: 'only policies that exist can be attached, and only to roles that exist',
      steps: [
        create('wishful'),
        {
          iam: new AttachRolePolicyCommand({ RoleName: name('wishful'), PolicyArn: managed('NoSuchPolicy') }),
          gives: failure(
            'NoSuchEntity',
            404,
            `Policy ${managed('NoSuchPolicy')} does not exist or is not attachable.`,
          ),
        },
        {
          iam: new AttachRolePolicyCommand({
            RoleName: name('wishful'),
            PolicyArn: managed('AWSLambdaBasicExecutionRole'),
          }),
          gives: failure('NoSuchEntity', 404),
        },
        {
          iam: new AttachRolePolicyCommand({
            RoleName: name('never-made'),
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
          }),
          gives: failure('NoSuchEntity', 404, `The role with name ${name('never-made')} cannot be found.`),
          moto: ownText('NoSuchEntity', 404, `Role ${name('never-made')} not found`),
        },
      ],
    },
    {
      name: 'a role can have at most ten managed policies',
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
            RoleName: name('laden'),
            PolicyArn: managed('AmazonRoute53ReadOnlyAccess'),
          }),
          gives: failure('LimitExceeded', 409, 'Cannot exceed quota for PoliciesPerRole: 10'),
          moto: noQuota,
        },
      ],
    },
    {
      name: 'a role that has policies cannot be deleted',
      steps: [
        create('used'),
        attach('used', 'AmazonS3ReadOnlyAccess'),
        {
          iam: new DeleteRoleCommand({ RoleName: name('used') }),
          gives: failure('DeleteConflict', 409, 'Cannot delete entity, must detach all policies first.'),
        },
        {
          iam: new DetachRolePolicyCommand({
            RoleName: name('used'),
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
          }),
          gives: answer(),
        },
        {
          iam: new PutRolePolicyCommand({
            RoleName: name('used'),
            PolicyName: 'inline',
            PolicyDocument: readObjects,
          }),
          gives: answer(),
        },
        {
          iam: new DeleteRoleCommand({ RoleName: name('used') }),
          gives: failure('DeleteConflict', 409, 'Cannot delete entity, must delete policies first.'),
        },
      ],
    },
    {
      name: 'inline policies are written, read, listed and deleted',
      steps: [
        create('inline'),
        {
          iam: new PutRolePolicyCommand({
            RoleName: name('inline'),
            PolicyName: 'one',
            PolicyDocument: readObjects,
          }),
          gives: answer(),
        },
        {
          iam: new GetRolePolicyCommand({ RoleName: name('inline'), PolicyName: 'one' }),
          gives: answer({
            RoleName: name('inline'),
            PolicyName: 'one',
            PolicyDocument: encodeURIComponent(readObjects).replaceAll('*', '%2A'),
          }),
        },
        {
          iam: new ListRolePoliciesCommand({ RoleName: name('inline') }),
          gives: answer({ PolicyNames: ['one'], IsTruncated: false }),
        },
        {
          iam: new DeleteRolePolicyCommand({ RoleName: name('inline'), PolicyName: 'one' }),
          gives: answer(),
        },
        {
          iam: new GetRolePolicyCommand({ RoleName: name('inline'), PolicyName: 'one' }),
          gives: failure('NoSuchEntity', 404, 'The role policy with name one cannot be found.'),
          moto: ownText('NoSuchEntity', 404, `Policy Document one not attached to role ${name('inline')}`),
        },
        {
          iam: new DeleteRolePolicyCommand({ RoleName: name('inline'), PolicyName: 'one' }),
          gives: failure('NoSuchEntity', 404),
        },
      ],
    },
    {
      name: 'a permissions boundary is set and removed',
      steps: [
        create('bounded', { PermissionsBoundary: managed('PowerUserAccess') }),
        {
          iam: new GetRoleCommand({ RoleName: name('bounded') }),
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
            why: 'moto returns the type PermissionsBoundaryPolicy from an error in the API model; AWS returns Policy.',
          },
        },
        { iam: new DeleteRolePermissionsBoundaryCommand({ RoleName: name('bounded') }), gives: answer() },
        {
          iam: new PutRolePermissionsBoundaryCommand({
            RoleName: name('bounded'),
            PermissionsBoundary: managed('NoSuchPolicy'),
          }),
          gives: failure(
            'NoSuchEntity',
            404,
            `Scope ARN: ${managed('NoSuchPolicy')} does not exist or is not attachable.`,
          ),
          moto: { gives: answer(), why: 'moto accepts any ARN as a permissions boundary.' },
        },
      ],
    },
  ];
};
