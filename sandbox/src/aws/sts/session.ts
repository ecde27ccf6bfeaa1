/** Parts that all actions that assume a role have in common: duration, session policies and response. */
import { deflateRawSync } from 'node:zlib';
import { assumedRoleArn } from '../credentials.ts';
import { readPolicy } from '../iam/documents.ts';
import { validationError } from '../iam/errors.ts';
import { policyCharacters } from '../iam/fields.ts';
import type { PolicyText, Role } from '../iam/model.ts';
import { timestamp } from '../iam/render.ts';
import type { RequestContext } from '../../../../src/policy/model.ts';
import type { QueryResult } from '../wire/query-service.ts';
import type { ServiceRequest } from '../wire/service.ts';
import { AwsError } from '../wire/service.ts';
import type { InputOf } from '../wire/shape.ts';
import { integer, list, optional, shape, structure, text } from '../wire/shape.ts';
import type { StsEnv } from './env.ts';

export const sessionNamePattern = { test: /^[\w+=,.@-]*$/, shown: String.raw`[\w+=,.@-]*` };

export const sessionFields = shape({
  RoleArn: text({ min: 20, max: 2048 }),
  RoleSessionName: text({ min: 2, max: 64, pattern: sessionNamePattern }),
  /** Duration of the session, in seconds. */
  DurationSeconds: optional(integer({ min: 900, max: 43_200 })),
  Policy: optional(text({ min: 1, max: 2048, pattern: policyCharacters })),
  PolicyArns: list(structure({ arn: text({ min: 20, max: 2048 }) }), { max: 10 }),
});

export type SessionInput = InputOf<typeof sessionFields>;

export type SessionPolicies = {
  readonly inline: PolicyText | undefined;
  readonly arns: readonly string[];
  /** Packed size of the session policies and tags, in percent of the limit; undefined if none were passed. */
  readonly packedSize: number | undefined;
};

const defaultDuration = 3600;

/**
 * Extracts the name of the role from its ARN.
 * @throws ValidationError if the text is not the ARN of a role
 */
export function roleNameOf(arn: string): string {
  const [, name] = /^arn:[^:]+:iam::\d{12}:role\/(?:.*\/)?([^/]+)$/.exec(arn) ?? [];
  if (name === undefined) throw validationError(`${arn} is invalid`);
  return name;
}

/**
 * Returns the duration in seconds.
 * @throws ValidationError
 */
export function sessionDuration(
  input: SessionInput,
  role: Role,
  options: { readonly chained: boolean },
): number {
  const duration = input.DurationSeconds ?? defaultDuration;
  if (options.chained && duration > 3600) {
    throw validationError(
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  }
  if (duration > role.maxSessionDuration) {
    throw validationError('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
  }
  return duration;
}

/** @throws MalformedPolicyDocument, PackedPolicyTooLarge, or ValidationError if a managed policy does not exist */
export function readSessionPolicies(
  input: SessionInput,
  tags: Readonly<Record<string, string>>,
  { state }: StsEnv,
): SessionPolicies {
  const inline = input.Policy === undefined ? undefined : readPolicy(input.Policy, 'session');
  const arns = input.PolicyArns.map(({ arn }) => arn);
  for (const arn of arns) {
    if (!state.policy(arn)) throw validationError(`The policy ${arn} does not exist or is not attachable.`);
  }
  const size = packedSize(input.Policy, arns, tags);
  if (size !== undefined && size > 100) {
    throw new AwsError(
      'PackedPolicyTooLarge',
      `Serialized token too large for session: packed policy size is ${size}% of the allowed size`,
    );
  }
  return { inline, arns, packedSize: size };
}

/**
 * Estimates the packed size as the compressed size in whole percent of a fixed limit. AWS does not document its packing
 * method.
 */
function packedSize(
  policy: string | undefined,
  arns: readonly string[],
  tags: Readonly<Record<string, string>>,
): number | undefined {
  const parts = [policy ?? '', ...arns, ...Object.entries(tags).flat()].filter((part) => part !== '');
  if (parts.length === 0) return undefined;
  const room = 1200;
  return Math.ceil((100 * deflateRawSync(parts.join('\n'), { level: 9 }).length) / room);
}

export function issueSession(
  options: {
    readonly role: Role;
    readonly sessionName: string;
    readonly durationSeconds: number;
    readonly policies: SessionPolicies;
    readonly tags: Readonly<Record<string, string>>;
    readonly context: RequestContext;
    readonly request: ServiceRequest;
  },
  env: StsEnv,
): QueryResult {
  const { role, sessionName, policies, request } = options;
  const credential = env.credentials.issue({
    role,
    sessionName,
    issuedAt: request.now,
    expiresAt: request.now + options.durationSeconds * 1000,
    inlinePolicy: policies.inline,
    policyArns: policies.arns,
    tags: options.tags,
    context: options.context,
  });
  return {
    Credentials: {
      AccessKeyId: credential.accessKeyId,
      SecretAccessKey: credential.secretAccessKey,
      SessionToken: credential.sessionToken,
      Expiration: timestamp(credential.expiresAt),
    },
    AssumedRoleUser: {
      AssumedRoleId: `${role.id}:${sessionName}`,
      Arn: assumedRoleArn(role, sessionName, env.state),
    },
    PackedPolicySize: policies.packedSize,
  };
}
