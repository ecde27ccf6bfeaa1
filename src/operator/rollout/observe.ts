/**
 * A rollout group consists of all workloads of an account. A workload needs the rollout slot of its group to replace
 * its pods. Each decision is derived from the observed state of the cluster, including this process's latest writes.
 * Only the writes in flight are kept in memory.
 */
import {
  appLabel,
  clusterConfigs,
  newerSpecMessage,
  type App,
  type LinkedServiceAccount,
} from '../../api/index.ts';
import { effectiveConfig, type AccountWorld } from '../../identity/index.ts';
import { defined } from '../../k8s/defined.ts';
import {
  appMembers,
  appTargetId,
  assignSlots,
  deploymentOf,
  hasReplicas,
  isPodOf,
  rolloutBlockerOf,
  replacesPods,
  wantsSlot,
  workloadId,
  workloadMember,
  type AppObservation,
  type Pod,
  type RolloutMember,
  type RolloutSlot,
  type Workload,
} from '../../workloads/index.ts';
import { appsByAccount, isBeingDeleted, podsByApp, type OperatorContext } from '../context.ts';
import { createAppObjects } from '../observed-state/app-objects.ts';
import { createWriteThroughCache } from '../observed-state/write-through-cache.ts';
import { createLabelledWorkloads } from './labelled-workloads.ts';

/** State of the cluster that is the same for all Apps. */
type ClusterView = Pick<
  AppObservation,
  'knownTargets' | 'namespaces' | 'newerConfig' | 'operatorNamespace' | 'admittedSince'
>;
type AppState = Omit<AppObservation, 'slots'>;
type Slots = AppObservation['slots'];

/** Progress of the rollouts that bring an account's identity to its workloads. */
export type AccountRollouts = Pick<AccountWorld, 'rolloutBlocker' | 'unsettledWorkload'> & {
  /** Workloads whose pods are replaced when the identity changes. */
  readonly replacing: readonly string[];
  /** Whether the pod belongs to one of the workloads in `replacing`. */
  readonly isReplaced: (pod: Pod) => boolean;
};

export type RolloutGroups = ReturnType<typeof createRolloutGroups>;

export function createRolloutGroups(context: OperatorContext) {
  const { informers, now, operatorNamespace } = context;
  const apps = createWriteThroughCache<App>(informers.apps, context.monotonic);
  const objects = createAppObjects(context);
  const labelled = createLabelledWorkloads(context);
  const writesInFlight = new Set<string>();
  const reconciled = new Map<string, string>();
  /**
   * Targets where this process has seen a Deployment of the App. On these targets, the App counts as admitted; see
   * `unadmitted`.
   */
  const deployed = new Map<string, { readonly uid: string | undefined; readonly targets: Set<string> }>();

  const clusterView = (): ClusterView => {
    const spec = effectiveConfig(informers.clusterConfigs.store.list())?.spec;
    const newerConfig = spec && newerSpecMessage(clusterConfigs.kind, spec);
    return {
      ...defined({ operatorNamespace, newerConfig, admittedSince: context.admittedSince?.() }),
      knownTargets: new Set(spec?.targets),
      namespaces: new Map(
        informers.namespaces.store
          .list()
          .map((namespace) => [
            namespace.metadata.name,
            isBeingDeleted(namespace) ? 'terminating' : 'present',
          ]),
      ),
    };
  };
  const accountOf = ({ spec: { serviceAccount } }: App): LinkedServiceAccount | undefined =>
    serviceAccount === undefined ? undefined : informers.accounts.store.get(serviceAccount);
  const deployedIn = (app: App, found: AppObservation['objects']): ReadonlySet<string> => {
    const { name, uid } = app.metadata;
    const known = deployed.get(name);
    const { targets } = known && known.uid === uid ? known : { targets: new Set<string>() };
    for (const object of found) if (deploymentOf(app, [object])) targets.add(object.metadata.namespace ?? '');
    deployed.set(name, { uid, targets });
    return targets;
  };
  const stateOf = (app: App, around: ClusterView, found: AppObservation['objects']): AppState => ({
    ...around,
    now: now(),
    app,
    deployedIn: deployedIn(app, found),
    account: accountOf(app),
    // The store suffices without this process's latest writes, since the operator does not write the fields that are
    // read from dependencies.
    others: new Map(
      (app.spec.dependencies ?? []).flatMap(({ name }) => {
        const other = informers.apps.store.get(name);
        return other ? [[name, other] as const] : [];
      }),
    ),
    objects: found,
    pods: informers.pods.store.byIndex(podsByApp, app.metadata.name),
  });
  const appsOf = (account: string): readonly App[] =>
    informers.apps.store
      .byIndex(appsByAccount, account)
      .map((app) => apps.get(app.metadata.name) ?? app)
      .filter((app) => app.spec.serviceAccount === account && app.metadata.deletionTimestamp === undefined);

  /** Returns the rank of each target, which is its position in the ClusterConfig. */
  const rankIn = ({ knownTargets }: ClusterView): ((target: string) => number) => {
    const order = [...knownTargets];
    return (target) => order.indexOf(target);
  };
  const withWritesInFlight = (member: RolloutMember): RolloutMember =>
    writesInFlight.has(member.id) ? { ...member, state: 'rolling' } : member;
  const membersOf = (account: string, around: ClusterView): readonly RolloutMember[] => {
    const rankOf = rankIn(around);
    return [
      ...appsOf(account).flatMap((app) => appMembers(stateOf(app, around, objects.deployments(app)), rankOf)),
      ...labelled
        .ofAccount(account)
        .map((observation) =>
          workloadMember(observation, rankOf(observation.workload.metadata.namespace ?? '')),
        ),
    ].map(withWritesInFlight);
  };

  /**
   * Returns the rollout slots of an App. An App that leaves its account does not wait for other Apps. Only its own
   * targets roll out one after another.
   */
  const slotsOf = (state: AppState): Slots => {
    if (!wantsSlot(state)) return new Map();
    const { serviceAccount } = state.app.spec;
    const members =
      serviceAccount === undefined
        ? appMembers(state, rankIn(state)).map(withWritesInFlight)
        : membersOf(serviceAccount, state);
    return slotsByTarget(state.app, assignSlots(members));
  };

  return {
    apps,
    objects,
    labelled,
    /** Observes the App. Returns undefined if the App does not exist. */
    observe(name: string): AppObservation | undefined {
      const app = apps.get(name);
      if (!app) {
        deployed.delete(name);
        return undefined;
      }
      const state = stateOf(app, clusterView(), objects.list(name));
      return { ...state, slots: slotsOf(state) };
    },
    /** Remembers the rollout slots that the last reconcile of the App used. */
    reconciledWith(name: string, slots: Slots): void {
      if (slots.size > 0) reconciled.set(name, fingerprint(slots));
      else reconciled.delete(name);
    },
    /** Returns the Apps whose rollout slots have changed since the App was last reconciled. */
    changedApps(account: string): readonly string[] {
      const slots = assignSlots(membersOf(account, clusterView()));
      return informers.apps.store
        .byIndex(appsByAccount, account)
        .filter((app) => (reconciled.get(app.metadata.name) ?? '') !== fingerprint(slotsByTarget(app, slots)))
        .map((app) => app.metadata.name);
    },
    /** Treats these workloads as rolling until `write` has written their new templates. */
    async whileRolling<T>(ids: readonly string[], write: () => Promise<T>): Promise<T> {
      for (const id of ids) writesInFlight.add(id);
      try {
        return await write();
      } finally {
        for (const id of ids) writesInFlight.delete(id);
      }
    },
    members: (account: string): readonly RolloutMember[] => membersOf(account, clusterView()),
    rollouts(account: string): AccountRollouts {
      const ofLabelled = labelled.ofAccount(account);
      if (informers.apps.store.byIndex(appsByAccount, account).length === 0 && ofLabelled.length === 0)
        return { replacing: [], isReplaced: () => false };
      const members = membersOf(account, clusterView());
      const rolloutBlocker = rolloutBlockerOf(members);
      const unsettled = members.find(({ state, wants }) => state !== 'steady' || wants);
      const idsOfLabelled = new Set(ofLabelled.map(({ workload }) => workloadId(workload)));
      const ofApps = new Set(members.map(({ id }) => id).filter((id) => !idsOfLabelled.has(id)));
      const workloads = ofLabelled.filter(replacesPods).map(({ workload }) => workload);
      return {
        ...defined({ rolloutBlocker, unsettledWorkload: unsettled && describeState(unsettled) }),
        replacing: [...ofApps, ...workloads.map(workloadId)],
        isReplaced(pod) {
          const app = pod.metadata.labels?.[appLabel];
          return app === undefined
            ? workloads.some((workload) => isPodOf(workload, pod))
            : ofApps.has(appTargetId(app, pod.metadata.namespace ?? ''));
        },
      };
    },
    /**
     * Returns the account's workloads on targets of the cluster: labelled workloads, and Deployments of Apps, except
     * Deployments without replicas.
     */
    workloads(account: string): readonly Workload[] {
      const { knownTargets } = clusterView();
      const ofApps = informers.apps.store
        .byIndex(appsByAccount, account)
        .flatMap((app) => objects.deployments(apps.get(app.metadata.name) ?? app))
        .filter((deployment) => hasReplicas(deployment));
      return [...ofApps, ...labelled.ofAccount(account).map(({ workload }) => workload)].filter(
        ({ metadata }) => knownTargets.has(metadata.namespace ?? ''),
      );
    },
  };
}

function describeState({ id, state }: RolloutMember): string {
  switch (state) {
    case 'failed':
      return `${id}, which is not healthy`;
    case 'refused':
      return `${id}, whose new pod template the API server refuses`;
    case 'rolling':
      return `${id}, whose pods are being replaced`;
    case 'steady':
    default:
      return `${id}, which does not have the current identity yet`;
  }
}

function slotsByTarget(app: App, slots: ReadonlyMap<string, RolloutSlot>): Slots {
  return new Map(
    app.spec.targets.flatMap(({ name }) => {
      const slot = slots.get(appTargetId(app.metadata.name, name));
      return slot ? [[name, slot] as const] : [];
    }),
  );
}

function fingerprint(slots: Slots): string {
  return [...slots]
    .map(([target, slot]) => `${target}: ${slot.kind === 'go' ? 'go' : slot.blocker.message}`)
    .join('\n');
}
