import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { identitiesHeld, podIdentity } from './pod-identity.ts';
import { crashLoopOf, recoveredAt, podFailure } from './pod-failure.ts';
import { agentOf, type AgentState } from './pod-identity-agent.ts';
import { isReady, isRunning, isTerminating, serviceAccountOf, trimPod, usesAgent, type Pod } from './pod.ts';
import type { Wall } from '../k8s/time.ts';

const names = fc.constantFrom('web', 'proxy', 'migrate');
const volumes = fc.constantFrom('aws-iam-token', 'kube-api-access-x', 'data');
const mountPath = fc.constantFrom('/var/run/secrets/eks.amazonaws.com/serviceaccount', '/data/');

/** Omits fields whose value is undefined, as JSON does. */
const asOnTheWire = (value: unknown): Pod => JSON.parse(JSON.stringify(value)) as Pod;
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const time = fc.constantFrom('2026-11-24T07:00:00Z', '2026-11-24T08:09:00Z', '2026-11-24T08:09:45Z');
const end = fc.record({
  reason: optional(fc.constantFrom('Error', 'OOMKilled')),
  exitCode: fc.constantFrom(0, 1, 137),
  message: optional(fc.constant('panic')),
  startedAt: time,
  finishedAt: time,
  containerID: fc.constant('x'),
});
const containerStatus = fc.record({
  name: names,
  image: fc.constant('example.com/web:1'),
  imageID: fc.constant('example.com/web'),
  restartCount: fc.constantFrom(0, 1, 7),
  state: optional(
    fc.oneof(
      fc.record({ running: fc.record({ startedAt: time }) }),
      fc.record({ terminated: end }),
      fc.record({
        waiting: fc.record({
          reason: fc.constantFrom('CrashLoopBackOff', 'ErrImagePull', 'PodInitializing'),
        }),
      }),
    ),
  ),
  lastState: optional(fc.record({ terminated: optional(end) })),
});

const container = fc.record({
  name: names,
  image: fc.constant('example.com/web:1'),
  env: optional(
    fc.array(
      fc.record({
        name: fc.constantFrom(
          'AWS_ROLE_ARN',
          'AWS_WEB_IDENTITY_TOKEN_FILE',
          'AWS_CONTAINER_CREDENTIALS_FULL_URI',
          'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
          'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
          'AWS_ACCESS_KEY_ID',
          'AWS_REGION',
          'LOG_LEVEL',
        ),
        value: optional(
          fc.constantFrom(
            '',
            'arn:aws:iam::111122223333:role/a',
            'arn:aws:iam::111122223333:role/b',
            '/var/run/secrets/eks.amazonaws.com/serviceaccount/token',
            '/data/token',
          ),
        ),
        valueFrom: optional(fc.constant({ secretKeyRef: { name: 'keys', key: 'it' } })),
      }),
    ),
  ),
  volumeMounts: optional(fc.array(fc.record({ name: volumes, mountPath, readOnly: fc.boolean() }))),
});

const pods: fc.Arbitrary<Pod> = fc
  .record({
    apiVersion: fc.constant('v1'),
    kind: fc.constant('Pod'),
    metadata: fc.record({
      name: fc.constant('web-1'),
      namespace: fc.constant('production'),
      deletionTimestamp: optional(fc.constant('2026-11-24T08:00:00Z')),
      labels: optional(fc.dictionary(fc.constantFrom('k11n.dev/app', 'team'), fc.string())),
      annotations: optional(
        fc.dictionary(fc.constantFrom('eks.amazonaws.com/skip-containers', 'note'), names),
      ),
      managedFields: fc.constant([{ manager: 'kubelet' }]),
    }),
    spec: fc.record({
      serviceAccountName: optional(fc.constantFrom('payments', '')),
      nodeName: fc.constant('node-1'),
      containers: fc.array(container, { maxLength: 3 }),
      initContainers: optional(fc.array(container, { maxLength: 2 })),
      volumes: optional(
        fc.uniqueArray(
          fc.record({
            name: volumes,
            emptyDir: optional(fc.constant({})),
            projected: optional(
              fc.record({
                defaultMode: fc.constant(420),
                sources: fc.array(
                  fc.record({
                    serviceAccountToken: optional(
                      fc.record({
                        audience: optional(
                          fc.constantFrom('sts.amazonaws.com', 'pods.eks.amazonaws.com', 'vault'),
                        ),
                        path: fc.constant('token'),
                        expirationSeconds: fc.constant(3600),
                      }),
                    ),
                  }),
                ),
              }),
            ),
          }),
          { selector: (volume) => volume.name },
        ),
      ),
    }),
    status: fc.record({
      phase: optional(fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed')),
      podIP: fc.constant('10.0.0.1'),
      containerStatuses: optional(fc.array(containerStatus, { maxLength: 2 })),
      conditions: optional(
        fc.array(
          fc.record({
            type: fc.constantFrom('Ready', 'PodScheduled', 'Initialized'),
            status: fc.constantFrom('True', 'False'),
          }),
        ),
      ),
    }),
  })
  .map(asOnTheWire);

const now = Date.parse('2026-11-24T08:10:00Z');
const roleArn = 'arn:aws:iam::111122223333:role/a';

describe('trimPod', () => {
  test('does not change the results of the functions that read pods', () => {
    fc.assert(
      fc.property(pods, (pod) => {
        const trimmed = trimPod(pod);
        for (const audience of ['sts.amazonaws.com', 'pods.eks.amazonaws.com'])
          expect(podIdentity(trimmed, { roleArn, audience })).toEqual(
            podIdentity(pod, { roleArn, audience }),
          );
        expect(identitiesHeld(trimmed)).toEqual(identitiesHeld(pod));
        expect(serviceAccountOf(trimmed)).toBe(serviceAccountOf(pod));
        expect(isRunning(trimmed)).toBe(isRunning(pod));
        expect(isReady(trimmed)).toBe(isReady(pod));
        expect(podFailure([trimmed], now as Wall)).toEqual(podFailure([pod], now as Wall));
        expect(crashLoopOf([trimmed], now as Wall)).toEqual(crashLoopOf([pod], now as Wall));
        expect(recoveredAt([trimmed], now as Wall)).toBe(recoveredAt([pod], now as Wall));
        expect(isTerminating(trimmed)).toBe(isTerminating(pod));
        expect(usesAgent(trimmed)).toBe(usesAgent(pod));
        // State of the Pod Identity agent on a node with the given agent pod. Agent pods are trimmed like all pods.
        // pod-identity-agent.test.ts tests how agent pods are detected.
        const agentBeside = (agent: Pod): AgentState =>
          agentOf('node-1', { agentsOn: () => [agent], nodeOf: () => undefined });
        expect(agentBeside(trimmed)).toEqual(agentBeside(pod));
      }),
    );
  });

  test('is idempotent, and leaves no field undefined', () => {
    fc.assert(
      fc.property(pods, (pod) => {
        const trimmed = trimPod(pod);
        expect(trimPod(trimmed)).toStrictEqual(trimmed);
        expect(asOnTheWire(trimmed)).toStrictEqual(trimmed);
      }),
    );
  });

  test('drops fields that no function reads', () => {
    fc.assert(
      fc.property(pods, (pod) => {
        const text = JSON.stringify(trimPod(pod));
        for (const gone of [
          'managedFields',
          ...(usesAgent(pod) ? [] : ['nodeName']),
          'podIP',
          'LOG_LEVEL',
          'example.com/web',
          'emptyDir',
          'keys',
        ])
          expect(text).not.toContain(gone);
      }),
    );
  });
});
