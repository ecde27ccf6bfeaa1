/** Health checks and metrics of an operator whose API server is unavailable for a while. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { crds } from '../../src/api/index.ts';
import { createKubeClient, resources, staticConnection, type KubeObject } from '../../src/kube/index.ts';
import { startRestartableCluster, type RestartableCluster } from '../integration/kube/restartable-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { prepareExecutable, type Executable, type Running } from '../support/executable.ts';

let executable: Executable;
let cluster: RestartableCluster;
let operator: Running;
beforeAll(async () => {
  [executable, cluster] = await Promise.all([prepareExecutable(), startRestartableCluster()]);
  const client = createKubeClient(staticConnection({ server: cluster.server, tls: cluster.tls }));
  for (const crd of crds())
    await client.apply<KubeObject>(resources.customResourceDefinitions, crd, { fieldManager: 'test' });
  await client.close();
});
afterAll(async () => {
  await executable?.remove();
  await cluster?.stop();
});

async function startOperator(): Promise<string> {
  // The API server serves new CRDs only after a moment. Until then the operator exits, so the test starts it again.
  await eventually('the operator to start', async () => {
    operator = executable.start(
      ['operator', '--health-address=127.0.0.1:0', '--lease-duration=9', '--log-level=debug'],
      {
        env: { KUBECONFIG: cluster.kubeconfig },
      },
    );
    return operator.until('health is served').then(
      () => true,
      () => undefined,
    );
  });
  const { port } = JSON.parse(
    operator
      .output()
      .split('\n')
      .find((line) => line.includes('health is served')) ?? '',
  ) as { port: number };
  return `http://127.0.0.1:${port}`;
}

test('/readyz fails with the actual reason while the API server is unavailable, and /healthz succeeds', async () => {
  const origin = await startOperator();
  const get = async (path: string): Promise<readonly [number, string]> => {
    const answer = await fetch(`${origin}${path}`);
    return [answer.status, await answer.text()];
  };
  expect(await get('/readyz')).toEqual([200, 'ok\n']);
  expect(await get('/healthz')).toEqual([200, 'ok\n']);
  await operator.until('operator leads');
  expect((await get('/metrics'))[1]).toMatch(/^leader_election_master_status\{name="konstellation"\} 1$/m);

  await cluster.kill();
  const [status, reasons] = await eventually('not to be ready', async () => {
    const answer = await get('/readyz');
    return answer[0] === 503 && answer[1].split('\n').length > 10 ? answer : undefined;
  });
  expect(status).toBe(503);
  // The response contains only names of checks: a client of this port learns neither addresses nor errors of the API
  // server.
  expect(reasons).toMatch(/^(\[-\][a-z]+ failed: see the log\n)+$/);
  expect(reasons).toContain('[-]linkedserviceaccounts failed');
  expect(reasons).toContain('[-]pods failed');
  expect(operator.output()).toMatch(/(?:cannot be reached|broke).*health checks fail/);
  expect(await get('/healthz')).toEqual([200, 'ok\n']);
  await eventually('requests without an answer to be counted', async () =>
    /^rest_client_requests_total\{code="<error>",method="GET",/m.test((await get('/metrics'))[1])
      ? true
      : undefined,
  );

  // The operator exits because it cannot renew its lease. The test then starts it again, as a Deployment would.
  await operator.finished;
  expect(operator.output()).toContain('the lease was lost');
  await cluster.restart();
  const again = await startOperator();
  expect(await (await fetch(`${again}/readyz`)).text()).toBe('ok\n');
  const { code } = await operator.end('SIGTERM');
  expect(code).toBe(0);
});
