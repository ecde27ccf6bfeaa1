/** Finds the sandbox, and runs a program with the environment of a pod's container in the sandbox. */
import { createKubeClient, loadConnection } from '../../../../kube/index.ts';
import type { CliContext } from '../../../framework/context.ts';
import type { ExitCode } from '../../../framework/exit-codes.ts';
import { runningSandbox, withSandbox } from '../engine.ts';

type ExecInput = {
  readonly pod: string;
  readonly command: readonly [string, ...string[]];
  readonly namespace: string;
  readonly container: string | undefined;
  readonly log: boolean | undefined;
  readonly stateDir: string | undefined;
};

export async function execute(context: CliContext, input: ExecInput): Promise<ExitCode> {
  return withSandbox(async (sandbox) => {
    const description = await runningSandbox(sandbox, context, input.stateDir);
    const { execInPod } = await sandbox.loadExec();
    const connection = await loadConnection({ kubeconfig: description.kubeconfig, env: context.env });
    const client = createKubeClient(connection);
    try {
      return await execInPod({
        client,
        namespace: input.namespace,
        target: input.pod,
        container: input.container,
        command: input.command,
        aws: {
          endpoint: description.awsEndpoint,
          region: description.region,
          clusterName: description.name,
          nodeCredentials: description.nodeCredentials,
        },
        now: context.now,
        env: context.env,
        cwd: context.cwd,
        signal: context.signal,
        terminal: context.stdin.isTTY,
        logs: input.log ? sandbox.sandboxPaths(description.folder).logs : undefined,
        note: context.debug,
      });
    } finally {
      await client.close();
    }
  });
}
