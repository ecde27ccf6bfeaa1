/**
 * Objects of the cluster that one user is permitted to read, the console's rows derived from them, and the changes of
 * these rows.
 */
import {
  apps as appResource,
  clusterConfigs,
  linkedServiceAccounts,
  quarantines as quarantineResource,
} from '../../api/resources.ts';
import type { App } from '../../api/app.ts';
import type { ClusterConfig } from '../../api/cluster-config.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import type { Quarantine } from '../../api/quarantine.ts';
import {
  createInformer,
  keyOf,
  resources,
  type InformerOptions,
  type KubeClient,
  type KubeObject,
} from '../../kube/index.ts';
import { serviceAccountOf, trimPod } from '../../workloads/pod.ts';
import type { AppPod } from '../cluster/app-objects.ts';
import type { EventObject } from '../cluster/events.ts';
import type { CliContext } from '../framework/context.ts';
import { reflectorLimits } from '../framework/wait/follow.ts';
import { identitiesOf } from '../pods/wanted-identities.ts';
import { podInformers } from './pod-informers.ts';
import { stateOf, whileReadable, type Readable } from './readable.ts';
import { accountRow, consolePodRow } from './rows.ts';
import type { AccountRow, PodRow, Source, SourceState } from './wire.ts';

/** Rows that a change concerns: names of accounts, and keys of pods (`namespace/name`). */
export type Touched = {
  readonly accounts?: readonly string[];
  readonly pods?: readonly string[];
  readonly targets?: true;
  readonly events?: true;
};

export type ClusterView = ReturnType<typeof createClusterView>;

export function createClusterView(
  client: KubeClient,
  clock: Pick<CliContext, 'monotonic' | 'random'>,
  signal: AbortSignal,
) {
  const started: Readable<KubeObject>[] = [];
  const start = <T extends KubeObject>(
    of: Omit<InformerOptions<T>, 'client' | 'now' | 'random' | 'limits'>,
    until = signal,
  ): Readable<T> => {
    const informer = createInformer<T>({
      ...of,
      client,
      now: clock.monotonic,
      random: clock.random,
      limits: reflectorLimits,
    });
    void informer.start(until);
    const readable = whileReadable(informer);
    started.push(readable);
    return readable;
  };

  const accounts = start<LinkedServiceAccount & KubeObject>({ resource: linkedServiceAccounts });
  const apps = start<App & KubeObject>({
    resource: appResource,
    omitManagedFields: true,
    indexers: { account: ({ spec }) => (spec.serviceAccount === undefined ? [] : [spec.serviceAccount]) },
  });
  const configs = start<ClusterConfig & KubeObject>({ resource: clusterConfigs, omitManagedFields: true });
  const quarantines = start<Quarantine & KubeObject>({
    resource: quarantineResource,
    omitManagedFields: true,
    indexers: { account: ({ spec }) => [spec.account] },
  });
  const events = start<EventObject>({
    resource: resources.events,
    fieldSelector: 'regarding.kind=LinkedServiceAccount',
    omitManagedFields: true,
    indexers: { account: ({ regarding }) => (regarding?.name === undefined ? [] : [regarding.name]) },
  });
  const pods = podInformers(
    (namespace, until) =>
      start<AppPod>(
        {
          resource: resources.pods,
          namespace,
          omitManagedFields: true,
          trim: trimPod,
          indexers: { serviceAccount: (pod) => [serviceAccountOf(pod)] },
        },
        until,
      ),
    signal,
  );

  const targets = (): readonly string[] =>
    [...new Set(configs.store.list().flatMap(({ spec }) => spec.targets))].sort();
  return {
    accounts,
    apps,
    configs,
    events,
    pods,
    targets,
    /** Returns undefined if the account does not exist or is hidden. */
    accountRow(name: string): AccountRow | undefined {
      const account = accounts.store.get(name);
      const users = apps.store.byIndex('account', name).map((app) => app.metadata.name);
      return account && accountRow(account, users.sort(), quarantines.store.byIndex('account', name));
    },
    /** Returns undefined if the pod does not exist, is hidden, or belongs to no target. */
    podRow(key: string): PodRow | undefined {
      const pod = pods.get(key);
      if (!pod) return undefined;
      const account = accounts.store.get(serviceAccountOf(pod));
      const { namespace = '' } = pod.metadata;
      const wanted = account && wantedBy(account).get(namespace);
      const isTarget = configs.store.list().some((config) => targetsOf(config).has(namespace));
      // A pod outside the account's targets does not use the account, even if its ServiceAccount has the same name.
      if (!isTarget && wanted === undefined) return undefined;
      const row = consolePodRow(pod, wanted, account?.metadata.name, account?.status?.quarantinedPods);
      return accounts.hasSynced() && !accounts.isHidden() ? row : { ...row, identity: 'unknown' };
    },
    status: (): Record<Source, SourceState> => ({
      accounts: stateOf(accounts),
      apps: stateOf(apps),
      targets: stateOf(configs),
      pods: pods.state(stateOf(configs).state === 'loading' || targets().length > 0),
      events: stateOf(events),
      quarantines: stateOf(quarantines),
    }),
    /** Identifies the informers that hide their objects now. A different text means that other objects are hidden. */
    hidden: (): string =>
      started.flatMap((each, index) => (each.hasSynced() && each.isHidden() ? [index] : [])).join(' '),
    onChange(touch: (rows: Touched) => void): void {
      const touchKnown = (...names: readonly (string | undefined)[]): void =>
        touch({
          accounts: names.filter((name) => name !== undefined).filter((name) => accounts.store.get(name)),
        });
      accounts.onChange(({ key }) => touch({ accounts: [key], pods: pods.byServiceAccount(key).map(keyOf) }));
      apps.onChange(({ old, new: next }) => touchKnown(old?.spec.serviceAccount, next?.spec.serviceAccount));
      quarantines.onChange(({ old, new: next }) => touchKnown(old?.spec.account, next?.spec.account));
      // The list of pods depends on the targets, so a change of the targets requires new pod rows.
      configs.onChange(() => touch({ targets: true, pods: pods.keys() }));
      events.onChange(() => touch({ events: true }));
      pods.onChange((key) => touch({ pods: [key] }));
      accounts.synced.then(
        () => touch({ pods: pods.keys() }),
        () => undefined,
      );
    },
  };
}

/** Computes a value once per object. An informer's objects are frozen, so a change replaces the object. */
function perObject<T extends object, R>(compute: (object: T) => R): (object: T) => R {
  const computed = new WeakMap<T, R>();
  return (object) => {
    const known = computed.get(object) ?? compute(object);
    computed.set(object, known);
    return known;
  };
}

const wantedBy = perObject(identitiesOf);
const targetsOf = perObject(({ spec }: ClusterConfig): ReadonlySet<string> => new Set(spec.targets));
