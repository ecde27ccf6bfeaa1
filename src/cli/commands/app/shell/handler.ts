/** `kon app shell`: runs a program in a pod's container, connected to this terminal or to the pipes of this process. */
import { isUnreachable } from '../../../../kube/index.ts';
import { openExec, type ExecSession } from '../../../../kube/streams/index.ts';
import { getObject } from '../../../cluster/objects.ts';
import type { CliContext, ByteStreams } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { exitCodes, type ExitCode } from '../../../framework/exit-codes.ts';
import { appKind } from '../../../cluster/kinds.ts';
import { containerOf, pickPod, type PodChoice } from '../pick-pod.ts';

export type ShellRequest = PodChoice & {
  readonly name: string;
  readonly container: string | undefined;
  /** Program and its arguments. Empty for a shell. */
  readonly command: readonly string[];
};

/** Starts bash if the image contains it, otherwise sh. */
const anyShell = ['/bin/sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash; exec sh'] as const;

/** @returns the program's exit code */
export async function shellFlow(context: CliContext, request: ShellRequest): Promise<ExitCode> {
  const client = await context.connect();
  const app = await getObject(client, appKind, request.name);
  const { target, pod } = await pickPod(client, app, request);
  const { name } = pod.metadata;
  const container = containerOf(pod, app.metadata.name, request.container);
  const [program, ...args] = request.command;
  const bytes = await context.bytes();
  const tty = bytes.isTerminal;
  if (program === undefined && tty) context.stderr.write(`In ${target}/${name}, container ${container}:\n`);
  const ending = new AbortController();
  // On a terminal, Ctrl-C goes to the program. With pipes, Ctrl-C ends this command.
  const session = await openExec(await context.connection(), {
    namespace: target,
    pod: name,
    container,
    command: program === undefined ? anyShell : [program, ...args],
    tty,
    stdin: true,
    signal: AbortSignal.any([context.signal, ending.signal]),
  });
  try {
    await converse(context, session, bytes);
  } catch (error) {
    if (context.signal.aborted) return exitCodes.interrupted;
    throw error;
  } finally {
    session.close();
    ending.abort(new Error('the command has ended'));
  }
  const end = session.end();
  switch (end.kind) {
    case 'exited':
      return end.code;
    case 'failed':
      throw new CliError('EXEC_FAILED', `cannot run the program in ${target}/${name}`, {
        details: [end.message],
        next: afterFailure(request, end.message, { target, pod: name, container }),
      });
    case 'cut':
      throw new CliError(
        'EXEC_FAILED',
        `the connection to ${target}/${name} was closed before the program ended`,
        {
          cause: end.error,
          details: end.error ? [end.error.message] : [],
          next: [`Check whether the pod still exists: kon app pods ${request.name} --target ${target}`],
        },
      );
    default:
      throw new TypeError(`unknown end ${JSON.stringify(end satisfies never)}`);
  }
}

function afterFailure(
  { name, command }: ShellRequest,
  message: string,
  where: { readonly target: string; readonly pod: string; readonly container: string },
): readonly string[] {
  // The API server reports an unreachable kubelet with one of these messages.
  if (/error (?:sending request|dialing backend)/.test(message))
    return ['The API server cannot reach the pod’s node. Check the nodes: kubectl get nodes -o wide'];
  if (command.length > 0) return ['Check whether the image contains that program.'];
  const { target, pod, container } = where;
  return [
    `The image may have no shell. Run a program of the image: kon app shell ${name} -- PROGRAM`,
    `Or add a debug container: kubectl debug -n ${target} ${pod} -it --image busybox --target ${container}`,
  ];
}

async function converse(context: CliContext, session: ExecSession, bytes: ByteStreams): Promise<void> {
  const tty = bytes.isTerminal;
  const giveBack = tty ? bytes.takeKeyboard() : undefined;
  const unlisten = tty ? bytes.onResize((size) => void session.resize(size).catch(ignore)) : undefined;
  try {
    // Ignores the errors of failed sends, because such a failure also ends the output.
    if (tty) void session.resize(bytes.size()).catch(ignore);
    void sendInput(context, session, bytes).catch(ignore);
    for await (const { stream, data } of session.output) await bytes.write(stream, data);
  } finally {
    unlisten?.();
    giveBack?.();
  }
}

async function sendInput(context: CliContext, session: ExecSession, bytes: ByteStreams): Promise<void> {
  try {
    for await (const data of bytes.input()) await session.write(data);
  } catch (error) {
    if (isUnreachable(error)) return;
    context.stderr.write(`The input could not be read to its end: ${(error as Error).message}\n`);
  }
  // Signals the end of the input, because the program may wait for it.
  await session.endInput();
}

const ignore = (): void => undefined;
