/** Waits until the API server enforces the admission policies, so that no account is written before it does. */
import { enforcedDigest, probeLease, shippedAdmissionDigest } from '../../access/index.ts';
import { resources, sleep, systemTimer, type KubeClient, type SetTimer } from '../../kube/index.ts';
import { CliError } from '../errors.ts';
import { installer } from './operator-objects.ts';

const timeoutMs = 60_000;
const pauseMs = 100;
/**
 * Time for which every probe has to be refused. A cluster has several API servers, each of which takes up new policies by
 * itself, at most a second after it learns of them, and a load balancer chooses which one answers.
 */
const steadyMs = 2_000;

/** @throws CliError of code CLUSTER_NOT_READY */
export async function untilEnforced(
  client: KubeClient,
  clock: { readonly now: () => number; readonly signal: AbortSignal; readonly setTimer?: SetTimer },
): Promise<void> {
  const { now, signal, setTimer = systemTimer } = clock;
  const expected = shippedAdmissionDigest();
  const until = now() + timeoutMs;
  let enforcedSince: number | undefined;
  for (;;) {
    const digest = await enforcedDigest(() =>
      client.create(resources.leases, probeLease('default'), {
        dryRun: true,
        fieldManager: installer,
        signal,
      }),
    );
    if (digest === expected) enforcedSince ??= now();
    else enforcedSince = undefined;
    if (enforcedSince !== undefined && now() - enforcedSince >= steadyMs) return;
    if (now() >= until)
      throw new CliError(
        'CLUSTER_NOT_READY',
        `the API server does not enforce the admission policies ${timeoutMs / 1000} s after they were applied`,
        {
          details: ['Without them, whoever may write accounts could grant any permission.'],
          next: [
            'See whether it reports a problem with them: kubectl get validatingadmissionpolicies -o yaml',
            'Then run kon install again: it goes on where it stopped.',
          ],
        },
      );
    await sleep(setTimer, pauseMs, signal);
  }
}
