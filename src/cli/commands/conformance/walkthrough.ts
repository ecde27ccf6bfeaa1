/**
 * Runs the walkthrough of `--target`: the cluster's operator creates, changes, repairs and deletes an account, and runs an app
 * with this account. The account grants no permissions, because its only policy denies everything.
 */
import {
  DetachRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  type IAMClient,
} from '@aws-sdk/client-iam';
import type { App } from '../../../api/app.ts';
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import { roleNameOf } from '../../../identity/index.ts';
import { findCondition } from '../../../k8s/conditions.ts';
import { errorMessage } from '../../../k8s/errors.ts';
import type { Monotonic } from '../../../k8s/time.ts';
import { KubeApiError, resources, type KubeClient, type KubeObject } from '../../../kube/index.ts';
import { accountKind, appKind, clusterConfigKind, type Kind } from '../../cluster/kinds.ts';
import { cliFieldManager, createObject, findObject, listObjects, orMissing } from '../../cluster/objects.ts';
import { runLabel, type Conformance } from './cluster.ts';

type AreaReport = Parameters<Conformance['renderReport']>[0]['areas'][number];
type CallResult = AreaReport['scenarios'][number]['calls'][number];

type Waiting = {
  readonly timeoutMs: number;
  readonly now: () => Monotonic;
  /** Waits for the given time. Rejects if the signal is aborted. */
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
};

export type Walkthrough = Waiting & {
  readonly client: KubeClient;
  readonly iam: IAMClient;
  /** Name of both the account and the app. */
  readonly name: string;
  readonly run: string;
  readonly target: string;
  /** Name of the managed policy that denies everything, and its ARN. */
  readonly deniesAll: string;
  readonly deniesAllArn: string;
  readonly signal: AbortSignal;
  /** Called if the operator did not delete the app or the account in time. */
  readonly onLeft: (what: string) => void;
};

/** Image that every cluster can pull. Its program only waits. */
const image = 'registry.k8s.io/pause:3.10';
const pollMs = 250;
/** Minimum timeout, in milliseconds, until the app's pod runs. The pod may need a new node. */
const leastPodMs = 5 * 60_000;
/** Longest drift detection interval that a run waits for, in seconds. */
const longestDriftInterval = 600;
const defaultDriftInterval = 60;

export async function walkThrough(given: Walkthrough): Promise<AreaReport> {
  const { client, name, run, target, signal } = given;
  const pause = (ms: number): Promise<void> => given.pause(ms, signal);
  const of = { ...given, pause };
  const calls: CallResult[] = [];
  const metadata = { name, labels: { [runLabel]: run } };
  const account = (policyNames: readonly string[]): object => ({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata,
    spec: { targets: [target], aws: { policyNames } },
  });
  const app: object = {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'App',
    metadata,
    spec: { image, serviceAccount: name, targets: [{ name: target }] },
  };
  const write = async <T extends App | LinkedServiceAccount>(
    operation: string,
    kind: Kind<T>,
    send: () => Promise<unknown>,
    timeoutMs = of.timeoutMs,
  ): Promise<void> => {
    const refused = await refusalOf(operation, 'Ready=True', send);
    calls.push(refused ?? (await untilReady(operation, kind, { ...of, timeoutMs })));
  };
  try {
    await write('create the account', accountKind, () =>
      createObject(client, accountKind, account([]) as Manifest),
    );
    await write('add a policy', accountKind, () =>
      client.apply(accountKind.resource, account([`aws/${given.deniesAll}`]) as Mutable, {
        fieldManager: cliFieldManager,
        force: true,
        signal,
      }),
    );
    await write(
      'run an app with the account',
      appKind,
      () => createObject(client, appKind, app as Manifest),
      Math.max(of.timeoutMs, leastPodMs),
    );
    calls.push(...(await detachOutOfBand(of)));
  } finally {
    for (const kind of [appKind, accountKind]) {
      const removal = await removeWalked(kind, given);
      if (removal.status !== 'equal')
        given.onLeft(`${kind.noun} ${name}: the operator has not deleted it yet`);
      calls.push(removal);
    }
  }
  return {
    name: 'Walkthrough',
    scenarios: [{ name: `an account and an app are created and deleted in target ${target}`, calls }],
  };
}

type Mutable = { apiVersion: string; kind: string; metadata: { name: string } };
type Manifest = Parameters<typeof createObject>[2];

/** Detaches the policy in IAM. The operator's drift detection must report and repair this change. */
async function detachOutOfBand(of: Walkthrough): Promise<readonly CallResult[]> {
  const { client, iam, name, deniesAllArn: PolicyArn } = of;
  const operation = 'detach the policy in IAM';
  const [config] = await listObjects(client, clusterConfigKind);
  const interval = config?.spec.aws?.driftIntervalSeconds ?? defaultDriftInterval;
  if (interval > longestDriftInterval)
    return [
      {
        ...outcome(operation, 'drift reported'),
        status: 'skipped',
        reason: `drift detection runs only every ${interval} seconds in this cluster`,
      },
    ];
  const { status } = (await findObject(client, accountKind, name)) ?? {};
  if (status?.roleArn === undefined)
    return [compared(operation, 'drift reported', 'the account has no role')];
  const RoleName = roleNameOf(status.roleArn);
  const refused = await refusalOf(operation, 'drift reported', () =>
    iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })),
  );
  if (refused) return [refused];
  const waiting = { ...of, timeoutMs: of.timeoutMs + interval * 1000 };
  return [
    await until(operation, waiting, 'drift reported', async () =>
      (await hasDriftEvent(client, name)) ? 'drift reported' : 'no Event with the reason RoleDrifted',
    ),
    await until('repair the drift', waiting, 'attached', async () => {
      const { AttachedPolicies = [] } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
      return AttachedPolicies.some((policy) => policy.PolicyArn === PolicyArn) ? 'attached' : 'detached';
    }),
  ];
}

type DriftEvent = KubeObject & { readonly reason?: string; readonly regarding?: { readonly name?: string } };

async function hasDriftEvent(client: KubeClient, name: string): Promise<boolean> {
  // Kubernetes stores Events about cluster-scoped objects in the namespace `default`.
  const { items } = await client.list<DriftEvent>(resources.events, { namespace: 'default' });
  return items.some(({ reason, regarding }) => reason === 'RoleDrifted' && regarding?.name === name);
}

/** Sends a write. @returns the result if the API server or AWS refuses the write, otherwise undefined */
async function refusalOf(
  operation: string,
  expected: string,
  send: () => Promise<unknown>,
): Promise<CallResult | undefined> {
  try {
    await send();
    return undefined;
  } catch (error) {
    if (!(error instanceof KubeApiError) && !(error instanceof Error && '$metadata' in error)) throw error;
    return compared(operation, expected, errorMessage(error));
  }
}

/** Waits until the operator has reported the object's current generation as Ready. */
function untilReady<T extends App | LinkedServiceAccount>(
  operation: string,
  kind: Kind<T>,
  of: Waiting & Pick<Walkthrough, 'client' | 'name'>,
): Promise<CallResult> {
  return until(operation, of, 'Ready=True', async () => {
    const found = await findObject(of.client, kind, of.name);
    const ready = findCondition(found?.status?.conditions, 'Ready');
    if (!found || !ready || ready.observedGeneration !== found.metadata.generation)
      return 'the operator has not processed the object yet';
    return `Ready=${ready.status}${ready.status === 'True' ? '' : `, ${ready.reason}: ${ready.message}`}`;
  });
}

/**
 * Deletes the app or the account, even if the run was interrupted, and waits until the operator has completed the
 * deletion.
 */
export async function removeWalked(
  kind: Kind,
  of: Waiting & Pick<Walkthrough, 'client' | 'name'>,
): Promise<CallResult> {
  await orMissing(of.client.delete(kind.resource, { name: of.name }));
  return until(`delete the ${kind.noun}`, of, 'deleted', async () =>
    (await findObject(of.client, kind, of.name)) ? 'still there' : 'deleted',
  );
}

async function until(
  operation: string,
  { now, pause, timeoutMs }: Waiting,
  expected: string,
  ask: () => Promise<string>,
): Promise<CallResult> {
  const start = now();
  for (let attempts = 1; ; attempts += 1) {
    const got = await ask();
    const settledMs = Math.round(now() - start);
    if (got === expected || settledMs >= timeoutMs)
      return { ...compared(operation, expected, got), attempts, settledMs };
    await pause(pollMs);
  }
}

function compared(operation: string, expected: string, got: string): CallResult {
  const isEqual = got === expected;
  return {
    ...outcome(operation, expected),
    status: isEqual ? 'equal' : 'different',
    got,
    differences: isEqual ? [] : [`expected ${expected}, got ${got}`],
  };
}

const outcome = (operation: string, expected: string): Omit<CallResult, 'status'> => ({
  operation,
  expected,
  differences: [],
  attempts: 1,
  settledMs: 0,
});
