/** Renders the Kubernetes objects that run an App on a target with an identity. The result is deterministic. */
import {
  apiVersion,
  appLabel,
  managedByLabel,
  managedByValue,
  targetLabel,
  type App,
  type AppTarget,
} from '../api/index.ts';
import type { Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import { seal, type JsonObject, type Manifest } from './manifest.ts';
import type { OtherApps } from './dependencies.ts';
import { renderAutoscaler } from './render-autoscaler.ts';
import { appliedTemplateAnnotation, templateDigest } from './pod-template.ts';
import { renderConfigs } from './render-configs.ts';
import { renderDeployment } from './render-deployment.ts';
import { renderDisruptionBudget } from './render-disruption-budget.ts';
import { renderIngress } from './render-ingress.ts';
import { renderService } from './render-service.ts';
import { wantedReplicas } from './replicas.ts';
import { targetSpec } from './target-spec.ts';

export type RenderInput = {
  readonly app: App;
  readonly target: AppTarget;
  readonly identity: Identity | undefined;
  /** The existing Deployment. Only its number of replicas is read, since an autoscaler may own that number. */
  readonly observed: Deployment | undefined;
  /** Apps that this App depends on. */
  readonly others: OtherApps;
};

/** Returns the manifests in the order in which they are applied. */
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

/** Labels of all objects that an App creates on a target. */
function labelsOf(app: App, target: string): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': app.metadata.name,
    'app.kubernetes.io/instance': app.metadata.name,
    [managedByLabel]: managedByValue,
    [appLabel]: app.metadata.name,
    [targetLabel]: target,
  };
}

function metadataOf(app: App, target: string, annotations: JsonObject | undefined): Manifest['metadata'] {
  const { name, uid } = app.metadata;
  if (uid === undefined) throw new TypeError(`App ${name} has no uid: it was not read from a cluster`);
  return {
    name,
    namespace: target,
    labels: labelsOf(app, target),
    ...(annotations ? { annotations: annotations as Readonly<Record<string, string>> } : {}),
    ownerReferences: [{ apiVersion, kind: 'App', name, uid, controller: true, blockOwnerDeletion: true }],
  };
}
