/**
 * The operator's identity in the cluster: a ServiceAccount with the shipped permissions and restrictions, and a token
 * file. As a kubelet does, this module renews the token long before it expires.
 */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OperatorIdentity } from '../../../src/rbac/index.ts';
import { createKubeClient, staticConnection } from '../../../src/kube/index.ts';
import type { CertificateAuthority } from '../cluster/certificates.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { renderKubeconfig } from '../cluster/kubeconfig.ts';
import type { BringUpOptions } from './options.ts';

export const operatorIdentity: OperatorIdentity = {
  namespace: 'konstellation-system',
  name: 'konstellation',
};

/** Maximum token lifetime that the API server grants, in seconds. */
const tokenSeconds = 86_400;
const renewalMs = 3_600_000;

/** Writes the operator's kubeconfig and renews its token until the sandbox ends. Returns the path of the kubeconfig. */
export async function operatorKubeconfig(
  options: BringUpOptions,
  { plane, authority }: { readonly plane: ControlPlane; readonly authority: CertificateAuthority },
): Promise<string> {
  const { paths, random, settings } = options;
  const client = createKubeClient(
    staticConnection({
      server: plane.server,
      tls: { ca: authority.certificate, cert: plane.admin.certificate, key: plane.admin.key },
    }),
    { userAgent: 'kon-sandbox', random },
  );
  options.onCleanup(() => client.close());
  const tokenFile = join(paths.run, 'operator.token');
  const renew = async (): Promise<void> => {
    const { token } = await client.createToken(operatorIdentity, {
      audiences: ['https://kubernetes.default.svc'],
      expirationSeconds: tokenSeconds,
    });
    await writeFile(`${tokenFile}.new`, token, { mode: 0o600 });
    await rename(`${tokenFile}.new`, tokenFile);
  };
  await renew();
  // If a renewal fails, the current token stays valid for hours, and the next attempt follows within an hour.
  const timer = setInterval(() => void renew().catch(() => undefined), renewalMs);
  options.onCleanup(() => clearInterval(timer));

  const kubeconfig = join(paths.run, 'operator.kubeconfig');
  await writeFile(
    kubeconfig,
    renderKubeconfig({
      server: plane.server,
      caCertificate: authority.certificate,
      client: { tokenFile },
      name: `kon-${settings.name}`,
    }),
    { mode: 0o600 },
  );
  return kubeconfig;
}
