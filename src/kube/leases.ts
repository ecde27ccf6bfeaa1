/**
 * Leader election over a Lease, after client-go's `tools/leaderelection`: at most one of several processes leads.
 *
 * Clocks are never compared between processes. A candidate takes over when the Lease has not changed for its duration
 * by the candidate's own clock; the leader stops by its own clock before that, counting from before it sent its last
 * renewal. A process that was paused therefore finds its time run out before it writes anything: `assertLeading` is
 * to be called right before each write (`beforeWrite` of the client, and the same elsewhere).
 * What was sent while the lease held, and is slower than the margin between deadline and duration, is out of reach.
 */
import { formatMicroTime } from '../k8s/timestamps.ts';
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import type { KubeClient } from './kube-client.ts';
import { silentLogger, type Logger } from './logger.ts';
import type { KubeObject } from './object.ts';
import { leases } from './resources.ts';
import { sleep, systemTimer, type Random, type SetTimer } from './timing.ts';
import type { Monotonic, Wall } from '../k8s/time.ts';

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

/** Thrown in place of a write by a process that does not lead, or not any more. */
export class NotLeadingError extends Error {
  override readonly name = 'NotLeadingError';
}

export type LeaderElectorOptions = {
  /** One of its own, without `beforeWrite` and with its own rate: renewals must not wait behind other requests. */
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update'>;
  readonly namespace: string;
  readonly name: string;
  /** Unique among the candidates; a pod's name and something random. */
  readonly identity: string;
  /** How long others wait after the last renewal; client-go: 15 s. Whole seconds. */
  readonly leaseDurationMs?: number | undefined;
  /** How long we lead after the last renewal; client-go: 10 s. Has to be less than the duration. */
  readonly renewDeadlineMs?: number | undefined;
  /** Between tries; client-go: 2 s. */
  readonly retryPeriodMs?: number | undefined;
  /** A monotonic clock, which goes on while the process is paused. */
  readonly now: () => Monotonic;
  /** Milliseconds since the epoch: for the times in the Lease, and to notice that the machine slept. */
  readonly wallClock: () => Wall;
  readonly random: Random;
  readonly setTimer?: SetTimer | undefined;
  readonly logger?: Logger | undefined;
};

/** `lost`: someone else may lead now, and this process has to end. `stopped`: by its own will. */
export type LeadershipEnd = 'lost' | 'stopped';

export type LeaderElector = {
  /**
   * Waits for the lead, then runs `lead` with a signal that aborts when the lead ends. When `signal` aborts, `lead` is
   * waited for, with the lease held meanwhile, and the lease is given free. Resolves at once when the lead is lost,
   * without waiting for `lead`. Rejects with what `lead` rejects with.
   */
  run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<LeadershipEnd>;
  isLeading(): boolean;
  /** @throws NotLeadingError */
  readonly assertLeading: () => void;
  /** Who holds the lease, as last seen. */
  holder(): string | undefined;
  /** Milliseconds since the Lease was last seen to change; absent before it was seen. */
  ageMs(): number | undefined;
};

/**
 * The longest duration in a Lease that candidates respect, in milliseconds. One write by whoever may update the Lease would
 * otherwise stall all operators for as long as it says.
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
    throw new TypeError(`a lease lasts at most ${longestLeaseMs / 1000} seconds`);
  if (renewDeadlineMs >= leaseDurationMs || retryPeriodMs >= renewDeadlineMs)
    throw new TypeError(
      'of a lease, the retry period has to be less than the deadline, and that less than the duration',
    );

  /** The Lease as last seen, and when it was first seen so. */
  let observed: { readonly lease: Lease; readonly since: number } | undefined;
  /** When the renewal that succeeded last was sent, by both clocks; absent while someone else leads. */
  let renewed: { readonly at: number; readonly wallAt: number } | undefined;

  /** By whichever clock more time went by: a machine that slept stops the monotonic one, an adjustment turns the other. */
  const sinceRenewal = (since: NonNullable<typeof renewed>): number =>
    Math.max(now() - since.at, wallClock() - since.wallAt);

  const isLeading = (): boolean => renewed !== undefined && sinceRenewal(renewed) < renewDeadlineMs;

  const observe = (lease: Lease): void => {
    if (observed?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion)
      observed = { lease, since: now() };
  };

  /** How long the holder, who is not us, can still count on the lease by our clock. */
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

  /** One try. Whether we hold the lease afterwards. */
  const acquireOrRenew = async (signal: AbortSignal): Promise<boolean> => {
    // Renewals go without a read, as long as nobody else wrote.
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
          // An answer that comes after the lead was given up must not bring it back.
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
        // Someone else wrote, or our own answer was lost: look.
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

  /** Absent when another one was quicker. */
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

  /** As `acquireOrRenew`, within a time that leaves room for another try before the deadline. */
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
      if (!signal.aborted) logger.warn('Trying for the lease failed', { error });
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

  /** Until `work` is done, which never rejects, but no longer than so. */
  const orFor = (ms: number, work: Promise<unknown>): Promise<void> =>
    new Promise((resolve) => {
      const cancel = setTimer(resolve, ms);
      void work.then(cancel).then(resolve);
    });

  /** Renews until `signal` aborts (resolves false) or the lease is lost (true). */
  const keep = async (signal: AbortSignal): Promise<boolean> => {
    const leftMs = (): number => (renewed ? Math.max(0, renewDeadlineMs - sinceRenewal(renewed)) : 0);
    while (!signal.aborted) {
      await sleep(setTimer, Math.min(retryPeriodMs, leftMs()), signal);
      if (signal.aborted) return false;
      if (!isLeading()) return true;
      // A try that fails leaves `renewed` as it is, unless it has seen another holder.
      await orFor(leftMs(), attempt(signal));
      if (!signal.aborted && !isLeading()) return true;
    }
    return false;
  };

  /** Gives the lease free, so that the next one need not wait for its end. */
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
          // A renewal that was under way may have gone through.
          if (!isConflict(error)) throw error;
          held = await client.get<Lease>(leases, { namespace, name }, { signal });
        }
      }
    } catch (error) {
      logger.warn('Giving the lease free failed', { error });
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
        // When the lease is lost nobody waits for it any more, but a rejection must not go unheard.
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
