/**
 * Creates a pod from a workload's template in a dry run. All admission plugins and webhooks of the cluster process this
 * pod as they would process a real pod.
 */
import { fieldManager, stsAudience } from '../../api/index.ts';
import { KubeApiError, resources, type KubeObject } from '../../kube/index.ts';
import {
  describeHeld,
  podIdentity,
  serviceAccountOf,
  type IdentityFinding,
  type ReplacePodStep,
  type WantedIdentity,
  type Workload,
} from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';

export type DryRunTools = Pick<OperatorContext, 'client' | 'exchange'>;

export type DryRunPodSpec = {
  /** Name of the workload, or of one of the workload's pods. */
  readonly name: string;
  readonly namespace: string;
  readonly template: ReplacePodStep['template'];
  /** Accepted identities. The pod has to get one of these identities. */
  readonly wanted: readonly WantedIdentity[];
};

/**
 * Reason why a new pod would not get its identity. The message states the missing condition in words that can follow
 * "once", for example "the webhook injects the identity".
 */
export type DryRunFailure = IdentityFinding & {
  /** Error message of the API server if it refuses the dry-run pod. The identity of new pods then cannot be checked. */
  readonly refusal?: string;
};

/**
 * Creates the dry-run pod. Returns the reason why the pod would not get its identity. Returns undefined if the pod gets
 * one of the wanted identities and, for a web identity, STS does not refuse its token.
 */
export async function dryRunFailure(
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
  let created: KubeObject;
  try {
    created = await client.create<KubeObject>(resources.pods, pod, { dryRun: true, fieldManager, signal });
  } catch (error) {
    if (!(error instanceof KubeApiError)) throw error;
    return {
      reason: 'IdentityNotChecked',
      message: `the API server admits a dry-run pod. Without such a pod, the operator cannot check the identity of new pods, so it does not replace running pods. The dry-run pod was refused: ${error.message}`,
      refusal: error.message,
    };
  }
  const identities = wanted.map((identity) => podIdentity(created, identity));
  const [first] = identities;
  if (first && 'held' in first && identities.every((identity) => 'held' in identity))
    return {
      reason: 'NotInjected',
      message: `the webhook injects the identity: a pod created now would hold ${describeHeld(first.held)}`,
    };
  const given = wanted.find((_, index) => !('held' in (identities[index] ?? {})));
  if (given?.audience !== stsAudience) return undefined;
  const serviceAccount = serviceAccountOf(created);
  const rejection = await exchange({ namespace, serviceAccount, roleArn: given.roleArn }, signal);
  return (
    rejection && {
      reason: rejection.code === 'OIDCProviderMissing' ? rejection.code : 'IdentityNotProven',
      message: `STS accepts the token of a new pod. STS has refused the last token: ${rejection.message}`,
    }
  );
}

/**
 * Creates a dry-run pod from the template of each workload. If the API server refuses a dry-run pod, returns why the
 * pods of its workload cannot be replaced now; otherwise, returns undefined.
 */
export async function replacementBlocker(
  workloads: readonly Workload[],
  tools: DryRunTools,
  signal: AbortSignal,
): Promise<string | undefined> {
  const blockers = await Promise.all(
    workloads.map(async ({ kind, metadata: { name, namespace = '' }, spec }) => {
      const template = spec?.template;
      const failure =
        template && (await dryRunFailure({ name, namespace, template, wanted: [] }, tools, signal));
      return failure?.refusal && `${kind} ${namespace}/${name} cannot be replaced: ${failure.refusal}`;
    }),
  );
  return blockers.find((blocker) => blocker !== undefined);
}
