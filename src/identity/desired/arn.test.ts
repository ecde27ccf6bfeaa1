import { expect, it } from 'vitest';
import { messageAbout } from './arn.ts';

const arn = 'arn:aws:iam::aws:policy/S3';

it.each([
  ['the policy is not allowed', `${arn}: the policy is not allowed`],
  [`Policy ${arn} does not exist.`, `Policy ${arn} does not exist.`],
  [`iam:AttachRolePolicy on kon-x (${arn}): denied`, `iam:AttachRolePolicy on kon-x (${arn}): denied`],
  [`no policy ${arn}.`, `no policy ${arn}.`],
  [`only ${arn}Full is allowed`, `${arn}: only ${arn}Full is allowed`],
])('a message about an object names the ARN of the object exactly once: %s', (message, expected) => {
  expect(messageAbout(arn, message)).toBe(expected);
});
