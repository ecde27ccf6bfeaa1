/** Keeps the objects of each App in sync on its targets: observe, plan, execute, report. */
import type { Controller, ReconcileResult } from '../../kube/index.ts';
import {
  appTargetId,
  gateClosedBy,
  planApp,
  recoveredAt,
  type IdentityFinding,
} from '../../workloads/index.ts';
import { controllerOf, type OperatorContext } from '../context.ts';
import { createDryRunBackoff } from '../rollout/dry-run-backoff.ts';
import type { RolloutGroups } from '../rollout/observe.ts';
import { enqueueOnChanges } from './enqueue.ts';
import { executePlan } from './execute.ts';
import { recordEvents, report, statusOf } from './report.ts';

/** @param concurrency maximum number of Apps that are reconciled at the same time */
export function createAppController(
  context: OperatorContext,
  groups: RolloutGroups,
  concurrency: number,
): Controller {
  const backoff = createDryRunBackoff(context.random);

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const before = groups.observe(name);
    groups.reconciledWith(name, before?.slots ?? new Map());
    if (!before || before.app.metadata.deletionTimestamp !== undefined) {
      backoff.reset(name);
      return undefined;
    }
    const plan = planApp(before);
    const gateNow = (target: string): IdentityFinding | undefined => {
      const present = groups.observe(name);
      const planned = plan.targets.find((one) => one.target.name === target);
      // The identity gate concerns only new pods. A target gets no new pods if it is halted or if the plan deploys
      // nothing to it.
      const startsPods = planned?.kind === 'deploy' && planned.target.deployMode !== 'halt';
      return present && startsPods ? gateClosedBy(present, planned.target) : undefined;
    };
    const rolling = plan.targets
      .filter(({ kind, target }) => kind === 'deploy' && before.slots.has(target.name))
      .map(({ target }) => appTargetId(name, target.name));
    // There is no await between the plan and this call. Otherwise two workloads could get the rollout slot at the same
    // time.
    const result = await groups.whileRolling(rolling, () =>
      executePlan(plan, {
        app: before.app,
        context,
        objects: groups.objects,
        backoff,
        signal,
        gateClosedBy: gateNow,
      }),
    );
    recordEvents(context, before.app, result.events);

    const after = groups.observe(name);
    if (!after) return undefined;
    const status = statusOf({ ...after, app: before.app }, plan, result.outcomes);
    await report(after.app, status, { context, apps: groups.apps, signal });
    if (result.failed) return { backoff: true };
    // The App is requeued for the time when a failed container counts as recovered, because no watch event reports
    // this.
    const recovery = recoveredAt(after.pods, after.now);
    const waits = [
      result.requeueAfterMs,
      recovery === undefined ? undefined : recovery - after.now,
      groups.objects.unseenForMs(name),
    ].filter((wait) => wait !== undefined);
    return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
  }

  const controller = controllerOf(context, { name: 'apps', reconcile, concurrency });
  enqueueOnChanges(controller, context.informers, groups.objects, backoff);
  return controller;
}
