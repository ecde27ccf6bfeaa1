import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';

let cluster: TestControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane();
});
afterAll(async () => {
  await cluster.stop();
});

function getAnonymously(path: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    request(`${cluster.server}${path}`, { ca: cluster.caCertificate }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    })
      .on('error', reject)
      .end();
  });
}

test('the API server has the pinned version and accepts writes', async () => {
  const version = JSON.parse(await cluster.kubectl(['version', '-o', 'json'])) as {
    serverVersion: { gitVersion: string };
  };
  expect(version.serverVersion.gitVersion).toBe('v1.36.3');
  await cluster.kubectl(['create', 'namespace', 'production']);
  expect(await cluster.kubectl(['get', 'namespace', 'production', '-o', 'name'])).toBe(
    'namespace/production\n',
  );
});

test('a user other than the administrator is authenticated but has no rights', async () => {
  const kubeconfig = await cluster.userKubeconfig('mallory', ['strangers']);
  await expect(cluster.kubectl(['--kubeconfig', kubeconfig, 'get', 'secrets'])).rejects.toThrow(
    /User "mallory" cannot list resource "secrets"/,
  );
});

test('a client without credentials may request nothing but the health checks', async () => {
  expect((await getAnonymously('/readyz')).status).toBe(200);
  expect((await getAnonymously('/api/v1/namespaces')).status).toBe(401);
});
