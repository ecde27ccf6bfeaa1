/**
 * Runs a program in a container, over the subprotocol `v5.channel.k8s.io`, or `v4.channel.k8s.io` for servers before
 * 1.29. The first byte of each message is the number of its stream.
 * Source: k8s.io/apimachinery `pkg/util/remotecommand/constants.go` and `pkg/util/httpstream/wsstream`.
 */
import type { Connection } from '../connection.ts';
import type { KubeStatus } from '../errors.ts';
import { resourcePath } from '../resource.ts';
import { pods } from '../resources.ts';
import { openWebSocket } from './web-socket.ts';

export type ExecRequest = {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly [string, ...string[]];
  /** Whether to allocate a terminal in the container. With a terminal, stdout contains the whole output. */
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly signal: AbortSignal;
  readonly userAgent?: string;
};

/** Size in characters. */
export type TerminalSize = { readonly columns: number; readonly rows: number };

export type ExecEnd =
  | { readonly kind: 'exited'; readonly code: number }
  /** The program could not be run, or the container runtime failed. */
  | { readonly kind: 'failed'; readonly message: string }
  /**
   * The connection ended before the server sent the program's status. If the connection broke, `error` is set. If the
   * connection was closed, for example because the pod was deleted, `error` is undefined.
   */
  | { readonly kind: 'cut'; readonly error?: Error };

export type ExecSession = {
  /** Yields the output until the program ends. @throws the signal's reason, unless the program has already ended */
  readonly output: AsyncIterable<{ readonly stream: 'stdout' | 'stderr'; readonly data: Buffer }>;
  /** Returns how the program ended. Call this function after the output has ended. */
  end(): ExecEnd;
  write(data: Uint8Array): Promise<void>;
  /** Closes the program's stdin. Has no effect with the subprotocol v4, which cannot close a stream. */
  endInput(): Promise<void>;
  resize(size: TerminalSize): Promise<void>;
  close(): void;
};

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const v5 = 'v5.channel.k8s.io';
const v4 = 'v4.channel.k8s.io';

/** @throws KubeApiError, KubeUnreachableError, KubeConfigError, or the signal's reason */
export async function openExec(connection: Connection, request: ExecRequest): Promise<ExecSession> {
  const { namespace, pod, container, command, tty, stdin } = request;
  const socket = await openWebSocket(connection, {
    path: resourcePath(pods, { namespace, name: pod, subresource: 'exec' }),
    query: [
      ['container', container],
      ...command.map((word) => ['command', word] as const),
      ['stdin', String(stdin)],
      ['stdout', 'true'],
      // With a terminal, the container has only one output stream, and servers reject a request for stderr.
      ['stderr', String(!tty)],
      ['tty', String(tty)],
    ],
    protocols: [v5, v4],
    signal: request.signal,
    ...(request.userAgent === undefined ? {} : { userAgent: request.userAgent }),
  });
  let reported: ExecEnd = { kind: 'cut' };
  const send = (channel: number, data: Uint8Array): Promise<void> =>
    socket.send(Buffer.concat([Buffer.of(channel), data]));

  return {
    output: {
      async *[Symbol.asyncIterator]() {
        try {
          for await (const message of socket.messages) {
            const data = message.subarray(1);
            switch (message[0]) {
              case channels.stdout:
                // The server opens each stream with an empty message.
                if (data.length > 0) yield { stream: 'stdout', data };
                break;
              case channels.stderr:
                if (data.length > 0) yield { stream: 'stderr', data };
                break;
              case channels.error:
                if (data.length > 0) reported = execEnd(data.toString('utf8'));
                break;
              default:
                // Messages of other channels are ignored.
                break;
            }
          }
        } catch (error) {
          // Once the program's status is known, an error of the connection is irrelevant.
          if (reported.kind !== 'cut') return;
          request.signal.throwIfAborted();
          reported = { kind: 'cut', error: error as Error };
        }
      },
    },
    end: () => reported,
    write: (data) => send(channels.stdin, data),
    endInput: async () => {
      if (socket.protocol === v5) await socket.send(Buffer.of(channels.close, channels.stdin));
    },
    resize: ({ columns, rows }) =>
      send(channels.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows }))),
    close: () => socket.close(),
  };
}

/** Parses the Status that the server sends when the program ends. */
export function execEnd(text: string): ExecEnd {
  let status: KubeStatus;
  try {
    status = JSON.parse(text) as KubeStatus;
  } catch {
    return { kind: 'failed', message: text };
  }
  if (status.status === 'Success') return { kind: 'exited', code: 0 };
  const code = status.details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && code !== undefined && /^[0-9]+$/.test(code))
    return { kind: 'exited', code: Number(code) };
  return { kind: 'failed', message: status.message ?? text };
}
