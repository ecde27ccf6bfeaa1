/**
 * An AWS on loopback: one HTTP endpoint for IAM, STS, EKS, EKS Auth and S3, to which stock SDKs and the stock CLI are pointed by
 * `AWS_ENDPOINT_URL`. It is strict where AWS is strict, because whatever it let through would fail on AWS.
 */
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AccountOptions } from './account.ts';
import { createAccount } from './account.ts';
import { createAdmin } from './admin.ts';
import type { Faults } from './faults/faults.ts';
import { createFaults } from './faults/faults.ts';
import type { FaultSettingsInput } from './faults/settings.ts';
import { createHandler } from './handler.ts';
import type { IamState } from './iam/state.ts';
import type { RandomBytes } from './identifiers.ts';
import { createIdentifiers } from './identifiers.ts';
import type { Journal } from './journal.ts';
import { createJournal } from './journal.ts';
import type { Wall } from '../../../src/k8s/time.ts';

export type AwsEmulatorOptions = AccountOptions & {
  readonly host?: '127.0.0.1';
  /** 0 or absent: a free port. */
  readonly port?: number;
  /** Milliseconds since the epoch. */
  readonly now: () => Wall;
  readonly randomBytes: RandomBytes;
  /** The weather to begin with; none when absent. */
  readonly faults?: FaultSettingsInput;
  /** Told of faults of the emulator itself, whose callers got a plain 500. */
  readonly onError?: (error: unknown) => void;
};

export type AwsEmulator = {
  /** `http://127.0.0.1:PORT`, the value for `AWS_ENDPOINT_URL`. */
  readonly url: string;
  readonly state: IamState;
  readonly journal: Journal;
  readonly faults: Faults;
  /** Ends open connections too. */
  readonly close: () => Promise<void>;
};

/** Rejects when the port is taken or a policy among the credentials is malformed. */
export async function startAwsEmulator(options: AwsEmulatorOptions): Promise<AwsEmulator> {
  const { region, now, onError = () => {}, host = '127.0.0.1' } = options;
  const identifiers = createIdentifiers(options.randomBytes);
  const faults = createFaults(options.faults);
  const journal = createJournal();
  const account = createAccount(options, { identifiers, faults, startedAt: now() });
  const admin = createAdmin({ account, journal, faults, region, now });
  const handle = createHandler({ account, admin, identifiers, faults, journal, region, now, onError });
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch((error: unknown) => {
      incoming.socket.destroy();
      // A client that goes away in the middle of its request is no fault of the emulator.
      if (incoming.complete) onError(error);
    });
  });
  // Longer than SDKs keep idle connections, so that none is closed under a request that is just being sent.
  server.keepAliveTimeout = 75_000;
  const port = await listen(server, host, options.port ?? 0);
  return { url: `http://${host}:${port}`, state: account.state, journal, faults, close: () => close(server) };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return address.port;
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
