/**
 * AWS emulator on the loopback interface: one HTTP endpoint for IAM, STS, EKS, EKS Auth and S3. Unmodified AWS SDKs and
 * the unmodified AWS CLI use the emulator through `AWS_ENDPOINT_URL`. The emulator is as strict as AWS, because a call
 * that wrongly succeeds here would fail on AWS.
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
  /** Port to listen on; 0 (default) selects a free port. */
  readonly port?: number;
  /** Returns the current time, in milliseconds since the epoch. */
  readonly now: () => Wall;
  readonly randomBytes: RandomBytes;
  /** Faults that are active from the start (default: none). */
  readonly faults?: FaultSettingsInput;
  /** Called with errors of the emulator itself. The client gets a plain status 500. */
  readonly onError?: (error: unknown) => void;
};

export type AwsEmulator = {
  /** `http://127.0.0.1:PORT`, the value for `AWS_ENDPOINT_URL`. */
  readonly url: string;
  readonly state: IamState;
  readonly journal: Journal;
  readonly faults: Faults;
  /** Stops the server and closes open connections. */
  readonly close: () => Promise<void>;
};

/** Rejects if the port is taken or a policy of the configured users is malformed. */
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
      // A client that disconnects during its request does not indicate an error in the emulator.
      if (incoming.complete) onError(error);
    });
  });
  // Keep-alive timeout that exceeds the time for which SDKs keep idle connections. The server therefore never closes a
  // connection while an SDK is sending a request.
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
