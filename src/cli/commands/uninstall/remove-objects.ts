/** Deletion of what an installation put on the cluster. */
import { orMissing } from '../../cluster/objects.ts';
import { allowDeletionAnnotation, managedByLabel } from '../../../api/labels.ts';
import { resources, type KubeClient, type KubeObject } from '../../../kube/index.ts';
import type { CliContext } from '../../framework/context.ts';
import type { Deleted } from '../../framework/wait/deleted-objects.ts';
import {
  admissionPolicyObjects,
  crdObjects,
  installer,
  operatorObjects,
} from '../../installation/operator-objects.ts';
import { describeObject, fieldManager, resourceOf } from '../../installation/steps.ts';

/**
 * Deletes the operator first, so that it recreates nothing, then the CRDs with the ClusterConfig. The admission policies go
 * last, so that no account is written without them.
 *
 * @returns what was not ours to take away, and what was taken away
 */
export async function removeObjects(
  context: CliContext,
  client: KubeClient,
  { namespace, dryRun }: { readonly namespace: string; readonly dryRun: boolean },
): Promise<{ readonly kept: string[]; readonly deleted: readonly Deleted[] }> {
  const { signal, stderr } = context;
  const kept: string[] = [];
  const deleted: Deleted[] = [];
  const objects = operatorObjects({
    namespace,
    image: '',
    replicas: 1,
    roleArn: undefined,
    region: '',
    deployment: true,
  });
  const policies = admissionPolicyObjects(namespace).toReversed();
  for (const object of [...objects.toReversed(), ...crdObjects(), ...policies]) {
    const { name, namespace: of } = object.metadata;
    const ref = { name, ...(of === undefined ? {} : { namespace: of }) };
    const live = await orMissing(client.get<KubeObject>(resourceOf(object), ref, { signal }));
    if (!live) continue;
    if (live.metadata.labels?.[managedByLabel] !== installer) {
      kept.push(`${describeObject(object)}, which kon install did not create`);
      continue;
    }
    const isCrd = object.kind === 'CustomResourceDefinition';
    if (isCrd) await allowDeletion(client, name, { signal, dryRun });
    // The consent of a dry run is not stored, so that the deletion would be refused.
    if (!(isCrd && dryRun)) await orMissing(client.delete(resourceOf(object), ref, { signal, dryRun }));
    const label = describeObject(object);
    stderr.write(`- ${label}\n`);
    deleted.push({ resource: resourceOf(object), object: live, label });
  }
  return { kept, deleted };
}

/** Consents to the deletion of a CRD, which admission refuses otherwise. */
async function allowDeletion(
  client: KubeClient,
  name: string,
  options: { readonly signal: AbortSignal; readonly dryRun: boolean },
): Promise<void> {
  await client.patch(
    resources.customResourceDefinitions,
    { name },
    { metadata: { annotations: { [allowDeletionAnnotation]: 'true' } } },
    { type: 'merge', fieldManager, ...options },
  );
}
