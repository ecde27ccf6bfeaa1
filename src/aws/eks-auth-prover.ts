/** Proves a pod's identity by the same token exchange that the Pod Identity agent on the pod's node performs. */
import type { EksAuthClient } from '../eks-auth/client.ts';
import { IdentityError, roleNameOf, type PodIdentityProver } from '../identity/index.ts';
import { assertAssumedRole } from './assumed-role.ts';
import { callsOf } from './calls.ts';
import { classifyPodProofError } from './errors.ts';
import type { Caller, CallScheduler } from './scheduler.ts';

export function createEksAuthProver(options: {
  readonly auth: EksAuthClient;
  readonly scheduler: CallScheduler;
  readonly caller: Caller;
  /** Called right before each exchange. It can throw to prevent the exchange. */
  readonly beforeWrite?: (() => void) | undefined;
  readonly clusterName: string;
}): PodIdentityProver {
  const { auth, scheduler, caller, clusterName, beforeWrite } = options;
  return {
    async prove({ token, roleArn, roleId }, signal) {
      const calls = callsOf('eks-auth', scheduler, caller, {
        classify: (error) => classifyPodProofError(error, roleArn),
        beforeWrite,
      });
      // Only the name and the id of the assumed role are read. The credentials are discarded.
      const { assumedRoleArn, assumedRoleId } = await calls(
        { action: 'AssumeRoleForPodIdentity', signal },
        (attempt) => auth.exchange({ clusterName, token }, attempt),
      );
      const [, assumed] = assumedRoleArn.split('/');
      if (assumed !== roleNameOf(roleArn)) {
        throw new IdentityError(
          'NotInEffect',
          `EKS Auth returned credentials of the role ${assumed ?? '?'} for the pod, not of ${roleArn}`,
        );
      }
      assertAssumedRole(assumedRoleId, roleId, roleArn);
    },
  };
}
