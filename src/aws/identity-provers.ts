/** Proves identities by the same token exchanges that an AWS SDK in a pod, or the Pod Identity agent, performs. */
import { AssumeRoleWithWebIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import type { EksAuthClient } from '../eks-auth/client.ts';
import { IdentityError, roleNameOf, type IdentityProver, type PodIdentityProver } from '../identity/index.ts';
import { callsOf, senderOf } from './calls.ts';
import { classifyPodProofError, classifyProofError } from './errors.ts';
import type { Caller, CallScheduler } from './scheduler.ts';

type ProverOptions = {
  readonly scheduler: CallScheduler;
  readonly caller: Caller;
  /** Called right before each exchange. It can throw to prevent the exchange. */
  readonly beforeWrite?: (() => void) | undefined;
};

/** Session policy that denies everything, so that the credentials that a proof yields are useless. */
const denyAll = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }],
});

/** Shortest session that STS supports, in seconds. Source: AssumeRoleWithWebIdentity, DurationSeconds. */
const shortest = 900;

/** Creates a prover that exchanges a web identity token at STS, as an AWS SDK in a pod does. */
export function createStsIdentityProver({
  sts,
  scheduler,
  caller,
  beforeWrite,
}: ProverOptions & { readonly sts: STSClient }): IdentityProver {
  return {
    async prove({ token, roleArn, roleId, sessionName }, signal) {
      const calls = callsOf('sts', scheduler, caller, {
        classify: (error) => classifyProofError(error, roleArn),
        beforeWrite,
      });
      // Only the id of the assumed role is read. The credentials are discarded.
      const { AssumedRoleUser: assumed } = await senderOf(sts, calls)(
        { action: 'AssumeRoleWithWebIdentity', signal },
        new AssumeRoleWithWebIdentityCommand({
          RoleArn: roleArn,
          RoleSessionName: sessionName,
          WebIdentityToken: token,
          Policy: denyAll,
          DurationSeconds: shortest,
        }),
      );
      assertAssumedRole(assumed?.AssumedRoleId, roleId, roleArn);
    },
  };
}

/** Creates a prover that exchanges a token of a pod at EKS Auth, as the Pod Identity agent on the pod's node does. */
export function createEksAuthProver({
  auth,
  scheduler,
  caller,
  clusterName,
  beforeWrite,
}: ProverOptions & { readonly auth: EksAuthClient; readonly clusterName: string }): PodIdentityProver {
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

/**
 * Checks the id of the assumed role. A role that was recreated under the same name has the same ARN but another id. For
 * a while, STS may still issue credentials of the previous role. Such credentials prove nothing about the new role.
 *
 * @param assumedRoleId the assumed role's id, a colon and the session name
 * @param roleId the expected id. Undefined accepts any role of this name
 * @throws IdentityError `NotInEffect`
 */
function assertAssumedRole(
  assumedRoleId: string | undefined,
  roleId: string | undefined,
  roleArn: string,
): void {
  const [assumed = ''] = (assumedRoleId ?? '').split(':');
  if (roleId === undefined || assumed === roleId) return;
  throw new IdentityError(
    'NotInEffect',
    `the token exchange returned credentials of another role with the same name (id ${assumed}), not of ${roleArn} (id ${roleId})`,
  );
}
