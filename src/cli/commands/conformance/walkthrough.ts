/**
 * The walkthrough of `--target`: the operator of the cluster creates, changes and deletes an account in AWS. The account has no
 * permissions: its only policy denies everything.
 */
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import { errorMessage } from '../../../k8s/errors.ts';
import { KubeApiError, type KubeClient } from '../../../kube/index.ts';
import type { Monotonic } from '../../../k8s/time.ts';
import { accountKind } from '../../cluster/kinds.ts';
import { createObject, findObject, orMissing } from '../../cluster/objects.ts';
import type { Conformance } from './cluster.ts';
import { runLabel } from './run-label.ts';

type AreaReport = Parameters<Conformance['renderReport']>[0]['areas'][number];
type CallResult = AreaReport['scenarios'][number]['calls'][number];

export type Walkthrough = {
  readonly client: KubeClient;
  /** Name of the account, which is that of the run's namespace. */
  readonly name: string;
  readonly run: string;
  readonly target: string;
  readonly timeoutMs: number;
  readonly now: () => Monotonic;
  /** Rejects if the signal is aborted. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** Called if the operator did not delete the account in time. */
  readonly onLeft: (what: string) => void;
};

const denyAll = 'aws/AWSDenyAll';
const pollMs = 250;

export async function walkThrough(of: Walkthrough): Promise<AreaReport> {
  const { client, name, run, target, signal } = of;
  const calls: CallResult[] = [];
  const account = (policyNames: readonly string[]): object => ({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name, labels: { [runLabel]: run } },
    spec: { targets: [target], aws: { policyNames } },
  });
  const write = async (operation: string, send: () => Promise<unknown>): Promise<void> => {
    calls.push((await refusalOf(operation, send)) ?? (await untilReady(operation, of)));
  };
  try {
    await write('create the account', () =>
      createObject(client, accountKind, account([]) as Parameters<typeof createObject>[2]),
    );
    await write('add a policy', () =>
      client.apply(accountKind.resource, account([denyAll]) as LinkedServiceAccount & Mutable, {
        fieldManager: 'kon',
        force: true,
        signal,
      }),
    );
  } finally {
    const removal = await removeAccount(of);
    if (removal.status !== 'equal') of.onLeft(`account ${name}: the operator has not deleted its role yet`);
    calls.push(removal);
  }
  return { name: 'Walkthrough', scenarios: [{ name: `an account in target ${target}`, calls }] };
}

type Mutable = { apiVersion: string; kind: string; metadata: { name: string } };

/** Sends a write. @returns the refusal of the API server, or undefined */
async function refusalOf(operation: string, send: () => Promise<unknown>): Promise<CallResult | undefined> {
  try {
    await send();
    return undefined;
  } catch (error) {
    if (!(error instanceof KubeApiError)) throw error;
    const got = errorMessage(error);
    return {
      operation,
      status: 'different',
      expected: 'Ready=True',
      got,
      differences: [`expected Ready=True, got ${got}`],
      attempts: 1,
      settledMs: 0,
    };
  }
}

/** Waits until the operator has proven the account in its current generation. */
function untilReady(operation: string, of: Walkthrough): Promise<CallResult> {
  const pause = (ms: number): Promise<void> => of.pause(ms, of.signal);
  return until(operation, { ...of, pause }, 'Ready=True', async () => {
    const found = await findObject(of.client, accountKind, of.name);
    const ready = found?.status?.conditions?.find(({ type }) => type === 'Ready');
    if (!found || !ready || ready.observedGeneration !== found.metadata.generation)
      return 'no answer of the operator';
    return `Ready=${ready.status}${ready.status === 'True' ? '' : `, ${ready.reason}: ${ready.message}`}`;
  });
}

/** Deletes the account, also in an interrupted run, and waits until the operator has deleted the role. */
export async function removeAccount(
  of: Pick<Walkthrough, 'client' | 'name' | 'now' | 'pause' | 'timeoutMs'>,
): Promise<CallResult> {
  await orMissing(of.client.delete(accountKind.resource, { name: of.name }));
  return until('delete the account', of, 'deleted', async () =>
    (await findObject(of.client, accountKind, of.name)) ? 'still there' : 'deleted',
  );
}

async function until(
  operation: string,
  { now, pause, timeoutMs }: Pick<Walkthrough, 'now' | 'pause' | 'timeoutMs'>,
  expected: string,
  ask: () => Promise<string>,
): Promise<CallResult> {
  const start = now();
  for (let attempts = 1; ; attempts += 1) {
    const got = await ask();
    const settledMs = Math.round(now() - start);
    const isEqual = got === expected;
    if (isEqual || settledMs >= timeoutMs)
      return {
        operation,
        status: isEqual ? 'equal' : 'different',
        expected,
        got,
        differences: isEqual ? [] : [`expected ${expected}, got ${got}`],
        attempts,
        settledMs,
      };
    await pause(pollMs);
  }
}
