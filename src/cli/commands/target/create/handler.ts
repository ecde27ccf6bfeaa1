/** `kon target create`: adds a target to the ClusterConfig, and waits for its namespace. */
import type { ClusterConfig } from '../../../../api/cluster-config.ts';
import { resources, type KubeClient } from '../../../../kube/index.ts';
import { changeSpec } from '../../../cluster/objects.ts';
import { getClusterConfig } from '../../../cluster/cluster-config.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { exitCodes } from '../../../framework/exit-codes.ts';
import { clusterConfigKind } from '../../../cluster/kinds.ts';
import { targetNameProblem } from '../../../manifest/name.ts';
import { resultLine, type WriteInput } from '../../../objects/finish.ts';
import { waitForObject } from '../../../framework/wait/wait-for.ts';
import { stateOf, type Namespace } from '../namespace.ts';

export async function createTarget(context: CliContext, name: string, write: WriteInput): Promise<void> {
  const problem = targetNameProblem(name);
  if (problem) throw new CliError('INVALID', problem, { exitCode: exitCodes.usage });
  const client = await context.connect();
  const config = await getClusterConfig(client);
  const { dryRun } = write;
  const withTarget = ({ spec }: ClusterConfig): ClusterConfig['spec'] => {
    if (spec.targets.includes(name))
      throw new CliError('ALREADY_EXISTS', `target "${name}" already exists`, {
        next: ['List targets: kon target list'],
      });
    return { ...spec, targets: [...spec.targets, name] };
  };
  await changeSpec(client, clusterConfigKind, config.metadata.name, withTarget, { dryRun });
  context.stdout.write(resultLine(`target/${name}`, 'created', dryRun));
  if (!write.noWait && !dryRun) await waitForNamespace(context, client, name, write.timeout);
}

async function waitForNamespace(
  context: CliContext,
  client: KubeClient,
  name: string,
  timeoutMs: number,
): Promise<void> {
  const look = (namespace: Namespace | undefined): true | undefined =>
    stateOf(namespace) === 'Active' ? true : undefined;
  const late = (waited: string): CliError =>
    new CliError('NOT_READY', `target "${name}" was saved but has no namespace after ${waited}`, {
      next: [
        'Check that an operator runs on this cluster; to start one: kon operator',
        'Show the target: kon target list',
      ],
    });
  const of = { client, resource: resources.namespaces, name };
  await waitForObject(context, of, {
    timeoutMs,
    look,
    late,
    interrupted: {
      state: `target "${name}" was saved, and the operator continues to create its namespace`,
      next: ['Show the target: kon target list'],
    },
  });
  context.stderr.write(`The namespace ${name} exists.\n`);
}
