/** `kon account pods`: lists the pods of accounts, and the role that each pod holds. */
import { accountKind } from '../../../cluster/kinds.ts';
import { getObject, listObjects } from '../../../cluster/objects.ts';
import { knownTargets } from '../../../cluster/targets.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { writeList } from '../../../framework/output/answer.ts';
import { sorted } from '../../../objects/selection.ts';
import { podsOfAccounts } from '../../../pods/list-pods.ts';
import { isNotCurrent, podColumns } from '../../../pods/rows.ts';

export async function accountPodsFlow(
  context: CliContext,
  request: {
    /** Account names. Empty for all accounts. */
    readonly names: readonly string[];
    readonly target: readonly string[];
    readonly notCurrent: boolean;
    readonly sortBy: string | undefined;
  },
): Promise<void> {
  const { names, notCurrent, sortBy } = request;
  const client = await context.connect();
  const accounts =
    names.length === 0
      ? await listObjects(client, accountKind)
      : await Promise.all(names.map((name) => getObject(client, accountKind, name)));
  // Includes former targets, because pods may still run in targets that were removed from an account or from the
  // cluster.
  const all = [
    ...new Set([
      ...(await knownTargets(client)),
      ...accounts.flatMap(({ spec, status }) => [
        ...(spec.targets ?? []),
        ...(status?.targets ?? []).map(({ name }) => name),
        ...(status?.formerTargets ?? []).map(({ name }) => name),
      ]),
    ]),
  ];
  const unknown = request.target.find((name) => !all.includes(name));
  if (unknown !== undefined)
    throw new CliError('NOT_FOUND', `target "${unknown}" not found`, {
      next: ['List targets: kon target list'],
    });
  const targets = request.target.length === 0 ? all : request.target;
  const pods = await podsOfAccounts(context, client, accounts, { targets, others: names.length === 0 });
  const kept = notCurrent ? pods.filter(isNotCurrent) : pods;
  const columns = podColumns(context.now());
  const rows = sortBy === undefined ? kept : sorted(kept, sortBy, columns, ({ pod }) => pod);
  const empty = notCurrent
    ? 'Every pod holds the identity of its account.\n'
    : 'No pod holds an AWS identity.\n';
  await writeList(context, { rows, columns, data: { object: ({ pod }) => pod }, empty });
}
