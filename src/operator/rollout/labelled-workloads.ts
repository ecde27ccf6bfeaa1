/** The workloads which ask to be restarted for a new identity, with our own latest writes on top of what is watched. */
import { fieldManager, identityAnnotation, type LinkedServiceAccount } from '../../api/index.ts';
import type { Informer, KubeObject } from '../../kube/index.ts';
import {
  isLabelledWorkload,
  isPodOf,
  workloadId,
  type Workload,
  type WorkloadObservation,
} from '../../workloads/index.ts';
import { podsByServiceAccount, workloadsByServiceAccount, type OperatorContext } from '../context.ts';
import { createWriteThroughCache } from '../observed-state/write-through-cache.ts';
import { checkDryRunPod } from './replace-pod.ts';

export type LabelledWorkloads = {
  readonly informers: readonly Informer<KubeObject & Workload>[];
  ofAccount(account: string): readonly WorkloadObservation[];
  /** Writes the mark; tells what is in the way instead if a pod made now would not get the identity, as a sentence's end after "once". */
  restart(
    workload: Workload,
    identity: { readonly roleArn: string; readonly audience: string; readonly mark: string },
    signal: AbortSignal,
  ): Promise<string | undefined>;
};

export function createLabelledWorkloads(context: OperatorContext): LabelledWorkloads {
  const { informers, client, now } = context;
  const watched = [informers.labelledDeployments, informers.statefulSets, informers.daemonSets];
  const kinds = watched.map((informer) => ({
    informer,
    writes: createWriteThroughCache<KubeObject & Workload>(informer, context.monotonic),
  }));
  const keyOf = ({ metadata }: Workload): string => `${metadata.namespace ?? ''}/${metadata.name}`;

  const observe = (workload: Workload, name: string, account: LinkedServiceAccount | undefined) => ({
    workload,
    account,
    now: now(),
    pods: informers.pods.store
      .byIndex(podsByServiceAccount, `${workload.metadata.namespace ?? ''}/${name}`)
      .filter((pod) => isPodOf(workload, pod)),
  });

  return {
    informers: watched,
    ofAccount(name) {
      const account = informers.accounts.store.get(name);
      return kinds.flatMap(({ informer, writes }) =>
        informer.store
          .byIndex(workloadsByServiceAccount, name)
          .map((workload) => writes.get(keyOf(workload)) ?? workload)
          .filter(isLabelledWorkload)
          .map((workload) => observe(workload, name, account)),
      );
    },
    async restart(workload, identity, signal) {
      const { name, namespace = '', uid } = workload.metadata;
      const kind = kinds.find(({ informer }) => informer.resource.kind === workload.kind);
      const template = workload.spec?.template;
      if (!kind || !template) throw new TypeError(`${workloadId(workload)} has no pod template to mark`);
      const obstacle = await checkDryRunPod(
        { name, namespace, template, wanted: [identity] },
        context,
        signal,
      );
      if (obstacle) return obstacle.message;
      const marked = {
        apiVersion: 'apps/v1',
        kind: workload.kind,
        // With the uid, the server refuses to write into one that has taken the place of the one we saw.
        metadata: { name, namespace, ...(uid === undefined ? {} : { uid }) },
        spec: { template: { metadata: { annotations: { [identityAnnotation]: identity.mark } } } },
      };
      const written = await client.apply<KubeObject & Workload>(kind.informer.resource, marked, {
        fieldManager,
        force: true,
        signal,
      });
      kind.writes.wrote(keyOf(workload), written);
      return undefined;
    },
  };
}
