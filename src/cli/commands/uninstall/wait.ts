/** Waits, for `kon uninstall`, until all deleted objects are removed and no operator runs. */
import { abandonAnnotation } from '../../../api/labels.ts';
import { sleep, systemTimer, type KubeClient } from '../../../kube/index.ts';
import { accountKind } from '../../cluster/kinds.ts';
import { listObjects, orMissing } from '../../cluster/objects.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import { waitUntilAllDeleted, type Deleted } from '../../framework/wait/deleted-objects.ts';
import { findOperators, removalOf } from '../../installation/other-installations.ts';

import { namesOf } from './refusals.ts';

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
