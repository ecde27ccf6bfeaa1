/** Reads an app's Deployments, revisions and pods in its targets. */
import { appLabel } from '../../api/labels.ts';
import type { App } from '../../api/app.ts';
import { isNotFound, resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import type { Deployment } from '../../workloads/deployment.ts';
import type { Pod } from '../../workloads/pod.ts';
import { CliError } from '../framework/errors.ts';

/** Pod of an app. Its container has the app's name. */
export type AppPod = Pod & KubeObject;
export type AppDeployment = Deployment & KubeObject;
type PodSpec = NonNullable<NonNullable<NonNullable<Deployment['spec']>['template']>['spec']>;
export type ReplicaSet = KubeObject & {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: {
      readonly metadata?: {
        readonly labels?: Readonly<Record<string, string>>;
        readonly annotations?: Readonly<Record<string, string>>;
      };
      readonly spec?: PodSpec;
    };
  };
};

/**
 * Returns the named targets, or all targets of the app if none is named.
 * @throws CliError of code NOT_FOUND for a target that the app does not have
 */
export function chosenTargets(app: App, named: readonly string[]): readonly string[] {
  const all = app.spec.targets.map((target) => target.name);
  const unknown = named.find((name) => !all.includes(name));
  if (unknown !== undefined)
    throw new CliError('NOT_FOUND', `app "${app.metadata.name}" has no target "${unknown}"`, {
      details: [`The app runs in the targets ${all.join(', ')}.`],
      next: [`Add the target: kon app edit ${app.metadata.name}`],
    });
  return named.length === 0 ? all : all.filter((name) => named.includes(name));
}

/** Selects, by label, the objects of an app in a target. The app's Deployment has the name of the app. */
export function selectionOf(
  app: App | AppDeployment,
  target: string,
): { namespace: string; labelSelector: string } {
  return { namespace: target, labelSelector: `${appLabel}=${app.metadata.name}` };
}

export async function podsOf(
  client: KubeClient,
  app: App | AppDeployment,
  target: string,
  signal?: AbortSignal,
): Promise<readonly AppPod[]> {
  return (await client.list<AppPod>(resources.pods, { ...selectionOf(app, target), signal })).items;
}

/** Returns undefined if the app has no Deployment in the target. */
export async function deploymentOf(
  client: KubeClient,
  app: App,
  target: string,
): Promise<AppDeployment | undefined> {
  try {
    return await client.get<AppDeployment>(resources.deployments, {
      namespace: target,
      name: app.metadata.name,
    });
  } catch (error) {
    if (isNotFound(error) && error.details?.name !== undefined) return undefined;
    throw error;
  }
}

type Created = { readonly metadata: { readonly creationTimestamp?: string; readonly name: string } };

/** Compares by creation time, oldest first, and by name when the times are equal. */
export function byAge(one: Created, other: Created): number {
  const { creationTimestamp: born = '', name } = one.metadata;
  return (
    born.localeCompare(other.metadata.creationTimestamp ?? '') || name.localeCompare(other.metadata.name)
  );
}
