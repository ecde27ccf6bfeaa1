/**
 * Sessions of a console that serves several users. Each request contains its user's bearer token, and each token has one
 * session.
 */
import { createHash } from 'node:crypto';
import { CliError } from '../framework/errors.ts';
import type { Monotonic } from '../../k8s/time.ts';

/** Time in milliseconds between a user's last request and the end of the session. */
const idleMs = 60_000;
/** Maximum number of users. Limits the memory of the console, because each user has separate informers. */
export const mostUsers = 20;

/** Functions that create, check and end the parts of a session. */
export type SessionSource<Client, User> = {
  readonly now: () => Monotonic;
  /** Returns a client for the token. @throws KubeApiError, with status 401 for a token that the API server rejects */
  readonly authenticate: (token: string) => Promise<Client>;
  /** Returns whether the API server now rejects the token of the client. */
  readonly isRejected: (client: Client) => Promise<boolean>;
  readonly close: (client: Client) => void;
  readonly start: (client: Client, signal: AbortSignal) => User;
  /** Whether a page of the user is open. */
  readonly isWatching: (user: User) => boolean;
};

export function createUserSessions<Client, User>(source: SessionSource<Client, User>) {
  type Session = {
    readonly client: Client;
    readonly user: User;
    readonly ended: AbortController;
    /**
     * Number of requests in progress. A session with such a request is not idle: the release of a quarantine takes
     * minutes.
     */
    inFlight: number;
    lastUsed: Monotonic;
  };
  const sessions = new Map<string, Session>();
  const opening = new Map<string, Promise<Session>>();

  const end = (key: string): void => {
    const session = sessions.get(key);
    sessions.delete(key);
    session?.ended.abort();
    if (session) source.close(session.client);
  };

  const open = async (key: string, token: string): Promise<Session> => {
    const client = await source.authenticate(token);
    // Only authenticated users count towards the limit, so that requests with invalid tokens cannot exclude users with
    // valid tokens.
    if (sessions.size >= mostUsers) {
      source.close(client);
      throw new CliError('CONFLICT', `${mostUsers} users are connected, which is the limit of this console`, {
        next: ['Try again in a minute, or run kon console on your machine.'],
      });
    }
    const ended = new AbortController();
    const user = source.start(client, ended.signal);
    const session: Session = { client, user, ended, inFlight: 0, lastUsed: source.now() };
    sessions.set(key, session);
    return session;
  };

  const sessionOf = (token: string): Promise<Session> => {
    // Uses the digest as key, so that a memory dump of the map contains no tokens.
    const key = createHash('sha256').update(token).digest('hex');
    const known = sessions.get(key);
    if (known) return Promise.resolve(known);
    // Concurrent first requests share one session. A second session would replace the first one in the map. `check`
    // would then no longer end the first one when its token expires.
    const pending = opening.get(key) ?? open(key, token).finally(() => opening.delete(key));
    opening.set(key, pending);
    return pending;
  };

  const isIdle = ({ user, inFlight, lastUsed }: Session): boolean =>
    inFlight === 0 && !source.isWatching(user) && source.now() - lastUsed > idleMs;

  return {
    /** Answers a request in the session of the user who has this token. */
    async use<Answer>(token: string, answer: (user: User) => Promise<Answer>): Promise<Answer> {
      const session = await sessionOf(token);
      session.inFlight += 1;
      try {
        return await answer(session.user);
      } finally {
        session.inFlight -= 1;
        session.lastUsed = source.now();
      }
    },
    /**
     * Ends the sessions of idle users, and of users whose token has expired or was revoked. Only a new request can detect
     * a rejected token, because a watch continues after its token expires.
     */
    async check(): Promise<void> {
      await Promise.all(
        [...sessions].map(async ([key, session]) => {
          if (isIdle(session) || (await source.isRejected(session.client))) end(key);
        }),
      );
    },
    endAll(): void {
      for (const key of sessions.keys()) end(key);
    },
  };
}
