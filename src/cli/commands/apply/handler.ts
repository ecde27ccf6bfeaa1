/** `kon apply`: applies documents with server-side apply. Writes nothing unless a dry run of every document succeeds. */
import type { KubeClient } from '../../../kube/index.ts';
import type { OptionValues } from '../../framework/command.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import type { manifestsOptions } from '../../framework/options.ts';
import { accountKind, appKind, type KonObject } from '../../cluster/kinds.ts';
import { findObject, listObjects, requireNotDeleting } from '../../cluster/objects.ts';
import { consentToApply } from '../../objects/consent.ts';
import { writeObjects } from '../../framework/output/answer.ts';
import { isData } from '../../framework/output/format.ts';
import { waitUntilReady } from '../../framework/wait/ready.ts';
import { applyItem, dryRunItem, itemsOfFiles, tryItem, type Applied } from '../../objects/apply-items.ts';
import { requireKnown } from '../../objects/known-references.ts';
import { warnOfStatements, resultLine, type WriteInput } from '../../objects/finish.ts';

export async function applyFlow(
  context: CliContext,
  options: OptionValues<typeof manifestsOptions> & WriteInput & { readonly yes: boolean },
): Promise<void> {
  const { dryRun, forceConflicts: force } = options;
  const items = await itemsOfFiles(context, options.filename, options.recursive);
  const client = await context.connect();
  const tried: KonObject[] = [];
  for (const item of items) if (!dryRun) tried.push(await tryItem(client, item, { force }));
  const existing = await Promise.all(
    items.map(({ kind, manifest }) => findObject(client, kind, manifest.metadata.name)),
  );
  for (const [index, current] of existing.entries())
    if (!dryRun && current) requireNotDeleting(items[index]!.kind, current);
  const proposals = items.map(({ manifest }, index) => ({ current: existing[index], next: manifest }));
  await requireKnown(context, client, proposals, options);
  if (!dryRun) {
    const changes = tried.map((next, index) => ({ current: existing[index], next }));
    await consent(context, client, changes, options);
  }

  const applied: Applied[] = [];
  for (const item of items) {
    const one = dryRun
      ? await dryRunItem(context, client, item, { force })
      : await applyItem(client, item, { force });
    if (!isData(context.format)) context.stdout.write(resultLine(item.label, one.did, dryRun));
    await warnOfStatements(context, one.object);
    applied.push(one);
  }
  const objects =
    options.noWait || dryRun
      ? applied.map((one) => one.object)
      : await waitForAll(context, client, applied, options.timeout);
  await writeObjects(context, objects);
}

/**
 * Asks for consent to changes that delete pods, end the AWS access of pods, or remove a target that is in use.
 * @param all one pair per object: its current state, and its state as the API server would store it
 */
async function consent(
  context: CliContext,
  client: KubeClient,
  all: readonly { readonly current: KonObject | undefined; readonly next: KonObject }[],
  write: WriteInput & { readonly yes: boolean },
): Promise<void> {
  const changes = all.flatMap(({ current, next }) => (current ? [{ current, next }] : []));
  const changesConfig = changes.some(({ current }) => current.kind === 'ClusterConfig');
  const [accounts, apps] = changesConfig
    ? await Promise.all([listObjects(client, accountKind), listObjects(client, appKind)])
    : [[], []];
  await consentToApply(context, changes, { accounts, apps }, write);
}

/** Waits for all objects with one shared timeout, and reports every failure. */
async function waitForAll(
  context: CliContext,
  client: KubeClient,
  applied: readonly Applied[],
  timeoutMs: number,
): Promise<readonly KonObject[]> {
  const end = context.monotonic() + timeoutMs;
  const ready: KonObject[] = [];
  const failures: CliError[] = [];
  for (const { item, object } of applied) {
    // Waits for at least one second. Otherwise an object that is already Ready could be reported as not Ready after the
    // shared timeout.
    const left = Math.max(end - context.monotonic(), 1000);
    try {
      const options = { timeoutMs: left, several: applied.length > 1 };
      ready.push(await waitUntilReady(context, client, item.kind, object, options));
    } catch (error) {
      if (!(error instanceof CliError) || error.code !== 'NOT_READY') throw error;
      failures.push(error);
    }
  }
  const [first, ...more] = failures;
  if (!first) return ready;
  if (more.length === 0) throw first;
  throw new CliError(
    'NOT_READY',
    `${failures.length} of ${applied.length} objects were saved but are not Ready`,
    {
      details: failures.flatMap((failure) => [
        failure.message,
        ...failure.details.map((line) => `  ${line}`),
      ]),
      next: [...new Set(failures.flatMap((failure) => failure.next))],
      reason: first.reason,
    },
  );
}
