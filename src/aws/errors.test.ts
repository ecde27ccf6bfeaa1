import { expect, it } from 'vitest';
import { classifyAwsError, classifyEksError, classifyProofError } from './errors.ts';

const arn = 'arn:aws:iam::aws:policy/Nope';
const failure = (name: string, message: string): Error => Object.assign(new Error(message), { name });

it.each([
  [
    'an error message contains an ARN only once if AWS repeats the ARN',
    failure('NoSuchEntityException', `Policy ${arn} does not exist or is not attachable.`),
    `iam:AttachRolePolicy on kon-x: Policy ${arn} does not exist or is not attachable.`,
  ],
  [
    "an error message contains the call's ARN if AWS omits the ARN",
    failure('AccessDenied', 'not authorized to perform: iam:AttachRolePolicy on resource: role kon-x'),
    `iam:AttachRolePolicy on kon-x (${arn}): not authorized to perform: iam:AttachRolePolicy on resource: role kon-x`,
  ],
  [
    "an error message contains the call's ARN if AWS only names a longer ARN",
    failure('AccessDenied', `not authorized on ${arn}/other`),
    `iam:AttachRolePolicy on kon-x (${arn}): not authorized on ${arn}/other`,
  ],
])('%s', (_case, error, message) => {
  expect(classifyAwsError(error, `iam:AttachRolePolicy on kon-x (${arn})`).message).toBe(message);
});

it('an error message contains an ARN only once if the ARN is the only subject of the call', () => {
  const refused = failure('NotFoundException', `no resource ${arn}`);
  expect(classifyEksError(refused, `eks:TagResource on ${arn}`).message).toBe(
    `eks:TagResource: no resource ${arn}`,
  );
  const unknown = failure('Strange', `${arn}: no`);
  expect(classifyProofError(unknown, arn).message).toBe(`sts:AssumeRoleWithWebIdentity: ${arn}: no`);
});

it.each([
  ['Throttling', 'Throttled'],
  ['ThrottlingException', 'Throttled'],
  ['ServerException', 'ServiceFailure'],
  ['UnrecognizedClientException', 'CredentialsRejected'],
  ['Exception', 'Unexpected'],
])('the error name %s has the code %s, with or without the suffix Exception', (name, code) => {
  expect(classifyAwsError(failure(name, 'refused'), 'iam:GetRole on kon-x').code).toBe(code);
});
