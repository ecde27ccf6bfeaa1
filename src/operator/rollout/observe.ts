/**
 * All workloads of an account, seen together: whose turn it is to take up a new identity. Decided anew each time from
 * what the cluster shows, with our own latest writes on top; only writes that are under way are remembered.
 */
import {
  appLabel,
  clusterConfigs,
  newerSpecMessage,
  type App,
  type LinkedServiceAccount,
} from '../../api/index.ts';
import { effectiveConfig } from '../../identity/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import {
  appMembers,
  appTargetId,
  assignSlots,
  hasReplicas,
  isPodOf,
  pauseOf,
  replacesPods,
  wantsSlot,
  workloadId,
  workloadMember,
  type AppObservation,
  type RolloutSlot,
  type RolloutMember,
  type Workload,
} from '../../workloads/index.ts';
import { appsByAccount, podsByApp, type OperatorContext } from '../context.ts';
import { createWriteThroughCache, type WriteThroughCache } from '../observed-state/write-through-cache.ts';
import { createLabelledWorkloads, type LabelledWorkloads } from './labelled-workloads.ts';
import type { AccountRollouts } from '../account/observe.ts';
import { checkDryRunPod } from './replace-pod.ts';
import { createAppObjects, type AppObjects } from '../observed-state/app-objects.ts';

type Surroundings = Pick<AppObservation, 'knownTargets' | 'namespaces' | 'newerConfig' | 'operatorNamespace'>;
type AppState = Omit<AppObservation, 'slots'>;

export type RolloutGroups = {
  readonly apps: WriteThroughCache<App>;
  readonly objects: AppObjects;
  /** Undefined when there is no such App. */
  observe(app: string): AppObservation | undefined;
  /** The App acts on these turns now. */
  actedOn(app: string, slots: AppObservation['slots']): void;
  /** Until `release`, these count as rolling: their new templates are being written. */
  hold(ids: readonly string[]): void;
  release(ids: readonly string[]): void;
  /** Everybody who takes turns under this account. */
  members(account: string): readonly RolloutMember[];
  readonly labelled: LabelledWorkloads;
  rollouts(account: string): AccountRollouts;
  /** Why pods of a workload of the account cannot be replaced now, by a pod of each that is created in a dry run. */
  rolloutBlocker(account: string, signal: AbortSignal): Promise<string | undefined>;
  /** Apps whose turns are no longer what they were told last. */
  changedApps(account: string): readonly string[];
};

export function createRolloutGroups(context: OperatorContext): RolloutGroups {
  const { informers, now } = context;
  const apps = createWriteThroughCache<App>(informers.apps, context.monotonic);
  const objects = createAppObjects(context);
  const labelled = createLabelledWorkloads(context);
  const held = new Set<string>();
  /** So that of many waiting Apps only those are looked at again for whom something changes. */
  const told = new Map<string, string>();

  const surroundings = (): Surroundings => {
    const spec = effectiveConfig(informers.clusterConfigs.store.list())?.spec;
    const newerConfig = spec && newerSpecMessage(clusterConfigs.kind, spec);
    return {
      ...(context.operatorNamespace === undefined ? {} : { operatorNamespace: context.operatorNamespace }),
      ...(newerConfig === undefined ? {} : { newerConfig }),
      knownTargets: new Set(spec?.targets),
      namespaces: new Map(
        informers.namespaces.store
          .list()
          .map((namespace) => [
            namespace.metadata.name,
            isTerminating(namespace) ? 'terminating' : 'present',
          ]),
      ),
    };
  };
  const accountOf = (app: App): LinkedServiceAccount | undefined => {
    const { serviceAccount } = app.spec;
    return serviceAccount === undefined ? undefined : informers.accounts.store.get(serviceAccount);
  };
  /** As they are watched: of these, our own writes have nothing to add. */
  const othersOf = (app: App): AppState['others'] =>
    new Map(
      (app.spec.dependencies ?? []).flatMap(({ name }) => {
        const other = informers.apps.store.get(name);
        return other ? [[name, other] as const] : [];
      }),
    );
  const stateOf = (app: App, around: Surroundings, found: AppObservation['objects']): AppState => ({
    ...around,
    now: now(),
    app,
    account: accountOf(app),
    others: othersOf(app),
    objects: found,
    pods: informers.pods.store.byIndex(podsByApp, app.metadata.name),
  });

  /** In the order in which the ClusterConfig lists them. */
  const rankIn = ({ knownTargets }: Surroundings): ((target: string) => number) => {
    const order = [...knownTargets];
    return (target) => order.indexOf(target);
  };
  const asHeld = (member: RolloutMember): RolloutMember =>
    held.has(member.id) ? { ...member, state: 'rolling' } : member;

  const membersOf = (account: string, around: Surroundings): readonly RolloutMember[] => {
    const rankOf = rankIn(around);
    const others = labelled
      .ofAccount(account)
      .map((observation) =>
        workloadMember(observation, rankOf(observation.workload.metadata.namespace ?? '')),
      );
    const ofApps = informers.apps.store
      .byIndex(appsByAccount, account)
      .map((app) => apps.get(app.metadata.name) ?? app)
      .filter((app) => app.spec.serviceAccount === account && app.metadata.deletionTimestamp === undefined)
      .flatMap((app) => appMembers(stateOf(app, around, objects.deployments(app)), rankOf));
    return [...ofApps, ...others].map(asHeld);
  };

  /** An App that leaves its account waits for nobody else's: it takes turns among its own targets. */
  const slotsOfState = (state: AppState): ReadonlyMap<string, RolloutSlot> => {
    if (!wantsSlot(state)) return new Map();
    const { serviceAccount } = state.app.spec;
    const members =
      serviceAccount === undefined
        ? appMembers(state, rankIn(state)).map(asHeld)
        : membersOf(serviceAccount, state);
    return slotsOf(state.app, assignSlots(members));
  };

  return {
    apps,
    objects,
    labelled,
    observe(name) {
      const app = apps.get(name);
      if (!app) return undefined;
      const state = stateOf(app, surroundings(), objects.list(name));
      return { ...state, slots: slotsOfState(state) };
    },
    actedOn(name, slots) {
      if (slots.size > 0) told.set(name, inWords(slots));
      else told.delete(name);
    },
    hold(ids) {
      for (const id of ids) held.add(id);
    },
    release(ids) {
      for (const id of ids) held.delete(id);
    },
    members: (account) => membersOf(account, surroundings()),
    rollouts(account) {
      const isUsed =
        informers.apps.store.byIndex(appsByAccount, account).length > 0 ||
        labelled.ofAccount(account).length > 0;
      if (!isUsed) return { replacing: [], isReplaced: () => false };
      const members = membersOf(account, surroundings());
      const pause = pauseOf(members);
      const unsettled = members.find(({ state, wants }) => state !== 'steady' || wants);
      const ofLabelled = new Set(labelled.ofAccount(account).map(({ workload }) => workloadId(workload)));
      const ofApps = new Set(members.map(({ id }) => id).filter((id) => !ofLabelled.has(id)));
      const workloads = labelled.ofAccount(account).filter(replacesPods);
      return {
        ...(pause ? { rolloutBlocker: pause } : {}),
        ...(unsettled ? { unsettledWorkload: describeState(unsettled) } : {}),
        replacing: [...ofApps, ...workloads.map(({ workload }) => workloadId(workload))],
        isReplaced(pod) {
          const app = pod.metadata.labels?.[appLabel];
          return app === undefined
            ? workloads.some(({ workload }) => isPodOf(workload, pod))
            : ofApps.has(appTargetId(app, pod.metadata.namespace ?? ''));
        },
      };
    },
    async rolloutBlocker(account, signal) {
      const around = surroundings();
      const ofApps = informers.apps.store
        .byIndex(appsByAccount, account)
        .map((app) => apps.get(app.metadata.name) ?? app)
        .flatMap((app) => objects.deployments(app))
        .filter((deployment) => hasReplicas(deployment));
      const others = labelled.ofAccount(account).map(({ workload }) => workload);
      const obstacles = await Promise.all(
        [...ofApps, ...others]
          .filter(({ metadata }) => around.knownTargets.has(metadata.namespace ?? ''))
          .map(async (workload) => {
            const { name, namespace = '' } = workload.metadata;
            const template = (workload as Workload).spec?.template;
            if (!template) return [];
            const obstacle = await checkDryRunPod({ name, namespace, template, wanted: [] }, context, signal);
            return obstacle?.kind === 'refused'
              ? [`${workload.kind} ${namespace}/${name} cannot be replaced: ${obstacle.reason}`]
              : [];
          }),
      );
      return obstacles.flat()[0];
    },
    changedApps(account) {
      const slots = assignSlots(membersOf(account, surroundings()));
      return informers.apps.store
        .byIndex(appsByAccount, account)
        .filter((app) => (told.get(app.metadata.name) ?? '') !== inWords(slotsOf(app, slots)))
        .map((app) => app.metadata.name);
    },
  };
}

function describeState({ id, state }: RolloutMember): string {
  switch (state) {
    case 'failed':
      return `${id}, which does not get healthy`;
    case 'refused':
      return `${id}, whose new pod template the API server refuses`;
    case 'rolling':
      return `${id}, whose pods are being replaced`;
    case 'steady':
    default:
      return `${id}, which has not taken up the present identity`;
  }
}

function slotsOf(app: App, slots: ReadonlyMap<string, RolloutSlot>): ReadonlyMap<string, RolloutSlot> {
  return new Map(
    app.spec.targets.flatMap(({ name }) => {
      const slot = slots.get(appTargetId(app.metadata.name, name));
      return slot ? [[name, slot] as const] : [];
    }),
  );
}

function inWords(slots: ReadonlyMap<string, RolloutSlot>): string {
  return [...slots]
    .map(([target, slot]) => `${target}: ${slot.kind === 'go' ? 'go' : slot.blocker.message}`)
    .join('\n');
}

function isTerminating(namespace: KubeObject & { readonly status?: { readonly phase?: string } }): boolean {
  return namespace.metadata.deletionTimestamp !== undefined || namespace.status?.phase === 'Terminating';
}
