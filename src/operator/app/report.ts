/**
 * Reports on an App: writes the App's status if it has changed, and records an Event for each target whose state
 * changed.
 */
import { apps, type App, type AppStatus } from '../../api/index.ts';
import { setConditions } from '../../k8s/conditions.ts';
import {
  appStatus,
  deploymentOf,
  reportTarget,
  transitions,
  type AppObservation,
  type AppPlan,
  type AppStatusDraft,
  type EventDraft,
  type TargetOutcome,
} from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import type { WriteThroughCache } from '../observed-state/write-through-cache.ts';
import { reportStatus } from '../report-status.ts';

/** @param observation state observed after the plan was executed */
export function statusOf(
  observation: AppObservation,
  plan: AppPlan,
  outcomes: ReadonlyMap<string, TargetOutcome>,
): AppStatusDraft {
  const { app, objects, pods, now } = observation;
  return appStatus(
    app,
    plan.targets.map((target) => {
      const isHere = ({ metadata }: { metadata: { namespace?: string } }): boolean =>
        metadata.namespace === target.target.name;
      return reportTarget({
        app,
        plan: target,
        outcome: outcomes.get(target.target.name) ?? {},
        deployment: deploymentOf(app, objects.filter(isHere)),
        pods: pods.filter(isHere),
        now,
      });
    }),
  );
}

export function recordEvents(context: OperatorContext, app: App, events: readonly EventDraft[]): void {
  for (const { type, reason, message } of events)
    context.recorder.event(app, { type, reason, note: message });
}

/** Writes the App's status if it has changed, then records an Event for each target whose state changed. */
export async function report(
  app: App,
  draft: AppStatusDraft,
  tools: {
    readonly context: OperatorContext;
    readonly apps: WriteThroughCache<App>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { context, apps: cache, signal } = tools;
  const conditions = setConditions(app.status?.conditions, draft.conditions, {
    generation: app.metadata.generation,
    now: context.now(),
  });
  const status: AppStatus = { ...draft, conditions };
  if (await reportStatus(apps, app, status, { client: context.client, cache, signal }))
    recordEvents(context, app, transitions(app.status, draft));
}
