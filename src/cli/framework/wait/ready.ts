/** Waits until a write has taken effect in the cluster and in AWS, or reports the problems. */
import type { KubeClient, KubeObject } from '../../../kube/index.ts';
import type { CliContext } from '../context.ts';
import { formatDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import type { Kind, KonObject } from '../../cluster/kinds.ts';
import { awaitsPod, describeProgress, problemsOf, problemText, type Progress } from './progress.ts';
import { nextStepsFor, requiresUserAction, subjectOf } from './reasons.ts';
import { createReporter } from './reporter.ts';
import { reported, waitForObject } from './wait-for.ts';

/**
 * Milliseconds without a response after which probably no operator runs. A running operator responds within two
 * seconds.
 */
const silenceMs = 8000;

/**
 * Waits until the object is Ready in the generation of `written`, or until nothing is missing except the proof by the
 * object's first pod. Resolves with the object.
 * @throws CliError of code NOT_READY when the timeout expires, or when the object will not become Ready without user
 * action
 */
export async function waitUntilReady<T extends KonObject>(
  context: CliContext,
  client: KubeClient,
  kind: Kind<T>,
  written: T,
  options: {
    readonly timeoutMs: number;
    /** Whether the command waits for several objects, so that each line must name its object. */
    readonly several?: boolean;
  },
): Promise<T> {
  const { timeoutMs, several = false } = options;
  const { name, generation = 1, uid } = written.metadata;
  const began = context.monotonic();
  const reporter = createReporter(context.stderr, several ? `${kind.noun} ${name}: ` : '');
  let last = written;
  let progress: Progress = describeProgress(written, generation);
  const headline = (): string =>
    `${kind.noun} ${name}: ${progress.state === 'ready' && !awaitsPod(progress) ? 'Ready' : progress.reason}`;
  const silence = setTimeout(() => {
    if (progress.state === 'unobserved')
      reporter.note(
        'No operator has processed the object yet. Check that an operator runs on this cluster; to start one: kon operator',
      );
  }, silenceMs);
  const look = (object: (T & KubeObject) | undefined): T | undefined => {
    if (!object || object.metadata.uid !== uid)
      throw new CliError('NOT_READY', `${kind.noun} "${name}" was deleted during the wait`);
    last = object;
    progress = describeProgress(object, generation);
    reporter.update(headline(), progress.lines);
    if (progress.state === 'stuck') throw notReady(kind, last, progress);
    if (progress.state !== 'ready') return undefined;
    reporter.end();
    context.stderr.write(
      `${kind.noun} ${name} is ${awaitsPod(progress) ? 'in place' : 'Ready'} after ${formatDuration(context.monotonic() - began)}: ${progress.message}\n`,
    );
    return object;
  };
  const late = (waited: string): CliError => notReady(kind, last, progress, waited);
  const interrupted = several
    ? {
        state: 'the objects were saved, and the operator continues to apply them',
        next: ['Show what is not ready: kon status'],
      }
    : {
        state: `${kind.noun} "${name}" was saved, and the operator continues to apply it`,
        next: [`Follow the progress: ${followCommand(kind, name)}`],
      };
  const { resource } = kind;
  const wait = waitForObject(context, { client, resource, name }, { timeoutMs, look, late, interrupted });
  return reported(reporter, wait).finally(() => clearTimeout(silence));
}

/** Returns the command that shows an object again after each change. A ClusterConfig is shown with kubectl, once. */
function followCommand({ advice }: Kind, name: string): string {
  return advice.create ? `${advice.show(name)} --watch` : advice.show(name);
}

function notReady(kind: Kind, object: KonObject, progress: Progress, waited?: string): CliError {
  const subject = subjectOf(kind, object);
  const problems = progress.state === 'unobserved' ? [] : problemsOf(object);
  // The next steps come from the first of these reasons that has advice.
  const reasons = [progress.reason, ...problems.map((problem) => problem.reason)];
  const next = reasons.map((reason) => nextStepsFor(reason, subject)).find((steps) => steps.length > 1);
  return new CliError(
    'NOT_READY',
    `${kind.noun} "${subject.name}" was saved but is not Ready${waited ? ` after ${waited}` : ''}: ${progress.reason}`,
    {
      details: problems.length > 0 ? problems.map(problemText) : [progress.message],
      next: next ?? nextStepsFor(progress.reason, subject),
      reason: reasons.find((reason) => requiresUserAction(reason)) ?? progress.reason,
    },
  );
}
