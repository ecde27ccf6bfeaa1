/**
 * Replaces a pod which the webhook missed, if the webhook would not miss its successor: the API server is asked, in a
 * dry run, what a pod of the same template would get now. Evicted, not deleted, so that disruption budgets hold.
 */
import { fieldManager } from '../../api/index.ts';
import { isNotFound, KubeApiError, resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import {
  describeHeld,
  podIdentity,
  type ReplacePodStep,
  type WantedIdentity,
} from '../../workloads/index.ts';

export type Replacement =
  | { readonly kind: 'evicted' }
  /** Not now: look again after `retryAfterMs`. */
  | { readonly kind: 'waits'; readonly message: string; readonly retryAfterMs: number };

/** How long until the webhook is asked again, and a disruption budget. Milliseconds. */
export const retryAfterMs = 5_000;

export async function replacePod(
  step: ReplacePodStep,
  client: KubeClient,
  now: () => number,
  signal: AbortSignal,
): Promise<Replacement> {
  const age = step.notBefore - now();
  if (age > 0) return { kind: 'waits', message: 'it is replaced in a moment', retryAfterMs: age };
  const { pod, template, wanted } = step;
  const { name, namespace = '' } = pod.metadata;
  const obstacle = await injectionFails(
    { name: `${name}-trial`, namespace, template, wanted },
    client,
    signal,
  );
  if (obstacle) return { kind: 'waits', message: `it is replaced once ${obstacle.message}`, retryAfterMs };
  return evict(step, client, signal);
}

/** A pod that is made in a dry run only. */
export type TrialPod = {
  readonly name: string;
  readonly namespace: string;
  readonly template: ReplacePodStep['template'];
  readonly wanted: WantedIdentity;
};

/** `missed`: it is made, and does not get the identity. `refused`: it cannot be made at all. */
export type InjectionObstacle = { readonly kind: 'missed' | 'refused'; readonly message: string };

/** What has to come first, as a pod made now would not get the identity; undefined when it would. */
export async function injectionFails(
  { name, namespace, template, wanted }: TrialPod,
  client: KubeClient,
  signal: AbortSignal,
): Promise<InjectionObstacle | undefined> {
  const { labels = {}, annotations = {} } = template.metadata ?? {};
  const trial = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels, annotations },
    spec: template.spec,
  };
  try {
    const made = await client.create<KubeObject>(resources.pods, trial, {
      dryRun: true,
      fieldManager,
      signal,
    });
    const identity = podIdentity(made, wanted);
    if (!('held' in identity)) return undefined;
    return {
      kind: 'missed',
      message: `the webhook injects: a pod made now would hold ${describeHeld(identity.held)}`,
    };
  } catch (error) {
    if (!(error instanceof KubeApiError)) throw error;
    return { kind: 'refused', message: `a trial pod is admitted: ${error.message}` };
  }
}

/** Source: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ */
async function evict({ pod }: ReplacePodStep, client: KubeClient, signal: AbortSignal): Promise<Replacement> {
  const { name, namespace = '', uid } = pod.metadata;
  try {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
    const answer = await client.raw({
      method: 'POST',
      path,
      body: {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, namespace },
        deleteOptions: { preconditions: { uid } },
      },
      signal,
    });
    if (answer.status === 429)
      return { kind: 'waits', message: 'it is replaced when its disruption budget allows', retryAfterMs };
    if (answer.status >= 300 && answer.status !== 404 && answer.status !== 409)
      throw new KubeApiError({ ...statusOf(answer.body), code: answer.status }, { request: `POST ${path}` });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return { kind: 'evicted' };
}

function statusOf(body: string): { readonly message?: string; readonly reason?: string } {
  try {
    return JSON.parse(body) as { readonly message?: string; readonly reason?: string };
  } catch {
    return {};
  }
}
