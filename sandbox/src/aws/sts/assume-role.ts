/** Implements the STS actions AssumeRole and GetCallerIdentity. */
import { evaluateCaller } from '../authorise.ts';
import { validationError } from '../iam/errors.ts';
import type { Role, Tag } from '../iam/model.ts';
import { addTags, requestTagContext } from '../iam/tags.ts';
import * as iamFields from '../iam/fields.ts';
import { evaluateTrust } from '../../../../src/policy/evaluate.ts';
import type { RequestContext } from '../../../../src/policy/model.ts';
import type { SignedCall } from '../wire/query-service.ts';
import { signedAction } from '../wire/query-service.ts';
import type { Caller } from '../wire/service.ts';
import { AwsError } from '../wire/service.ts';
import { optional, shape, text } from '../wire/shape.ts';
import type { StsAction, StsEnv } from './env.ts';
import {
  issueSession,
  readSessionPolicies,
  roleNameOf,
  sessionDuration,
  sessionFields,
  sessionNamePattern,
} from './session.ts';

/**
 * GetCallerIdentity needs no permission:
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export const getCallerIdentity: StsAction = signedAction({
  name: 'GetCallerIdentity',
  access: 'read',
  input: {},
  resource: () => '*',
  requirements: () => [],
  run: (_input, _env: StsEnv, { caller }) => ({
    Arn: caller.principalArn,
    UserId: caller.userId,
    Account: caller.accountId,
  }),
});

const maxSessionTags = 50;

export const assumeRole: StsAction = signedAction({
  name: 'AssumeRole',
  access: 'read',
  input: shape({
    ...sessionFields,
    ExternalId: optional(
      text({ min: 2, max: 1224, pattern: { test: /^[\w+=,.@:/-]*$/, shown: String.raw`[\w+=,.@:\/-]*` } }),
    ),
    // The pattern allows no colon, so the reserved prefix `aws:` is refused too.
    SourceIdentity: optional(text({ min: 2, max: 64, pattern: sessionNamePattern })),
    Tags: iamFields.tags,
    TransitiveTagKeys: iamFields.tagKeys,
  }),
  resource: (input) => input.RoleArn,
  // Empty, because `mayAssume` evaluates the caller's policies together with the trust policy.
  requirements: () => [],
  run: (input, env: StsEnv, call) => {
    const { request, caller } = call;
    const roleName = roleNameOf(input.RoleArn);
    const tags = readSessionTags(input.Tags, input.TransitiveTagKeys);
    const role = env.state.role(roleName, env.faults.authorisesAsOf(request.now));
    const context: RequestContext = {
      ...requestTagContext(input.Tags),
      'sts:RoleSessionName': input.RoleSessionName,
      ...(input.ExternalId === undefined ? {} : { 'sts:ExternalId': input.ExternalId }),
      ...(input.SourceIdentity === undefined ? {} : { 'sts:SourceIdentity': input.SourceIdentity }),
      ...(input.TransitiveTagKeys.length === 0 ? {} : { 'sts:TransitiveTagKeys': input.TransitiveTagKeys }),
    };
    const actions = [
      'sts:AssumeRole',
      ...(input.Tags.length > 0 ? ['sts:TagSession'] : []),
      ...(input.SourceIdentity === undefined ? [] : ['sts:SetSourceIdentity']),
    ];
    const refused = actions.find(
      (action) => role?.arn !== input.RoleArn || !mayAssume(action, role, call, context),
    );
    if (role === undefined || refused !== undefined) {
      throw new AwsError(
        'AccessDenied',
        `User: ${caller.principalArn} is not authorized to perform: ${refused ?? 'sts:AssumeRole'} on resource: ${input.RoleArn}`,
        403,
      );
    }
    return issueSession(
      {
        role,
        sessionName: input.RoleSessionName,
        durationSeconds: sessionDuration(input, role, { chained: caller.kind === 'assumedRole' }),
        policies: readSessionPolicies(input, tags, env),
        tags,
        context: input.SourceIdentity === undefined ? {} : { 'aws:SourceIdentity': input.SourceIdentity },
        request,
      },
      env,
    );
  },
});

/** @throws ValidationError, also for a transitive key without a passed tag (AWS documents no error for this case) */
function readSessionTags(
  tags: readonly Tag[],
  transitiveKeys: readonly string[],
): Readonly<Record<string, string>> {
  try {
    const read = Object.fromEntries(addTags([], tags, maxSessionTags).map(({ Key, Value }) => [Key, Value]));
    const passed = new Set(Object.keys(read).map((key) => key.toLowerCase()));
    const unknown = transitiveKeys.find((key) => !passed.has(key.toLowerCase()));
    if (unknown !== undefined)
      throw validationError(`The transitive tag key ${unknown} is not among the session tags.`);
    return read;
  } catch (error) {
    // Converts IAM's InvalidInput and LimitExceeded, which STS does not have, into ValidationError.
    if (error instanceof AwsError) throw validationError(error.message);
    throw error;
  }
}

/**
 * Whether the caller is allowed to assume the role.
 *
 * - If the trust policy names the caller's account, the caller's policies decide.
 * - If the trust policy names the caller's role, no other permission is needed. The call fails if the caller's policies
 *   deny it, or if the role's boundary or the session policies do not allow it.
 * - If the trust policy names the user or the session itself, no other permission is needed. The call fails only if one
 *   of these policies denies it.
 *
 * IAM resolves a role in a trust policy to the role's unique id, so sessions of a deleted role match nothing.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
 */
function mayAssume(
  action: string,
  role: Role,
  { caller, request }: SignedCall,
  callContext: RequestContext,
): boolean {
  if (caller.orphaned === true) return false;
  const context = { ...request.context, ...callContext };
  const trust = evaluateTrust(
    { action, principal: { type: 'AWS', values: principalNames(caller) }, context },
    role.trust.document,
  );
  if (trust.decision !== 'allowed') return false;
  const own = evaluateCaller(caller, { action, resource: role.arn, context: callContext }, request.context);
  if (trust.delegatedToAccount || own.decision !== 'implicitDeny') return own.decision === 'allowed';
  return trust.names.includes(caller.principalArn) || own.notAllowedBy.every((layer) => layer === 'identity');
}

const principalNames = (caller: Caller): readonly string[] =>
  caller.principalArn === caller.identityArn
    ? [caller.principalArn]
    : [caller.principalArn, caller.identityArn];
