import { describe, expect, test } from 'vitest';
import { KubeApiError, KubeUnreachableError } from './errors.ts';
import type { KubeClient } from './kube-client.ts';
import {
  createLeaderElector,
  longestLeaseMs,
  NotLeadingError,
  type Lease,
  type LeadershipEnd,
} from './leases.ts';
import { createSimulatedTime, type SimulatedTime } from './testing/simulated-time.ts';
import { leases } from './resources.ts';
import type { SetTimer } from './timing.ts';
import type { Monotonic, Wall } from '../k8s/time.ts';

type LeaseClient = Pick<KubeClient, 'get' | 'create' | 'update'>;
/**
 * Faults of the server. `slow` and `late`: the server processes the request at once, but responds only after four
 * seconds (`slow`) or six seconds (`late`). A try times out after five seconds.
 */
type Fault = 'refused' | 'silent' | 'answer lost' | 'slow' | 'late';

/** Server with one Lease in memory and optimistic locking. A real server cannot be used, because time is simulated. */
function createLeaseServer() {
  let lease: Lease | undefined;
  let version = 0;
  const refuse = (code: number, reason: string): never => {
    throw new KubeApiError({ code, reason });
  };
  const write = (next: Lease): Lease => {
    version += 1;
    lease = structuredClone({ ...next, metadata: { ...next.metadata, resourceVersion: String(version) } });
    return structuredClone(lease);
  };
  return {
    present: () => lease,
    client(fault: () => Fault | undefined, setTimer: SetTimer): LeaseClient {
      const through = async <R>(act: () => R, signal: AbortSignal | undefined): Promise<R> => {
        const present = fault();
        if (present === 'refused') throw new KubeUnreachableError('refused', 'https://x', 'refused');
        if (present === undefined) return act();
        if (present === 'slow' || present === 'late') {
          const answer = act();
          return new Promise(
            (resolve) => void setTimer(() => resolve(answer), present === 'slow' ? 4_000 : 6_000),
          );
        }
        if (present === 'answer lost') act();
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
      };
      return {
        get: (_resource, _ref, options) =>
          through(() => structuredClone(lease ?? refuse(404, 'NotFound')) as never, options?.signal),
        create: (_resource, object, options) =>
          through(
            () => (lease ? refuse(409, 'AlreadyExists') : (write(object as Lease) as never)),
            options?.signal,
          ),
        update: (_resource, object, options) =>
          through(
            () =>
              lease?.metadata.resourceVersion === object.metadata.resourceVersion
                ? (write(object as Lease) as never)
                : refuse(409, 'Conflict'),
            options?.signal,
          ),
      };
    },
  };
}

type Server = ReturnType<typeof createLeaseServer>;

/** Process with a leader elector. A test can change its wall clock and inject faults into its requests. */
function createProcess(server: Server, world: SimulatedTime, identity: string) {
  let fault: Fault | undefined;
  let skew = 0;
  const log: string[] = [];
  const elector = createLeaderElector({
    client: server.client(() => fault, world.setTimer),
    namespace: 'kube-system',
    name: 'operator',
    identity,
    now: world.now,
    wallClock: () => (1e12 + world.now() + skew) as Wall,
    random: () => 1,
    setTimer: world.setTimer,
  });
  const stop = new AbortController();
  let end: LeadershipEnd | undefined;
  let finishWork = (): void => {};
  const run = async (): Promise<void> => {
    end = await elector.run(stop.signal, async (signal) => {
      log.push(`leads at ${world.now()}`);
      await new Promise<void>((resolve) => {
        finishWork = resolve;
        signal.addEventListener('abort', () => log.push(`signal aborted at ${world.now()}`), { once: true });
      });
    });
    log.push(`${end} at ${world.now()}`);
  };
  return {
    elector,
    log,
    start: () => void run(),
    stop: () => stop.abort(),
    finishWork: () => finishWork(),
    setFault: (next: Fault | undefined) => {
      fault = next;
    },
    turnWallClock: (ms: number) => {
      skew += ms;
    },
    leads: () => elector.isLeading(),
  };
}

function setUp() {
  const world = createSimulatedTime();
  const server = createLeaseServer();
  const a = createProcess(server, world, 'a');
  const b = createProcess(server, world, 'b');
  return { world, server, a, b };
}

describe('leadership', () => {
  test('is held by one process, is renewed, and is written to the Lease in the format of client-go', async () => {
    const { world, server, a, b } = setUp();
    a.start();
    await world.advance(100);
    b.start();
    await world.advance(60_000);
    expect([a.leads(), b.leads()]).toEqual([true, false]);
    expect([a.elector.holder(), b.elector.holder()]).toEqual(['a', 'a']);
    expect(server.present()?.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2001-09-09T01:46:40.000000Z',
      renewTime: '2001-09-09T01:47:40.000000Z',
      leaseTransitions: 0,
    });
    a.elector.assertLeading();
    expect(() => b.elector.assertLeading()).toThrow(NotLeadingError);
  });

  test("passes to another process as soon as the leader's work has ended and the leader has released the Lease", async () => {
    const { world, server, a, b } = setUp();
    a.start();
    b.start();
    await world.advance(5_000);
    a.stop();
    await world.advance(40_000);
    expect(a.log).toEqual(['leads at 0', 'signal aborted at 5000']);
    expect([a.leads(), b.leads()]).toEqual([true, false]);
    a.finishWork();
    await world.advance(2_000);
    expect(a.log.at(-1)).toBe('stopped at 45000');
    expect([a.leads(), b.leads()]).toEqual([false, true]);
    expect(server.present()?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test('passes to another process within the lease duration and one retry period when the leader dies', async () => {
    const { world, a, b } = setUp();
    a.start();
    b.start();
    await world.advance(5_000);
    // No further request from `a` arrives, as after SIGKILL.
    a.setFault('silent');
    const diedAt = world.now();
    await world.advance(60_000);
    const took = Number(/\d+/.exec(b.log[0] ?? '')?.[0]) - diedAt;
    expect(took).toBeLessThanOrEqual(15_000 + 2_000);
    expect(took).toBeGreaterThan(10_000);
  });

  test('does not pass to a waiting candidate while the leader renews the Lease, and a stop ends the wait', async () => {
    const { world, a, b } = setUp();
    a.start();
    await world.advance(10);
    b.start();
    await world.advance(10_000);
    b.stop();
    await world.settle();
    expect(b.log).toEqual(['stopped at 10010']);
    expect(a.leads()).toBe(true);
  });

  test('is won by exactly one of several candidates that try at the same time', async () => {
    const { world, a, b } = setUp();
    a.start();
    b.start();
    await world.advance(1_000);
    expect([a.leads(), b.leads()].filter(Boolean)).toHaveLength(1);
  });
});

describe('a leader', () => {
  test.each<Fault>(['refused', 'silent', 'answer lost'])(
    'whose renewals fail (%s) stops at its renew deadline, before another process can lead',
    async (fault) => {
      const { world, a, b } = setUp();
      a.start();
      await world.advance(100);
      b.start();
      await world.advance(900);
      a.setFault(fault);
      await world.advance(9_000);
      expect(a.leads()).toBe(false);
      expect(b.leads()).toBe(false);
      expect(a.log.slice(1)).toEqual(['signal aborted at 10000', 'lost at 10000']);
      expect(() => a.elector.assertLeading()).toThrow(NotLeadingError);
      await world.advance(20_000);
      expect(b.leads()).toBe(true);
    },
  );

  test('keeps leadership through a fault that ends one retry period before its renew deadline', async () => {
    const { world, a } = setUp();
    a.start();
    await world.advance(1_000);
    a.setFault('refused');
    await world.advance(6_500);
    a.setFault(undefined);
    await world.advance(60_000);
    expect(a.leads()).toBe(true);
    expect(a.log).toEqual(['leads at 0']);
  });

  test('keeps leadership if the response to a renewal was lost', async () => {
    const { world, a } = setUp();
    a.start();
    await world.advance(1_000);
    a.setFault('answer lost');
    await world.advance(2_000);
    a.setFault(undefined);
    await world.advance(30_000);
    expect(a.leads()).toBe(true);
  });

  test('counts its renew deadline from the time when a renewal was sent, not from the response, because candidates may observe the renewal earlier', async () => {
    const { world, a } = setUp();
    a.start();
    await world.advance(1_000);
    a.setFault('slow');
    await world.advance(1_500);
    // The renewal is sent two seconds after the start, and its response arrives six seconds after the start.
    a.setFault('silent');
    await world.advance(20_000);
    expect(a.log).toEqual(['leads at 0', 'signal aborted at 12000', 'lost at 12000']);
  });

  test('that has lost leadership does not regain it through a late response', async () => {
    const { world, a } = setUp();
    a.start();
    await world.advance(1_000);
    a.setFault('late');
    await world.advance(9_500);
    expect(a.log.at(-1)).toBe('lost at 10000');
    a.setFault(undefined);
    for (let second = 0; second < 20; second += 1) {
      await world.advance(1_000);
      expect(a.leads()).toBe(false);
    }
  });

  test('releases the Lease even if a renewal is in flight', async () => {
    const { world, server, a, b } = setUp();
    a.start();
    await world.advance(100);
    b.start();
    await world.advance(1_400);
    a.setFault('answer lost');
    await world.advance(600);
    a.setFault(undefined);
    a.stop();
    a.finishWork();
    await world.settle();
    expect(server.present()?.spec?.holderIdentity).toBe('');
    await world.advance(2_000);
    expect(b.leads()).toBe(true);
  });

  test('that was paused for too long does not lead when it resumes, even before its timers have run', async () => {
    const world = createSimulatedTime();
    const server = createLeaseServer();
    // The timers of a paused process do not run, but its clock continues.
    const paused = createSimulatedTime();
    let offset = 0;
    const elector = createLeaderElector({
      client: server.client(() => undefined, paused.setTimer),
      namespace: 'kube-system',
      name: 'operator',
      identity: 'a',
      now: () => (paused.now() + offset) as Monotonic,
      wallClock: () => (1e12 + paused.now() + offset) as Wall,
      random: () => 1,
      setTimer: paused.setTimer,
    });
    let reported = false;
    let end: LeadershipEnd | undefined;
    const run = async (): Promise<void> => {
      end = await elector.run(new AbortController().signal, (signal) => {
        signal.addEventListener('abort', () => {
          reported = true;
        });
        return new Promise(() => {});
      });
    };
    void run();
    await paused.advance(3_000);
    const b = createProcess(server, world, 'b');
    b.start();
    await world.advance(60_000);
    expect(b.leads()).toBe(true);
    offset = 60_000;
    expect(elector.isLeading()).toBe(false);
    expect(() => elector.assertLeading()).toThrow(NotLeadingError);
    await paused.advance(2_000);
    expect([reported, end]).toEqual([true, 'lost']);
    expect(server.present()?.spec?.holderIdentity).toBe('b');
  });

  test('stops after the machine was suspended, although a suspend stops the monotonic clock', async () => {
    const { world, a } = setUp();
    a.start();
    await world.advance(3_000);
    a.turnWallClock(3_600_000);
    expect(a.leads()).toBe(false);
    await world.advance(2_000);
    expect(a.log.at(-1)).toMatch(/^lost/);
  });

  test('continues when the wall clock is set back', async () => {
    const { world, a } = setUp();
    a.start();
    await world.advance(3_000);
    a.turnWallClock(-3_600_000);
    await world.advance(30_000);
    expect(a.leads()).toBe(true);
  });

  test("releases the Lease and rejects with the error if the leader's work fails", async () => {
    const { world, server } = setUp();
    const elector = createLeaderElector({
      client: server.client(() => undefined, world.setTimer),
      namespace: 'n',
      name: 'l',
      identity: 'a',
      now: world.now,
      wallClock: world.wallClock,
      random: () => 1,
      setTimer: world.setTimer,
    });
    const run = elector.run(new AbortController().signal, () => Promise.reject(new Error('work')));
    await expect(run).rejects.toThrow('work');
    expect(server.present()?.spec?.holderIdentity).toBe('');
    expect(world.pending()).toBe(0);
  });
});

describe('another writer of the Lease', () => {
  const stalled = (leaseDurationSeconds: number): Lease => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace: 'kube-system', name: 'operator' },
    spec: { holderIdentity: 'stranger', leaseDurationSeconds },
  });

  test('stalls the candidates for at most five minutes per write, whatever lease duration the write sets', async () => {
    const { world, server, a } = setUp();
    await server.client(() => undefined, world.setTimer).create(leases, stalled(365 * 24 * 3_600));
    a.start();
    await world.advance(longestLeaseMs - 1_000);
    expect(a.leads()).toBe(false);
    expect(a.elector.holder()).toBe('stranger');
    await world.advance(1_000 + 2_000);
    expect(a.leads()).toBe(true);
  });

  test('prevents leadership while it renews the Lease, and the reported age of the Lease shows these renewals', async () => {
    const { world, server, a } = setUp();
    expect(a.elector.ageMs()).toBeUndefined();
    const stranger = server.client(() => undefined, world.setTimer);
    await stranger.create(leases, stalled(60));
    a.start();
    await world.advance(30_000);
    expect(a.elector.ageMs()).toBe(30_000);
    // No other process leads as long as the Lease is renewed.
    const renew = async (): Promise<void> => {
      const present = await stranger.get<Lease>(leases, { namespace: 'kube-system', name: 'operator' });
      await stranger.update(leases, present);
    };
    for (let minute = 0; minute < 30; minute += 1) {
      await renew();
      await world.advance(59_000);
    }
    expect(a.leads()).toBe(false);
    expect(a.elector.ageMs()).toBeLessThan(60_000);
    await world.advance(5_000);
    expect(a.leads()).toBe(true);
    await world.advance(60_000);
    expect(a.elector.ageMs()).toBeLessThanOrEqual(2_000);
  });
});

test('lease periods that contradict each other cause a TypeError', () => {
  const { world, server } = setUp();
  const make = (periods: object) => () =>
    createLeaderElector({
      client: server.client(() => undefined, world.setTimer),
      namespace: 'n',
      name: 'l',
      identity: 'a',
      now: world.now,
      wallClock: world.wallClock,
      random: () => 1,
      ...periods,
    });
  expect(make({ leaseDurationMs: 10_000, renewDeadlineMs: 10_000 })).toThrow(TypeError);
  expect(make({ renewDeadlineMs: 2_000, retryPeriodMs: 2_000 })).toThrow(TypeError);
  expect(make({ leaseDurationMs: longestLeaseMs + 1_000 })).toThrow(TypeError);
});
