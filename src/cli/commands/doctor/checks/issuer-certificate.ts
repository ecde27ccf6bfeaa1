/**
 * Checks the reason for STS to trust the issuer's certificate. IAM first checks its own list of well-known authorities, and uses
 * the thumbprints of the OIDC provider only if none of these authorities issued the certificate.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
 */
import { createHash } from 'node:crypto';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { failure, ok, warning, type Verdict } from '../check.ts';

export type Presented = {
  /** Whether an authority that this machine trusts issued the certificate for this host name. */
  readonly trusted: boolean;
  /** SHA-1 hashes of the presented certificates, beginning with the server certificate. Hexadecimal, lower case. */
  readonly thumbprints: readonly string[];
};

const patienceMs = 5000;

/** @param issuer an https URL */
export async function readCertificates(issuer: string, signal: AbortSignal): Promise<Presented> {
  signal.throwIfAborted();
  const { hostname, port } = new URL(issuer);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname,
      port: Number(port || 443),
      servername: hostname,
      // The connection only reads the certificate and sends no data.
      rejectUnauthorized: false,
      timeout: patienceMs,
    });
    const give = (settle: () => void): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      settle();
    };
    const abort = (): void => give(() => reject(signal.reason as Error));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', (error) => give(() => reject(error)));
    socket.once('timeout', () =>
      give(() => reject(new Error(`${hostname} did not answer within ${patienceMs / 1000} s`))),
    );
    socket.once('secureConnect', () => {
      const presented = chainOf(socket.getPeerCertificate(true));
      give(() => resolve({ trusted: socket.authorized, thumbprints: presented }));
    });
  });
}

function chainOf(leaf: DetailedPeerCertificate): readonly string[] {
  const thumbprints: string[] = [];
  // A self-signed certificate is its own issuer.
  for (let each: DetailedPeerCertificate | undefined = leaf; each?.raw; each = each.issuerCertificate) {
    const thumbprint = createHash('sha1').update(each.raw).digest('hex');
    if (thumbprints.includes(thumbprint)) break;
    thumbprints.push(thumbprint);
  }
  return thumbprints;
}

/** @param listed thumbprints of the OIDC provider */
export function certificateVerdict(
  { trusted, thumbprints }: Presented,
  listed: readonly string[],
  providerArn: string,
): Verdict {
  if (trusted) return ok('issued by a well-known authority that IAM trusts');
  const known = new Set(listed.map((thumbprint) => thumbprint.toLowerCase()));
  if (thumbprints.some((thumbprint) => known.has(thumbprint)))
    return ok('not issued by an authority known here; the provider lists its thumbprint');
  const top = thumbprints.at(-1);
  if (top === undefined) return warning('the issuer presents no certificate');
  return failure('not issued by a well-known authority, and the provider lists none of its thumbprints', [
    `The provider lists: ${listed.join(', ') || 'none'}`,
    `aws iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn ${providerArn} --thumbprint-list ${top}`,
  ]);
}
