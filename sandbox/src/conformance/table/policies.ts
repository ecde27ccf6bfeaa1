/** Managed policies: AWS managed and customer managed ones, their versions, and their attachments. */
import {
  AttachRolePolicyCommand,
  CreatePolicyVersionCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  GetAccountAuthorizationDetailsCommand,
  GetAccountSummaryCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  ListEntitiesForPolicyCommand,
  ListPoliciesCommand,
  ListPolicyVersionsCommand,
  SetDefaultPolicyVersionCommand,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam';
import { answer, failure } from '../scenario.ts';
import type { Scenarios, Step } from '../scenario.ts';
import { anyNumber, containing, including, matching, shape } from '../matchers.ts';
import { policyText } from '../place.ts';
import { newPolicyIn, newRoleIn, readObjects } from './commands.ts';
import { missingOperation, noQuota, ownText, unencodedDocument } from './differences.ts';

const writeObjects = policyText({ Effect: 'Allow', Action: 's3:PutObject', Resource: '*' });
export const policyScenarios: Scenarios = (place) => {
  const { folder, managed, name, policyArn, roleArn, tags } = place;
  const newRole = newRoleIn(place);
  const newPolicy = newPolicyIn(place);
  const create = (short: string): Step => ({ iam: newPolicy(short), gives: answer() });
  const addVersion = (short: string): Step => ({
    iam: new CreatePolicyVersionCommand({ PolicyArn: policyArn(short), PolicyDocument: writeObjects }),
    gives: answer({ PolicyVersion: { IsDefaultVersion: false } }),
  });
  return [
    {
      name: "AWS's own policies are there with their documents",
      steps: [
        {
          iam: new GetPolicyCommand({ PolicyArn: managed('AmazonS3ReadOnlyAccess') }),
          gives: answer({
            Policy: {
              PolicyName: 'AmazonS3ReadOnlyAccess',
              Arn: managed('AmazonS3ReadOnlyAccess'),
              Path: '/',
              IsAttachable: true,
              PolicyId: matching(/^A[A-Z0-9]{15,}$/),
              DefaultVersionId: 'v3',
            },
          }),
        },
        {
          iam: new GetPolicyVersionCommand({
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
            VersionId: 'v3',
          }),
          gives: answer({
            PolicyVersion: {
              VersionId: 'v3',
              IsDefaultVersion: true,
              Document: containing('s3-object-lambda%3AList'),
            },
          }),
          moto: unencodedDocument({
            PolicyVersion: { Document: containing('s3-object-lambda:List') },
          }),
        },
        {
          iam: new GetPolicyVersionCommand({
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
            VersionId: 'v1',
          }),
          gives: answer({ PolicyVersion: { VersionId: 'v1', IsDefaultVersion: false } }),
          moto: {
            gives: failure('NoSuchEntity', 404),
            why: 'moto has only the default version of AWS managed policies.',
          },
        },
      ],
    },
    {
      name: "AWS's own policies cannot be changed",
      steps: [
        {
          iam: new DeletePolicyCommand({ PolicyArn: managed('AWSBackupFullAccess') }),
          gives: failure('AccessDenied', 403),
          moto: { gives: answer(), why: 'moto allows the deletion of AWS managed policies.' },
        },
      ],
    },
    {
      name: 'a customer managed policy is created, read and deleted',
      steps: [
        {
          iam: newPolicy('reader', {
            Path: folder('apps/'),
            PolicyDocument: readObjects,
            Description: 'reads',
          }),
          gives: answer({
            Policy: {
              PolicyName: name('reader'),
              Arn: policyArn('reader', 'apps/'),
              Path: folder('apps/'),
              PolicyId: matching(/^ANPA[A-Z0-9]{17}$/),
              DefaultVersionId: 'v1',
              AttachmentCount: 0,
              IsAttachable: true,
            },
          }),
          moto: {
            gives: answer({ Policy: { PolicyId: matching(/^A[A-Z0-9]{20}$/) } }),
            why: "moto's policy ids lack the prefix ANPA.",
          },
        },
        {
          iam: new GetPolicyCommand({ PolicyArn: policyArn('reader', 'apps/') }),
          gives: answer({ Policy: { Description: 'reads', DefaultVersionId: 'v1' } }),
        },
        { iam: new DeletePolicyCommand({ PolicyArn: policyArn('reader', 'apps/') }), gives: answer() },
        {
          iam: new GetPolicyCommand({ PolicyArn: policyArn('reader', 'apps/') }),
          gives: failure('NoSuchEntity', 404, `Policy ${policyArn('reader', 'apps/')} was not found.`),
          moto: ownText('NoSuchEntity', 404, `Policy ${policyArn('reader', 'apps/')} not found`),
        },
      ],
    },
    {
      name: 'two policies cannot have the same name',
      steps: [
        create('policy-twice'),
        {
          iam: newPolicy('policy-twice'),
          gives: failure(
            'EntityAlreadyExists',
            409,
            `A policy called ${name('policy-twice')} already exists. Duplicate names are not allowed.`,
          ),
        },
      ],
    },
    {
      name: 'a policy in use cannot be deleted',
      steps: [
        create('policy-used'),
        {
          iam: newRole('policy-user'),
          gives: answer(),
        },
        {
          iam: new AttachRolePolicyCommand({
            RoleName: name('policy-user'),
            PolicyArn: policyArn('policy-used'),
          }),
          gives: answer(),
        },
        {
          iam: new GetPolicyCommand({ PolicyArn: policyArn('policy-used') }),
          gives: answer({ Policy: { AttachmentCount: 1 } }),
        },
        {
          iam: new ListEntitiesForPolicyCommand({ PolicyArn: policyArn('policy-used') }),
          gives: answer({ PolicyRoles: [{ RoleName: name('policy-user') }], IsTruncated: false }),
        },
        {
          iam: new DeletePolicyCommand({ PolicyArn: policyArn('policy-used') }),
          gives: failure('DeleteConflict', 409, 'Cannot delete a policy attached to entities.'),
          moto: { gives: answer(), why: 'moto deletes a policy that is attached.' },
        },
      ],
    },
    {
      name: 'policy versions are created, made the default, and deleted',
      steps: [
        create('versioned'),
        {
          iam: new CreatePolicyVersionCommand({
            PolicyArn: policyArn('versioned'),
            PolicyDocument: writeObjects,
            SetAsDefault: true,
          }),
          gives: answer({ PolicyVersion: { VersionId: 'v2', IsDefaultVersion: true } }),
        },
        {
          iam: new GetPolicyVersionCommand({ PolicyArn: policyArn('versioned'), VersionId: 'v2' }),
          gives: answer({
            PolicyVersion: {
              VersionId: 'v2',
              IsDefaultVersion: true,
              Document: encodeURIComponent(writeObjects).replaceAll('*', '%2A'),
            },
          }),
          moto: unencodedDocument({ PolicyVersion: { Document: writeObjects } }),
        },
        {
          iam: new DeletePolicyVersionCommand({ PolicyArn: policyArn('versioned'), VersionId: 'v2' }),
          gives: failure('DeleteConflict', 409, 'Cannot delete the default version of a policy.'),
        },
        {
          iam: new SetDefaultPolicyVersionCommand({ PolicyArn: policyArn('versioned'), VersionId: 'v1' }),
          gives: answer(),
        },
        {
          iam: new DeletePolicyVersionCommand({ PolicyArn: policyArn('versioned'), VersionId: 'v2' }),
          gives: answer(),
        },
        {
          iam: new ListPolicyVersionsCommand({ PolicyArn: policyArn('versioned') }),
          gives: answer({ Versions: [{ VersionId: 'v1', IsDefaultVersion: true }], IsTruncated: false }),
          moto: {
            gives: answer({ Versions: [{ VersionId: 'v1', Document: readObjects }] }),
            why: 'moto omits IsTruncated, and includes the documents, which AWS omits.',
          },
        },
        {
          iam: new GetPolicyVersionCommand({ PolicyArn: policyArn('versioned'), VersionId: 'v2' }),
          gives: failure('NoSuchEntity', 404),
        },
      ],
    },
    {
      name: 'a policy has at most five versions',
      steps: [
        create('many'),
        addVersion('many'),
        addVersion('many'),
        addVersion('many'),
        addVersion('many'),
        {
          iam: new CreatePolicyVersionCommand({ PolicyArn: policyArn('many'), PolicyDocument: writeObjects }),
          gives: failure(
            'LimitExceeded',
            409,
            'A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.',
          ),
        },
        {
          iam: new DeletePolicyCommand({ PolicyArn: policyArn('many') }),
          gives: failure('DeleteConflict', 409, /more than one version/),
          moto: { gives: answer(), why: 'moto deletes a policy that has several versions.' },
        },
      ],
    },
    {
      name: 'policies are listed by scope and path',
      steps: [
        {
          iam: newPolicy('listed', { Path: folder('listed/'), PolicyDocument: readObjects }),
          gives: answer(),
        },
        {
          iam: new ListPoliciesCommand({ Scope: 'Local', PathPrefix: folder('listed/') }),
          gives: answer({ Policies: [{ PolicyName: name('listed') }], IsTruncated: false }),
        },
        {
          iam: new ListPoliciesCommand({ Scope: 'AWS', MaxItems: 2 }),
          gives: answer({
            Policies: [{ Arn: containing('iam::aws:policy/') }, {}],
            IsTruncated: true,
          }),
        },
      ],
    },
    {
      name: 'a managed policy has at most 6,144 characters',
      steps: [
        {
          iam: newPolicy('huge', {
            PolicyDocument: policyText({
              Effect: 'Allow',
              Action: 's3:GetObject',
              Resource: Array.from(
                { length: 200 },
                (_, index) => `arn:aws:s3:::bucket-${index}/some/long/path/*`,
              ),
            }),
          }),
          gives: failure('LimitExceeded', 409, 'Cannot exceed quota for PolicySize: 6144'),
          moto: noQuota,
        },
      ],
    },
    {
      name: 'GetAccountAuthorizationDetails returns the whole account',
      steps: [
        {
          iam: newRole('whole', {
            Tags: [{ Key: 'a', Value: '1' }],
          }),
          gives: answer(),
        },
        {
          iam: new AttachRolePolicyCommand({
            RoleName: name('whole'),
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
          }),
          gives: answer(),
        },
        {
          iam: new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'] }),
          paged: 'RoleDetailList',
          gives: answer({
            RoleDetailList: including([
              shape({
                RoleName: name('whole'),
                Arn: roleArn('whole'),
                Tags: [...tags, { Key: 'a', Value: '1' }],
                AttachedManagedPolicies: [
                  { PolicyName: 'AmazonS3ReadOnlyAccess', PolicyArn: managed('AmazonS3ReadOnlyAccess') },
                ],
                RolePolicyList: [],
                RoleLastUsed: {},
              }),
            ]),
          }),
        },
        {
          iam: new GetAccountSummaryCommand({}),
          gives: answer({
            SummaryMap: shape({
              Roles: anyNumber,
              AttachedPoliciesPerRoleQuota: 10,
              AssumeRolePolicySizeQuota: 2048,
            }),
          }),
        },
      ],
    },
    {
      name: 'the policy simulator evaluates the permissions of a role',
      steps: [
        {
          iam: newRole('simulated'),
          gives: answer(),
        },
        {
          iam: new AttachRolePolicyCommand({
            RoleName: name('simulated'),
            PolicyArn: managed('AmazonS3ReadOnlyAccess'),
          }),
          gives: answer(),
        },
        {
          iam: new SimulatePrincipalPolicyCommand({
            PolicySourceArn: roleArn('simulated'),
            ActionNames: ['s3:GetObject', 's3:PutObject'],
            ResourceArns: ['arn:aws:s3:::photos/a'],
          }),
          gives: answer({
            EvaluationResults: [
              { EvalActionName: 's3:GetObject', EvalDecision: 'allowed' },
              { EvalActionName: 's3:PutObject', EvalDecision: 'implicitDeny' },
            ],
          }),
          moto: missingOperation,
        },
      ],
    },
  ];
};
