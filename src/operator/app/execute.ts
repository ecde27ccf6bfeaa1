/**
 * Executes the plan of an App. All writes to the App's objects are made here. A failure on one target does not affect
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
import type { AppObjects } from '../observed-state/app-objects.ts';
import type { DryRunBackoff } from '../rollout/dry-run-backoff.ts';
import { dryRunFailure } from '../rollout/dry-run-pod.ts';
import { replacePod } from '../rollout/replace-pod.ts';
import { writeFailure } from './write-failure.ts';

export type ExecuteTools = {
  readonly app: App;
  readonly context: OperatorContext;
  readonly objects: AppObjects;
  readonly backoff: DryRunBackoff;
  readonly signal: AbortSignal;
  /**
   * Returns the reason why pods of the App must not be created on the target now, according to the current stores, or
   * undefined.
   */
  readonly gateClosedBy: (target: string) => IdentityFinding | undefined;
};

export type ExecuteResult = {
  readonly outcomes: ReadonlyMap<string, TargetOutcome>;
  readonly events: readonly EventDraft[];
  /** Milliseconds until the App is reconciled again for a change that no watch reports. */
  readonly requeueAfterMs?: number;
  /** Whether a step failed and is to be retried with back-off. */
  readonly failed: boolean;
};

/**
 * Interval between reads of a foreign object that blocks a target. Such an object does not have our label, so no watch
 * reports its changes.
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

/** Whether a retry may succeed. A retry cannot remove a foreign object that blocks the target. */
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
      const failure = writeFailure(error, describe(step));
      context.logger.warn('writing an object of an app failed', {
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

/** Result of one step. If it contains an outcome, the remaining steps of the target are skipped. */
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
      const note = `evicted ${nameOf(step.pod)}, which did not hold ${step.wanted.roleArn}`;
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
  if (!present && !(await isStillThere(tools)))
    return {
      outcome: {
        failure: { reason: 'WriteFailed', message: `the app ${app.metadata.name} was deleted meanwhile` },
      },
    };
  if (present && !isOwnedBy(app, present))
    return { outcome: { failure: { reason: 'NotOwned', message: notOwnedMessage(present) } } };
  const heldBack = await heldBackBy(step.dryRunPod, manifest, tools);
  if (heldBack) return { outcome: { heldBack } };
  // The account may have been removed from the target during the dry run, so the gate is checked again.
  const closed = manifest.kind === 'Deployment' ? tools.gateClosedBy(manifest.metadata.namespace) : undefined;
  if (closed) return { outcome: { heldBack: closed } };
  const { uid, resourceVersion } = present?.metadata ?? {};
  const written = await context.client.apply<KubeObject>(
    resource,
    // With the uid, the API server refuses to write to another object that was created under the same name meanwhile.
    { ...manifest, metadata: { ...manifest.metadata, ...(uid === undefined ? {} : { uid }) } },
    // The apply is not forced if no object was observed, so that it takes over no fields of an object that another client
    // creates meanwhile.
    { fieldManager, force: present !== undefined, signal },
  );
  objects.wrote(written);
  return written.metadata.resourceVersion === resourceVersion
    ? {}
    : { event: normal('Deployed', `${present ? 'updated' : 'created'} ${nameOf(manifest)}`) };
}

/** Patches only the replicas and their annotations, so that a fault in the rest of the spec cannot block the scaling. */
async function scale(
  { deployment, scaling, dryRunPod }: ScaleStep,
  tools: ExecuteTools,
): Promise<StepResult> {
  const { context, objects, signal } = tools;
  const heldBack = await heldBackBy(dryRunPod, deployment, tools);
  if (heldBack) return { outcome: { heldBack } };
  const { uid, resourceVersion } = deployment.metadata;
  const { replicas, annotations } = scaling;
  const patch = {
    // With the uid, the API server refuses to patch another object that was created under the same name meanwhile.
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

/**
 * Reads the App from the API server. The store may be outdated, and the objects of a deleted App would be created only
 * to be garbage collected.
 */
async function isStillThere({ app, context, signal }: ExecuteTools): Promise<boolean> {
  const { name, uid } = app.metadata;
  try {
    const { metadata } = await context.client.get<App>(apps, { name }, { signal });
    return metadata.uid === uid && metadata.deletionTimestamp === undefined;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/**
 * Returns the reason why the step has to wait, according to the dry-run pod, or undefined. A refused dry-run pod blocks
 * the step only if running pods could lose their identity. Otherwise the rollout itself reports the refusal.
 */
async function heldBackBy(
  dryRunPod: DryRunPod | undefined,
  { metadata }: ObservedObject,
  { context, signal }: ExecuteTools,
): Promise<IdentityFinding | undefined> {
  if (!dryRunPod) return undefined;
  const { template, wanted, protectsPods } = dryRunPod;
  const { name, namespace = '' } = metadata;
  const failure = await dryRunFailure({ name, namespace, template, wanted }, context, signal);
  if (!failure || (failure.refusal !== undefined && !protectsPods)) return undefined;
  return { reason: failure.reason, message: `it is deployed once ${failure.message}` };
}

/** Reads the object from the API server, since the stores contain only objects with our label. */
async function find(
  manifest: ApplyStep['manifest'],
  { context, objects, signal }: ExecuteTools,
): Promise<ObservedObject | undefined> {
  try {
    return await context.client.get<KubeObject>(objects.resourceOf(manifest), manifest.metadata, { signal });
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
    // The object was deleted already, or replaced by another one.
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
      tools.context.logger.warn('deleting an object of an app failed', {
        app: tools.app.metadata.name,
        error: writeFailure(error, describe(step)).message,
      });
    }
  }
  return { events, failed };
}

function normal(reason: AppEventReason, message: string): EventDraft {
  return { type: 'Normal', reason, message };
}

function describe(step: Step): string {
  switch (step.kind) {
    case 'apply':
      return `apply ${nameOf(step.manifest)}`;
    case 'delete':
      return `delete ${nameOf(step.object)}`;
    case 'scale':
      return `scale ${nameOf(step.deployment)}`;
    case 'replacePod':
      return `replace ${nameOf(step.pod)}`;
    default:
      throw new TypeError(`unknown step ${JSON.stringify(step satisfies never)}`);
  }
}

function nameOf({ kind, metadata }: ObservedObject): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}
