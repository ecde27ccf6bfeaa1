/** Starts the AWS emulator process and communicates with it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { baseEnvironment } from '../sandbox/src/environment.ts';
import type { FaultSettingsInput } from '../sandbox/src/aws/faults/settings.ts';
import type { JournalEntry } from '../sandbox/src/aws/journal.ts';
import type { Begin, Begun, Count, Counted } from './aws-process.ts';

export type Aws = {
  /** Environment variables for AWS SDKs. */
  readonly environment: Readonly<Record<string, string>>;
  setFaults(settings: FaultSettingsInput): Promise<void>;
  /** Number of calls since the start, keyed by `service:Action`. */
  calls(): Promise<Readonly<Record<string, number>>>;
  journal(since: number): Promise<readonly JournalEntry[]>;
  /** Number of the latest journal entry. */
  position(): Promise<number>;
  /** Number of roles under a path with at least `attachments` attached policies. */
  rolesWith(path: string, attachments: number): Promise<number>;
  stop(): Promise<void>;
};

export async function startAws(options: Omit<Begin, 'kind'>): Promise<Aws> {
  const child = fork(join(import.meta.dirname, 'aws-process.ts'), [], {
    env: baseEnvironment(process.env),
    execArgv: [],
  });
  const exited = once(child, 'exit');
  const answer = async <T>(message: Begin | Count): Promise<T> => {
    const answered = once(child, 'message');
    child.send(message);
    const [received] = (await Promise.race([
      answered,
      exited.then(() => Promise.reject(new Error('the AWS emulator has ended'))),
    ])) as [T];
    return received;
  };
  const { url, accessKeyId, secretAccessKey } = await answer<Begun>({ kind: 'begin', ...options });
  const ask = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const response = await fetch(`${url}/_emulator/${path}`, init);
    if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as T;
  };
  let counting: Promise<unknown> = Promise.resolve();
  return {
    environment: {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: options.region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    async setFaults(settings) {
      await ask('faults', { method: 'PUT', body: JSON.stringify(settings) });
    },
    calls: async () => (await ask<{ calls: Record<string, number> }>('state')).calls,
    journal: async (since) =>
      (await ask<{ entries: readonly JournalEntry[] }>(`journal?since=${since}`)).entries,
    position: async () => (await ask<{ last: number }>('journal?limit=0')).last,
    async rolesWith(path, attachments) {
      // Sends one request at a time, because responses have no ID that matches them to their requests.
      const before = counting;
      const counted = (async () => {
        await before;
        return (await answer<Counted>({ kind: 'count', path, attachments })).roles;
      })();
      counting = counted;
      return counted;
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
