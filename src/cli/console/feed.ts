/**
 * Live view of the cluster for one user, with the user's own permissions. If the user is not permitted to read a kind,
 * the view reports this kind as failed and shows the other kinds.
 */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { clusterState } from '../../identity/plan/cluster-state.ts';
import type { ClusterFacts } from '../../identity/state/world.ts';
import { isForbidden } from '../../kube/errors.ts';
import type { KubeClient, SetTimer } from '../../kube/index.ts';
import { objectEvent } from '../cluster/events.ts';
import { timeline } from '../commands/account/history/timeline.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import { createClusterView } from './cluster-view.ts';
import { impactOf } from './impact.ts';
import { createSubscribers } from './subscribers.ts';
import { sources, type Change, type Changes, type FeedMessage, type Impact, type Source } from './wire.ts';

export type Feed = ReturnType<typeof createFeed>;

/** Intervals for polling the errors of the informers, because informers notify listeners only of changes. */
const checkMs = { loading: 100, live: 500 };

export function createFeed(options: {
  readonly client: KubeClient;
  readonly clock: Pick<CliContext, 'monotonic' | 'random'>;
  readonly setTimer: SetTimer;
  readonly signal: AbortSignal;
}) {
  const { client, clock, setTimer, signal } = options;
  const view = createClusterView(client, clock, signal);
  const { accounts, apps, configs, events, pods } = view;
  const subscribers = createSubscribers(view, setTimer, signal);
  let lastStatus = '';
  let lastHidden = '';
  let nextCheck = Promise.withResolvers<void>();
  const check = (): void => {
    nextCheck.resolve();
    if (signal.aborted) return;
    nextCheck = Promise.withResolvers();
    pods.fallBack(view.targets());
    const status = view.status();
    const text = JSON.stringify(status);
    if (text !== lastStatus) {
      // Sends the pending rows first, because the status that follows reports the rows as complete.
      subscribers.flush();
      subscribers.sendStatus(status);
    }
    lastStatus = text;
    const hidden = view.hidden();
    // Watches report only changes of objects. Rows that were hidden because the user could not read them must therefore
    // be sent again when the user can read them.
    if (hidden !== lastHidden) subscribers.resend();
    lastHidden = hidden;
    const isLoading = sources.some((source) => status[source].state === 'loading');
    setTimer(check, isLoading ? checkMs.loading : checkMs.live);
  };
  setTimer(check, 0);

  const changesOf = (account: LinkedServiceAccount): readonly Change[] =>
    timeline(
      account,
      events.store
        .byIndex('account', account.metadata.name)
        .filter(({ regarding }) => regarding?.uid === undefined || regarding.uid === account.metadata.uid)
        .map(objectEvent),
    ).map((change) => ({ ...change, account: account.metadata.name }));

  return {
    /** Sends the current state, then each change. Returns a function that ends the subscription. */
    subscribe: (send: (message: FeedMessage) => void): (() => void) => subscribers.subscribe(send),
    subscribers: subscribers.count,
    account: (name: string): LinkedServiceAccount | undefined => accounts.store.get(name),
    /** Returns the changes of the named account, or of all accounts if none is named. Newest first. */
    changes(name: string | undefined, most: number): Changes {
      const chosen = name === undefined ? accounts.store.list() : [accounts.store.get(name)];
      const all = chosen
        .flatMap((account) => (account ? changesOf(account) : []))
        .map((change) => [Date.parse(change.time), change] as const)
        .sort(([one], [other]) => other - one);
      return { items: all.slice(0, most).map(([, change]) => change), total: all.length };
    },
    impact(name: string): Impact | undefined {
      const account = accounts.store.get(name);
      const status = view.status();
      const users = status.apps.state === 'failed' ? undefined : apps.store.byIndex('account', name);
      const running = status.pods.state === 'failed' ? undefined : pods.byServiceAccount(name);
      return account && impactOf(account, users, running);
    },
    accounts: (): readonly LinkedServiceAccount[] => accounts.store.list(),
    /** Facts about the cluster; undefined while it has no ready ClusterConfig that the user is permitted to read. */
    facts(): ClusterFacts | undefined {
      const state = clusterState(configs.store.list());
      return state.ok ? state.facts : undefined;
    },
    /**
     * Resolves when the accounts have been listed and each of the other kinds has been listed or has failed. If an
     * answer were computed earlier, it would silently omit objects.
     * @throws the error of the list of accounts, if it never succeeded or if the user is no longer permitted to read them
     * @throws CliError of code UNAUTHENTICATED if the session ends first
     */
    async listed(...others: readonly Source[]): Promise<void> {
      const kinds: readonly Source[] = ['accounts', ...others];
      const isLoading = (): boolean => kinds.some((kind) => view.status()[kind].state === 'loading');
      while (!signal.aborted && isLoading()) await nextCheck.promise;
      if (signal.aborted) throw new CliError('UNAUTHENTICATED', 'the session has ended');
      const error = accounts.lastError();
      if (error && (!accounts.hasSynced() || isForbidden(error))) throw error;
    },
  };
}
