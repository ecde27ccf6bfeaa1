/**
 * Waits until the API server enforces admission policies: those of an installation, and the policy that refuses new
 * accounts and apps during `kon uninstall`.
 */
import {
  enforcedDigest,
  probeLease,
  shippedAdmissionDigest,
  uninstallingObjects,
  uninstallingPolicy,
  uninstallingProbe,
} from '../../rbac/index.ts';
import {
  resources,
  sleep,
  systemTimer,
  type KubeClient,
  type SetTimer,
  isForbidden,
  type KubeObject,
} from '../../kube/index.ts';
import { CliError } from '../framework/errors.ts';
import { installer } from './operator-objects.ts';
import type { Monotonic } from '../../k8s/time.ts';
import { orMissing } from '../cluster/objects.ts';
import { managedByLabel } from '../../api/labels.ts';
import { fieldManager, resourceOf, type Step } from './steps.ts';

export const enforcementTimeoutMs = 60_000;
const pauseMs = 100;
/**
 * Time during which the condition has to hold without interruption. A cluster has several API servers behind a load
 * balancer. Each API server enforces a new policy independently, within a second after receiving it.
 */
const steadyMs = 2_000;

export type Clock = {
  readonly monotonic: () => Monotonic;
  readonly signal: AbortSignal;
  readonly setTimer?: SetTimer;
};

/** @throws CliError of code CLUSTER_NOT_READY */
export async function waitUntilEnforced(client: KubeClient, clock: Clock): Promise<void> {
  const expected = shippedAdmissionDigest();
  const isEnforced = async (): Promise<boolean> =>
    expected ===
    (await enforcedDigest(() =>
      client.create(resources.leases, probeLease('default'), {
        dryRun: true,
        fieldManager: installer,
        signal: clock.signal,
      }),
    ));
  if (await holdsSteadily(isEnforced, clock)) return;
  throw new CliError(
    'CLUSTER_NOT_READY',
    `the API server still does not enforce the admission policies, which were applied ${enforcementTimeoutMs / 1000} s ago`,
    {
      details: [
        'Without these policies, anyone who is permitted to write accounts could grant any permission.',
      ],
      next: [
        'Check the status of the policies: kubectl get validatingadmissionpolicies -o yaml',
        'Then run kon install again: it continues at the failed step.',
      ],
    },
  );
}

/** @returns whether the condition held for `steadyMs` before the timeout */
export async function holdsSteadily(
  condition: () => Promise<boolean>,
  { monotonic, signal, setTimer = systemTimer }: Clock,
): Promise<boolean> {
  const until = monotonic() + enforcementTimeoutMs;
  let since: number | undefined;
  for (;;) {
    since = (await condition()) ? (since ?? monotonic()) : undefined;
    if (since !== undefined && monotonic() - since >= steadyMs) return true;
    if (monotonic() >= until) return false;
    await sleep(setTimer, pauseMs, signal);
  }
}

const { name } = uninstallingPolicy.metadata;

/**
 * Adds the policy of `kon uninstall`, and waits until every API server refuses new accounts and apps. @throws CliError of code
 * CLUSTER_NOT_READY
 */
export async function refuseNew(client: KubeClient, clock: Clock): Promise<void> {
  const { signal } = clock;
  for (const object of uninstallingObjects) {
    const metadata = { ...object.metadata, labels: { [managedByLabel]: installer } };
    const labelled = { ...object, metadata } as object as KubeObject;
    await client.apply(resourceOf(labelled), labelled, { fieldManager, signal });
  }
  if (await holdsSteadily(() => refusesNew(client, signal), clock)) return;
  throw new CliError(
    'CLUSTER_NOT_READY',
    `the API server still does not enforce the policy ${name}, which was applied ${enforcementTimeoutMs / 1000} s ago`,
    {
      details: ['Without this policy, accounts could be created after the operator was removed.'],
      next: [
        `Check the status of the policy: kubectl get validatingadmissionpolicy ${name} -o yaml`,
        'Then run kon uninstall again.',
      ],
    },
  );
}

/** Removes the policy of `kon uninstall`. Takes no abort signal, because it also runs after the command was interrupted. */
export async function acceptNew(client: KubeClient): Promise<void> {
  for (const { kind } of uninstallingObjects.toReversed())
    await orMissing(client.delete(resourceOf({ kind, metadata: { name } } as KubeObject), { name }));
}

/**
 * Returns the installation step that removes the policy of `kon uninstall`, if an incomplete uninstallation left it.
 */
export async function acceptNewStep(client: KubeClient, clock: Clock): Promise<readonly Step[]> {
  const found = await orMissing(
    client.get<KubeObject>(resources.validatingAdmissionPolicies, { name }, { signal: clock.signal }),
  );
  if (!found) return [];
  return [
    {
      object: `Refusal of new accounts by an unfinished kon uninstall (${name})`,
      state: 'differs',
      perform: async () => {
        await acceptNew(client);
        await holdsSteadily(async () => !(await refusesNew(client, clock.signal)), clock);
      },
    },
  ];
}

async function refusesNew(client: KubeClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.create(resources.leases, uninstallingProbe, { dryRun: true, fieldManager, signal });
    return false;
  } catch (error) {
    if (isForbidden(error) && error.message.includes(name)) return true;
    throw error;
  }
}
