/** Tells what is: the status, when it says something new, and an Event for each target whose state changed. */
import { apiVersion, apps, fieldManager, type App, type AppStatus } from '../../api/index.ts';
import { isConflict, isNotFound } from '../../kube/index.ts';
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
import { sameValue } from '../same-value.ts';

/** @param observation as it is after the plan was carried out */
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

/** Writes the status when it differs, and tells of the transitions once it is written. */
export async function reportStatus(
  app: App,
  draft: AppStatusDraft,
  tools: {
    readonly context: OperatorContext;
    readonly apps: WriteThroughCache<App>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { context, signal } = tools;
  const before = app.status;
  const conditions = setConditions(before?.conditions, draft.conditions, {
    generation: app.metadata.generation,
    now: context.now(),
  });
  const status: AppStatus = { ...draft, conditions };
  if (sameValue(before ?? {}, status)) return;

  const { name, resourceVersion } = app.metadata;
  // Applying a status needs no spec, which the type of the whole object asks for.
  const object = {
    apiVersion,
    kind: 'App',
    // Of this very version it is the status: the uid alone would not keep it off an App that was made anew.
    metadata: { name, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    status,
  } as App;
  try {
    const written = await context.client.apply<App>(apps, object, {
      fieldManager,
      force: true,
      subresource: 'status',
      signal,
    });
    tools.apps.wrote(name, written);
  } catch (error) {
    // Deleted, made again or changed: then this is no longer its status, and the change brings us here again.
    if (isNotFound(error) || isConflict(error)) return;
    throw error;
  }
  recordEvents(context, app, transitions(before, draft));
}
