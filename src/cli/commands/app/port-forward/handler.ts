/**
 * `kon app port-forward`: forwards local ports to an app's pods. Each connection selects its pod when it is opened, so a rollout
 * interrupts only the open connections.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { App } from '../../../../api/app.ts';
import type { Connection, KubeClient } from '../../../../kube/index.ts';
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
        void forward({ context, client, connection, app, request, port, signal }, socket);
      });
      servers.push(server);
      const { port: local } = server.address() as AddressInfo;
      context.stdout.write(
        `${loopback}:${local} -> ${target}/${request.pod ?? request.name}:${port.remote}\n`,
      );
    }
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
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
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      reject(
        new CliError(
          'PORT_UNAVAILABLE',
          isTaken
            ? `local port ${port.local} is in use`
            : `cannot listen on local port ${port.local}: ${error.message}`,
          {
            cause: error,
            next: [`Use any free port: kon app port-forward ${app} :${port.remote}`],
          },
        ),
      );
    });
    server.listen(port.local, loopback, resolve);
  });
  return server;
}

type Forwarding = {
  readonly context: CliContext;
  readonly client: KubeClient;
  readonly connection: Connection;
  readonly app: App;
  readonly request: PortForwardRequest;
  readonly port: ForwardedPort;
  readonly signal: AbortSignal;
};

/** Forwards one connection until it ends. Reports its errors; other connections continue. */
async function forward(forwarding: Forwarding, socket: Socket): Promise<void> {
  const { context, client, connection, app, request, port, signal } = forwarding;
  const gone = new AbortController();
  socket.on('error', () => socket.destroy());
  socket.once('close', () => gone.abort(new Error('the connection was closed')));
  let remote: ForwardedConnection | undefined;
  try {
    const { target, pod } = await pickPod(client, app, request);
    remote = await openPortForward(connection, {
      namespace: target,
      pod: pod.metadata.name,
      port: port.remote,
      signal: AbortSignal.any([signal, gone.signal]),
    });
    // Ignores the error of a failed send: the failure also ends the output, and a response may still arrive before the
    // end.
    void sendAll(socket, remote).catch(() => undefined);
    for await (const data of remote.output) {
      if (!socket.write(data)) await drained(socket, gone.signal);
    }
    socket.end();
  } catch (error) {
    if (!gone.signal.aborted && !signal.aborted) {
      const { message, details } = explained(error);
      context.stderr.write(
        `A connection to port ${port.remote} failed: ${[message, ...details].join(': ')}\n`,
      );
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

function drained(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    socket.once('drain', settle);
    signal.addEventListener('abort', settle, { once: true });
    if (signal.aborted) settle();
  });
}
