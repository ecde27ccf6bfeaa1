/**
 * `kon app port-forward`: forwards local ports to an app's pods. Each connection selects its pod when it is opened, so a rollout
 * interrupts only the open connections.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { openPortForward, type ForwardedConnection } from '../../../../kube/streams/index.ts';
import { getObject } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { explain } from '../../../framework/explain.ts';
import { exitCodes, type ExitCode } from '../../../framework/exit-codes.ts';
import { appKind } from '../../../cluster/kinds.ts';
import { forwardedPort, type ForwardedPort, type PortRequest } from './forwarded-port.ts';
import { pickPod, type PodChoice } from '../pick-pod.ts';

export type PortForwardRequest = PodChoice & {
  readonly name: string;
  readonly ports: readonly PortRequest[];
};

const loopback = '127.0.0.1';
/** Milliseconds without data from the pod after which a connection is closed, once the client has finished sending. */
const halfClosedMs = 10_000;

/** @returns the exit code for an interruption; any other end of the command is an error */
export async function portForwardFlow(context: CliContext, request: PortForwardRequest): Promise<ExitCode> {
  const client = await context.connect();
  const app = await getObject(client, appKind, request.name);
  const ports = request.ports.map((port) => forwardedPort(request.name, app.spec, port));
  const connection = await context.connection();
  // Selects a pod now, so that a missing pod is reported at once and not at the first connection.
  const { target } = await pickPod(client, app, request);
  const servers: Server[] = [];
  const ending = new AbortController();
  const signal = AbortSignal.any([context.signal, ending.signal]);
  try {
    for (const port of ports) {
      const server = await listen(request.name, port, (socket) => {
        const open = async (closed: AbortSignal): Promise<ForwardedConnection> => {
          const { target: namespace, pod } = await pickPod(client, app, request);
          return openPortForward(connection, {
            namespace,
            pod: pod.metadata.name,
            port: port.remote,
            signal: AbortSignal.any([signal, closed]),
          });
        };
        void forward(context, socket, port.remote, open, signal);
      });
      servers.push(server);
      const { port: local } = server.address() as AddressInfo;
      context.stdout.write(
        `${loopback}:${local} -> ${target}/${request.pod ?? request.name}:${port.remote}\n`,
      );
    }
    if (!signal.aborted) await once(signal, 'abort');
    return exitCodes.interrupted;
  } finally {
    ending.abort(new Error('the command has ended'));
    for (const server of servers) server.close();
  }
}

async function listen(
  app: string,
  port: ForwardedPort,
  onConnection: (socket: Socket) => void,
): Promise<Server> {
  // A client that has finished sending may still wait for the response.
  const server = createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const problem =
        cause.code === 'EADDRINUSE'
          ? `local port ${port.local} is in use`
          : `cannot listen on local port ${port.local}: ${cause.message}`;
      const next = [`Use any free port: kon app port-forward ${app} :${port.remote}`];
      reject(new CliError('PORT_UNAVAILABLE', problem, { cause, next }));
    });
    server.listen(port.local, loopback, resolve);
  });
  return server;
}

/** Forwards one connection until it ends. Reports its errors; other connections continue. */
async function forward(
  context: CliContext,
  socket: Socket,
  port: number,
  open: (closed: AbortSignal) => Promise<ForwardedConnection>,
  signal: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  socket.on('error', () => socket.destroy());
  socket.once('close', () => gone.abort(new Error('the connection was closed')));
  let remote: ForwardedConnection | undefined;
  try {
    remote = await open(gone.signal);
    // Ignores the error of a failed send: the failure also ends the remote output, and a response may still arrive
    // before that output ends.
    void sendAll(socket, remote).catch(() => undefined);
    for await (const data of remote.output) {
      // A closed client connection also ends this wait. The next read from the pod then fails.
      if (!socket.write(data)) await once(socket, 'drain', { signal: gone.signal }).catch(() => undefined);
    }
    socket.end();
  } catch (error) {
    if (!gone.signal.aborted && !signal.aborted) {
      const { message, details } = explained(error);
      context.stderr.write(`A connection to port ${port} failed: ${[message, ...details].join(': ')}\n`);
    }
    socket.destroy();
  } finally {
    remote?.close();
  }
}

function explained(error: unknown): Pick<CliError, 'message' | 'details'> {
  const { code, message, details } = explain(error);
  // An error that `explain` does not recognize has a message from the kubelet, which describes the problem with the
  // port.
  return code === 'INTERNAL' ? { message, details: [] } : { message, details };
}

async function sendAll(socket: Socket, remote: ForwardedConnection): Promise<void> {
  for await (const data of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
    await remote.write(data);
  // The protocol cannot transmit the end of the input to the pod, so the pod gets some time to respond before the connection is
  // closed.
  socket.setTimeout(halfClosedMs, () => socket.destroy());
}
