/** Waits until a Deployment has replaced its pods with pods of its current template. */
import { resources, type KubeClient } from '../../../kube/index.ts';
import { rolloutOf, type Rollout } from '../../../workloads/rollout.ts';
import { podsOf, type AppDeployment } from '../../cluster/app-objects.ts';
import type { CliContext } from '../context.ts';
import { formatDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import { createReporter } from './reporter.ts';
import { reported, waitForObject } from './wait-for.ts';

/**
 * @param written the Deployment that the write returned
 * @throws CliError of code NOT_READY when the timeout expires, or when the Deployment is deleted in the meantime
 */
export async function waitForRollout(
  context: CliContext,
  client: KubeClient,
  written: AppDeployment,
  timeoutMs: number,
): Promise<void> {
  const { name, uid, namespace = '', generation = 0 } = written.metadata;
  const began = context.monotonic();
  const reporter = createReporter(context.stderr);
  let rollout: Rollout = rolloutOf(written, [], context.now());
  const look = async (deployment: AppDeployment | undefined): Promise<true | undefined> => {
    if (deployment?.metadata.uid !== uid)
      throw new CliError('NOT_READY', `${name} was deleted in ${namespace} during the wait`);
    // The followed Deployment may still be older than the write.
    if (deployment === undefined || (deployment.metadata.generation ?? 0) < generation) return undefined;
    const pods = await podsOf(client, deployment, namespace, context.signal);
    rollout = rolloutOf(deployment, pods, context.now());
    reporter.update(`${name} in ${namespace}: ${rollout.reason}`, [
      {
        label: namespace,
        status: rollout.state === 'Ready' ? 'True' : 'False',
        reason: rollout.reason,
        message: rollout.message,
      },
    ]);
    if (rollout.state !== 'Ready') return undefined;
    context.stderr.write(
      `${name} runs in ${namespace} with new pods after ${formatDuration(context.monotonic() - began)}\n`,
    );
    return true;
  };
  const showPods = `Show the pods: kon app pods ${name} --target ${namespace}`;
  const late = (waited: string): CliError =>
    new CliError(
      'NOT_READY',
      `the pods of ${name} in ${namespace} are not replaced after ${waited}: ${rollout.reason}`,
      { reason: rollout.reason, details: [rollout.message], next: [showPods] },
    );
  const interrupted = {
    state: `the restart of ${name} in ${namespace} continues in the cluster`,
    next: [showPods],
  };
  const of = { client, resource: resources.deployments, namespace, name };
  await reported(reporter, waitForObject(context, of, { timeoutMs, look, late, interrupted }));
}
