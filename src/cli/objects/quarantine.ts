/** Reads and writes the Quarantines of an account, and waits for their effect. */
import { quarantines } from '../../api/resources.ts';
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import type { Quarantine, QuarantinedPod } from '../../api/quarantine.ts';
import { defined } from '../../k8s/defined.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { isAlreadyExists } from '../../kube/errors.ts';
import { isOfWholeAccount } from '../../identity/desired/pod-denial.ts';
import { settlingMs } from '../../identity/plan/quarantine.ts';
import { sleep, systemTimer, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { accountKind } from '../cluster/kinds.ts';
import { cliFieldManager } from '../cluster/objects.ts';
import { whoIs } from '../cluster/self-review.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError } from '../framework/errors.ts';
import { createReporter } from '../framework/wait/reporter.ts';
import { waitForObject, withinTime, type Interruption } from '../framework/wait/wait-for.ts';

/** Reasons of the condition Ready while an account still has no access although its Quarantines were deleted. */
export const releasingReasons: readonly string[] = ['ReplacingRole', 'OldPodsRunning', 'OldSessionsLive'];

/** Lists the Quarantines that deny access to the whole account. */
export async function quarantinesOf(client: KubeClient, account: string): Promise<readonly Quarantine[]> {
  return (await allOf(client, account)).filter(({ spec }) => isOfWholeAccount(spec));
}

/** Lists the Quarantines that deny single pods of the account. */
export async function podQuarantinesOf(client: KubeClient, account: string): Promise<readonly Quarantine[]> {
  return (await allOf(client, account)).filter(({ spec }) => !isOfWholeAccount(spec));
}

async function allOf(client: KubeClient, account: string): Promise<readonly Quarantine[]> {
  const { items } = await client.list<Quarantine>(quarantines, {});
  return items.filter(({ spec }) => spec.account === account);
}

/**
 * Creates a Quarantine. Its name is that of the account, or `ACCOUNT-UID` for a single pod.
 * @returns its name, and whether it is new
 * @throws CliError of code ALREADY_EXISTS if a Quarantine with this name applies to another account or pod
 */
export async function createQuarantine(
  client: KubeClient,
  request: {
    readonly account: string;
    readonly reason: string | undefined;
    readonly pods?: readonly [QuarantinedPod];
    readonly dryRun: boolean;
  },
): Promise<{ readonly quarantine: string; readonly isNew: boolean }> {
  const { account, reason, pods, dryRun } = request;
  const requestedBy = await whoIs(client).catch(() => undefined);
  const quarantine = pods ? `${account}-${pods[0].uid}` : account;
  const object: Quarantine = {
    apiVersion: 'k11n.dev/v1alpha1',
    kind: quarantines.kind,
    metadata: { name: quarantine },
    spec: {
      account,
      ...defined({ pods: pods && [...pods], requestedBy, reason }),
    },
  };
  try {
    // An older CRD has no field `pods`. Without strict validation, the API server would drop the field, and the
    // Quarantine would apply to the whole account.
    await client.create<Quarantine>(quarantines, object, {
      fieldManager: cliFieldManager,
      fieldValidation: 'Strict',
      dryRun,
    });
    return { quarantine, isNew: true };
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const known = pods
      ? (await podQuarantinesOf(client, account)).filter(({ spec }) =>
          spec.pods?.some(({ uid }) => uid === pods[0].uid),
        )
      : await quarantinesOf(client, account);
    if (known.length > 0) return { quarantine, isNew: false };
    throw new CliError(
      'ALREADY_EXISTS',
      `Quarantine "${quarantine}" already exists, but for another account or other pods`,
      { next: [`Show the Quarantine: kubectl get quarantine ${quarantine} -o yaml`] },
    );
  }
}

/**
 * Waits until `look` returns true. `look` receives the account, and the reason and message of its condition Ready.
 * @throws CliError of code NOT_READY when the timeout expires
 */
export async function awaitAccount(
  context: CliContext,
  client: KubeClient,
  account: {
    readonly name: string;
    readonly timeoutMs: number;
    readonly what: string;
    readonly interrupted: Interruption;
  },
  look: (seen: LinkedServiceAccount, reason: string, message: string) => true | undefined,
): Promise<void> {
  const { name, timeoutMs, what, interrupted } = account;
  const reporter = createReporter(context.stderr);
  let last = 'the operator has not processed the account';
  const of = { client, resource: accountKind.resource, name };
  try {
    await waitForObject<LinkedServiceAccount & KubeObject, true>(context, of, {
      timeoutMs,
      interrupted,
      look(seen) {
        if (!seen) throw new CliError('NOT_READY', `account "${name}" was deleted during the wait`);
        const ready = findCondition(seen.status?.conditions, 'Ready');
        const { reason = 'NotObserved', message = last } = ready ?? {};
        last = message;
        reporter.update(`account ${name}: ${reason}`, [
          { label: 'account', status: ready?.status ?? 'Unknown', reason, message },
        ]);
        return look(seen, reason, message);
      },
      late: (waited) =>
        new CliError('NOT_READY', `account "${name}" is not ${what} after ${waited}`, {
          details: [last],
          next: [
            'Check that an operator runs on this cluster; to start one: kon operator',
            `Show the account: kon account show ${name}`,
          ],
        }),
    });
  } finally {
    reporter.end();
  }
}

/**
 * Waits until the trust policies that admit no pod are in effect everywhere. A pod that starts before that may still
 * get a session, and the release of the account would then have to wait until this pod ends too.
 */
export async function settle(context: CliContext, name: string, timeoutMs: number): Promise<void> {
  const late = (waited: string): CliError =>
    new CliError(
      'NOT_READY',
      `the denial of new sessions for "${name}" was not in effect everywhere after ${waited}`,
      {
        next: ['Choose a longer --timeout.'],
      },
    );
  await withinTime(context, timeoutMs, (signal) => sleep(systemTimer, settlingMs + 1000, signal), late, {
    state: `account "${name}" stays in quarantine`,
    next: [`To continue the release: kon account release ${name} --delete-pods`],
  });
}
