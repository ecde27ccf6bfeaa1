/** Authorizes calls according to the caller's policies, with AWS's error message for every service. */
import { evaluateIdentity } from '../../../src/policy/evaluate.ts';
import type { Evaluation, PolicyLayer, RequestContext } from '../../../src/policy/model.ts';
import type { Caller } from './wire/service.ts';
import { AwsError } from './wire/service.ts';

/** A permission that a call needs. */
export type Requirement = {
  /** `iam:CreateRole` */
  readonly action: string;
  readonly resource: string;
  /** Name of the resource in AWS's error message, if the message does not contain the ARN (IAM: `role NAME`). */
  readonly shownResource?: string | undefined;
  /** Condition keys for this permission, in addition to the condition keys of the request. */
  readonly context?: RequestContext | undefined;
};

export function evaluateCaller(
  caller: Caller,
  requirement: Requirement,
  context: RequestContext,
): Evaluation {
  const { action, resource } = requirement;
  const permission = { action, resource, context: { ...context, ...requirement.context } };
  caller.onCheck?.(permission);
  return evaluateIdentity(permission, {
    identity: caller.policies,
    boundary: caller.boundary,
    session: caller.sessionPolicies,
  });
}

/** Returns AWS's message for a denied call, with the kind of the denying policy; undefined for an allowed call. */
export function refusal(
  caller: Caller,
  requirement: Requirement,
  context: RequestContext,
): string | undefined {
  const evaluation = evaluateCaller(caller, requirement, context);
  if (evaluation.decision === 'allowed') return undefined;
  const head = `User: ${caller.principalArn} is not authorized to perform: ${requirement.action} on resource: ${requirement.shownResource ?? requirement.resource}`;
  if (evaluation.decision === 'explicitDeny') {
    return `${head} with an explicit deny in ${withArticle(evaluation.by[0]?.layer ?? 'identity')}`;
  }
  const layer = evaluation.notAllowedBy[0] ?? 'identity';
  return `${head} because no ${layerNames[layer]} allows the ${requirement.action} action`;
}

/** @throws AwsError with status 403 and the protocol's error code if the call is denied */
export function authorise(
  caller: Caller,
  requirement: Requirement,
  context: RequestContext,
  errorCode: 'AccessDenied' | 'AccessDeniedException' = 'AccessDenied',
): void {
  const message = refusal(caller, requirement, context);
  if (message !== undefined) throw new AwsError(errorCode, message, 403);
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
const layerNames: Readonly<Record<PolicyLayer, string>> = {
  identity: 'identity-based policy',
  boundary: 'permissions boundary',
  session: 'session policy',
  trust: 'resource-based policy',
};

const withArticle = (layer: PolicyLayer): string =>
  layer === 'identity' ? `an ${layerNames[layer]}` : `a ${layerNames[layer]}`;
