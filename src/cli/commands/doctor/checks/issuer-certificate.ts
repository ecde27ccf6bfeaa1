/**
 * Determines whether AWS trusts the issuer's certificate, and for what reason. AWS trusts certificates from its list of
 * well-known authorities, and uses the thumbprints of the OIDC provider only for certificates from other authorities.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
 */
import { createHash } from 'node:crypto';
import { rootCertificates, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { AwsEnv } from '../../../../aws/agents.ts';
import { addressOf, dial, proxyFromEnv } from '../../../../http/index.ts';
import { failure, ok, warning, type Verdict } from '../check.ts';

export type Presented = {
  /** Whether a well-known authority issued the certificate for this host name. */
  readonly trusted: boolean;
  /** SHA-1 hashes of the presented certificates, beginning with the server certificate. Hexadecimal, lower case. */
  readonly thumbprints: readonly string[];
  /** Host and port of the proxy, which may replace certificates. Absent for a direct connection. */
  readonly proxy?: string;
};

const timeoutMs = 5000;

/**
 * @param issuer an https URL
 * @throws the errors of sockets, TLS and proxies, the signal's reason, or an error after 5 seconds
 */
export async function readCertificates(issuer: string, env: AwsEnv, signal: AbortSignal): Promise<Presented> {
  const url = new URL(issuer);
  const proxyUrl = proxyFromEnv(url, env);
  const timeout = AbortSignal.timeout(timeoutMs);
  const tls = {
    // The connection only reads the certificate and sends no data.
    rejectUnauthorized: false,
    // Excludes the authorities in NODE_EXTRA_CA_CERTS, because IAM does not trust them.
    ca: [...rootCertificates],
  };
  signal.throwIfAborted();
  try {
    const socket = await dial({ ...addressOf(url), tls, proxyUrl }, AbortSignal.any([signal, timeout]));
    const secured = socket as TLSSocket;
    const thumbprints = chainOf(secured.getPeerCertificate(true));
    socket.destroy();
    return {
      trusted: secured.authorized,
      thumbprints,
      ...(proxyUrl === undefined ? {} : { proxy: new URL(proxyUrl).host }),
    };
  } catch (error) {
    if (timeout.aborted && !signal.aborted)
      throw new Error(`${url.hostname} did not answer within ${timeoutMs / 1000} s`, { cause: error });
    throw error;
  }
}

function chainOf(leaf: DetailedPeerCertificate): readonly string[] {
  const thumbprints: string[] = [];
  // The loop ends at a repeated certificate, because a self-signed certificate is its own issuer.
  for (let each: DetailedPeerCertificate | undefined = leaf; each?.raw; each = each.issuerCertificate) {
    const thumbprint = createHash('sha1').update(each.raw).digest('hex');
    if (thumbprints.includes(thumbprint)) break;
    thumbprints.push(thumbprint);
  }
  return thumbprints;
}

/** @param listed thumbprints that the IAM OIDC provider lists */
export function certificateVerdict(
  { trusted, thumbprints, proxy }: Presented,
  listed: readonly string[],
  providerArn: string,
): Verdict {
  if (trusted) return ok('the certificate was issued by a well-known authority that IAM trusts');
  const known = new Set(listed.map((thumbprint) => thumbprint.toLowerCase()));
  if (thumbprints.some((thumbprint) => known.has(thumbprint)))
    return ok(
      'kon does not know the authority that issued the certificate, but the OIDC provider lists a thumbprint of the certificate chain',
    );
  if (proxy !== undefined)
    return warning('no well-known authority issued the certificate', [
      `The proxy ${proxy} may have replaced the certificate. Check again from a network without this proxy.`,
    ]);
  const top = thumbprints.at(-1);
  if (top === undefined) return warning('the issuer presents no certificate');
  return failure(
    'no well-known authority issued the certificate, and the OIDC provider lists no thumbprint of the certificate chain',
    [
      `The provider lists: ${listed.join(', ') || 'none'}`,
      `aws iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn ${providerArn} --thumbprint-list ${top}`,
    ],
  );
}
