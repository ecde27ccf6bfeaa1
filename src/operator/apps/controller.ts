/** Keeps what each App wants in step on its targets: observe, plan, apply, report. */
import type { App } from '../../api/index.ts';
import { createController, type Controller, type ReconcileResult } from '../../kube/index.ts';
import { planApp } from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import { createOwnWrites } from '../own-writes.ts';
import { createAppObjects } from './app-objects.ts';
import { carryOut } from './carry-out.ts';
import { enqueueOnChanges } from './enqueue.ts';
import { observeApp } from './observe-app.ts';
import { recordEvents, reportStatus, statusOf } from './report-app.ts';

export type AppControllerOptions = {
  /** How many Apps are worked on at a time. */
  readonly concurrency?: number;
};

export function createAppController(
  context: OperatorContext,
  options: AppControllerOptions = {},
): Controller {
  const { informers, now } = context;
  const apps = createOwnWrites<App>(informers.apps, now);
  const objects = createAppObjects(context);
  const sources = { informers, apps, objects };

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const before = observeApp(name, sources);
    if (!before || before.app.metadata.deletionTimestamp !== undefined) return undefined;
    const plan = planApp(before);
    const done = await carryOut(plan, { app: before.app, context, objects, signal });
    recordEvents(context, before.app, done.events);

    const after = observeApp(name, sources);
    if (!after) return undefined;
    await reportStatus(after.app, statusOf({ ...after, app: before.app }, plan, done.outcomes), {
      context,
      apps,
      signal,
    });
    if (done.failed) return { backoff: true };
    return done.lookAgainAfterMs === undefined ? undefined : { requeueAfterMs: done.lookAgainAfterMs };
  }

  const controller = createController({
    name: 'apps',
    reconcile,
    concurrency: options.concurrency ?? 8,
    now: context.monotonic,
    random: context.random,
    setTimer: context.setTimer,
    logger: context.logger,
  });
  enqueueOnChanges(controller, informers, objects);

  return controller;
}
