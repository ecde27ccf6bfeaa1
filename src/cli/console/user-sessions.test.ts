import { describe, expect, it } from 'vitest';
import type { Monotonic } from '../../k8s/time.ts';
import { createUserSessions, mostUsers } from './user-sessions.ts';

type User = { readonly token: string; readonly signal: AbortSignal };

function createSource() {
  const state = { now: 0, rejected: new Set<string>(), watching: new Set<string>(), closed: [] as string[] };
  const users: User[] = [];
  const sessions = createUserSessions<string, User>({
    now: () => state.now as Monotonic,
    async authenticate(token) {
      await Promise.resolve();
      if (state.rejected.has(token)) throw new Error('401');
      return token;
    },
    isRejected: async (token) => state.rejected.has(token),
    close: (token) => void state.closed.push(token),
    start(token, signal) {
      const user = { token, signal };
      users.push(user);
      return user;
    },
    isWatching: ({ token }) => state.watching.has(token),
  });
  const tokenOf = async ({ token }: User): Promise<string> => token;
  return { state, users, sessions, use: (token: string) => sessions.use(token, tokenOf) };
}

describe('a session of the console', () => {
  it('is shared by all requests with the same token, including concurrent first requests', async () => {
    const { users, use } = createSource();
    expect(await Promise.all([use('a'), use('a'), use('b')])).toEqual(['a', 'a', 'b']);
    await use('a');
    expect(users.map(({ token }) => token)).toEqual(['a', 'b']);
  });

  it('ends 60 s after the last request if no page of the user is open', async () => {
    const { state, users, sessions, use } = createSource();
    await Promise.all([use('a'), use('b')]);
    state.watching.add('b');
    state.now = 60_000;
    await sessions.check();
    expect(state.closed).toEqual([]);
    state.now = 60_001;
    await sessions.check();
    expect(users.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    expect(state.closed).toEqual(['a']);
  });

  it('does not end while the console answers a request, however long the answer takes', async () => {
    const { state, users, sessions } = createSource();
    const answer = Promise.withResolvers<string>();
    const request = sessions.use('a', () => answer.promise);
    await expect.poll(() => users.length).toBe(1);
    state.now = 300_000;
    await sessions.check();
    expect(users[0]?.signal.aborted).toBe(false);
    answer.resolve('released');
    expect(await request).toBe('released');
    state.now = 360_000;
    await sessions.check();
    expect(users[0]?.signal.aborted).toBe(false);
    state.now = 360_001;
    await sessions.check();
    expect(users[0]?.signal.aborted).toBe(true);
  });

  it('ends when the API server rejects its token, even if a page of the user is open', async () => {
    const { state, users, sessions, use } = createSource();
    await use('a');
    state.watching.add('a');
    state.rejected.add('a');
    await sessions.check();
    expect(users[0]?.signal.aborted).toBe(true);
    await expect(use('a')).rejects.toThrow('401');
  });

  it('is refused to another user while the limit of sessions is reached, and requests with rejected tokens do not count toward the limit', async () => {
    const { state, use } = createSource();
    state.rejected.add('invalid');
    for (let user = 1; user < mostUsers; user += 1) await use(`user-${user}`);
    await expect(use('invalid')).rejects.toThrow('401');
    await use('last');
    await expect(use('one more')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(state.closed).toEqual(['one more']);
    expect(await use('last')).toBe('last');
  });

  it('ends when the console ends, whichever user the session belongs to', async () => {
    const { users, sessions, use } = createSource();
    await Promise.all([use('a'), use('b')]);
    sessions.endAll();
    expect(users.every(({ signal }) => signal.aborted)).toBe(true);
  });
});
