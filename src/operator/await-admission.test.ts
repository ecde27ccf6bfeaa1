import { expect, it } from 'vitest';
import { shippedAdmissionDigest } from '../rbac/index.ts';
import { KubeApiError, silentLogger, type KubeClient } from '../kube/index.ts';
import { untilAdmissionEnforced } from './await-admission.ts';

const refusal = (message: string): KubeApiError =>
  new KubeApiError({ kind: 'Status', status: 'Failure', code: 403, reason: 'Forbidden', message });

/**
 * Returns the number of probes that the operator sends. `answers` are the API server's responses in order; the last
 * response is repeated.
 */
async function probes(answers: readonly (Error | 'admitted')[], most = 10): Promise<number> {
  const end = new AbortController();
  let sent = 0;
  const client = {
    create: async () => {
      const answer = answers[Math.min(sent, answers.length - 1)];
      sent += 1;
      if (sent === most) end.abort();
      if (answer instanceof Error) throw answer;
      return undefined;
    },
  } as unknown as KubeClient;
  await untilAdmissionEnforced(client, {
    namespace: 'konstellation',
    logger: silentLogger,
    setTimer: (callback) => {
      queueMicrotask(callback);
      return () => undefined;
    },
    signal: end.signal,
  });
  return sent;
}

const enforced = (digest: string): KubeApiError =>
  refusal(
    `leases "x" is forbidden: ValidatingAdmissionPolicy 'probe.k11n.dev' denied request: the admission policies of Konstellation are enforced (${digest}); this name is reserved`,
  );

it('an operator waits until the admission policies refuse its probe', async () => {
  expect(await probes([enforced(shippedAdmissionDigest())])).toBe(1);
  expect(await probes(['admitted', 'admitted', enforced(shippedAdmissionDigest())])).toBe(3);
});

it('an operator starts even if the enforced admission policies have another version than the operator', async () => {
  expect(await probes([enforced('0123456789ab')])).toBe(1);
});

it('an operator keeps waiting while the API server is down, or while something other than the admission policies refuses the probe', async () => {
  expect(await probes([refusal('leases is forbidden: no right')])).toBe(10);
  expect(await probes([new Error('connection refused'), 'admitted'])).toBe(10);
});
