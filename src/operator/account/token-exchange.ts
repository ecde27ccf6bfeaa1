/** Checks that STS exchanges a token of the ServiceAccount, before pods with a web identity are created. */
import { asIdentityError, type IdentityErrorCode, type IdentityProver } from '../../identity/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import type { OperatorContext } from '../context.ts';
import { exchangeToken } from './prove-identity.ts';

/** Codes of STS refusals that a new pod would get too. Other failures do not predict the result for a pod. */
const refusals: ReadonlySet<IdentityErrorCode> = new Set([
  'OIDCProviderMissing',
  'IssuerUnreachable',
  'TokenRejected',
  'AssumeRoleDenied',
]);

export function createTokenExchange(options: {
  readonly client: KubeClient;
  readonly proverOf: (account: string) => IdentityProver;
  readonly onRefusal: (error: unknown) => void;
}): OperatorContext['exchange'] {
  const { client, proverOf, onRefusal } = options;
  return async ({ namespace, serviceAccount, roleArn }, signal) => {
    const ref = { namespace, name: serviceAccount };
    try {
      await exchangeToken(ref, { roleArn }, { client, prover: proverOf(serviceAccount) }, signal);
      return undefined;
    } catch (cause) {
      if (signal.aborted) throw cause;
      const error = asIdentityError(cause);
      if (!refusals.has(error.code)) return undefined;
      onRefusal(error);
      return error;
    }
  };
}
