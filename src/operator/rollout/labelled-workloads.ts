/** Watched workloads with the restart label, updated by this process's latest writes. */
import { fieldManager, identityAnnotation } from '../../api/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import {
  isLabelledWorkload,
  isPodOf,
  workloadId,
  type Workload,
  type WorkloadObservation,
} from '../../workloads/index.ts';
import { podsByServiceAccount, workloadsByServiceAccount, type OperatorContext } from '../context.ts';
import { createWriteThroughCache } from '../observed-state/write-through-cache.ts';

export type LabelledWorkloads = ReturnType<typeof createLabelledWorkloads>;

export function createLabelledWorkloads({ informers, client, now, monotonic }: OperatorContext) {
  const watched = [informers.labelledDeployments, informers.statefulSets, informers.daemonSets];
  const kinds = watched.map((informer) => ({
    informer,
    writes: createWriteThroughCache<KubeObject & Workload>(informer, monotonic),
  }));
  const keyOf = ({ metadata }: Workload): string => `${metadata.namespace ?? ''}/${metadata.name}`;

  return {
    informers: watched,
    ofAccount(name: string): readonly WorkloadObservation[] {
      const account = informers.accounts.store.get(name);
      return kinds.flatMap(({ informer, writes }) =>
        informer.store
          .byIndex(workloadsByServiceAccount, name)
          .map((workload) => writes.get(keyOf(workload)) ?? workload)
          .filter(isLabelledWorkload)
          .map((workload) => ({
            workload,
            account,
            now: now(),
            pods: informers.pods.store
              .byIndex(podsByServiceAccount, `${workload.metadata.namespace ?? ''}/${name}`)
              .filter((pod) => isPodOf(workload, pod)),
          })),
      );
    },
    /** Writes the identity mark (role ARN and audience) into the pod template, which restarts the workload. */
    async restart(workload: Workload, mark: string, signal: AbortSignal): Promise<void> {
      const { name, namespace = '', uid } = workload.metadata;
      const kind = kinds.find(({ informer }) => informer.resource.kind === workload.kind);
      if (!kind) throw new TypeError(`${workloadId(workload)} is of a kind that is not watched`);
      const marked = {
        apiVersion: 'apps/v1',
        kind: workload.kind,
        // With the uid, the API server refuses the write if another workload now has the same name.
        metadata: { name, namespace, ...(uid === undefined ? {} : { uid }) },
        spec: { template: { metadata: { annotations: { [identityAnnotation]: mark } } } },
      };
      const options = { fieldManager, force: true, signal };
      kind.writes.wrote(
        keyOf(workload),
        await client.apply<KubeObject & Workload>(kind.informer.resource, marked, options),
      );
    },
  };
}
