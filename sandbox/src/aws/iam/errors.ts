/** IAM errors and their messages. */
import { AwsError } from '../wire/service.ts';

export const noSuchEntity = (message: string): AwsError => new AwsError('NoSuchEntity', message, 404);

export const noSuchRole = (name: string): AwsError =>
  noSuchEntity(`The role with name ${name} cannot be found.`);

export const notAttachable = (policyArn: string): AwsError =>
  noSuchEntity(`Policy ${policyArn} does not exist or is not attachable.`);

export const alreadyExists = (message: string): AwsError => new AwsError('EntityAlreadyExists', message, 409);

export const limitExceeded = (message: string): AwsError => new AwsError('LimitExceeded', message, 409);

export const quotaExceeded = (quota: string, limit: number): AwsError =>
  limitExceeded(`Cannot exceed quota for ${quota}: ${limit}`);

export const deleteConflict = (message: string): AwsError => new AwsError('DeleteConflict', message, 409);

export const malformedPolicy = (message: string): AwsError =>
  new AwsError('MalformedPolicyDocument', message, 400);

export const invalidInput = (message: string): AwsError => new AwsError('InvalidInput', message, 400);

export const validationError = (message: string): AwsError => new AwsError('ValidationError', message, 400);
