/** Commands that create roles and policies with the path, name prefix and tag of the run. */
import {
  CreatePolicyCommand,
  CreateRoleCommand,
  type CreatePolicyCommandInput,
  type CreateRoleCommandInput,
} from '@aws-sdk/client-iam';
import { policyText, type Place } from '../place.ts';

export type NewRole = (short: string, rest?: Partial<CreateRoleCommandInput>) => CreateRoleCommand;
export type NewPolicy = (short: string, rest?: Partial<CreatePolicyCommandInput>) => CreatePolicyCommand;

export const readObjects = policyText({ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' });

/** @returns a function that builds the command for a new role; the default trust policy admits only EC2 */
export const newRoleIn =
  ({ name, path, tags, trustNobody }: Place): NewRole =>
  (short, { Tags = [], ...rest } = {}) =>
    new CreateRoleCommand({
      RoleName: name(short),
      Path: path,
      AssumeRolePolicyDocument: trustNobody,
      Tags: [...tags, ...Tags],
      ...rest,
    });

/** @returns a function that creates a policy; by default the policy allows reading S3 objects */
export const newPolicyIn =
  ({ name, path, tags }: Place): NewPolicy =>
  (short, rest = {}) =>
    new CreatePolicyCommand({
      PolicyName: name(short),
      Path: path,
      PolicyDocument: readObjects,
      Tags: [...tags],
      ...rest,
    });
