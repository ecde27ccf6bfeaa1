/**
 * Executes the plan of an App. This file makes all writes to the App's objects. A failure on one target does not affect
 * the other targets.
 */
import { apps, fieldManager, type App } from '../../api/index.ts';
import { isConflict, isNotFound, type KubeObject } from '../../kube/index.ts';
import {
  appTargetId,
  isOwnedBy,
  notOwnedMessage,
  type AppEventReason,
  type AppPlan,
  type ApplyStep,
  type DeleteStep,
  type DryRunPod,
  type EventDraft,
  type IdentityFinding,
  type ObservedObject,
  type ScaleStep,
  type Step,
  type TargetOutcome,
  type TargetPlan,
} from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import { writeFailure } from '../kube-failures.ts';
import type { AppObjects } from '../observed-state/app-objects.ts';
import type { DryRunBackoff } from '../rollout/dry-run-backoff.ts';
import { dryRunFailure } from '../rollout/dry-run-pod.ts';
import { replacePod } from '../rollout/replace-pod.ts';

export type ExecuteTools = {
  readonly app: App;
  readonly context: OperatorContext;
  readonly objects: AppObjects;
  readonly backoff: DryRunBackoff;
  readonly signal: AbortSignal;
  /**
   * Returns why the App must not create pods on the target now, according to the informers' stores. Returns undefined
   * if the App may create pods there.
   */
  readonly gateClosedBy: (target: string) => IdentityFinding | undefined;
};

export type ExecuteResult = {
  readonly outcomes: ReadonlyMap<string, TargetOutcome>;
  readonly events: readonly EventDraft[];
  /** Milliseconds until the App is reconciled again, to check for a change that no watch reports. */
  readonly requeueAfterMs?: number;
  /** Whether a step failed. The App is then reconciled again with back-off. */
  readonly failed: boolean;
};

/**
 * Interval in milliseconds between reads of a foreign object that blocks a target. Such an object does not have the app
 * label, so no watch reports its changes.
 */
const foreignObjectMs = 30_000;

type TargetResult = {
  readonly outcome: TargetOutcome;
  readonly events: readonly EventDraft[];
  readonly requeueAfterMs?: number;
};

export async function executePlan(plan: AppPlan, tools: ExecuteTools): Promise<ExecuteResult> {
  const [removed, ...targets] = await Promise.all([
    remove(plan.removals, tools),
    ...plan.targets.map(async (target) => [target.target.name, await executeTarget(target, tools)] as const),
  ]);
  const waits = targets.flatMap(([, result]) => result.requeueAfterMs ?? []);
  return {
    outcomes: new Map(targets.map(([name, { outcome }]) => [name, outcome])),
    events: [...removed.events, ...targets.flatMap(([, { events }]) => events)],
    ...(waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : {}),
    failed: removed.failed || targets.some(([, { outcome }]) => isWorthRetrying(outcome)),
  };
}

/** Whether a retry with back-off may succeed. A retry does not help while a foreign object blocks the target. */
function isWorthRetrying({ failure }: TargetOutcome): boolean {
  return failure !== undefined && failure.reason !== 'NotOwned';
}

async function executeTarget(plan: TargetPlan, tools: ExecuteTools): Promise<TargetResult> {
  const { app, backoff, context, signal } = tools;
  const events: EventDraft[] = [];
  const owner = app.metadata.name;
  const id = appTargetId(owner, plan.target.name);
  for (const step of plan.steps) {
    try {
      const { event, outcome, retryAfterMs } = await executeStep(step, tools);
      if (event) events.push(event);
      if (outcome)
        return {
          outcome,
          events,
          requeueAfterMs:
            retryAfterMs ?? (outcome.failure ? foreignObjectMs : backoff.delayAfterFailure(owner, id)),
        };
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = writeFailure(error, describeFailed(step));
      context.logger.warn('could not write an object of an App', {
        app: owner,
        target: plan.target.name,
        reason: failure.reason,
        error: failure.message,
      });
      return { outcome: { failure }, events };
    }
  }
  backoff.reset(owner, id);
  return {
    outcome: {},
    events,
    ...(plan.kind === 'blocked' && plan.reason === 'NotOwned' ? { requeueAfterMs: foreignObjectMs } : {}),
  };
}

/** Result of one step. If it has an outcome, the remaining steps of the target are skipped. */
type StepResult = {
  readonly event?: EventDraft;
  readonly outcome?: TargetOutcome;
  readonly retryAfterMs?: number;
};

async function executeStep(step: Step, tools: ExecuteTools): Promise<StepResult> {
  switch (step.kind) {
    case 'apply':
      return apply(step, tools);
    case 'delete':
      await deleteObject(step, tools);
      return { event: normal('Removed', `deleted ${nameOf(step.object)}`) };
    case 'scale':
      return scale(step, tools);
    case 'replacePod': {
      const replacement = await replacePod(step, tools.context, tools.signal);
      if (replacement.kind === 'blocked') {
        const { message, ...retry } = replacement;
        return { outcome: { replacementWaits: message }, ...retry };
      }
      const note = `evicted ${nameOf(step.pod)}, which did not have the role ${step.wanted.roleArn}`;
      return { event: normal('PodReplaced', note) };
    }
    default:
      throw new TypeError(`unknown step ${JSON.stringify(step satisfies never)}`);
  }
}

async function apply(step: ApplyStep, tools: ExecuteTools): Promise<StepResult> {
  const { manifest, observed } = step;
  const { app, context, objects, signal } = tools;
  const resource = objects.resourceOf(manifest);
  const present = observed ?? (await find(manifest, tools));
  if (!isController(app, present) && !(await appExists(tools)))
    return {
      outcome: {
        failure: { reason: 'WriteFailed', message: `the App "${app.metadata.name}" was deleted meanwhile` },
      },
    };
  if (present && !isOwnedBy(app, present))
    return { outcome: { failure: { reason: 'NotOwned', message: notOwnedMessage(present) } } };
  const heldBack = await dryRunBlocker(step.dryRunPod, manifest, tools);
  if (heldBack) return { outcome: { heldBack } };
  // The account may have been removed from the target during the dry run, so the identity gate is checked again.
  const closed = manifest.kind === 'Deployment' ? tools.gateClosedBy(manifest.metadata.namespace) : undefined;
  if (closed) return { outcome: { heldBack: closed } };
  const { uid, resourceVersion } = present?.metadata ?? {};
  const written = await context.client.apply<KubeObject>(
    resource,
    // With the uid, the API server refuses the write if another object now has the same name.
    { ...manifest, metadata: { ...manifest.metadata, ...(uid === undefined ? {} : { uid }) } },
    // Without an observed object, the apply is not forced. A forced apply would take over fields of an object that
    // another client has created meanwhile.
    { fieldManager, force: present !== undefined, signal },
  );
  objects.wrote(written);
  return written.metadata.resourceVersion === resourceVersion
    ? {}
    : { event: normal('Deployed', `${present ? 'updated' : 'created'} ${nameOf(manifest)}`) };
}

/**
 * Patches only the replicas and the annotations of the scaling, so that a fault in the rest of the spec cannot block
 * the scaling.
 */
async function scale(
  { deployment, scaling, dryRunPod }: ScaleStep,
  tools: ExecuteTools,
): Promise<StepResult> {
  const { context, objects, signal } = tools;
  const heldBack = await dryRunBlocker(dryRunPod, deployment, tools);
  if (heldBack) return { outcome: { heldBack } };
  const { uid, resourceVersion } = deployment.metadata;
  const { replicas, annotations } = scaling;
  const patch = {
    // With the uid, the API server refuses the patch if another object now has the same name.
    metadata: { ...(uid === undefined ? {} : { uid }), annotations },
    ...(replicas === undefined ? {} : { spec: { replicas } }),
  };
  try {
    const written = await context.client.patch<KubeObject>(
      objects.resourceOf(deployment),
      deployment.metadata,
      patch,
      { type: 'merge', fieldManager, signal },
    );
    objects.wrote(written);
    return replicas === undefined || written.metadata.resourceVersion === resourceVersion
      ? {}
      : { event: normal('Scaled', `scaled ${nameOf(deployment)} to ${replicas}`) };
  } catch (error) {
    // A deleted Deployment has no pods to stop or to resume.
    if (isNotFound(error)) return {};
    throw error;
  }
}

/** Whether the object exists and names this App as its controller. */
const isController = ({ metadata: { uid } }: App, object: ObservedObject | undefined): boolean =>
  object?.metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) === true;

/**
 * Reads the App from the API server, because the store may be outdated. Kubernetes would garbage collect any object
 * that names a deleted App as its owner.
 */
async function appExists({ app, context, signal }: ExecuteTools): Promise<boolean> {
  const { name, uid } = app.metadata;
  const present = await unlessMissing(context.client.get<App>(apps, { name }, { signal }));
  return (
    present !== undefined && present.metadata.uid === uid && present.metadata.deletionTimestamp === undefined
  );
}

/**
 * Runs the dry-run pod of a step. Returns why the step has to wait, or undefined if it need not wait. A refused dry-run
 * pod blocks the step only if running pods could lose their identity. Otherwise the rollout itself reports the refusal.
 */
async function dryRunBlocker(
  dryRunPod: DryRunPod | undefined,
  { metadata }: ObservedObject,
  { context, signal }: ExecuteTools,
): Promise<IdentityFinding | undefined> {
  if (!dryRunPod) return undefined;
  const { template, wanted, protectsPods } = dryRunPod;
  const { name, namespace = '' } = metadata;
  const failure = await dryRunFailure({ name, namespace, template, wanted }, context, signal);
  if (!failure || (failure.refusal !== undefined && !protectsPods)) return undefined;
  return {
    reason: failure.reason,
    message: `the app is deployed to the target as soon as ${failure.message}`,
  };
}

/** Reads the object from the API server, since the stores contain only objects with the app label. */
async function find(
  manifest: ApplyStep['manifest'],
  { context, objects, signal }: ExecuteTools,
): Promise<ObservedObject | undefined> {
  const resource = objects.resourceOf(manifest);
  return unlessMissing(context.client.get<KubeObject>(resource, manifest.metadata, { signal }));
}

/** Resolves with undefined if the object does not exist. */
async function unlessMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function deleteObject({ object }: DeleteStep, tools: ExecuteTools): Promise<void> {
  const { context, objects, signal } = tools;
  try {
    await context.client.delete(objects.resourceOf(object), object.metadata, {
      uid: object.metadata.uid,
      propagationPolicy: 'Background',
      signal,
    });
  } catch (error) {
    // The object was already deleted, or another object with the same name has replaced it.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
  objects.deleted(object);
}

async function remove(
  removals: readonly DeleteStep[],
  tools: ExecuteTools,
): Promise<{ readonly events: readonly EventDraft[]; readonly failed: boolean }> {
  const events: EventDraft[] = [];
  let failed = false;
  for (const step of removals) {
    try {
      await deleteObject(step, tools);
      events.push(normal('Removed', `deleted ${nameOf(step.object)}`));
    } catch (error) {
      if (tools.signal.aborted) throw error;
      failed = true;
      tools.context.logger.warn('could not delete an object of an App', {
        app: tools.app.metadata.name,
        error: writeFailure(error, describeFailed(step)).message,
      });
    }
  }
  return { events, failed };
}

function normal(reason: AppEventReason, message: string): EventDraft {
  return { type: 'Normal', reason, message };
}

function describeFailed(step: Step): string {
  switch (step.kind) {
    case 'apply':
      return `could not apply ${nameOf(step.manifest)}`;
    case 'delete':
      return `could not delete ${nameOf(step.object)}`;
    case 'scale':
      return `could not scale ${nameOf(step.deployment)}`;
    case 'replacePod':
      return `could not replace ${nameOf(step.pod)}`;
    default:
      throw new TypeError(`unknown step ${JSON.stringify(step satisfies never)}`);
  }
}

function nameOf({ kind, metadata }: ObservedObject): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}
