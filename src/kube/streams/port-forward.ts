/**
 * Connection to a port of a pod, over the subprotocol `v4.channel.k8s.io`. Each connection has its own WebSocket, so
 * that no connection can block another.
 * Source: k8s.io/cri-streaming `pkg/streaming/portforward/websocket.go`.
 */
import type { Connection } from '../connection.ts';
import { resourcePath } from '../resource.ts';
import { pods } from '../resources.ts';
import { openWebSocket } from './web-socket.ts';

export type PortForwardRequest = {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  readonly signal: AbortSignal;
  readonly userAgent?: string;
};

export type ForwardedConnection = {
  /**
   * Yields the pod's data until the pod closes the connection. @throws PortForwardError if the port cannot be reached
   */
  readonly output: AsyncIterable<Buffer>;
  write(data: Uint8Array): Promise<void>;
  /** Closes both directions. The protocol cannot close a single direction. */
  close(): void;
};

/** Error that the kubelet reports for the forwarded port. */
export class PortForwardError extends Error {
  override readonly name = 'PortForwardError';
}

const channels = { data: 0, error: 1 } as const;

/** @throws KubeApiError, KubeUnreachableError, KubeConfigError, or the signal's reason */
export async function openPortForward(
  connection: Connection,
  request: PortForwardRequest,
): Promise<ForwardedConnection> {
  const { namespace, pod, port } = request;
  const socket = await openWebSocket(connection, {
    path: resourcePath(pods, { namespace, name: pod, subresource: 'portforward' }),
    query: [['ports', String(port)]],
    protocols: ['v4.channel.k8s.io'],
    signal: request.signal,
    ...(request.userAgent === undefined ? {} : { userAgent: request.userAgent }),
  });
  return {
    output: {
      async *[Symbol.asyncIterator]() {
        // The first message of each channel contains only the port number.
        const begun = new Set<number>();
        for await (const message of socket.messages) {
          const channel = message[0] ?? -1;
          const data = message.subarray(1);
          if (!begun.has(channel)) {
            begun.add(channel);
            continue;
          }
          if (channel === channels.data) yield data;
          else if (channel === channels.error && data.length > 0)
            throw new PortForwardError(data.toString('utf8').trim());
        }
      },
    },
    write: (data) => socket.send(Buffer.concat([Buffer.of(channels.data), data])),
    close: () => socket.close(),
  };
}
