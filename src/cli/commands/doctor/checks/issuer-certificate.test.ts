import { createHash, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority } from '../../../../http/testing/certificates.ts';
import { certificateVerdict, readCertificates } from './issuer-certificate.ts';

const arn = 'arn:aws:iam::123456789012:oidc-provider/issuer.example';
const sha1 = (pem: string): string => createHash('sha1').update(new X509Certificate(pem).raw).digest('hex');

describe('the certificate of an issuer', () => {
  let server: Server;
  let issuer: string;
  let leaf: string;
  let root: string;
  beforeAll(async () => {
    const authority = await createAuthority('nobody knows it');
    const pair = await authority.issue({ name: 'issuer', ips: ['127.0.0.1'] });
    [leaf, root] = [sha1(pair.cert), sha1(authority.ca)];
    // The client closes the connection before the end of the handshake, so the socket may report a connection reset.
    server = createServer({ key: pair.key, cert: `${pair.cert}\n${authority.ca}` }, (socket) =>
      socket.on('error', () => undefined),
    );
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  it('is read with the chain that the server presents, from the leaf to the root', async () => {
    expect(await readCertificates(issuer, {}, new AbortController().signal)).toEqual({
      trusted: false,
      thumbprints: [leaf, root],
    });
  });

  it('cannot be read if no server answers, or after Ctrl-C', async () => {
    await expect(readCertificates('https://127.0.0.1:1', {}, new AbortController().signal)).rejects.toThrow(
      /ECONNREFUSED/,
    );
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(readCertificates(issuer, {}, aborted)).rejects.toThrow('enough');
  });

  it.each([
    ['well-known', true, [], 'ok'],
    ['unknown, and listed', false, ['B0B0'], 'ok'],
    ['unknown, and listed as another', false, ['c0c0'], 'error'],
    ['unknown, and not listed', false, [], 'error'],
  ] as const)('gets the expected verdict if its authority is %s', (_what, trusted, listed, status) => {
    const verdict = certificateVerdict({ trusted, thumbprints: ['a0a0', 'b0b0'] }, listed, arn);
    expect(verdict.status).toBe(status);
    if (verdict.status === 'error')
      expect(verdict.details?.join('\n')).toContain(
        `--open-id-connect-provider-arn ${arn} --thumbprint-list b0b0`,
      );
  });
});
