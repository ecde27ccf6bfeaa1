/** Keeps what each App wants in step on its targets: observe, plan, apply, report. */
import type { App } from '../../api/index.ts';
import {
  createController,
  type Controller,
  type Informer,
  type KubeObject,
  type ReconcileResult,
} from '../../kube/index.ts';
import { planApp } from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import { createOwnWrites } from '../own-writes.ts';
import { createAppObjects } from './app-objects.ts';
import { carryOut } from './carry-out.ts';
import { enqueueOnChanges } from './enqueue.ts';
import { observeApp } from './observe-app.ts';
import { createPodsByApp } from './pods-by-app.ts';
import { recordEvents, reportStatus, statusOf } from './report-app.ts';

export type AppController = {
  /** Starting it also starts the informers below, and waits until they are in step. */
  readonly controller: Controller;
  /** Of the kinds which only Apps make, for `/readyz`. */
  readonly informers: readonly Informer<KubeObject>[];
};

export type AppControllerOptions = {
  /** How many Apps are worked on at a time. */
  readonly concurrency?: number;
};

export function createAppController(
  context: OperatorContext,
  options: AppControllerOptions = {},
): AppController {
  const { informers, now } = context;
  const apps = createOwnWrites<App>(informers.apps, now);
  const objects = createAppObjects(context);
  const sources = { informers, apps, objects, podsByApp: createPodsByApp(informers.pods) };

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

  return {
    informers: objects.informers,
    controller: {
      ...controller,
      async start(signal) {
        const running = objects.informers.map((informer) => informer.start(signal));
        try {
          await Promise.all(objects.informers.map((informer) => informer.synced));
          await controller.start(signal);
        } catch (error) {
          // Stopped before they were in step: there was nothing to finish.
          if (!signal.aborted) throw error;
        }
        await Promise.all(running);
      },
    },
  };
}
