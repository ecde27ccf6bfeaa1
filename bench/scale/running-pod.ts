/**
 * A typical pod of a large cluster as stored in etcd, with 4.5 KB of JSON: created for a Deployment, with the settings of a usual
 * app, the webhook's changes, the kubelet's status, and managedFields.
 */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../../src/kube/index.ts';
import { injectedEnv, injectedMount, injectedVolume } from '../../src/workloads/testing/injected.ts';

const time = '2026-01-01T00:00:00Z';

/** Derives a random-looking UID from the text. The same text always has the same UID. */
export function uidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export function runningPod(
  index: number,
  namespaces: number,
  accounts: number,
): KubeObject & Record<string, unknown> {
  const app = Math.floor(index / 10);
  const setting = (name: string, value: string) => ({ name, value });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: `namespace-${index % namespaces}`,
      name: `app-${app}-6d4b75cb6d-${index}`,
      labels: {
        'app.kubernetes.io/name': `app-${app}`,
        'app.kubernetes.io/instance': `app-${app}`,
        'pod-template-hash': '6d4b75cb6d',
      },
      uid: uidOf(`pod ${index}`),
      creationTimestamp: time,
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `app-${app}-6d4b75cb6d`,
          uid: uidOf(`replicaset ${app}`),
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: [
        managed('kube-controller-manager', {
          'f:metadata': { 'f:labels': names('label', 3), 'f:ownerReferences': names('owner', 1) },
          'f:spec': {
            'f:containers': { 'k:{"name":"app"}': { 'f:env': names('env', 25), ...names('field', 10) } },
          },
        }),
        managed('kubelet', { 'f:status': { 'f:conditions': names('condition', 5), ...names('field', 6) } }),
      ],
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
    },
    spec: {
      nodeName: `ip-10-0-${app % 250}-${index % 250}.eu-west-1.compute.internal`,
      serviceAccountName: `account-${app % accounts}`,
      containers: [
        {
          name: 'app',
          image: `registry.example.com/team/app-${app}:1.0.${index % 10}`,
          ports: [{ containerPort: 8080 }],
          resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
          env: [
            ...injectedEnv(
              `arn:aws:iam::123456789012:role/konstellation/kon-bench-account-${app % accounts}`,
            ),
            ...Array.from({ length: 20 }, (_, at) => setting(`SETTING_${at}`, `value-${at}`)),
          ],
          volumeMounts: [injectedMount],
        },
      ],
      volumes: [injectedVolume],
    },
    status: {
      phase: 'Running',
      podIP: `10.1.${app % 250}.${index % 250}`,
      qosClass: 'Burstable',
      startTime: time,
      conditions: [
        'PodReadyToStartContainers',
        'Initialized',
        'Ready',
        'ContainersReady',
        'PodScheduled',
      ].map((type) => ({ type, status: 'True', lastProbeTime: null, lastTransitionTime: time })),
      containerStatuses: [
        {
          name: 'app',
          ready: true,
          started: true,
          restartCount: 0,
          image: `registry.example.com/team/app-${app}:1.0.${index % 10}`,
          imageID: `registry.example.com/team/app@sha256:${uidOf(`image ${app}`)}`,
          containerID: `containerd://${uidOf(`container ${index}`)}`,
          state: { running: { startedAt: time } },
        },
      ],
    },
  };
}

const names = (prefix: string, count: number): Record<string, object> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`f:${prefix}-${at}`, {}]));

const managed = (manager: string, fieldsV1: object): object => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  time,
  fieldsType: 'FieldsV1',
  fieldsV1,
});
