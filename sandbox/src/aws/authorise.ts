/**
 * One place where a caller's policies decide about a call, so that every service refuses in the same words as AWS.
 */
import { evaluateIdentity } from '../../../src/policy/evaluate.ts';
import type { Evaluation, PolicyLayer, RequestContext } from '../../../src/policy/model.ts';
import type { Caller } from './wire/service.ts';
import { AwsError } from './wire/service.ts';

/** One thing that the caller must be allowed to do for a call to go on. */
export type Requirement = {
  /** `iam:CreateRole` */
  readonly action: string;
  readonly resource: string;
  /** How AWS names the resource in its refusal, where that is not the ARN (IAM says `role NAME`). */
  readonly shownResource?: string | undefined;
  /** Keys of this call, on top of the request's own. */
  readonly context?: RequestContext | undefined;
};

export function evaluateCaller(
  caller: Caller,
  requirement: Requirement,
  context: RequestContext,
): Evaluation {
  return evaluateIdentity(
    {
      action: requirement.action,
      resource: requirement.resource,
      context: { ...context, ...requirement.context },
    },
    { identity: caller.policies, boundary: caller.boundary, session: caller.sessionPolicies },
  );
}

/** `undefined` when the caller may; otherwise AWS's message, which names the kind of policy that decided. */
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

/** Throws AccessDenied, or what the protocol calls it (403), unless the caller may. */
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
