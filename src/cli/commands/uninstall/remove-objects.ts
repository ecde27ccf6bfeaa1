/** Deletes the objects of an installation from the cluster. */
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
 * Deletes the operator first, so that it recreates nothing. Then deletes the CRDs, and with them the ClusterConfig. Deletes the
 * admission policies last, so that no account can be written without them.
 *
 * @returns the objects that `kon install` did not create, and the deleted objects
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
    // Skips CRDs in a dry run: a dry run does not store the annotation that allows their deletion, so admission would refuse the
    // deletion.
    if (!(isCrd && dryRun)) await orMissing(client.delete(resourceOf(object), ref, { signal, dryRun }));
    const label = describeObject(object);
    stderr.write(`- ${label}\n`);
    deleted.push({ resource: resourceOf(object), object: live, label });
  }
  return { kept, deleted };
}

/** Sets the annotation that allows the deletion of a CRD. Otherwise admission refuses the deletion. */
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
