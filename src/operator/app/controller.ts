/** Keeps what each App wants in step on its targets: observe, plan, apply, report. */
import { createController, type Controller, type ReconcileResult } from '../../kube/index.ts';
import { appTargetId, gateClosedBy, mendedAt, planApp, type GateNotice } from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import type { Fleet } from '../rollout/observe.ts';
import { carryOut } from './execute.ts';
import { enqueueOnChanges } from './enqueue.ts';
import { recordEvents, reportStatus, statusOf } from './report.ts';

export type AppControllerOptions = {
  readonly fleet: Fleet;
  /** How many Apps are worked on at a time. */
  readonly concurrency?: number;
};

export function createAppController(context: OperatorContext, options: AppControllerOptions): Controller {
  const { fleet } = options;

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const before = fleet.observe(name);
    fleet.told(name, before?.turns ?? new Map());
    if (!before || before.app.metadata.deletionTimestamp !== undefined) return undefined;
    const plan = planApp(before);
    // Nothing comes between the look at the others and this, so no two of them go at once.
    const going = plan.targets
      .filter(({ kind, target }) => kind === 'deploy' && before.turns.has(target.name))
      .map(({ target }) => appTargetId(name, target.name));
    fleet.hold(going);
    const closedBy = (target: string): GateNotice | undefined => {
      const present = fleet.observe(name);
      const planned = plan.targets.find((one) => one.target.name === target);
      // A target that is held or halted gets no new pods.
      const startsPods = planned?.kind === 'deploy' && planned.target.deployMode !== 'halt';
      return present && startsPods ? gateClosedBy(present, planned.target) : undefined;
    };
    const done = await carryOut(plan, {
      app: before.app,
      context,
      objects: fleet.objects,
      signal,
      gateClosedBy: closedBy,
    }).finally(() => fleet.release(going));
    recordEvents(context, before.app, done.events);

    const after = fleet.observe(name);
    if (!after) return undefined;
    await reportStatus(after.app, statusOf({ ...after, app: before.app }, plan, done.outcomes), {
      context,
      apps: fleet.apps,
      signal,
    });
    if (done.failed) return { backoff: true };
    // Nothing else tells that a container which failed goes on running.
    const mended = mendedAt(after.pods, after.now);
    const waits = [
      done.lookAgainAfterMs,
      mended === undefined ? undefined : mended - after.now,
      fleet.objects.unseenForMs(name),
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
  enqueueOnChanges(controller, context.informers, fleet.objects);

  return controller;
}
