/**
 * The sandbox's own certificate authority. The authority issues the certificates of all TLS servers on loopback, and
 * the client certificates of the sandbox's components for the API server. A new authority is created at every start and
 * never shared, so no other software on the machine has to trust it.
 */
import { createHash, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

/** A certificate and its key as PEM texts; the key is in PKCS#8. */
export type KeyPair = { readonly certificate: string; readonly key: string };

export type CertificateAuthority = {
  /** PEM of the root certificate. */
  readonly certificate: string;
  /** Issues a server certificate for DNS names and IPv4 addresses. */
  issueServer(commonName: string, hosts: readonly string[]): Promise<KeyPair>;
  /** Issues a client certificate. Kubernetes uses the common name as the user name and each organization as a group. */
  issueClient(user: string, groups: readonly string[]): Promise<KeyPair>;
};

/** RSA key pair that the API server uses to sign tokens, as PEM texts. */
export type SigningKey = { readonly privateKey: string; readonly publicKey: string };

type Keys = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
type Subject = { readonly commonName: string; readonly organizations: readonly string[] };

/** ASN.1 object identifiers from RFC 5280 and RFC 5758. */
const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

/** Key usage bits from RFC 5280 §4.2.1.3: the byte, and the number of unused bits at its end. */
const keyUsages = { digitalSignature: [0x80, 7], certificateSigning: [0x04, 2] } as const;

const dayMs = 86_400_000;
const lifetimeDays = 365;
const signatureAlgorithm = sequence(objectIdentifier(oids.ecdsaWithSha256));
const generate = promisify(generateKeyPair);

/** @param now milliseconds since the epoch; certificates are valid for a year, starting one day before `now` */
export async function createCertificateAuthority(
  commonName: string,
  now: number,
): Promise<CertificateAuthority> {
  const rootKeys = await newKeys();
  const rootSubject: Subject = { commonName, organizations: [] };

  const certify = (subject: Subject, publicKey: KeyObject, extensions: readonly Uint8Array[]): string => {
    const subjectKey = publicKey.export({ type: 'spki', format: 'der' });
    const toBeSigned = sequence(
      explicit(0, integer(Uint8Array.of(2))),
      // Serial number, which is unique because the keys are unique. The first byte is 0x5a, so the encoded integer
      // always has 16 bytes.
      integer(sha256(subjectKey).subarray(0, 16).with(0, 0x5a)),
      signatureAlgorithm,
      distinguishedName(rootSubject),
      sequence(time(new Date(now - dayMs)), time(new Date(now + lifetimeDays * dayMs))),
      distinguishedName(subject),
      subjectKey,
      explicit(
        3,
        sequence(
          ...extensions,
          extension(oids.subjectKeyIdentifier, octetString(keyIdentifier(publicKey))),
          extension(oids.authorityKeyIdentifier, sequence(implicit(0, keyIdentifier(rootKeys.publicKey)))),
        ),
      ),
    );
    const signature = sign('sha256', toBeSigned, rootKeys.privateKey);
    return pem(sequence(toBeSigned, signatureAlgorithm, bitString(signature)));
  };

  const issue = async (subject: Subject, purpose: string, more: readonly Uint8Array[]): Promise<KeyPair> => {
    const keys = await newKeys();
    return {
      certificate: certify(subject, keys.publicKey, [
        extension(oids.basicConstraints, sequence(), 'critical'),
        extension(oids.keyUsage, bitString(...usage('digitalSignature')), 'critical'),
        extension(oids.extendedKeyUsage, sequence(objectIdentifier(purpose))),
        ...more,
      ]),
      key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  };

  return {
    certificate: certify(rootSubject, rootKeys.publicKey, [
      extension(oids.basicConstraints, sequence(boolean(true)), 'critical'),
      extension(oids.keyUsage, bitString(...usage('certificateSigning')), 'critical'),
    ]),
    issueServer: (name, hosts) =>
      issue({ commonName: name, organizations: [] }, oids.serverAuth, [
        extension(oids.subjectAlternativeName, sequence(...hosts.map(alternativeName))),
      ]),
    issueClient: (user, groups) => issue({ commonName: user, organizations: groups }, oids.clientAuth, []),
  };
}

/** Creates an RSA key with 2048 bits, because tokens are signed with RS256, as on EKS. */
export function createSigningKey(): Promise<SigningKey> {
  return generate('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

// Creates ECDSA keys, because six key pairs are needed and the generation of one RSA key takes up to half a second.
function newKeys(): Promise<Keys> {
  return generate('ec', { namedCurve: 'prime256v1' });
}

function distinguishedName(subject: Subject): Uint8Array {
  const attribute = (oid: string, value: string): Uint8Array =>
    set(sequence(objectIdentifier(oid), utf8String(value)));
  return sequence(
    ...subject.organizations.map((organization) => attribute(oids.organization, organization)),
    attribute(oids.commonName, subject.commonName),
  );
}

function extension(oid: string, value: Uint8Array, critical?: 'critical'): Uint8Array {
  return sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(value));
}

function usage(name: keyof typeof keyUsages): [Uint8Array, number] {
  const [bits, unused] = keyUsages[name];
  return [Uint8Array.of(bits), unused];
}

function alternativeName(host: string): Uint8Array {
  const isAddress = /^\d+(\.\d+){3}$/.test(host);
  return isAddress
    ? implicit(7, Uint8Array.from(host.split('.').map(Number)))
    : implicit(2, Buffer.from(host, 'ascii'));
}

/** Returns an identifier of the key. RFC 5280 §4.2.1.2 allows any value that identifies the key. */
function keyIdentifier(key: KeyObject): Uint8Array {
  return sha256(key.export({ type: 'spki', format: 'der' })).subarray(0, 20);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
