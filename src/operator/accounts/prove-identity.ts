/** Carries out a proof: a token of the ServiceAccount, exchanged for credentials that nobody keeps. */
import { stsAudience, type LinkedServiceAccount } from '../../api/index.ts';
import { IdentityError, type IdentityProver } from '../../identity/index.ts';
import type { KubeClient } from '../../kube/index.ts';

/** The API server issues no token for less. Source: TokenRequest, expirationSeconds. Seconds. */
const shortestToken = 600;

export async function proveIdentity(
  account: LinkedServiceAccount,
  namespace: string,
  roleArn: string,
  { client, prover }: { readonly client: KubeClient; readonly prover: IdentityProver },
  signal: AbortSignal,
): Promise<void> {
  const { name } = account.metadata;
  const spec = { audiences: [stsAudience], expirationSeconds: shortestToken };
  let token: string;
  try {
    ({ token } = await client.createToken({ namespace, name }, spec, { signal }));
  } catch (error) {
    const message = `request a token of ${namespace}/${name}: ${error instanceof Error ? error.message : String(error)}`;
    throw new IdentityError('TokenRequestFailed', message, { cause: error });
  }
  await prover.prove({ token, roleArn, sessionName: 'konstellation-proof' }, signal);
}
