/** Waits until every API server enforces the admission policies of an installation. */
import { enforcedDigest, probeLease, shippedAdmissionDigest } from '../../rbac/index.ts';
import { resources, sleep, systemTimer, type KubeClient, type SetTimer } from '../../kube/index.ts';
import { CliError } from '../framework/errors.ts';
import { installer } from './operator-objects.ts';
import type { Monotonic } from '../../k8s/time.ts';

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
