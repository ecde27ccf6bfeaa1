import { X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { createCertificateAuthority } from './certificates.ts';

const now = Date.now();

test('a server and a client that trust the authority authenticate each other', async () => {
  const authority = await createCertificateAuthority('test authority', now);
  const [server, client] = await Promise.all([
    authority.issueServer('kube-apiserver', ['localhost', '127.0.0.1']),
    authority.issueClient('kubernetes-admin', ['system:masters', 'second']),
  ]);
  const peers: PeerCertificate[] = [];
  const listener = createServer(
    {
      cert: server.certificate,
      key: server.key,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (incoming, response) => {
      peers.push((incoming.socket as TLSSocket).getPeerCertificate());
      response.end('hello');
    },
  );
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve);
  });
  const { port } = listener.address() as AddressInfo;
  const call = (options: object): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      })
        .on('error', reject)
        .end();
    });
  try {
    const ca = authority.certificate;
    const other = await createCertificateAuthority('test authority', now);
    const impostor = await other.issueClient('kubernetes-admin', ['system:masters']);
    expect(await call({ ca, cert: client.certificate, key: client.key })).toBe(200);
    expect(peers[0]?.subject).toMatchObject({ CN: 'kubernetes-admin', O: ['system:masters', 'second'] });
    await expect(call({ ca })).rejects.toThrow();
    await expect(call({ ca, cert: impostor.certificate, key: impostor.key })).rejects.toThrow();
    await expect(
      call({ ca: other.certificate, cert: client.certificate, key: client.key }),
    ).rejects.toThrow();
  } finally {
    listener.close();
  }
});

test('certificates are valid from one day before their creation, for a year, and only for their purpose', async () => {
  const authority = await createCertificateAuthority('test authority', Date.UTC(2049, 5, 1));
  const root = new X509Certificate(authority.certificate);
  expect(root.ca).toBe(true);
  expect(root.verify(root.publicKey)).toBe(true);
  expect(Date.parse(root.validFrom)).toBe(Date.UTC(2049, 4, 31));
  expect(Date.parse(root.validTo)).toBe(Date.UTC(2050, 5, 1));

  const server = new X509Certificate(
    (await authority.issueServer('x', ['a.example', '127.0.0.1'])).certificate,
  );
  expect(server.subjectAltName).toBe('DNS:a.example, IP Address:127.0.0.1');
  expect(server.ca).toBe(false);
  expect(server.checkIssued(root)).toBe(true);
  expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  const client = new X509Certificate((await authority.issueClient('y', [])).certificate);
  expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(client.serialNumber).not.toBe(server.serialNumber);
});
