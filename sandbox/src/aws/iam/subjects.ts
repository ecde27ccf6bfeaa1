/** Resources of IAM calls, for authorization: ARNs, names in error messages, and tags of existing resources. */
import type { RequestContext } from '../../../../src/policy/model.ts';
import type { Subject } from './env.ts';
import type { IamState } from './state.ts';
import { resourceTagContext } from './tags.ts';

/**
 * Returns the subject of a call on a role. If the role does not exist, the ARN contains no path. `context` holds the
 * condition keys of the call. The role's boundary is added as `iam:PermissionsBoundary`, as IAM does for calls that
 * change the role's policies.
 */
export function roleSubject(name: string, state: IamState, context: RequestContext = {}): Subject {
  const role = state.role(name);
  return {
    arn: role?.arn ?? state.arn(`role/${name}`),
    shown: `role ${name}`,
    context: {
      ...(role ? resourceTagContext(role.tags) : {}),
      ...(role?.boundaryArn === undefined ? {} : { 'iam:PermissionsBoundary': role.boundaryArn }),
      ...context,
    },
  };
}

export function policySubject(arn: string, state: IamState, context: RequestContext = {}): Subject {
  const policy = state.policy(arn);
  return {
    arn,
    shown: `policy ${arn}`,
    context: { ...(policy ? resourceTagContext(policy.tags) : {}), ...context },
  };
}

export function providerSubject(arn: string, state: IamState, context: RequestContext = {}): Subject {
  const provider = state.provider(arn);
  return { arn, context: { ...(provider ? resourceTagContext(provider.tags) : {}), ...context } };
}

export function instanceProfileSubject(name: string, state: IamState): Subject {
  return {
    arn: state.instanceProfile(name)?.arn ?? state.arn(`instance-profile/${name}`),
    shown: `instance profile ${name}`,
  };
}
