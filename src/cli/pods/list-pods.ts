/**
 * Reads and prints the pods of apps and accounts, and the identity of each pod, for `kon app pods` and `kon account
 * pods`.
 */
import type { App } from '../../api/app.ts';
import { appLabel } from '../../api/labels.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { isForbidden, resources, type KubeClient } from '../../kube/index.ts';
import { givenIdentity } from '../../workloads/pod-identity.ts';
import { chosenTargets, podsOf, type AppPod } from '../cluster/app-objects.ts';
import { accountKind } from '../cluster/kinds.ts';
import { unlessDenied } from '../framework/denied.ts';
import { listObjects } from '../cluster/objects.ts';
import type { CliContext } from '../framework/context.ts';
import { writeList } from '../framework/output/answer.ts';
import { sorted } from '../objects/selection.ts';
import { isNotCurrent, oldestFirst, podColumns, podRow, type PodRow } from './rows.ts';
import { identitiesOf, wantedIdentities } from './wanted-identities.ts';

/** @throws CliError of code NOT_FOUND for a target that the app does not have */
export async function podsOfApp(
  client: KubeClient,
  app: App,
  targets: readonly string[],
): Promise<readonly PodRow[]> {
  const wanted = await wantedIdentities(client, app);
  const rows = await Promise.all(
    chosenTargets(app, targets).map(async (target) =>
      oldestFirst(
        (await podsOf(client, app, target)).map((pod) =>
          podRow(target, pod, wanted.get(target), app.spec.serviceAccount),
        ),
      ),
    ),
  );
  return rows.flat();
}

/** Lists the pods of all apps, with one request per target. */
export async function podsOfApps(
  context: CliContext,
  client: KubeClient,
  apps: readonly App[],
  targets: readonly string[],
): Promise<readonly PodRow[]> {
  const accounts = (await unlessDenied(listObjects(client, accountKind))) ?? [];
  const byName = new Map(apps.map((app) => [app.metadata.name, app]));
  const used = [...new Set(apps.flatMap(({ spec }) => spec.targets.map(({ name }) => name)))];
  const chosen = targets.length === 0 ? used : used.filter((name) => targets.includes(name));
  return inEach(context, client, chosen, { labelSelector: appLabel }, (target, pod) => {
    const app = byName.get(pod.metadata.labels?.[appLabel] ?? '');
    if (!app?.spec.targets.some(({ name }) => name === target)) return undefined;
    const account = accounts.find(({ metadata }) => metadata.name === app.spec.serviceAccount);
    return podRow(target, pod, account && identitiesOf(account).get(target), app.spec.serviceAccount);
  });
}

/**
 * Lists the pods with the ServiceAccount of one of the accounts.
 * @param others whether to also list pods that hold an AWS identity from another source
 * @param refused collects the targets where the user is not permitted to list pods
 * @throws KubeApiError if `refused` is omitted and the user is permitted to list pods in none of the targets
 */
export async function podsOfAccounts(
  context: CliContext,
  client: KubeClient,
  accounts: readonly LinkedServiceAccount[],
  {
    targets,
    others,
    refused,
  }: { readonly targets: readonly string[]; readonly others: boolean; readonly refused?: Set<string> },
): Promise<readonly PodRow[]> {
  const byName = new Map(accounts.map((account) => [account.metadata.name, account]));
  return inEach(
    context,
    client,
    targets,
    {},
    (target, pod) => {
      const name = pod.spec?.serviceAccountName ?? '';
      const account = byName.get(name);
      const wanted = account && identitiesOf(account).get(target);
      return account || (others && givenIdentity(pod)) ? podRow(target, pod, wanted, name) : undefined;
    },
    refused,
  );
}

/**
 * Lists the pods of each target, and warns of the targets where the user is not permitted to list pods.
 * @param collected receives the names of the targets where the user is not permitted to list pods
 * @throws KubeApiError if `collected` is omitted and the user is permitted to list pods in none of the targets
 */
async function inEach(
  { stderr, signal }: CliContext,
  client: KubeClient,
  targets: readonly string[],
  selection: { readonly labelSelector?: string },
  toRow: (target: string, pod: AppPod) => PodRow | undefined,
  collected?: Set<string>,
): Promise<readonly PodRow[]> {
  const refused: unknown[] = [];
  const rows = await Promise.all(
    targets.map(async (target) => {
      try {
        const { items } = await client.list<AppPod>(resources.pods, {
          namespace: target,
          ...selection,
          signal,
        });
        return oldestFirst(items.flatMap((pod) => toRow(target, pod) ?? []));
      } catch (error) {
        if (!isForbidden(error)) throw error;
        refused.push(error);
        collected?.add(target);
        stderr.write(`‼ you are not permitted to list pods in ${target}\n`);
        return [];
      }
    }),
  );
  if (!collected && refused.length > 0 && refused.length === targets.length) throw refused[0];
  return rows.flat();
}

/** @param none text for an empty list: on a terminal, stderr gets this text instead of an empty table on stdout */
export async function writePods(
  context: CliContext,
  pods: readonly PodRow[],
  { notCurrent, sortBy }: { readonly notCurrent: boolean; readonly sortBy: string | undefined },
  none: string,
): Promise<void> {
  const kept = notCurrent ? pods.filter(isNotCurrent) : pods;
  const columns = podColumns(context.now());
  const rows = sortBy === undefined ? kept : sorted(kept, sortBy, columns, ({ pod }) => pod);
  const empty = notCurrent ? 'Every pod holds the identity of its account.\n' : none;
  await writeList(context, { rows, columns, data: { object: ({ pod }) => pod }, empty });
}
