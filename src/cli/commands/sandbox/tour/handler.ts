/**
 * Runs the tour: starts a sandbox, prints the tour to stdout and, if stdout is a terminal, keeps the sandbox running
 * afterwards.
 */
import type { CliContext } from '../../../framework/context.ts';
import { type ExitCode, exitCodes } from '../../../framework/exit-codes.ts';
import { startOptions, type TourReport, withSandbox } from '../engine.ts';

export async function takeTour(context: CliContext, stateDir: string | undefined): Promise<ExitCode> {
  const { env, monotonic, random, self, signal, stdout } = context;
  const startedAt = monotonic();
  return withSandbox(async (engine) => {
    const result = await engine.upSandbox({
      ...startOptions(context, engine, stateDir),
      settings: engine.defaultSettings,
    });
    if (result.outcome === 'already-running') {
      throw new engine.SandboxError(
        `sandbox "${result.description.name}" is already running, but the tour needs an empty one; stop it first: kon sandbox down`,
      );
    }
    const { sandbox } = result;
    try {
      const description = await sandbox.describe();
      stdout.write(`The sandbox is ready after ${engine.duration(monotonic() - startedAt)}.\n`);
      const { runTour } = await engine.loadTour();
      const report = await runTour({
        sandbox: description,
        env: { ...env, ...engine.shellEnvironment(description, env), KON_SANDBOX_DIR: description.folder },
        kon: self,
        probe: context.companion('s3-probe'),
        editor: context.companion('tour-editor'),
        write: (text) => stdout.write(text),
        now: monotonic,
        random,
        signal,
      });
      stdout.write(summary(report, engine.duration(monotonic() - startedAt)));
      if (report.failure) return exitCodes.error;
      if (stdout.isTTY) {
        stdout.write(whatNext);
        await sandbox.stopped;
      }
      return exitCodes.ok;
    } finally {
      await sandbox.stop();
    }
  });
}

function summary(report: TourReport, total: string): string {
  const lines = report.steps.map(
    (step) =>
      `  √ ${step.title} (${step.facts} ${step.facts === 1 ? 'fact' : 'facts'}, ${step.seconds.toFixed(1)} s)\n`,
  );
  const failed = report.failure ? `  × ${report.failure.step}\n` : '';
  const verdict = report.failure ? 'The tour stopped at a step that failed' : 'Every step held';
  return `\n${verdict}, after ${total}.\n\n${lines.join('')}${failed}`;
}

const whatNext = `
The sandbox stays up until Ctrl-C. In another terminal:

  eval "$(kon sandbox env)"                 point kubectl, aws and kon at it
  kon account create --account another      an account of your own
  kubectl get lsa,apps,pods -A              list what exists
  kon console                               see it in the browser
  aws iam list-roles                        list the roles in IAM

In a checkout of the repository, write npx kon instead of kon.
`;
