/**
 * Delays the start of the operator until the API server enforces the admission policies. Without these policies,
 * everyone with write access to accounts could grant any permission, and the operator would apply the grant.
 */
import { enforcedDigest, probeLease, shippedAdmissionDigest } from '../rbac/index.ts';
import { isForbidden, resources, sleep, type KubeClient, type Logger, type SetTimer } from '../kube/index.ts';

/** Pause between two probes, in milliseconds. The API server enforces new policies within about a second. */
const pauseMs = 1_000;
/** Number of probes between two warnings in the log. */
const warnEvery = 30;

/**
 * Resolves once the admission policies refuse a probe, or when the signal aborts.
 *
 * @param of.namespace namespace where the operator is permitted to create Leases
 */
export async function untilAdmissionEnforced(
  client: Pick<KubeClient, 'create'>,
  of: {
    readonly namespace: string;
    readonly logger: Logger;
    readonly setTimer: SetTimer;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { namespace, logger, setTimer, signal } = of;
  for (let probes = 0; !signal.aborted; probes += 1) {
    let problem = 'the API server still admits requests that the admission policies refuse';
    try {
      const digest = await enforcedDigest(() =>
        client.create(resources.leases, probeLease(namespace), { dryRun: true, signal }),
      );
      if (digest !== undefined) {
        // Admission policies of another version also guard accounts, so the operator starts. `kon doctor` compares each
        // policy.
        if (digest !== shippedAdmissionDigest())
          logger.warn('the version of the admission policies differs from the version of the operator', {
            digest,
          });
        return;
      }
    } catch (error) {
      if (signal.aborted) return;
      problem = isForbidden(error) ? error.message : String(error);
    }
    if (probes % warnEvery === 0)
      logger.warn('no account is reconciled until the admission policies are enforced', { problem });
    await sleep(setTimer, pauseMs, signal);
  }
}
