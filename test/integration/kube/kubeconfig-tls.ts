/** The administrator's TLS material, for a proxy that connects to the API server as the administrator. */
import { loadConnection } from '../../../src/kube/index.ts';

export async function clientCertificateOf(
  kubeconfig: string,
): Promise<{ ca: string; cert: string; key: string }> {
  const { tls } = await (await loadConnection({ kubeconfig, env: {} })).credentials();
  return { ca: String(tls.ca), cert: String(tls.cert), key: String(tls.key) };
}
