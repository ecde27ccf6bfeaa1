/**
 * Replaces a pod if the webhook did not inject its identity and now injects the identity into a dry-run pod from the
 * same template. The pod is evicted instead of deleted, so that PodDisruptionBudgets are respected.
 */
import { KubeApiError, type KubeClient } from '../../kube/index.ts';
import type { ReplacePodStep } from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import { dryRunFailure, type DryRunTools } from './dry-run-pod.ts';

/**
 * Result of a replacement. `blocked` means that the pod cannot be replaced yet. Without `retryAfterMs`, the replacement
 * is retried with back-off, because no watch reports when the pod can be replaced.
 */
export type Replacement =
  | { readonly kind: 'evicted' }
  | { readonly kind: 'blocked'; readonly message: string; readonly retryAfterMs?: number };

export async function replacePod(
  { pod, template, wanted, notBefore }: ReplacePodStep,
  tools: DryRunTools & Pick<OperatorContext, 'now'>,
  signal: AbortSignal,
): Promise<Replacement> {
  const retryAfterMs = notBefore - tools.now();
  if (retryAfterMs > 0) return { kind: 'blocked', message: 'the pod is replaced shortly', retryAfterMs };
  const { name, namespace = '' } = pod.metadata;
  const failure = await dryRunFailure({ name, namespace, template, wanted: [wanted] }, tools, signal);
  if (failure) return { kind: 'blocked', message: `the pod is replaced as soon as ${failure.message}` };
  return (await evict(pod, tools.client, signal))
    ? { kind: 'evicted' }
    : {
        kind: 'blocked',
        message: 'the pod is replaced as soon as its PodDisruptionBudget allows the eviction',
      };
}

/**
 * Evicts the pod. Returns false if a PodDisruptionBudget does not allow the eviction. If the pod no longer exists, or
 * another pod now has its name, the pod counts as evicted.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
 */
async function evict(
  { metadata }: ReplacePodStep['pod'],
  client: KubeClient,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, namespace = '', uid } = metadata;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: { preconditions: { uid } },
  };
  const answer = await client.raw({ method: 'POST', path, body, signal });
  if (answer.status === 429) return false;
  if (answer.status < 300 || answer.status === 404 || answer.status === 409) return true;
  throw new KubeApiError({ ...statusOf(answer.body), code: answer.status }, { request: `POST ${path}` });
}

function statusOf(body: string): { readonly message?: string; readonly reason?: string } {
  try {
    return JSON.parse(body) as { readonly message?: string; readonly reason?: string };
  } catch {
    return {};
  }
}
