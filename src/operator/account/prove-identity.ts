/** Proof of an identity: exchanges a token of the ServiceAccount for credentials, and discards them. */
import { podIdentityAudience, stsAudience, type LinkedServiceAccount } from '../../api/index.ts';
import {
  IdentityError,
  type IdentityProver,
  type PodIdentityProver,
  type Step,
} from '../../identity/index.ts';
import type { KubeClient, TokenSpec } from '../../kube/index.ts';
import { errorMessage } from '../../k8s/errors.ts';

/** Shortest lifetime of a token that the API server issues, in seconds. Source: TokenRequest, expirationSeconds. */
const shortestToken = 600;

export type ProofTools = {
  readonly client: KubeClient;
  readonly prover: IdentityProver;
  readonly podIdentity: () => { readonly prover: PodIdentityProver };
};

export async function proveIdentity(
  step: Extract<Step, { readonly kind: 'ProveIdentity' }>,
  account: LinkedServiceAccount,
  tools: ProofTools,
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
export async function exchangeToken(
  ref: { readonly namespace: string; readonly name: string },
  role: { readonly roleArn: string; readonly roleId?: string },
  { client, prover }: Pick<ProofTools, 'client' | 'prover'>,
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
  try {
    const { token } = await client.createToken(
      ref,
      { ...spec, expirationSeconds: shortestToken },
      { signal },
    );
    return token;
  } catch (error) {
    const message = `could not request a token of the ServiceAccount ${ref.namespace}/${ref.name}: ${errorMessage(error)}`;
    throw new IdentityError('TokenRequestFailed', message, { cause: error });
  }
}
