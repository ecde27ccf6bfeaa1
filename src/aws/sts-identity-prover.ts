/** Proves an identity by the very exchange that an SDK in a pod does. */
import { AssumeRoleWithWebIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import type { IdentityProver } from '../identity/index.ts';
import { classifyProofError } from './errors.ts';

/** Bounds the proof's credentials to nothing, so that whoever proves cannot use them. */
const denyAll = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }],
});

/** The shortest session that STS gives, in seconds. Source: AssumeRoleWithWebIdentity, DurationSeconds. */
const shortest = 900;

export function createStsIdentityProver(sts: STSClient): IdentityProver {
  return {
    async prove({ token, roleArn, sessionName }, signal) {
      try {
        await sts.send(
          new AssumeRoleWithWebIdentityCommand({
            RoleArn: roleArn,
            RoleSessionName: sessionName,
            WebIdentityToken: token,
            Policy: denyAll,
            DurationSeconds: shortest,
          }),
          signal ? { abortSignal: signal } : {},
        );
      } catch (error) {
        throw classifyProofError(error, roleArn);
      }
    },
  };
}
