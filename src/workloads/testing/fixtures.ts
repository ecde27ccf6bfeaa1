/** Apps, accounts and clusters for tests of this folder. */
import {
  apiVersion,
  type App,
  type AppSpec,
  type AppTarget,
  type LinkedServiceAccount,
  type TargetStatus,
} from '../../api/index.ts';
import type { Deployment } from '../deployment.ts';
import { identityMark, type Identity } from '../identity-gate.ts';
import type { AppObservation } from '../plan.ts';
import type { Pod } from '../pod.ts';
import { injectedEnv, injectedMount, injectedVolume } from './injected.ts';
import type { Wall } from '../../k8s/time.ts';

export const roleArn = 'arn:aws:iam::111122223333:role/konstellation/kon-main-payments-abc';
export const otherRoleArn = 'arn:aws:iam::111122223333:role/konstellation/kon-main-payments-def';

export function identityOf(arn: string = roleArn): Identity {
  const wanted = { roleArn: arn, audience: 'sts.amazonaws.com' };
  return { ...wanted, mark: identityMark(wanted) };
}

export function target(name: string, fields: Partial<AppTarget> = {}): AppTarget {
  return { name, deployMode: 'latest', ...fields };
}

export function app(spec: Partial<AppSpec> = {}, metadata: Partial<App['metadata']> = {}): App {
  return {
    apiVersion,
    kind: 'App',
    metadata: { name: 'web', uid: 'uid-of-web', generation: 1, ...metadata },
    spec: { image: 'example.com/web', targets: [target('production')], ...spec },
  };
}

export function account(
  targets: readonly TargetStatus[],
  options: { only?: string[]; deleting?: boolean } = {},
): LinkedServiceAccount {
  return {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: {
      name: 'payments',
      uid: 'uid-of-payments',
      ...(options.deleting ? { deletionTimestamp: '2026-11-24T08:00:00Z' } : {}),
    },
    spec: {
      ...(options.only ? { targets: options.only } : {}),
      aws: { policyArns: [] },
      deletionPolicy: 'Delete',
    },
    status: { targets: [...targets] },
  };
}

export function row(name: string, fields: Partial<TargetStatus> = {}): TargetStatus {
  return { name, roleArn, linked: true, proven: true, ...fields };
}

export function observation(fields: Partial<AppObservation> & Pick<AppObservation, 'app'>): AppObservation {
  return {
    now: Date.parse('2026-11-24T12:00:00Z') as Wall,
    account: undefined,
    others: new Map(),
    knownTargets: new Set(['production', 'staging']),
    namespaces: new Map([
      ['production', 'present'],
      ['staging', 'present'],
    ]),
    objects: [],
    pods: [],
    slots: new Map(),
    ...fields,
  };
}

export type PodFields = {
  readonly name?: string;
  readonly namespace?: string;
  /** ARN of the role that the webhook injected. Default: none. */
  readonly holds?: string;
  readonly serviceAccount?: string;
  /** Identity mark of the template that the pod was created from. */
  readonly mark?: string;
  readonly ready?: boolean;
  readonly deleting?: boolean;
  readonly created?: string;
  readonly status?: Pod['status'];
};

export function pod(fields: PodFields = {}): Pod {
  const { holds, mark, deleting } = fields;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: fields.name ?? 'web-1',
      namespace: fields.namespace ?? 'production',
      uid: `uid of ${fields.name ?? 'web-1'}`,
      creationTimestamp: fields.created ?? '2026-11-24T08:00:00Z',
      labels: { 'k11n.dev/app': 'web' },
      ...(mark === undefined ? {} : { annotations: { 'k11n.dev/identity': mark } }),
      ...(deleting ? { deletionTimestamp: '2026-11-24T09:00:00Z' } : {}),
    },
    spec: {
      serviceAccountName: fields.serviceAccount ?? (mark === undefined ? 'default' : 'payments'),
      containers: [
        {
          name: 'web',
          ...(holds === undefined
            ? {}
            : {
                env: injectedEnv(holds),
                volumeMounts: [injectedMount],
              }),
        },
      ],
      volumes: [injectedVolume],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: (fields.ready ?? true) ? 'True' : 'False' }],
      ...fields.status,
    },
  };
}

/** Deployment for tests. By default, all of its pods are available. */
export function deployment(
  fields: { replicas?: number; mark?: string; generation?: number; status?: Deployment['status'] } = {},
): Deployment {
  const replicas = fields.replicas ?? 1;
  const { mark } = fields;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'production',
      generation: fields.generation ?? 1,
      labels: { 'k11n.dev/app': 'web', 'app.kubernetes.io/managed-by': 'konstellation' },
      annotations: { 'deployment.kubernetes.io/revision': '3' },
    },
    spec: {
      replicas,
      template: {
        ...(mark === undefined ? {} : { metadata: { annotations: { 'k11n.dev/identity': mark } } }),
        spec: {
          serviceAccountName: mark === undefined ? 'default' : 'payments',
          containers: [{ name: 'web', image: 'example.com/web:1' }],
        },
      },
    },
    status: {
      observedGeneration: 1,
      replicas,
      updatedReplicas: replicas,
      readyReplicas: replicas,
      availableReplicas: replicas,
      ...fields.status,
    },
  };
}
