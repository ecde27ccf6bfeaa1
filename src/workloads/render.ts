/** Renders the Kubernetes objects that run an App on a target with an identity. The result is deterministic. */
import { apiVersion, managedByLabel, managedByValue, type App, type AppTarget } from '../api/index.ts';
import { defined } from '../k8s/defined.ts';
import type { OtherApps } from './dependencies.ts';
import type { Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import { seal, type JsonObject, type Manifest } from './manifest.ts';
import { appliedTemplateAnnotation, templateDigest } from './pod-template.ts';
import { renderConfigs } from './render-configs.ts';
import { podLabels, podSelector, renderDeployment } from './render-deployment.ts';
import { wantedReplicas } from './replicas.ts';
import { isAutoscaled, maxReplicas, targetSpec, type TargetSpec } from './target-spec.ts';

export type RenderInput = {
  readonly app: App;
  readonly target: AppTarget;
  readonly identity: Identity | undefined;
  /** The existing Deployment. Only its number of replicas is read, since an autoscaler may own that number. */
  readonly observed: Deployment | undefined;
  /** Apps that this App depends on. */
  readonly others: OtherApps;
};

/** Returns the manifests in the order of their application. */
export function render(input: RenderInput): readonly Manifest[] {
  const { app, target } = input;
  const wanted = targetSpec(app, target, input.others);
  const body = (apiVersion: string, kind: string, spec: JsonObject, annotations?: JsonObject): Manifest =>
    seal({ apiVersion, kind, metadata: metadataOf(app, target.name, annotations), spec });
  const configs = renderConfigs(app, wanted).map(({ name, data }) =>
    seal({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...metadataOf(app, target.name, undefined), name },
      immutable: true,
      data,
    }),
  );

  const replicas = wantedReplicas(wanted, input.observed);
  const deployment = renderDeployment(app, wanted, input.identity, replicas.replicas);
  const service = renderService(app);
  const ingress = renderIngress(app, wanted);
  const autoscaler = renderAutoscaler(app, wanted);
  const budget = renderDisruptionBudget(app, wanted);
  return [
    ...configs,
    ...(service ? [body('v1', 'Service', service)] : []),
    ...(budget ? [body('policy/v1', 'PodDisruptionBudget', budget)] : []),
    body('apps/v1', 'Deployment', deployment, {
      ...replicas.annotations,
      [appliedTemplateAnnotation]: templateDigest(deployment),
    }),
    ...(autoscaler ? [body('autoscaling/v2', 'HorizontalPodAutoscaler', autoscaler)] : []),
    ...(ingress ? [body('networking.k8s.io/v1', 'Ingress', ingress, wanted.ingress?.annotations)] : []),
  ];
}

function metadataOf(app: App, target: string, annotations: JsonObject | undefined): Manifest['metadata'] {
  const { name, uid } = app.metadata;
  if (uid === undefined) throw new TypeError(`App ${name} has no uid: it was not read from a cluster`);
  return {
    name,
    namespace: target,
    labels: { ...podLabels(app, target), [managedByLabel]: managedByValue },
    ...(annotations ? { annotations: annotations as Readonly<Record<string, string>> } : {}),
    ownerReferences: [{ apiVersion, kind: 'App', name, uid, controller: true, blockOwnerDeletion: true }],
  };
}

/** Service of an App: it has the ports and the name of the App. */
function renderService(app: App): JsonObject | undefined {
  const ports = app.spec.ports ?? [];
  if (ports.length === 0) return undefined;
  return {
    type: 'ClusterIP',
    selector: podSelector(app),
    ports: ports.map(({ name, port, protocol }) => ({ name, port, targetPort: port, protocol })),
  };
}

/** PodDisruptionBudget of an App on a target with more than one replica: node drains may evict a quarter of the pods at a time. */
function renderDisruptionBudget(app: App, target: TargetSpec): JsonObject | undefined {
  if (target.halted || maxReplicas(target.scale) < 2) return undefined;
  return {
    // Kubernetes rounds the percentage up, so the value is at least one pod. A value of zero pods would block every drain.
    maxUnavailable: '25%',
    selector: { matchLabels: podSelector(app) },
    // A pod that is not ready must not block a drain.
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  };
}

/** Default utilization of `kubectl autoscale`. */
const defaultTargetCPUUtilizationPercentage = 80;

/**
 * HorizontalPodAutoscaler of an App on a target with a range of replicas. A halted target has no autoscaler, since it
 * would only record Events that autoscaling is disabled.
 */
function renderAutoscaler(app: App, target: TargetSpec): JsonObject | undefined {
  const { scale, halted } = target;
  if (halted || !isAutoscaled(scale) || scale.max === undefined) return undefined;
  return {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: app.metadata.name },
    // A minimum of zero requires a feature gate of Kubernetes.
    minReplicas: Math.max(1, scale.min),
    maxReplicas: scale.max,
    metrics: [
      {
        type: 'Resource',
        resource: {
          name: 'cpu',
          target: {
            type: 'Utilization',
            averageUtilization: scale.targetCPUUtilizationPercentage ?? defaultTargetCPUUtilizationPercentage,
          },
        },
      },
    ],
  };
}

/** Ingress of an App on a target: all hosts and paths are routed to one port of its Service. */
function renderIngress(app: App, target: TargetSpec): JsonObject | undefined {
  const { ingress } = target;
  const port = ingress?.port ?? app.spec.ports?.[0]?.name;
  if (!ingress || port === undefined) return undefined;
  const paths = (ingress.paths ?? ['/']).map((path) => ({
    path,
    pathType: 'Prefix',
    backend: { service: { name: app.metadata.name, port: { name: port } } },
  }));
  return {
    ...defined({ ingressClassName: ingress.className }),
    rules: ingress.hosts.map((host) => ({ host, http: { paths } })),
  };
}
