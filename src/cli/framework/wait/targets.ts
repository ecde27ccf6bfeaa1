/**
 * Waits until the status of an app reports that the app runs its current spec in each given target, or is halted there.
 */
import type { App } from '../../../api/app.ts';
import type { KubeClient, KubeObject } from '../../../kube/index.ts';
import { readyOf, appKind } from '../../cluster/kinds.ts';
import type { CliContext } from '../context.ts';
import { formatDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import { stateOf, type ProgressLine } from './progress.ts';
import { requiresUserAction, nextStepsFor, subjectOf } from './reasons.ts';
import { createReporter } from './reporter.ts';
import { reported, waitForObject } from './wait-for.ts';

/** Returns one line per target. A status for an older generation does not count. */
export function targetLines(
  app: App,
  targets: readonly string[],
  generation: number,
): readonly ProgressLine[] {
  const ready = readyOf(app);
  const observed = ready?.observedGeneration ?? app.status?.observedGeneration ?? 0;
  return targets.map((label): ProgressLine => {
    const row = app.status?.targets?.find((target) => target.name === label);
    if (row === undefined || observed < generation)
      return {
        label,
        status: 'Unknown',
        reason: 'NotObserved',
        message: 'the operator has not processed the app yet',
      };
    const done = row.state === 'Ready' || row.state === 'Halted';
    return { label, status: done ? 'True' : 'False', ...stateOf(row) };
  });
}

/**
 * @throws CliError of code NOT_READY when the timeout expires, or when the app will not become Ready without user
 * action
 */
export async function waitForTargets(
  context: CliContext,
  client: KubeClient,
  written: App,
  targets: readonly string[],
  timeoutMs: number,
  /** Desired state of the app. */
  goal: 'runs' | 'is halted' = 'runs',
): Promise<App> {
  const { name, generation = 1, uid } = written.metadata;
  const began = context.monotonic();
  const reporter = createReporter(context.stderr);
  let last = written;
  let lines = targetLines(written, targets, generation);
  const look = (app: (App & KubeObject) | undefined): App | undefined => {
    if (!app || app.metadata.uid !== uid)
      throw new CliError('NOT_READY', `app "${name}" was deleted during the wait`);
    last = app;
    lines = targetLines(app, targets, generation);
    const open = lines.filter((line) => line.status !== 'True');
    reporter.update(
      `app ${name}: done in ${targets.length - open.length} of ${targets.length} targets`,
      lines,
    );
    if (open.some((line) => requiresUserAction(line.reason))) throw notReady(app, lines, goal);
    if (open.length > 0) return undefined;
    reporter.end();
    const took = formatDuration(context.monotonic() - began);
    context.stderr.write(`app ${name} ${goal} in ${targets.join(', ')} after ${took}\n`);
    return app;
  };
  const late = (waited: string): CliError => notReady(last, lines, goal, waited);
  const interrupted = {
    state: `app "${name}" was saved, and the operator continues to apply it`,
    next: [`Follow the progress: ${appKind.advice.show(name)} --watch`],
  };
  const of = { client, resource: appKind.resource, name };
  return reported(reporter, waitForObject(context, of, { timeoutMs, look, late, interrupted }));
}

function notReady(
  app: App,
  lines: readonly ProgressLine[],
  goal: 'runs' | 'is halted',
  waited?: string,
): CliError {
  const { name } = app.metadata;
  const open = lines.filter((line) => line.status !== 'True');
  const subject = subjectOf(appKind, app);
  const steps = open.map((line) => nextStepsFor(line.reason, subject));
  return new CliError(
    'NOT_READY',
    `app "${name}" was saved but ${goal === 'runs' ? 'does not run in all targets' : 'is not halted in all targets'}${waited ? ` after ${waited}` : ''}`,
    {
      reason: (open.find(({ reason }) => requiresUserAction(reason)) ?? open[0])?.reason,
      details: open.map(({ label, message, reason }) => `target ${label}: ${message} (${reason})`),
      next: [
        ...(steps.find((each) => each.length > 1) ?? steps[0] ?? []),
        ...(goal === 'runs' ? [`Go back to the previous image: kon app rollback ${name}`] : []),
      ],
    },
  );
}
