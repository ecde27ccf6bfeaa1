import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority } from '../../../http/testing/certificates.ts';
import { startHttpProxy, type LoopbackProxy } from '../../../http/testing/proxies.ts';
import { certificateVerdict, readCertificates } from './checks/issuer-certificate.ts';
import { readUrl } from './web.ts';

const issuer = 'https://issuer.invalid';
const { signal } = new AbortController();
let server: Server;
let proxy: LoopbackProxy;
let folder: string;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  const authority = await createAuthority();
  server = createServer(
    await authority.issue({ name: 'issuer', dnsNames: ['issuer.invalid'] }),
    (request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/keys' }).end();
      else if (request.url === '/circle') response.writeHead(302, { location: '/circle' }).end();
      else response.end(`${request.method} ${request.headers.host}${request.url}`);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await startHttpProxy((server.address() as AddressInfo).port);
  folder = await mkdtemp(join(tmpdir(), 'doctor-web-'));
  const bundle = join(folder, 'ca.pem');
  await writeFile(bundle, authority.ca);
  env = { HTTPS_PROXY: proxy.url, AWS_CA_BUNDLE: bundle };
});
afterAll(async () => {
  await proxy.close();
  server.close();
  await rm(folder, { recursive: true });
});

it('readUrl uses the proxy from the environment, trusts AWS_CA_BUNDLE, and follows redirects', async () => {
  proxy.targets.length = 0;
  expect(await readUrl(`${issuer}/a?b=c`, { env, signal })).toMatchObject({
    body: 'GET issuer.invalid/a?b=c',
  });
  const response = await readUrl(`${issuer}/moved`, { env, signal });
  expect(response).toMatchObject({ status: 200, body: 'GET issuer.invalid/keys' });
  expect(Date.parse(response.date ?? '')).toBeGreaterThan(0);
  expect(new Set(proxy.targets)).toEqual(new Set(['issuer.invalid:443']));
  expect(await readUrl(issuer, { method: 'HEAD', env, signal })).toMatchObject({ status: 200, body: '' });
});

it.each([
  ['the certificate is of an unknown authority', { AWS_CA_BUNDLE: '' }, '/', /certificate/],
  ['the proxy is down', { HTTPS_PROXY: 'http://127.0.0.1:1' }, '/', /ECONNREFUSED/],
  ['the server redirects in a circle', {}, '/circle', /redirects more than 5 times/],
])('readUrl fails if %s', async (_, variables, path, message) => {
  await expect(readUrl(`${issuer}${path}`, { env: { ...env, ...variables }, signal })).rejects.toThrow(
    message,
  );
});

it("the issuer's certificate is read through the proxy, and the result names the proxy if no well-known authority issued the certificate", async () => {
  proxy.targets.length = 0;
  const presented = await readCertificates(issuer, env, signal);
  expect(proxy.targets).toEqual(['issuer.invalid:443']);
  expect(presented).toMatchObject({ trusted: false, proxy: new URL(proxy.url).host });
  const verdict = certificateVerdict(presented, [], 'arn');
  expect(verdict).toMatchObject({
    status: 'warning',
    message: 'no well-known authority issued the certificate',
  });
  expect(JSON.stringify(verdict)).not.toContain('update-open-id-connect-provider-thumbprint');
  expect(certificateVerdict(presented, presented.thumbprints, 'arn').status).toBe('ok');
});
