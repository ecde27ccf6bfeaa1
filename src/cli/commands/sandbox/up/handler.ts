/** Starts a sandbox in the foreground or background, and prints how to use it. */
import type { CliContext } from '../../../framework/context.ts';
import { startOptions, type Sandbox, type SandboxDescription, withSandbox } from '../engine.ts';
import { describe } from '../status/handler.ts';

type UpInput = {
  readonly detach: boolean;
  readonly name: string;
  readonly region: string;
  readonly target: readonly string[];
  readonly withoutOperator: boolean;
  readonly bare: boolean;
  readonly stateDir: string | undefined;
};

export async function up(context: CliContext, input: UpInput): Promise<void> {
  const { env, monotonic, self, signal } = context;
  const startedAt = monotonic();
  return withSandbox(async (sandbox) => {
    const folder = sandbox.sandboxFolder(env, input.stateDir, context.cwd);
    if (input.detach) {
      const { outcome, description } = await sandbox.upSandboxDetached({
        folder,
        command: [
          ...self,
          'sandbox',
          'up',
          `--state-dir=${folder}`,
          `--name=${input.name}`,
          `--region=${input.region}`,
          ...input.target.map((target) => `--target=${target}`),
          ...(input.withoutOperator ? ['--without-operator'] : []),
          ...(input.bare ? ['--bare'] : []),
        ],
        env,
        signal,
        report: sandbox.eventDisplay(context.stderr, monotonic),
      });
      announce(context, sandbox, description, outcome === 'started' ? monotonic() - startedAt : 'already');
      return;
    }
    const result = await sandbox.upSandbox({
      ...startOptions(context, sandbox, input.stateDir),
      settings: {
        ...sandbox.defaultSettings,
        name: input.name,
        region: input.region,
        operator: !input.withoutOperator,
        bare: input.bare,
        ...(input.target.length > 0 ? { targets: input.target } : {}),
      },
    });
    if (result.outcome === 'already-running') {
      announce(context, sandbox, result.description, 'already');
      return;
    }
    announce(context, sandbox, await result.sandbox.describe(), monotonic() - startedAt);
    if (context.format === 'table') context.stderr.write('\nCtrl-C stops it.\n');
    await result.sandbox.stopped;
  });
}

function announce(
  context: CliContext,
  sandbox: Sandbox,
  description: SandboxDescription,
  since: number | 'already',
): void {
  if (context.format !== 'table') {
    context.stdout.write(describe(context, description, sandbox));
    return;
  }
  const { name, kubeconfig, awsEndpoint, state } = description;
  const headline =
    since === 'already'
      ? `The sandbox "${name}" is running already${state === 'degraded' ? ', but a part of it has ended (see kon sandbox status)' : ''}.`
      : `The sandbox "${name}" is ready after ${sandbox.duration(since)}.`;
  context.stdout.write(
    `${headline}

  Kubeconfig  ${kubeconfig}
  AWS         ${awsEndpoint}

  eval "$(kon sandbox env)"     point kubectl, aws and kon at it, in your shell
  kon sandbox status            see its parts
  kon sandbox down              stop it
`,
  );
}
