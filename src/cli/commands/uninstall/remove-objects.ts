/** Deletes the objects of an installation from the cluster, and waits until no object and no operator is left. */
import { orMissing, listObjects } from '../../cluster/objects.ts';
import { allowDeletionAnnotation, managedByLabel, abandonAnnotation } from '../../../api/labels.ts';
import { type KubeClient, type KubeObject, sleep, systemTimer } from '../../../kube/index.ts';
import type { CliContext } from '../../framework/context.ts';
import { type Deleted, waitUntilAllDeleted } from '../../framework/wait/deleted-objects.ts';
import {
  admissionPolicyObjects,
  crdObjects,
  installer,
  operatorObjects,
} from '../../installation/operator-objects.ts';
import { describeObject, fieldManager, resourceOf } from '../../installation/steps.ts';
import { accountKind } from '../../cluster/kinds.ts';
import { CliError } from '../../framework/errors.ts';
import { findOperators, removalOf } from '../../installation/other-installations.ts';
import { namesOf } from './names.ts';

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
    // Admission refuses the deletion of a CRD without this annotation.
    if (isCrd) {
      const patch = { metadata: { annotations: { [allowDeletionAnnotation]: 'true' } } };
      await client.patch(resourceOf(object), ref, patch, { type: 'merge', fieldManager, signal, dryRun });
    }
    // Skips CRDs in a dry run: a dry run does not store the annotation that allows their deletion, so admission would refuse the
    // deletion.
    if (!(isCrd && dryRun)) await orMissing(client.delete(resourceOf(object), ref, { signal, dryRun }));
    const label = describeObject(object);
    stderr.write(`- ${label}\n`);
    deleted.push({ resource: resourceOf(object), object: live, label });
  }
  return { kept, deleted };
}

/** @throws CliError of code NOT_DELETED after the timeout, with the accounts that block the deletion of their CRD */
export async function untilGone(
  context: CliContext,
  client: KubeClient,
  deleted: readonly Deleted[],
  timeoutMs: number,
  clusterArn: string,
): Promise<void> {
  try {
    await waitUntilAllDeleted(context, client, deleted, timeoutMs);
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'NOT_DELETED') throw error;
    const held = (await orMissing(listObjects(client, accountKind))) ?? [];
    if (held.length === 0) throw error;
    throw new CliError(error.code, error.message, {
      details: [
        ...error.details,
        `These accounts block the deletion of their CRD, and no operator runs to delete them: ${namesOf(held)}.`,
      ],
      next: [
        ...held.map(
          ({ metadata: { name } }) =>
            `Abandon the account "${name}": kubectl annotate lsa ${name} ${abandonAnnotation}=true && kubectl patch lsa ${name} --type merge -p '{"metadata":{"finalizers":null}}'`,
        ),
        `Then delete their roles: kon account orphans --delete --cluster-arn ${clusterArn}`,
      ],
      cause: error,
    });
  }
}

const operatorEndMs = 20_000;
const operatorPauseMs = 500;

/** Waits until the Lease of a removed operator expires. @throws CliError of code NOT_DELETED if an operator still runs */
export async function requireNoOperator(
  client: KubeClient,
  { monotonic, signal }: CliContext,
): Promise<void> {
  const until = monotonic() + operatorEndMs;
  for (;;) {
    const running = (await findOperators(client, signal)).filter(
      ({ object }) => !object.startsWith('ServiceAccount '),
    );
    if (running.length === 0) return;
    if (running.some(({ object }) => object.startsWith('Deployment ')) || monotonic() >= until)
      throw new CliError('NOT_DELETED', 'an operator still runs', {
        details: running.map(({ object }) => object),
        next: [...new Set(running.map((each) => removalOf(each)))],
      });
    await sleep(systemTimer, operatorPauseMs, signal);
  }
}
