/** Proves an identity by the same token exchange that an AWS SDK in a pod performs. */
import { AssumeRoleWithWebIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import type { IdentityProver } from '../identity/index.ts';
import { assertAssumedRole } from './assumed-role.ts';
import { callsOf } from './calls.ts';
import { classifyProofError } from './errors.ts';
import type { Caller, CallScheduler } from './scheduler.ts';

/** Session policy that denies everything, so that the credentials that a proof yields are useless. */
const denyAll = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }],
});

/** Shortest session that STS supports, in seconds. Source: AssumeRoleWithWebIdentity, DurationSeconds. */
const shortest = 900;

export function createStsIdentityProver(options: {
  readonly sts: STSClient;
  readonly scheduler: CallScheduler;
  readonly caller: Caller;
  /** Called right before each exchange. It can throw to prevent the exchange. */
  readonly beforeWrite?: (() => void) | undefined;
}): IdentityProver {
  const { sts, scheduler, caller, beforeWrite } = options;
  return {
    async prove({ token, roleArn, roleId, sessionName }, signal) {
      const calls = callsOf('sts', scheduler, caller, {
        classify: (error) => classifyProofError(error, roleArn),
        beforeWrite,
      });
      // Only the id of the assumed role is read. The credentials are discarded.
      const { AssumedRoleUser: assumed } = await calls(
        { action: 'AssumeRoleWithWebIdentity', signal },
        (attempt) =>
          sts.send(
            new AssumeRoleWithWebIdentityCommand({
              RoleArn: roleArn,
              RoleSessionName: sessionName,
              WebIdentityToken: token,
              Policy: denyAll,
              DurationSeconds: shortest,
            }),
            attempt,
          ),
      );
      assertAssumedRole(assumed?.AssumedRoleId, roleId, roleArn);
    },
  };
}
