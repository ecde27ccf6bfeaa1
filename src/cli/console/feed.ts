/**
 * Live view of the cluster for one user: informers with the user's own permissions, and the rows derived from them. If
 * the user is not permitted to read a kind, the view reports this kind as failed and shows the other kinds.
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
  type Informer,
  type InformerOptions,
  type KubeClient,
  type KubeObject,
  type SetTimer,
} from '../../kube/index.ts';
import { clusterState } from '../../identity/plan/cluster-state.ts';
import type { ClusterFacts } from '../../identity/state/world.ts';
import { isForbidden } from '../../kube/errors.ts';
import { defaultReflectorLimits } from '../../kube/reflector.ts';
import { serviceAccountOf, trimPod } from '../../workloads/pod.ts';
import type { AppPod } from '../cluster/app-objects.ts';
import { objectEvent, type EventObject } from '../cluster/events.ts';
import { timeline } from '../commands/account/history/timeline.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import { explain } from '../framework/explain.ts';
import { identitiesOf } from '../pods/wanted-identities.ts';
import { impactOf } from './impact.ts';
import { accountRow, consolePodRow } from './rows.ts';
import {
  sources,
  type Change,
  type Changes,
  type FeedMessage,
  type Impact,
  type PodRow,
  type Source,
  type SourceState,
} from './wire.ts';

type Account = LinkedServiceAccount & KubeObject;

export type Feed = {
  /** Sends the current state, then each change. Returns a function that ends the subscription. */
  subscribe(send: (message: FeedMessage) => void): () => void;
  readonly subscribers: () => number;
  account(name: string): LinkedServiceAccount | undefined;
  /** Returns the changes of the named account, or of all accounts if none is named. Newest first. */
  changes(account: string | undefined, most: number): Changes;
  impact(name: string): Impact | undefined;
  accounts(): readonly LinkedServiceAccount[];
  /** Facts about the cluster; undefined while it has no ready ClusterConfig that the user is permitted to read. */
  facts(): ClusterFacts | undefined;
  /**
   * Resolves when the accounts have been listed and each of the other kinds has been listed or has failed. An answer
   * computed earlier would silently omit objects.
   * @throws the error of the list of accounts, if it never succeeded or if the user is no longer permitted to read them
   * @throws CliError of code UNAUTHENTICATED if the session ends before
   */
  listed(...others: readonly Source[]): Promise<void>;
};

/** Time during which changes are gathered into one message. */
const gatherMs = 100;
/** Interval for polling the errors of the informers, because informers do not report errors. */
const checkMs = 500;
/** Maximum number of rows per message, so that the page can draw while the rows of a large cluster arrive. */
const rowsPerMessage = 1000;
/**
 * Maximum number of namespaces to watch one by one, if the user is not permitted to list the pods of all namespaces.
 */
const mostNamespaces = 50;

const limits = { ...defaultReflectorLimits, backoff: { baseMs: 500, maxMs: 5000 } };

export function createFeed(options: {
  readonly client: KubeClient;
  readonly clock: Pick<CliContext, 'monotonic' | 'random'>;
  readonly setTimer: SetTimer;
  readonly signal: AbortSignal;
}): Feed {
  const { client, clock, setTimer, signal } = options;
  const started: Readable<KubeObject>[] = [];
  const start = <T extends KubeObject>(
    of: Omit<InformerOptions<T>, 'client' | 'now' | 'random' | 'limits'>,
    until = signal,
  ): Readable<T> => {
    const informer = createInformer<T>({ ...of, client, now: clock.monotonic, random: clock.random, limits });
    void informer.start(until);
    const readable = whileReadable(informer);
    started.push(readable);
    return readable;
  };

  const accounts = start<Account>({ resource: linkedServiceAccounts });
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
  const pods = podInformers((namespace, until) =>
    start<AppPod>(
      {
        resource: resources.pods,
        ...(namespace === undefined ? {} : { namespace }),
        omitManagedFields: true,
        trim: trimPod,
        indexers: { serviceAccount: (pod) => [serviceAccountOf(pod)] },
      },
      until,
    ),
  );

  /** Each subscriber, and whether it has received all rows of the current state. */
  const subscribers = new Map<(message: FeedMessage) => void, { isComplete: boolean }>();
  const dirty = { accounts: new Set<string>(), pods: new Set<string>(), targets: false, events: false };
  let isFlushDue = false;
  let lastStatus = '';
  let lastHidden = '';

  const targets = (): readonly string[] =>
    [...new Set(configs.store.list().flatMap(({ spec }) => spec.targets))].sort();
  const appsOf = (account: string): readonly string[] =>
    apps.store
      .byIndex('account', account)
      .map((app) => app.metadata.name)
      .sort();
  const accountsOfPod = (pod: AppPod): Account | undefined => accounts.store.get(serviceAccountOf(pod));
  const podRowOf = (pod: AppPod): PodRow | undefined => {
    const account = accountsOfPod(pod);
    const { namespace = '' } = pod.metadata;
    const wanted = account && wantedBy(account).get(namespace);
    const isTarget = configs.store.list().some((config) => targetsOf(config).has(namespace));
    // A pod outside the account's targets does not use the account, even if its ServiceAccount has the same name.
    if (!isTarget && wanted === undefined) return undefined;
    const row = consolePodRow(pod, wanted, account?.metadata.name, account?.status?.quarantinedPods);
    return accounts.hasSynced() && !accounts.isHidden() ? row : { ...row, identity: 'unknown' };
  };

  const statusNow = (): Record<Source, SourceState> => ({
    accounts: stateOf(accounts),
    apps: stateOf(apps),
    targets: stateOf(configs),
    pods: pods.state(stateOf(configs).state === 'loading' || targets().length > 0),
    events: stateOf(events),
    quarantines: stateOf(quarantines),
  });

  const broadcast = (message: FeedMessage): void => {
    for (const send of subscribers.keys()) send(message);
  };

  const flush = (): void => {
    isFlushDue = false;
    if (signal.aborted) return;
    const names = [...dirty.accounts];
    const keys = [...dirty.pods];
    const message: FeedMessage = {
      ...(dirty.targets ? { targets: targets() } : {}),
      ...(dirty.events ? { events: true as const } : {}),
    };
    dirty.accounts.clear();
    dirty.pods.clear();
    dirty.targets = false;
    dirty.events = false;
    const rows = rowsOf(names, keys);
    for (const each of [...(Object.keys(message).length > 0 ? [message] : []), ...rows]) broadcast(each);
  };
  const touch = (): void => {
    if (isFlushDue) return;
    isFlushDue = true;
    setTimer(flush, gatherMs);
  };

  const rowsOf = (names: readonly string[], keys: readonly string[]): readonly FeedMessage[] => {
    const messages: FeedMessage[] = [];
    for (const part of partsOf(names)) {
      const some = part.map((name) => [name, accounts.store.get(name)] as const);
      const gone = some.flatMap(([name, account]) => (account ? [] : [name]));
      messages.push({
        accounts: some.flatMap(([name, account]) =>
          account ? [accountRow(account, appsOf(name), quarantines.store.byIndex('account', name))] : [],
        ),
        ...(gone.length > 0 ? { removed: { accounts: gone } } : {}),
      });
    }
    for (const part of partsOf(keys)) {
      const some = part.map((key) => {
        const pod = pods.get(key);
        return [key, pod && podRowOf(pod)] as const;
      });
      const gone = some.flatMap(([key, row]) => (row ? [] : [key]));
      messages.push({
        pods: some.flatMap(([, row]) => (row ? [row] : [])),
        ...(gone.length > 0 ? { removed: { pods: gone } } : {}),
      });
    }
    return messages;
  };

  const touchPodsOf = (account: string): void => {
    for (const pod of pods.byServiceAccount(account)) dirty.pods.add(keyOf(pod));
  };
  accounts.onChange(({ key }) => {
    dirty.accounts.add(key);
    touchPodsOf(key);
    touch();
  });
  apps.onChange(({ old, new: next }) => {
    for (const name of [old?.spec.serviceAccount, next?.spec.serviceAccount])
      if (name !== undefined && accounts.store.get(name)) dirty.accounts.add(name);
    touch();
  });
  quarantines.onChange(({ old, new: next }) => {
    for (const name of [old?.spec.account, next?.spec.account])
      if (name !== undefined && accounts.store.get(name)) dirty.accounts.add(name);
    touch();
  });
  const touchAllPods = (): void => {
    for (const key of pods.keys()) dirty.pods.add(key);
    touch();
  };
  configs.onChange(() => {
    dirty.targets = true;
    // The list of pods depends on the targets, so a change of the targets requires new pod rows.
    touchAllPods();
  });
  events.onChange(() => {
    dirty.events = true;
    touch();
  });
  pods.onChange((key) => {
    dirty.pods.add(key);
    touch();
  });

  accounts.synced.then(touchAllPods, () => undefined);

  let nextCheck = Promise.withResolvers<void>();
  const check = (): void => {
    nextCheck.resolve();
    if (signal.aborted) return;
    nextCheck = Promise.withResolvers();
    pods.fallBack(targets(), signal);
    const status = statusNow();
    const text = JSON.stringify(status);
    if (text !== lastStatus) {
      // Sends the pending rows first, because the status that follows reports the rows as complete.
      flush();
      for (const [send, { isComplete }] of subscribers) if (isComplete) send({ status });
    }
    lastStatus = text;
    const hidden = started
      .flatMap((each, index) => (each.hasSynced() && each.isHidden() ? [index] : []))
      .join(' ');
    // The server reports only differences to the cached objects, so rows that were hidden must be sent again.
    if (hidden !== lastHidden) for (const send of subscribers.keys()) sendAll(send);
    lastHidden = hidden;
    setTimer(check, sources.some((source) => status[source].state === 'loading') ? gatherMs : checkMs);
  };
  pods.start(signal);
  setTimer(check, 0);

  const changesOf = (account: Account): readonly Change[] =>
    timeline(
      account,
      events.store
        .byIndex('account', account.metadata.name)
        .filter(({ regarding }) => regarding?.uid === undefined || regarding.uid === account.metadata.uid)
        .map(objectEvent),
    ).map((change) => ({ ...change, account: account.metadata.name }));

  const sendAll = (send: (message: FeedMessage) => void): void => {
    const progress = { isComplete: false };
    subscribers.set(send, progress);
    send({ reset: true, targets: targets() });
    // Rows are sent in several messages, one after the other, so that the page draws the first rows early. Each message
    // contains the state at the time it is sent.
    const parts: [names: readonly string[], keys: readonly string[]][] = [
      ...partsOf(accounts.store.keys()).map((names): [readonly string[], readonly string[]] => [names, []]),
      ...partsOf(pods.keys()).map((keys): [readonly string[], readonly string[]] => [[], keys]),
    ];
    const sendNext = (): void => {
      const part = parts.shift();
      if (subscribers.get(send) !== progress) return;
      if (!part) {
        // The status is sent last, because it reports the rows as complete. Rows that changed meanwhile are still
        // pending.
        flush();
        progress.isComplete = true;
        send({ status: statusNow() });
        return;
      }
      for (const message of rowsOf(...part)) send(message);
      setTimer(sendNext, 0);
    };
    sendNext();
  };

  return {
    subscribe(send) {
      sendAll(send);
      return () => subscribers.delete(send);
    },
    subscribers: () => subscribers.size,
    account: (name) => accounts.store.get(name),
    changes: (name, most) => {
      const chosen =
        name === undefined
          ? accounts.store.list()
          : [accounts.store.get(name)].filter((each) => each !== undefined);
      const all = chosen
        .flatMap(changesOf)
        .map((change) => [Date.parse(change.time), change] as const)
        .sort(([one], [other]) => other - one);
      return { items: all.slice(0, most).map(([, change]) => change), total: all.length };
    },
    impact(name) {
      const account = accounts.store.get(name);
      const users = stateOf(apps).state === 'failed' ? undefined : apps.store.byIndex('account', name);
      const running = statusNow().pods.state === 'failed' ? undefined : pods.byServiceAccount(name);
      return account && impactOf(account, users, running);
    },
    accounts: () => accounts.store.list(),
    facts: () => {
      const state = clusterState(configs.store.list());
      return state.ok ? state.facts : undefined;
    },
    async listed(...others) {
      const kinds: readonly Source[] = ['accounts', ...others];
      const isLoading = (): boolean => kinds.some((kind) => statusNow()[kind].state === 'loading');
      while (!signal.aborted && isLoading()) await nextCheck.promise;
      if (signal.aborted) throw new CliError('UNAUTHENTICATED', 'the session has ended');
      const error = accounts.lastError();
      if (error && (!accounts.hasSynced() || isForbidden(error))) throw error;
    },
  };
}

function partsOf(keys: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(keys.length / rowsPerMessage) }, (_, index) =>
    keys.slice(index * rowsPerMessage, (index + 1) * rowsPerMessage),
  );
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

type Readable<T extends KubeObject> = Informer<T> & { isHidden(): boolean };

/** Hides cached objects while the user is not permitted to read them, because RBAC may have changed since the last list. */
function whileReadable<T extends KubeObject>(informer: Informer<T>): Readable<T> {
  const { store } = informer;
  const isHidden = (): boolean => isForbidden(informer.lastError());
  return {
    ...informer,
    isHidden,
    store: {
      get: (key) => (isHidden() ? undefined : store.get(key)),
      list: () => (isHidden() ? [] : store.list()),
      keys: () => (isHidden() ? [] : store.keys()),
      byIndex: (index, value) => (isHidden() ? [] : store.byIndex(index, value)),
      get size() {
        return isHidden() ? 0 : store.size;
      },
    },
  };
}

function stateOf(informer: Pick<Informer<KubeObject>, 'hasSynced' | 'lastError'>): SourceState {
  const error = informer.lastError();
  if (!error) return { state: informer.hasSynced() ? 'live' : 'loading' };
  const { code, message, details, next } = explain(error);
  return { state: 'failed', code, message, details, next };
}

type PodInformers = {
  start(signal: AbortSignal): void;
  /** If the cluster-wide list was denied, watches the pods of each target instead. */
  fallBack(targets: readonly string[], signal: AbortSignal): void;
  get(key: string): AppPod | undefined;
  keys(): readonly string[];
  byServiceAccount(name: string): readonly AppPod[];
  /** @param canFallBack whether there are targets, or they are not known yet */
  state(canFallBack: boolean): SourceState;
  onChange(listener: (key: string) => void): void;
};

function podInformers(
  start: (namespace: string | undefined, signal: AbortSignal) => Informer<AppPod>,
): PodInformers {
  const listeners = new Set<(key: string) => void>();
  let running: Informer<AppPod>[] = [];
  let isClusterWide = true;
  /** Targets whose pods are listed one by one. */
  const ofTarget = new Set<string>();
  let tooMany = 0;
  const clusterWide = new AbortController();
  const follow = (informer: Informer<AppPod>): Informer<AppPod> => {
    informer.onChange(({ key }) => listeners.forEach((listener) => listener(key)));
    return informer;
  };
  return {
    start(signal) {
      running = [follow(start(undefined, AbortSignal.any([signal, clusterWide.signal])))];
    },
    fallBack(targets, signal) {
      if (isClusterWide) {
        if (targets.length === 0 || !isForbidden(running[0]?.lastError())) return;
        isClusterWide = false;
        clusterWide.abort();
        running = [];
      }
      for (const target of targets) {
        if (ofTarget.has(target) || ofTarget.size >= mostNamespaces) continue;
        const informer = follow(start(target, signal));
        ofTarget.add(target);
        running.push(informer);
      }
      tooMany = targets.filter((target) => !ofTarget.has(target)).length;
    },
    get: (key) => {
      for (const { store } of running) {
        const pod = store.get(key);
        if (pod) return pod;
      }
      return undefined;
    },
    keys: () => running.flatMap(({ store }) => store.keys()),
    byServiceAccount: (name) => running.flatMap(({ store }) => store.byIndex('serviceAccount', name)),
    state(canFallBack) {
      // The list of each target replaces the cluster-wide list that was denied.
      if (isClusterWide && canFallBack && isForbidden(running[0]?.lastError())) return { state: 'loading' };
      const states = running.map(stateOf);
      const failed = states.find((each) => each.state === 'failed');
      if (failed) return failed;
      if (tooMany > 0)
        return {
          state: 'failed',
          code: 'FORBIDDEN',
          details: [],
          message: `you are not permitted to list pods in all namespaces, and ${tooMany} targets are too many to list one by one`,
          next: ['Ask for the permission to list pods in all namespaces.'],
        };
      return { state: states.some((each) => each.state === 'loading') ? 'loading' : 'live' };
    },
    onChange: (listener) => void listeners.add(listener),
  };
}
