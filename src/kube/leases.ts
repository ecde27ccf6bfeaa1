/**
 * Leader election with a Lease, modelled on client-go's `tools/leaderelection`: at most one of several processes leads.
 *
 * Clocks are never compared between processes. A candidate takes over when the Lease has not changed for the lease
 * duration by the candidate's clock. The leader stops earlier: when, by the leader's clock, the renew deadline has
 * passed since its last renewal was sent.
 *
 * A process that was paused must notice before its next write that its lease has expired. Therefore, call
 * `assertLeading` right before each write (`beforeWrite` of the client, or its equivalent in other clients). A request
 * that was sent while the process led cannot be stopped: if it takes longer than the margin between the renew deadline
 * and the lease duration, another process may lead when it arrives.
 */
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import type { KubeClient } from './kube-client.ts';
import { silentLogger, type Logger } from './logger.ts';
import type { KubeObject } from './object.ts';
import { leases } from './resources.ts';
import { sleep, systemTimer, type Random, type SetTimer } from './timing.ts';
import { type Monotonic, type Wall, formatMicroTime } from '../k8s/time.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/ */
export type Lease = KubeObject & {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
};

/** Thrown by `assertLeading` if the process does not lead. */
export class NotLeadingError extends Error {
  override readonly name = 'NotLeadingError';
}

export type LeaderElectorOptions = {
  /**
   * Client for the Lease, separate from the client for other requests. It has a rate limit of its own and no
   * `beforeWrite`, so that renewals never wait for other requests.
   */
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update'>;
  readonly namespace: string;
  readonly name: string;
  /** Identity of this process, unique among the candidates: for example the pod's name with a random suffix. */
  readonly identity: string;
  /**
   * Time that candidates wait after the last renewal before they acquire the lease, in whole seconds; client-go: 15 s.
   */
  readonly leaseDurationMs?: number | undefined;
  /**
   * Time that the leader continues to lead after its last renewal; client-go: 10 s. The renew deadline must be shorter
   * than the lease duration.
   */
  readonly renewDeadlineMs?: number | undefined;
  /** Time between tries to acquire or renew the lease; client-go: 2 s. */
  readonly retryPeriodMs?: number | undefined;
  /** Monotonic clock that continues while the process is paused. */
  readonly now: () => Monotonic;
  /** Clock for the times in the Lease and for detecting that the machine was suspended. */
  readonly wallClock: () => Wall;
  readonly random: Random;
  readonly setTimer?: SetTimer | undefined;
  readonly logger?: Logger | undefined;
};

/**
 * Reason why leadership ended. `lost`: another process may lead now, so this process has to exit. `stopped`: the
 * caller's signal aborted.
 */
export type LeadershipEnd = 'lost' | 'stopped';

export type LeaderElector = {
  /**
   * Waits to become leader, and then runs `lead` with a signal that aborts when leadership ends. When `signal` aborts,
   * the process holds the lease until `lead` has ended, and then releases the lease. When the lease is lost, the
   * promise resolves at once, without waiting for `lead`. If `lead` rejects, the promise rejects with the same error.
   */
  run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<LeadershipEnd>;
  isLeading(): boolean;
  /** @throws NotLeadingError */
  readonly assertLeading: () => void;
  /** Last observed holder of the lease. */
  holder(): string | undefined;
  /** Milliseconds since the last observed change of the Lease; undefined if no Lease was observed. */
  ageMs(): number | undefined;
};

/**
 * Maximum lease duration that candidates respect, in milliseconds. Without this limit, any user with permission to
 * update the Lease could stall all candidates indefinitely by a single write.
 */
export const longestLeaseMs = 300_000;

export function createLeaderElector(options: LeaderElectorOptions): LeaderElector {
  const { client, namespace, name, identity, now, wallClock, random } = options;
  const setTimer = options.setTimer ?? systemTimer;
  const leaseDurationMs = options.leaseDurationMs ?? 15_000;
  const renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
  const retryPeriodMs = options.retryPeriodMs ?? 2_000;
  const logger = (options.logger ?? silentLogger).with({ lease: `${namespace}/${name}`, identity });
  if (leaseDurationMs > longestLeaseMs)
    throw new TypeError(`the lease duration must not exceed ${longestLeaseMs / 1000} seconds`);
  if (renewDeadlineMs >= leaseDurationMs || retryPeriodMs >= renewDeadlineMs)
    throw new TypeError(
      'the retry period of a lease must be shorter than the renew deadline, and the renew deadline must be shorter than the duration of the lease',
    );

  /** Last observed version of the Lease, and the time when this version was first observed. */
  let observed: { readonly lease: Lease; readonly since: number } | undefined;
  /**
   * Time when the last successful renewal was sent, by the monotonic clock and by the wall clock; undefined while
   * another process leads.
   */
  let renewed: { readonly at: number; readonly wallAt: number } | undefined;

  /**
   * Time since the renewal. The clock that shows more time counts. A suspend stops the monotonic clock, and an
   * adjustment may set the wall clock back.
   */
  const sinceRenewal = (since: NonNullable<typeof renewed>): number =>
    Math.max(now() - since.at, wallClock() - since.wallAt);

  const isLeading = (): boolean => renewed !== undefined && sinceRenewal(renewed) < renewDeadlineMs;

  const observe = (lease: Lease): void => {
    if (observed?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion)
      observed = { lease, since: now() };
  };

  /** Remaining time until a lease that another process holds expires, by the clock of this process. */
  const heldForMs = ({ lease, since }: NonNullable<typeof observed>): number => {
    const holder = lease.spec?.holderIdentity;
    if (!holder || holder === identity) return 0;
    const statedMs = (lease.spec?.leaseDurationSeconds ?? leaseDurationMs / 1000) * 1000;
    return since + Math.min(statedMs, longestLeaseMs) - now();
  };

  const claim = (previous: Lease['spec']): Lease['spec'] => {
    const time = formatMicroTime(wallClock());
    const ours = previous?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      acquireTime: ours ? (previous?.acquireTime ?? time) : time,
      renewTime: time,
      leaseTransitions: (previous?.leaseTransitions ?? 0) + (ours || !previous ? 0 : 1),
    };
  };

  /** Tries once to acquire or renew the lease. Returns whether this process holds the lease afterwards. */
  const acquireOrRenew = async (signal: AbortSignal): Promise<boolean> => {
    // A leader renews the last observed version without reading the Lease first. Only a conflict causes a read.
    let known = isLeading() ? observed?.lease : undefined;
    for (;;) {
      const sent = { at: now(), wallAt: wallClock() };
      try {
        if (known) {
          const updated = await client.update<Lease>(
            leases,
            { ...known, spec: claim(known.spec) ?? {} },
            { signal },
          );
          // A response that arrives after the try was aborted must not restore leadership.
          signal.throwIfAborted();
          observe(updated);
          renewed = sent;
          return true;
        }
        known = await client.get<Lease>(leases, { namespace, name }, { signal });
      } catch (error) {
        if (isNotFound(error)) {
          const lease = await create(signal, sent);
          if (lease) return true;
          known = undefined;
          continue;
        }
        if (!isConflict(error)) throw error;
        // The conflict has one of two causes: another process wrote the Lease, or the response to an earlier write of
        // this process was lost. In both cases, the next round of this loop reads the Lease again.
        known = undefined;
        continue;
      }
      observe(known);
      if (observed && heldForMs(observed) > 0) {
        renewed = undefined;
        return false;
      }
    }
  };

  /** Creates the Lease. Returns undefined if another process created it first. */
  const create = async (
    signal: AbortSignal,
    sent: NonNullable<typeof renewed>,
  ): Promise<Lease | undefined> => {
    const lease: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace },
      spec: claim(undefined) ?? {},
    };
    try {
      const created = await client.create<Lease>(leases, lease, { signal });
      signal.throwIfAborted();
      observe(created);
      renewed = sent;
      return created;
    } catch (error) {
      if (isAlreadyExists(error)) return undefined;
      throw error;
    }
  };

  /**
   * Calls `acquireOrRenew` with a timeout that leaves time for a second try before the renew deadline. Never rejects.
   */
  const attempt = async (signal: AbortSignal): Promise<boolean> => {
    const controller = new AbortController();
    const stop = (): void => controller.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const cancel = setTimer(
      () => controller.abort(new Error('the API server did not answer in time')),
      renewDeadlineMs / 2,
    );
    try {
      return await acquireOrRenew(controller.signal);
    } catch (error) {
      if (!signal.aborted) logger.warn('Acquiring or renewing the lease failed', { error });
      return false;
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
    }
  };

  const acquire = async (signal: AbortSignal): Promise<boolean> => {
    for (;;) {
      if (await attempt(signal)) return true;
      const leftMs = observed ? heldForMs(observed) : 0;
      const pauseMs = retryPeriodMs * (0.8 + 0.2 * random());
      await sleep(setTimer, leftMs > 0 ? Math.min(pauseMs, leftMs) : pauseMs, signal);
      if (signal.aborted) return false;
    }
  };

  /** Waits until `work` ends, but at most `ms` milliseconds. `work` must never reject. */
  const orFor = (ms: number, work: Promise<unknown>): Promise<void> =>
    new Promise((resolve) => {
      const cancel = setTimer(resolve, ms);
      void work.then(cancel).then(resolve);
    });

  /** Renews the lease until `signal` aborts or the lease is lost. Returns whether the lease was lost. */
  const keep = async (signal: AbortSignal): Promise<boolean> => {
    const leftMs = (): number => (renewed ? Math.max(0, renewDeadlineMs - sinceRenewal(renewed)) : 0);
    while (!signal.aborted) {
      await sleep(setTimer, Math.min(retryPeriodMs, leftMs()), signal);
      if (signal.aborted) return false;
      if (!isLeading()) return true;
      // A failed try does not end leadership before the deadline, unless the try observed that another process holds
      // the lease.
      await orFor(leftMs(), attempt(signal));
      if (!signal.aborted && !isLeading()) return true;
    }
    return false;
  };

  /** Releases the lease, so that the next leader need not wait for its expiry. */
  const release = async (): Promise<void> => {
    let held = isLeading() ? observed?.lease : undefined;
    renewed = undefined;
    const controller = new AbortController();
    const { signal } = controller;
    const cancel = setTimer(
      () => controller.abort(new Error('the API server did not answer in time')),
      retryPeriodMs,
    );
    try {
      while (held?.spec?.holderIdentity === identity) {
        const spec = {
          ...held.spec,
          holderIdentity: '',
          leaseDurationSeconds: 1,
          renewTime: formatMicroTime(wallClock()),
        };
        try {
          observe(await client.update<Lease>(leases, { ...held, spec }, { signal }));
          return;
        } catch (error) {
          // The update conflicts if a renewal in flight has succeeded. Read the Lease and try to release it again.
          if (!isConflict(error)) throw error;
          held = await client.get<Lease>(leases, { namespace, name }, { signal });
        }
      }
    } catch (error) {
      logger.warn('Releasing the lease failed', { error });
    } finally {
      cancel();
    }
  };

  return {
    isLeading,
    holder: () => observed?.lease.spec?.holderIdentity || undefined,
    ageMs: () => observed && now() - observed.since,
    assertLeading() {
      if (!isLeading())
        throw new NotLeadingError(
          `this process does not hold the lease ${namespace}/${name}, so it must not write`,
        );
    },
    async run(signal, lead) {
      if (signal.aborted || !(await acquire(signal))) return 'stopped';
      logger.info('Leading');
      const leading = new AbortController();
      const stopLead = (): void => leading.abort(signal.reason);
      signal.addEventListener('abort', stopLead, { once: true });
      if (signal.aborted) stopLead();
      const keeping = new AbortController();
      try {
        const work = lead(leading.signal).then(() => 'stopped' as const);
        // `lead` is not awaited after the lease is lost. Without this handler, its rejection would be unhandled.
        work.catch(() => {});
        const lost = keep(keeping.signal).then((isLost) =>
          isLost ? ('lost' as const) : ('stopped' as const),
        );
        const end = await Promise.race([work, lost]);
        if (end === 'lost') {
          renewed = undefined;
          logger.error('The lease was lost', { holder: observed?.lease.spec?.holderIdentity });
          leading.abort(new NotLeadingError('the lease was lost'));
        }
        return end;
      } finally {
        keeping.abort();
        signal.removeEventListener('abort', stopLead);
        await release();
      }
    },
  };
}
