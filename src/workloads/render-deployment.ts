/**
 * Deployment of an App on a target. Its pod template contains only values from the App and the identity mark. A change
 * of any other content would cause an unrequested rollout.
 */
import {
  appLabel,
  identityAnnotation,
  targetLabel,
  type App,
  type EnvVar,
  type Probe,
} from '../api/index.ts';
import { defined } from '../k8s/defined.ts';
import type { Identity } from './identity-gate.ts';
import type { JsonObject } from './manifest.ts';
import { configFields, renderConfigs } from './render-configs.ts';
import type { TargetSpec } from './target-spec.ts';

export function renderDeployment(
  app: App,
  target: TargetSpec,
  identity: Identity | undefined,
  replicas: number | undefined,
): JsonObject {
  return {
    ...defined({ replicas }),
    selector: { matchLabels: podSelector(app) },
    // Kubernetes removes no old pod before its successor is ready.
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } },
    template: {
      metadata: {
        labels: podLabels(app, target.name),
        ...(identity ? { annotations: { [identityAnnotation]: identity.mark } } : {}),
      },
      spec: podSpec(app, target),
    },
  };
}

function podSpec(app: App, target: TargetSpec): JsonObject {
  const { volumes, ...inContainer } = configFields(renderConfigs(app, target));
  const { serviceAccount, imagePullSecrets } = app.spec;
  return {
    // The name is set even if it is `default`: if an apply removed the field, the API server would restore the old name
    // from the field's deprecated alias `serviceAccount`.
    serviceAccountName: serviceAccount ?? 'default',
    // Pods that use the ServiceAccount `default` get no API token. All pods of the namespace share `default`, so it
    // should have no RBAC permissions. An account's owner can grant RBAC permissions to the account's ServiceAccount.
    ...(serviceAccount === undefined ? { automountServiceAccountToken: false } : {}),
    ...defined({ imagePullSecrets: imagePullSecrets?.map((name) => ({ name })) }),
    // `runAsNonRoot` is not set: many images run as root, and the Pod Security Standards of the cluster decide whether that is
    // allowed.
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{ ...container(app, target), ...inContainer }],
    ...defined({ volumes }),
  };
}

function container(app: App, target: TargetSpec): JsonObject {
  const { command, args, ports } = app.spec;
  const { resources, probes } = target;
  return {
    name: app.metadata.name,
    image: target.image,
    securityContext: { allowPrivilegeEscalation: false },
    ...defined({
      command,
      args,
      ports: ports?.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol })),
      env: target.env.length > 0 ? target.env.map(envVar) : undefined,
      resources: resources && defined({ requests: resources.requests, limits: resources.limits }),
      livenessProbe: probes?.liveness && probe(probes.liveness),
      readinessProbe: probes?.readiness && probe(probes.readiness),
      startupProbe: probes?.startup && probe(probes.startup),
    }),
  };
}

function envVar({ name, value, valueFrom }: EnvVar): JsonObject {
  if (!valueFrom) return { name, ...defined({ value }) };
  const { secretKeyRef, configMapKeyRef, fieldRef } = valueFrom;
  return { name, ...defined({ value }), valueFrom: defined({ secretKeyRef, configMapKeyRef, fieldRef }) };
}

function probe(probe: Probe): JsonObject {
  const { httpGet, tcpSocket, exec } = probe;
  return defined({
    httpGet,
    tcpSocket,
    exec,
    initialDelaySeconds: probe.initialDelaySeconds,
    periodSeconds: probe.periodSeconds,
    timeoutSeconds: probe.timeoutSeconds,
    failureThreshold: probe.failureThreshold,
    successThreshold: probe.successThreshold,
  });
}

/**
 * Selector of an App's pods for its Service, Deployment and PodDisruptionBudget. The labels must never change, since
 * the selector of a Deployment is immutable.
 */
export function podSelector(app: App): Readonly<Record<string, string>> {
  return { [appLabel]: app.metadata.name };
}

/** Labels of an App's pods on a target. All other objects of the App have these labels too. */
export function podLabels(app: App, target: string): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': app.metadata.name,
    'app.kubernetes.io/instance': app.metadata.name,
    ...podSelector(app),
    [targetLabel]: target,
  };
}
