import { afterEach, describe, expect, it } from 'vitest';
import { createKubeClient, staticConnection } from '../../kube/index.ts';
import { answerJson, startLoopbackServer, statusBody } from '../../kube/testing/loopback-server.ts';
import { createSimulatedTime } from '../../kube/testing/simulated-time.ts';
import type { PodContainer } from '../../workloads/pod.ts';
import { untilInjected } from './operator-identity.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const of = { namespace: 'konstellation', roleArn: 'arn:aws:iam::123456789012:role/operator' };
const volume = 'eks-pod-identity-token';
const folder = '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount';

type Sent = { readonly spec: { readonly containers: readonly PodContainer[] } };

/** Adds the environment variables and the volume that the webhook adds if the ServiceAccount has an association. */
const injected = (pod: Sent): object => ({
  ...pod,
  spec: {
    ...pod.spec,
    volumes: [
      {
        name: volume,
        projected: {
          sources: [{ serviceAccountToken: { audience: 'pods.eks.amazonaws.com', path: 'token' } }],
        },
      },
    ],
    containers: pod.spec.containers.map((container) => ({
      ...container,
      env: [
        { name: 'AWS_CONTAINER_CREDENTIALS_FULL_URI', value: 'http://169.254.170.23/v1/credentials' },
        { name: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', value: `${folder}/token` },
      ],
      volumeMounts: [{ name: volume, mountPath: folder, readOnly: true }],
    })),
  },
});

/** API server that returns the nth response to the nth request, and then repeats the last response. */
async function setUp(...answers: readonly ((pod: Sent) => readonly [status: number, body: object])[]) {
  const asked: { readonly dryRun: string | null; readonly pod: Sent }[] = [];
  const server = await startLoopbackServer(({ body, query }, response) => {
    const pod = JSON.parse(body) as Sent;
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push({ dryRun: query.get('dryRun'), pod });
    const [status, text] = answer?.(pod) ?? [500, {}];
    answerJson(response, status, text);
  });
  const client = createKubeClient(staticConnection({ server: server.url }));
  closers.push(
    () => server.close(),
    () => client.close(),
  );
  const time = createSimulatedTime();
  const clock = { monotonic: time.now, setTimer: time.setTimer, signal: new AbortController().signal };
  return { asked, time, waiting: untilInjected(client, { ...of, mode: 'PodIdentity' }, clock) };
}

const missed = (pod: Sent) => [201, pod] as const;

describe('untilInjected', () => {
  it("creates a dry-run pod with the operator's ServiceAccount repeatedly until the webhook knows the ServiceAccount's association", async () => {
    const { asked, time, waiting } = await setUp(missed, missed, (pod) => [201, injected(pod)]);
    for (const count of [1, 2]) {
      await expect.poll(() => asked.length).toBe(count);
      await expect.poll(() => time.pending()).toBe(1);
      await time.advance(1000);
    }
    expect(await waiting).toBe(true);
    expect(asked).toHaveLength(3);
    for (const { dryRun, pod } of asked) {
      expect(dryRun).toBe('All');
      expect(pod).toMatchObject({
        metadata: { namespace: 'konstellation' },
        spec: { serviceAccountName: 'konstellation' },
      });
    }
  });

  it('returns false after half a minute when the webhook does not know the association', async () => {
    const { asked, time, waiting } = await setUp(missed);
    for (let count = 1; count <= 30; count += 1) {
      await expect.poll(() => asked.length).toBe(count);
      await expect.poll(() => time.pending()).toBe(1);
      await time.advance(1000);
    }
    expect(await waiting).toBe(false);
    expect(asked).toHaveLength(31);
  });

  it('returns true without a retry if the API server forbids the user to create dry-run pods, and throws every error other than Forbidden', async () => {
    const forbidden = await setUp(() => [403, statusBody(403, 'Forbidden', 'no pods for you')]);
    expect(await forbidden.waiting).toBe(true);
    const broken = await setUp(() => [422, statusBody(422, 'Invalid', 'no such field')]);
    await expect(broken.waiting).rejects.toThrow('no such field');
  });
});
