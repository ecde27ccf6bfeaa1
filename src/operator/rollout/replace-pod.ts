/**
 * Replaces a pod which the webhook missed, if the webhook would not miss its successor: the API server is asked, in a
 * dry run, what a pod of the same template would get now. Evicted, not deleted, so that disruption budgets hold.
 */
import { fieldManager, stsAudience } from '../../api/index.ts';
import type { IdentityError } from '../../identity/index.ts';
import { isNotFound, KubeApiError, resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import {
  describeHeld,
  podIdentity,
  serviceAccountOf,
  type GateReason,
  type ReplacePodStep,
  type WantedIdentity,
} from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';

export type Replacement =
  | { readonly kind: 'evicted' }
  /** Not now: look again after `retryAfterMs`. */
  | { readonly kind: 'waits'; readonly message: string; readonly retryAfterMs: number };

/** How long until the webhook is asked again, and a disruption budget. Milliseconds. */
export const retryAfterMs = 5_000;

export type DryRunTools = Pick<OperatorContext, 'client' | 'exchange'>;

export async function replacePod(
  step: ReplacePodStep,
  tools: DryRunTools & Pick<OperatorContext, 'now'>,
  signal: AbortSignal,
): Promise<Replacement> {
  const { client, now } = tools;
  const age = step.notBefore - now();
  if (age > 0) return { kind: 'waits', message: 'it is replaced in a moment', retryAfterMs: age };
  const { pod, template, wanted } = step;
  const { name, namespace = '' } = pod.metadata;
  const obstacle = await checkDryRunPod({ name, namespace, template, wanted: [wanted] }, tools, signal);
  if (obstacle) return { kind: 'waits', message: `it is replaced once ${obstacle.message}`, retryAfterMs };
  return evict(step, client, signal);
}

/** A pod that is created in a dry run only. */
export type DryRunPodSpec = {
  /** Name of the pod's workload, or of a pod like it. */
  readonly name: string;
  readonly namespace: string;
  readonly template: ReplacePodStep['template'];
  /** Identities of which it has to get one. */
  readonly wanted: readonly WantedIdentity[];
};

/**
 * Why a new pod would not get its identity. `missed`: it is created, and gets another one or none. `refused`: it cannot be
 * created, so that its identity cannot be checked. `rejected`: STS refuses its token. The message is the end of a sentence, after "once".
 */
export type DryRunFailure =
  | { readonly kind: 'missed'; readonly message: string }
  | { readonly kind: 'rejected'; readonly reason: GateReason; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string; readonly reason: string };

/** Creates the pod in a dry run. Undefined when it gets its identity. */
export async function checkDryRunPod(
  { name, namespace, template, wanted }: DryRunPodSpec,
  { client, exchange }: DryRunTools,
  signal: AbortSignal,
): Promise<DryRunFailure | undefined> {
  const { labels = {}, annotations = {} } = template.metadata ?? {};
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${name}-dry-run`, namespace, labels, annotations },
    spec: template.spec,
  };
  try {
    const created = await client.create<KubeObject>(resources.pods, pod, {
      dryRun: true,
      fieldManager,
      signal,
    });
    const identities = wanted.map((identity) => podIdentity(created, identity));
    const [first] = identities;
    if (first && 'held' in first && identities.every((identity) => 'held' in identity))
      return {
        kind: 'missed',
        message: `the webhook injects: a pod created now would hold ${describeHeld(first.held)}`,
      };
    const given = wanted.find((_, index) => !('held' in (identities[index] ?? {})));
    const serviceAccount = serviceAccountOf(created);
    return given?.audience === stsAudience
      ? rejection(await exchange({ namespace, serviceAccount, roleArn: given.roleArn }, signal))
      : undefined;
  } catch (error) {
    if (!(error instanceof KubeApiError)) throw error;
    return {
      kind: 'refused',
      reason: error.message,
      message: `a pod created in a dry run is admitted, as its identity cannot be checked otherwise: ${error.message}`,
    };
  }
}

function rejection(error: IdentityError | undefined): DryRunFailure | undefined {
  if (!error) return undefined;
  const reason = error.code === 'OIDCProviderMissing' ? error.code : 'IdentityNotProven';
  return { kind: 'rejected', reason, message: `STS accepts the token of a new pod: ${error.message}` };
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
