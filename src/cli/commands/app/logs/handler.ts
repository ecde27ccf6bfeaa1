/** `kon app logs`: prints the logs of all pods of an app, one pod after the other, or with `--follow` interleaved as they arrive. */
import type { App } from '../../../../api/app.ts';
import {
  isBadRequest,
  isNotFound,
  isUnreachable,
  KubeApiError,
  resources,
  sleep,
  systemTimer,
  type KubeClient,
} from '../../../../kube/index.ts';
import { defined } from '../../../../k8s/defined.ts';
import { createLogReader, type LogReader } from '../../../../kube/streams/index.ts';
import { isFinished } from '../../../../workloads/pod.ts';
import { byAge, chosenTargets, podsOf, selectionOf, type AppPod } from '../../../cluster/app-objects.ts';
import { getObject } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { exitCodes, type ExitCode } from '../../../framework/exit-codes.ts';
import { appKind } from '../../../cluster/kinds.ts';
import { followSet } from '../../../framework/wait/follow.ts';
import { containerOf, hasStarted } from '../pick-pod.ts';
import { createPrefixes, isLater, lineBatches, parseLogLine, safeForTerminal } from './log-lines.ts';

export type LogsRequest = {
  readonly name: string;
  readonly target: readonly string[];
  readonly pod: string | undefined;
  readonly container: string | undefined;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Maximum age of the printed lines in milliseconds. */
  readonly since: number | undefined;
  readonly tail: number | undefined;
  readonly prefix: 'auto' | 'always' | 'never';
};

type Source = { readonly target: string; readonly pod: AppPod; readonly container: string };
type Scene = {
  readonly clock: Pick<CliContext, 'monotonic' | 'random'>;
  readonly client: KubeClient;
  readonly reader: LogReader;
  readonly app: App;
  readonly request: LogsRequest;
  readonly signal: AbortSignal;
  readonly print: (source: Source, lines: readonly Buffer[]) => Promise<void>;
  readonly note: (text: string) => void;
};

/** Shortest pause in milliseconds before requesting a log again. A log can end while its pod still exists. */
const shortestPauseMs = 500;
const longestPauseMs = 5000;
/** Milliseconds to wait for the last output of a deleted pod. */
const lastWordsMs = 1000;

export async function logsFlow(context: CliContext, request: LogsRequest): Promise<ExitCode> {
  const client = await context.connect();
  const app = await getObject(client, appKind, request.name);
  const targets = chosenTargets(app, request.target);
  const reader = createLogReader(await context.connection(), { now: context.monotonic });
  const ending = new AbortController();
  const scene: Scene = {
    clock: context,
    client,
    reader,
    app,
    request,
    signal: AbortSignal.any([context.signal, ending.signal]),
    print: await printer(context, request),
    note: (text) => context.stderr.write(`${text}\n`),
  };
  try {
    if (!request.follow) return await readOnce(scene, targets);
    await Promise.all(targets.map((target) => followTarget(scene, target)));
    return exitCodes.ok;
  } catch (error) {
    if (context.signal.aborted && !(error instanceof CliError)) return exitCodes.interrupted;
    throw error;
  } finally {
    ending.abort(new Error('the command has ended'));
    await reader.close();
  }
}

/** Returns a function that prints lines. A terminal gets no control sequences; pipes and files get the bytes unchanged. */
async function printer(context: CliContext, request: LogsRequest): Promise<Scene['print']> {
  const { write } = await context.bytes();
  const { isTTY, color } = context.stdout;
  const prefixOf = createPrefixes(color);
  const hasPrefix = request.prefix === 'always' || (request.prefix === 'auto' && isTTY);
  return ({ target, pod }, lines) => {
    const prefix = hasPrefix ? prefixOf(target, pod.metadata.name) : '';
    const pieces = lines.map((line) => {
      const end = line.at(-1) === 10 ? line.length - 1 : line.length;
      const text = isTTY
        ? Buffer.from(safeForTerminal(line.toString('utf8', 0, end), color))
        : line.subarray(0, end);
      return Buffer.concat([Buffer.from(prefix), text, Buffer.of(10)]);
    });
    return write('stdout', Buffer.concat(pieces));
  };
}

async function readOnce(scene: Scene, targets: readonly string[]): Promise<ExitCode> {
  const { client, app, request, note } = scene;
  const { name } = app.metadata;
  const problems: string[] = [];
  let read = 0;
  for (const target of targets) {
    const pods = (await podsOf(client, app, target))
      .filter((pod) => request.pod === undefined || pod.metadata.name === request.pod)
      .toSorted(byAge);
    for (const pod of pods) {
      const source = { target, pod, container: containerOf(pod, name, request.container) };
      try {
        const { timestamps } = request;
        for await (const lines of lineBatches(readLog(scene, source, { timestamps, ...window(request) })))
          await scene.print(source, lines);
        read += 1;
      } catch (error) {
        // Rethrows all errors except those which mean that the log is not available: the container has not started, no
        // previous container exists, or the kubelet is unreachable.
        if (!(isBadRequest(error) || isNotFound(error) || isKubeletFault(error))) throw error;
        problems.push(`${target}/${pod.metadata.name}: ${error.message}`);
      }
    }
  }
  if (read > 0) {
    for (const problem of problems) note(`No log of ${problem}`);
    return exitCodes.ok;
  }
  const what = request.pod === undefined ? 'pods' : `pod "${request.pod}"`;
  const where = targets.join(', ');
  throw problems.length === 0
    ? new CliError('NOT_FOUND', `app "${name}" has no ${what} in ${where}`, {
        next: [`Find the reason: kon app status ${name}`],
      })
    : new CliError('NOT_FOUND', `no logs of app "${name}" in ${where}`, {
        details: problems,
        next: [`Show the pods: kon app pods ${name}`],
      });
}

/** Whether a log request failed with a server error, for example because the kubelet is unreachable. */
function isKubeletFault(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.status >= 500;
}

/** Query parameters for the requested part of a log. */
function window({ since, tail }: LogsRequest): { sinceSeconds?: number; tailLines?: number } {
  return defined({
    sinceSeconds: since === undefined ? undefined : Math.ceil(since / 1000),
    tailLines: tail,
  });
}

function readLog(
  { reader, request, signal }: Scene,
  { target, pod, container }: Source,
  options: Partial<Parameters<LogReader['read']>[0]>,
): AsyncGenerator<Buffer> {
  return reader.read({
    namespace: target,
    pod: pod.metadata.name,
    container,
    ...(request.previous ? { previous: true } : {}),
    signal,
    ...options,
  });
}

/** Follows the pods of a target, including pods that are created later. Ends only when its signal is aborted, or with an error. */
async function followTarget(scene: Scene, target: string): Promise<void> {
  const { client, app, request } = scene;
  const { name } = app.metadata;
  const present = new Map<string, AppPod>();
  const followed = new Map<string, AbortController>();
  const failed = new AbortController();
  const signal = AbortSignal.any([scene.signal, failed.signal]);
  let isFirst = true;
  const following = { clock: scene.clock, client, resource: resources.pods, signal };
  for await (const pods of followSet<AppPod>({ ...following, ...selectionOf(app, target) })) {
    present.clear();
    for (const pod of pods)
      if (request.pod === undefined || pod.metadata.name === request.pod)
        present.set(pod.metadata.uid ?? '', pod);
    if (isFirst && present.size === 0)
      scene.note(`App ${name} has no pods in ${target} yet; the logs of new pods will be printed.`);
    for (const [uid, controller] of followed) {
      if (present.has(uid)) continue;
      followed.delete(uid);
      setTimeout(() => controller.abort(new PodGone()), lastWordsMs);
    }
    for (const [uid, pod] of present) {
      const container = containerOf(pod, name, request.container);
      if (followed.has(uid) || !hasStarted(pod, container)) continue;
      const controller = new AbortController();
      followed.set(uid, controller);
      const source = { target, pod, container };
      const wanted = isFirst ? window(request) : {};
      const own = { ...scene, signal: AbortSignal.any([signal, controller.signal]) };
      followPod(own, source, wanted, () => present.get(uid)).catch((error: unknown) => failed.abort(error));
    }
    isFirst = false;
  }
}

class PodGone extends Error {}

/** Follows the log of one container across restarts and broken connections, without repeating a line. */
async function followPod(
  scene: Scene,
  source: Source,
  wanted: ReturnType<typeof window>,
  present: () => AppPod | undefined,
): Promise<void> {
  const { signal, request } = scene;
  const label = `${source.target}/${source.pod.metadata.name}`;
  let latest: string | undefined;
  let pauseMs = shortestPauseMs;
  for (;;) {
    const resumeAfter = latest;
    const part = resumeAfter === undefined ? wanted : { sinceTime: resumeAfter };
    try {
      const log = readLog(scene, source, { follow: true, timestamps: true, ...part });
      for await (const batch of lineBatches(log)) {
        const lines: Buffer[] = [];
        for (const line of batch) {
          const { time, text } = parseLogLine(line);
          if (time !== undefined) {
            // Skips lines that were already printed: the API server accepts `sinceTime` only in whole seconds, so it
            // may send lines again.
            if (resumeAfter !== undefined && !isLater(time, resumeAfter)) continue;
            if (latest === undefined || isLater(time, latest)) latest = time;
          }
          lines.push(request.timestamps ? line : text);
        }
        if (lines.length === 0) continue;
        pauseMs = shortestPauseMs;
        await scene.print(source, lines);
      }
    } catch (error) {
      if (signal.reason instanceof PodGone) break;
      signal.throwIfAborted();
      if (isNotFound(error)) break;
      // Transient errors lead to another request, for example while a kubelet restarts or a container is about to
      // start.
      const mayPass = isUnreachable(error) || isBadRequest(error) || isKubeletFault(error);
      if (!mayPass) throw error;
      if (!isBadRequest(error))
        scene.note(`The log of ${label} was interrupted and is requested again: ${error.message}`);
    }
    const pod = present();
    if (pod === undefined || isFinished(pod)) break;
    await sleep(systemTimer, pauseMs, signal);
    if (signal.reason instanceof PodGone) break;
    signal.throwIfAborted();
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
  scene.note(`${label} has ended.`);
}
