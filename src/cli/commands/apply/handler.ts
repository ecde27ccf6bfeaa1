/** `kon apply`: applies documents with server-side apply. Writes nothing unless a dry run of every document succeeds. */
import type { KubeClient } from '../../../kube/index.ts';
import type { CliContext } from '../../framework/context.ts';
import { CliError } from '../../framework/errors.ts';
import type { KonObject } from '../../cluster/kinds.ts';
import { writeObjects } from '../../framework/output/answer.ts';
import { isData } from '../../framework/output/format.ts';
import { waitUntilReady } from '../../framework/wait/ready.ts';
import { applyItem, dryRunItem, itemsOfFiles, tryItem, type Applied } from '../../objects/apply-items.ts';
import { warnOfStatements } from '../../objects/statements.ts';
import { resultLine, type WriteInput } from '../../objects/finish.ts';

export async function applyFlow(
  context: CliContext,
  request: { readonly filenames: readonly string[]; readonly force: boolean; readonly write: WriteInput },
): Promise<void> {
  const { force, write } = request;
  const { dryRun } = write;
  const items = await itemsOfFiles(context, request.filenames);
  const client = await context.connect();
  if (!dryRun) for (const item of items) await tryItem(client, item, { force });

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
    write.noWait || dryRun
      ? applied.map((one) => one.object)
      : await waitForAll(context, client, applied, write.timeout);
  await writeObjects(context, objects);
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
    // An object that is Ready already is reported even after the timeout.
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
    },
  );
}
