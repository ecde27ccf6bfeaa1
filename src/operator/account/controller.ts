/** Keeps each account's role, links and proofs in step: observe, plan, apply, report, until there is nothing to do. */
import {
  linkedServiceAccounts,
  targetLabel,
  type LinkedServiceAccount,
  type LinkedServiceAccountStatus,
} from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import type { Caller, Urgency } from '../../aws/index.ts';
import {
  asIdentityError,
  clusterState,
  IdentityError,
  planAccount,
  roleNameOf,
  type AccountPlan,
  type AccountWorld,
  type IdentityProver,
  type RoleStore,
  type Step,
} from '../../identity/index.ts';
import {
  createController,
  limitInFlight,
  type Controller,
  type KubeClient,
  type KubeObject,
  type ReconcileResult,
} from '../../kube/index.ts';
import { rolesHeld, serviceAccountOf } from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import { createWriteThroughCache } from '../observed-state/write-through-cache.ts';
import { reportStatus } from '../report-status.ts';
import { createAccountMemory, type AccountMemory } from './account-memory.ts';
import { applyStep, type StepTools } from './apply-step.ts';
import type { AssociationCache } from '../observed-state/associations.ts';
import { observeAccount, type AccountRollouts } from './observe.ts';
import type { RoleCache } from '../observed-state/roles.ts';
import { eventOf, identityProven, inFewEvents, sessionsOutlive, type StepEvent } from './step-events.ts';

/** A plan's steps change what the next one sees; a walk from nothing to proven takes five. */
const mostPasses = 20;

/**
 * A person's edit goes before new accounts, which come by the hundred. These go before what is left to do for others like
 * them, and everything before what merely follows from it.
 */
const priorities = { edit: 10, goOnAtLast: 6, create: 5, goOn: 4 };

/**
 * How long an account lets the roles of others go before its links and proofs: by then STS mostly knows its role. While AWS
 * takes no more calls than it does, there is nothing else to do meanwhile, and no work shall be left for the end.
 * Milliseconds.
 */
const standBackMs = { ordinarily: 15_000, underLimit: 5_000 };

/** While every other worker waits for AWS on behalf of new accounts, these are free for a person who edits one. */
const workersForEdits = 4;

/**
 * Requests to the API server at a time, on behalf of accounts that nobody edits. More of them get no more done by a small
 * server: they make everybody wait longer, first of all the person whose edit has to come through meanwhile.
 */
const mostInFlight = 5;

/** So long after the label of a target was put on, the admission policy has seen it, too. Milliseconds. */
const labelDelayMs = 250;

/** Pods come and go in bursts; they are looked at together. Milliseconds. */
const podDelayMs = 500;

export type AccountControllerOptions = {
  readonly context: OperatorContext;
  readonly beliefs: RoleCache;
  readonly associationBeliefs: AssociationCache;
  /** AWS in the region that the ClusterConfig names now, on somebody's behalf. */
  readonly aws: (caller: Caller) => {
    readonly roles: RoleStore;
    readonly prover: IdentityProver;
    readonly podIdentity?: (clusterName: string) => ReturnType<StepTools['podIdentity']>;
  };
  /** Whether IAM and EKS have been listed once: before that, everything of ours would seem to be missing. */
  readonly surveyed: () => boolean;
  /** Told of each step that failed. */
  readonly onFailure: (error: IdentityError) => void;
  readonly rolloutsOf: (account: string) => AccountRollouts;
  /** Why pods of a workload of the account cannot be replaced now, by a pod of each that is created in a dry run. */
  readonly rolloutObstacle: (account: string, signal: AbortSignal) => Promise<string | undefined>;
  readonly concurrency: number;
  /** Whether IAM is known to take only so many calls a second. */
  readonly limited?: () => boolean;
  /** An account became ready under a new or changed spec, so long after that was seen. */
  readonly onInStep?: (tookMs: number) => void;
};

export function createAccountController(options: AccountControllerOptions): Controller {
  const { context, beliefs, associationBeliefs } = options;
  // What is waited for goes by a clock that nobody sets.
  const { informers, monotonic: now, random, recorder } = context;
  const memories = new Map<string, AccountMemory>();
  const unhurried = limitInFlight(context.client, mostInFlight);
  const clientFor = (account: LinkedServiceAccount): KubeClient =>
    urgencyOf(account) === 'edit' ? context.client : unhurried;
  /** When accounts stood back to let others go first, the longest ago first. */
  const stoodBackAt = new Map<string, number>();
  /** When the spec was seen to be new, of accounts that are not ready under it yet. */
  const changedAt = new Map<string, number>();
  const accounts = createWriteThroughCache(informers.accounts, now);
  const serviceAccounts = createWriteThroughCache<KubeObject>(informers.serviceAccounts, now);
  const { rolloutsOf, rolloutObstacle } = options;
  const sources = {
    informers,
    accounts,
    serviceAccounts,
    beliefs,
    associationBeliefs,
    now,
    wallClock: context.now,
    rolloutsOf,
    ...(context.operatorNamespace === undefined ? {} : { operatorNamespace: context.operatorNamespace }),
    ...(context.admittedSince ? { admittedSince: context.admittedSince } : {}),
  };
  const tools = ({ account, cluster: planned }: AccountWorld, step: Step): StepTools => {
    const urgency = urgencyOf(account);
    const { podIdentity, ...aws } = options.aws({
      owner: account.metadata.name,
      urgency: urgency === 'awaited' && step.kind !== 'CreateRole' ? 'begun' : urgency,
      ...(planned.ok ? { accountId: planned.facts.accountId } : {}),
    });
    return {
      client: clientFor(account),
      ...aws,
      podIdentity() {
        const cluster = clusterState(informers.clusterConfigs.store.list());
        if (!podIdentity || !cluster.ok)
          throw new IdentityError('ClusterUnknown', 'it is not known which EKS cluster this is');
        return podIdentity(cluster.facts.name);
      },
      beliefs,
      associationBeliefs,
      accounts,
      serviceAccounts,
      rolloutObstacle,
      now,
    };
  };

  const memoryOf = (name: string): AccountMemory => {
    const memory = memories.get(name) ?? createAccountMemory(now, random, accounts.get(name));
    memories.set(name, memory);
    return memory;
  };

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    stoodBackAt.delete(name);
    callBack();
    const memory = memoryOf(name);
    for (let pass = 0; pass < mostPasses; pass += 1) {
      const world = observeAccount(name, sources, memory);
      if (!world) {
        memories.delete(name);
        beliefs.accountGone(name);
        associationBeliefs.accountGone(name);
        return undefined;
      }
      if (world.cluster.ok && !options.surveyed()) return undefined;
      memory.startGeneration(world.account.metadata.generation ?? 0);
      if (world.cluster.ok && world.cluster.facts.providerProblem) memory.forgetTokenProofs();
      const fresh = { ...world, now: now() };
      const plan = planAccount(fresh);
      if (plan.steps.length === 0) {
        if (plan.drift.length === 0) memory.reportedDrift = undefined;
        memory.rested(plan.lastSynced);
        await report(fresh, plan.status, memory, signal);
        tell(fresh.account, memory);
        tellInStep(name, plan.status);
        const lookAgainMs = plan.requeueAt === undefined ? Infinity : Math.max(0, plan.requeueAt - now());
        const unseenMs = serviceAccounts.unseenForMs(serviceAccounts.recentOf(name)) ?? Infinity;
        const requeueAfterMs = Math.min(lookAgainMs, unseenMs);
        return requeueAfterMs === Infinity ? undefined : { requeueAfterMs };
      }
      // What somebody broke is told before it is put back, so that whoever watches sees it.
      if (plan.drift.length === 0) memory.reportedDrift = undefined;
      else await reportDrift(fresh, plan, memory, signal);
      const steps = othersWait(fresh.account) ? rolesFirst(plan.steps) : plan.steps;
      const outcomes = await Promise.all(steps.map((step) => attempt(step, fresh, memory, signal)));
      memory.untold.push(...outcomes.flatMap((outcome) => outcome.event ?? []));
      // The account is gone with its last finalizer.
      const gone = outcomes.some(({ done }) => done) && steps.some((step) => step.kind === 'RemoveFinalizer');
      if (signal.aborted || gone) {
        tell(fresh.account, memory);
        return gone ? undefined : { backoff: true };
      }
      if (steps.length < plan.steps.length && othersWait(fresh.account)) {
        stoodBackAt.set(name, now());
        controller.enqueue(name, { priority: priorities.goOn });
        return undefined;
      }
    }
    // Nothing needs so many: should it not come to an end, it goes on ever more slowly.
    return { backoff: true };
  }

  /** Whether a look has shown that there is what it was after. */
  function shows(step: Step, { metadata: { name } }: LinkedServiceAccount): boolean {
    if (step.kind === 'ReadRole') return beliefs.roleOf(step.role) !== undefined;
    return step.kind === 'ReadAssociation' && associationBeliefs.namespacesOf(name).includes(step.target);
  }

  /** As long as others have to be waited for there are reconciles, so that this is looked at often enough. */
  function callBack(): void {
    const mostMs = options.limited?.() === true ? standBackMs.underLimit : standBackMs.ordinarily;
    for (const [name, since] of stoodBackAt) {
      if (now() - since < mostMs) return;
      stoodBackAt.delete(name);
      controller.enqueue(name, { priority: priorities.goOnAtLast });
    }
  }

  /** Whether others have to wait for this account, which is in no hurry itself. */
  function othersWait(account: LinkedServiceAccount): boolean {
    return urgencyOf(account) !== 'edit' && controller.waiting() > 0;
  }

  function tell(account: LinkedServiceAccount, { untold }: AccountMemory): void {
    for (const event of inFewEvents(untold.splice(0))) recorder.event(account, { type: 'Normal', ...event });
  }

  /** Carries out one step; a failure costs this step only. */
  async function attempt(
    step: Step,
    world: AccountWorld,
    memory: AccountMemory,
    signal: AbortSignal,
  ): Promise<{ readonly done: boolean; readonly event?: StepEvent }> {
    const { account } = world;
    const log = context.logger.with({ account: account.metadata.name, step: step.kind });
    try {
      context.assertLeading();
      await applyStep(step, account, tools(world, step), signal);
      memory.succeeded(step, shows(step, account));
      const event = eventOf(step, account.metadata.name);
      if (!event) {
        log.debug('step done');
        return { done: true };
      }
      log.info('step done', event);
      return { done: true, event };
    } catch (cause) {
      // A step that was cut off by the end of the operator says nothing about the world.
      if (signal.aborted) return { done: false };
      const error = asIdentityError(cause);
      const failure = memory.failed(step, error);
      options.onFailure(error);
      log.warn('step failed', {
        code: error.code,
        // What nobody foresaw may be a fault of ours: where it came from tells.
        error: error.code === 'Unexpected' ? error : error.message,
        attempts: failure.attempts,
        retryInMs: Math.round(failure.retryAt - failure.at),
      });
      if (
        isReported(failure.attempts) &&
        error.code !== 'KubernetesConflict' &&
        error.code !== 'RoleAlreadyExists' &&
        error.code !== 'AssociationExists' &&
        error.code !== 'RoleNotAccepted' &&
        step.kind !== 'ProveIdentity' &&
        step.kind !== 'ConfirmAssociation'
      ) {
        recorder.event(account, { type: 'Warning', reason: error.code, note: error.message });
      }
      return { done: false };
    }
  }

  function tellInStep(name: string, status: LinkedServiceAccountStatus): void {
    const since = changedAt.get(name);
    if (since === undefined || findCondition(status.conditions, 'Ready')?.status !== 'True') return;
    changedAt.delete(name);
    options.onInStep?.(now() - since);
  }

  async function reportDrift(
    world: AccountWorld,
    plan: AccountPlan,
    memory: AccountMemory,
    signal: AbortSignal,
  ): Promise<void> {
    const note = `changed outside Konstellation: ${plan.drift.join('; ')}`;
    const told = findCondition(world.account.status?.conditions, 'RoleSynced')?.reason === 'RoleDrifted';
    if (!told && memory.reportedDrift !== note) {
      memory.reportedDrift = note;
      context.logger.warn('role drifted', { account: world.account.metadata.name, drift: plan.drift });
      recorder.event(world.account, { type: 'Warning', reason: 'RoleDrifted', note });
    }
    await report(world, plan.status, memory, signal);
  }

  /** Writes the status when it says something new. */
  async function report(
    world: AccountWorld,
    status: LinkedServiceAccountStatus,
    memory: AccountMemory,
    signal: AbortSignal,
  ): Promise<void> {
    const { account } = world;
    const { name } = account.metadata;
    const client = clientFor(account);
    const writer = { client, cache: accounts, signal };
    if (!(await reportStatus(linkedServiceAccounts, account, status, writer))) return;
    reportProvider(world, status);
    const proven = (rows: LinkedServiceAccountStatus['targets']): Set<string> =>
      new Set((rows ?? []).filter((row) => row.proven).map((row) => row.name));
    const before = proven(account.status?.targets);
    const news = [...proven(status.targets)].filter((target) => !before.has(target));
    memory.untold.push(...news.map((target) => identityProven(target, name)));
    const former = new Set(account.status?.formerTargets?.map((entry) => entry.name));
    const unlinked = (status.formerTargets ?? []).filter((entry) => !former.has(entry.name));
    memory.untold.push(...unlinked.map((entry) => sessionsOutlive(entry, name)));
  }

  /** Records the Event once, when the account first shows that STS accepts no token of the cluster. */
  function reportProvider({ account, cluster }: AccountWorld, status: LinkedServiceAccountStatus): void {
    const problem = cluster.ok ? cluster.facts.providerProblem : undefined;
    const reasonIn = (of: LinkedServiceAccountStatus | undefined): string | undefined =>
      findCondition(of?.conditions, 'IdentityProven')?.reason;
    if (!problem || reasonIn(status) !== problem.reason || reasonIn(account.status) === problem.reason)
      return;
    recorder.event(account, { type: 'Warning', reason: problem.reason, note: problem.message });
  }

  const controller = createController({
    name: 'accounts',
    observer: context.observerOf?.('accounts'),
    reconcile,
    concurrency: options.concurrency,
    reserved: { atLeast: priorities.edit, workers: workersForEdits },
    now: context.monotonic,
    random,
    setTimer: context.setTimer,
    logger: context.logger,
  });

  const enqueueAll = (): void => {
    for (const key of informers.accounts.store.keys()) controller.enqueue(key);
  };
  informers.accounts.onChange((change) => {
    const edited = change.old?.metadata.generation !== change.new?.metadata.generation;
    // What we wrote ourselves is no news to the reconcile that wrote it.
    if (!edited && accounts.isOwn(change)) return;
    if (!change.new) changedAt.delete(change.key);
    else if (edited && urgencyOf(change.new) !== 'upkeep') changedAt.set(change.key, now());
    const priority = !change.old ? priorities.create : edited ? priorities.edit : 0;
    controller.enqueue(change.key, { priority });
  });
  informers.clusterConfigs.onChange(enqueueAll);
  informers.namespaces.onChange((change) => {
    const phase = (namespace: typeof change.new): string | undefined =>
      namespace && `${namespace.status?.phase} ${namespace.metadata.deletionTimestamp ?? ''}`;
    const isLabelled = (namespace: typeof change.new): boolean =>
      namespace?.metadata.labels?.[targetLabel] !== undefined;
    const opened = isLabelled(change.new) && !isLabelled(change.old);
    if (phase(change.old) === phase(change.new) && !opened) return;
    const named = (account: LinkedServiceAccount): boolean =>
      account.spec.targets?.includes(change.key) ?? true;
    for (const account of informers.accounts.store.list()) {
      const { name } = account.metadata;
      if (!named(account)) continue;
      if (opened) memories.get(name)?.targetOpened(change.key);
      controller.enqueue(name, opened ? { afterMs: labelDelayMs } : {});
    }
  });
  informers.serviceAccounts.onChange((change) => {
    if (serviceAccounts.isOwn(change)) return;
    const name = (change.new ?? change.old)?.metadata.name;
    if (name !== undefined && informers.accounts.store.get(name)) controller.enqueue(name);
  });
  informers.pods.onChange((change) => {
    const pod = change.new ?? change.old;
    const name = pod ? serviceAccountOf(pod) : undefined;
    if (name !== undefined && informers.accounts.store.get(name))
      controller.enqueue(name, { afterMs: podDelayMs });
    // An account may wait for pods of any ServiceAccount before it adopts the role that they hold.
    for (const arn of pod ? rolesHeld(pod) : [])
      for (const account of beliefs.concernedBy(roleNameOf(arn)))
        if (account !== name && informers.accounts.store.get(account))
          controller.enqueue(account, { afterMs: podDelayMs });
  });
  return controller;
}

/**
 * Whether an Event reports this failed attempt. Events are kept for an hour: a failure that lasts, which is tried every five
 * minutes at most, is reported again in time.
 */
function isReported(attempts: number): boolean {
  return Number.isInteger(Math.log2(attempts)) || attempts % 8 === 0;
}

/** Whether somebody waits for what is done for the account now. */
function urgencyOf({ metadata, status }: LinkedServiceAccount): Urgency {
  const changed = status?.observedGeneration !== metadata.generation;
  if (status?.observedGeneration !== undefined && changed) return 'edit';
  const ready = findCondition(status?.conditions, 'Ready')?.status === 'True';
  return ready && !changed ? 'upkeep' : 'awaited';
}

/**
 * What IAM takes 10 to 30 seconds to make known to STS is done for every account before links and proofs are for any:
 * when their turn comes, fewer proofs come too early. Everything, when there is nothing for IAM to do.
 */
function rolesFirst(steps: readonly Step[]): readonly Step[] {
  const first = steps.filter((step) => 'role' in step);
  return first.length > 0 ? first : steps;
}
