/** Proof of an identity: exchanges a token of the ServiceAccount for credentials, and discards them. */
import { podIdentityAudience, stsAudience, type LinkedServiceAccount } from '../../api/index.ts';
import {
  asIdentityError,
  IdentityError,
  type IdentityErrorCode,
  type IdentityProver,
  type Step,
} from '../../identity/index.ts';
import type { KubeClient, TokenSpec } from '../../kube/index.ts';
import { errorMessage } from '../../k8s/errors.ts';
import type { OperatorContext } from '../context.ts';
import type { StepTools } from './step-tools.ts';

/** Shortest lifetime of a token that the API server issues, in seconds. Source: TokenRequest, expirationSeconds. */
const shortestToken = 600;

/** Codes of STS refusals that a new pod would get too. Other failures do not predict the result for a pod. */
const refusals: ReadonlySet<IdentityErrorCode> = new Set([
  'OIDCProviderMissing',
  'IssuerUnreachable',
  'TokenRejected',
  'AssumeRoleDenied',
]);

export async function proveIdentity(
  step: Extract<Step, { readonly kind: 'ProveIdentity' }>,
  account: LinkedServiceAccount,
  tools: Pick<StepTools, 'client' | 'prover' | 'podIdentity'>,
  signal: AbortSignal,
): Promise<void> {
  const { roleArn, roleId, pod } = step;
  const role = { roleArn, ...(roleId === undefined ? {} : { roleId }) };
  const ref = { namespace: step.target, name: account.metadata.name };
  if (!pod) return exchangeToken(ref, role, tools, signal);
  // The API server issues a bound token only while the pod exists and uses this ServiceAccount.
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', ...pod };
  const spec = { audiences: [podIdentityAudience], boundObjectRef };
  const token = await requestToken(ref, spec, tools.client, signal);
  return tools.podIdentity().prover.prove({ token, ...role }, signal);
}

/** Exchanges a token of the ServiceAccount at STS. */
async function exchangeToken(
  ref: { readonly namespace: string; readonly name: string },
  role: { readonly roleArn: string; readonly roleId?: string },
  { client, prover }: Pick<StepTools, 'client' | 'prover'>,
  signal: AbortSignal,
): Promise<void> {
  const token = await requestToken(ref, { audiences: [stsAudience] }, client, signal);
  return prover.prove({ token, ...role, sessionName: 'konstellation-proof' }, signal);
}

async function requestToken(
  ref: { readonly namespace: string; readonly name: string },
  spec: Omit<TokenSpec, 'expirationSeconds'>,
  client: KubeClient,
  signal: AbortSignal,
): Promise<string> {
  const options = { ...spec, expirationSeconds: shortestToken };
  try {
    return (await client.createToken(ref, options, { signal })).token;
  } catch (error) {
    const message = `could not request a token of the ServiceAccount ${ref.namespace}/${ref.name}: ${errorMessage(error)}`;
    throw new IdentityError('TokenRequestFailed', message, { cause: error });
  }
}

/**
 * Returns a function that checks whether STS exchanges a token of a ServiceAccount. The operator calls the function
 * before it creates pods with a web identity.
 */
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
