/**
 * Creates a pod from a workload's template in a dry run. All admission plugins and webhooks of the cluster process it
 * as they would process a real pod.
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
  /** Name of the workload, or of one of its pods. */
  readonly name: string;
  readonly namespace: string;
  readonly template: ReplacePodStep['template'];
  /** Accepted identities: the pod has to get one of them. */
  readonly wanted: readonly WantedIdentity[];
};

/** Reason why a new pod would not get its identity. The message completes a sentence after the word "once". */
export type DryRunFailure = IdentityFinding & {
  /** Error message if the API server refuses to create the pod, so that its identity cannot be checked. */
  readonly refusal?: string;
};

/** Runs the dry run. Returns undefined if the pod gets one of the wanted identities and STS accepts its token. */
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
      message: `a dry-run pod is admitted. Otherwise the identity of new pods cannot be checked, so running pods stay as they are: ${error.message}`,
      refusal: error.message,
    };
  }
  const identities = wanted.map((identity) => podIdentity(created, identity));
  const [first] = identities;
  if (first && 'held' in first && identities.every((identity) => 'held' in identity))
    return {
      reason: 'NotInjected',
      message: `the webhook injects: a pod created now would hold ${describeHeld(first.held)}`,
    };
  const given = wanted.find((_, index) => !('held' in (identities[index] ?? {})));
  if (given?.audience !== stsAudience) return undefined;
  const serviceAccount = serviceAccountOf(created);
  const rejection = await exchange({ namespace, serviceAccount, roleArn: given.roleArn }, signal);
  return (
    rejection && {
      reason: rejection.code === 'OIDCProviderMissing' ? rejection.code : 'IdentityNotProven',
      message: `STS accepts the token of a new pod: ${rejection.message}`,
    }
  );
}

/**
 * Returns the reason why pods of one of the workloads cannot be replaced now, if the API server refuses a dry-run pod
 * from its template.
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
