/** Keeps what each App wants in step on its targets: observe, plan, apply, report. */
import { createController, type Controller, type ReconcileResult } from '../../kube/index.ts';
import {
  appTargetId,
  gateClosedBy,
  recoveredAt,
  planApp,
  type IdentityFinding,
} from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import type { RolloutGroups } from '../rollout/observe.ts';
import { executePlan } from './execute.ts';
import { enqueueOnChanges } from './enqueue.ts';
import { recordEvents, report, statusOf } from './report.ts';

export type AppControllerOptions = {
  readonly groups: RolloutGroups;
  /** How many Apps are worked on at a time. */
  readonly concurrency?: number;
};

export function createAppController(context: OperatorContext, options: AppControllerOptions): Controller {
  const { groups } = options;

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const before = groups.observe(name);
    groups.actedOn(name, before?.slots ?? new Map());
    if (!before || before.app.metadata.deletionTimestamp !== undefined) return undefined;
    const plan = planApp(before);
    // Nothing comes between the look at the others and this, so no two of them go at once.
    const going = plan.targets
      .filter(({ kind, target }) => kind === 'deploy' && before.slots.has(target.name))
      .map(({ target }) => appTargetId(name, target.name));
    groups.hold(going);
    const closedBy = (target: string): IdentityFinding | undefined => {
      const present = groups.observe(name);
      const planned = plan.targets.find((one) => one.target.name === target);
      // A target that is held or halted gets no new pods.
      const startsPods = planned?.kind === 'deploy' && planned.target.deployMode !== 'halt';
      return present && startsPods ? gateClosedBy(present, planned.target) : undefined;
    };
    const done = await executePlan(plan, {
      app: before.app,
      context,
      objects: groups.objects,
      signal,
      gateClosedBy: closedBy,
    }).finally(() => groups.release(going));
    recordEvents(context, before.app, done.events);

    const after = groups.observe(name);
    if (!after) return undefined;
    await report(after.app, statusOf({ ...after, app: before.app }, plan, done.outcomes), {
      context,
      apps: groups.apps,
      signal,
    });
    if (done.failed) return { backoff: true };
    // Nothing else tells that a container which failed goes on running.
    const mended = recoveredAt(after.pods, after.now);
    const waits = [
      done.requeueAfterMs,
      mended === undefined ? undefined : mended - after.now,
      groups.objects.unseenForMs(name),
    ].filter((wait) => wait !== undefined);
    return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
  }

  const controller = createController({
    name: 'apps',
    observer: context.observerOf?.('apps'),
    reconcile,
    concurrency: options.concurrency ?? 8,
    now: context.monotonic,
    random: context.random,
    setTimer: context.setTimer,
    logger: context.logger,
  });
  enqueueOnChanges(controller, context.informers, groups.objects);

  return controller;
}
