/**
 * Port forwarding over a WebSocket, as in a kubelet: each port has a data channel and an error channel, and each
 * channel begins with the port number. Pods of the sandbox have no network of their own: their ports are ports of this
 * machine.
 * Source: k8s.io/cri-streaming `pkg/streaming/portforward/websocket.go`.
 */
import { connect } from 'node:net';
import type { WebSocket } from 'ws';

const loopback = '127.0.0.1';

/** Number of unsent bytes above which reading from the other side pauses. */
const highWater = 1 << 20;

/** Interval between checks that the pod still exists, in milliseconds. */
const lookMs = 500;

export type ForwardTo = {
  readonly ports: readonly number[];
  readonly pod: string;
  /** Whether the pod still exists. When the pod is deleted, its connections are closed. */
  readonly isThere: () => Promise<boolean>;
};

export function forwardPorts(socket: WebSocket, { ports, pod, isThere }: ForwardTo): void {
  const look = async (): Promise<void> => {
    if (!(await isThere())) socket.close();
  };
  const looking = setInterval(() => void look(), lookMs);
  const remotes = ports.map((port, index) => {
    const [data, error] = [index * 2, index * 2 + 1];
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    for (const channel of [data, error]) socket.send(Buffer.concat([Buffer.of(channel), number]));
    const remote = connect({ port, host: loopback });
    remote.on('data', (chunk: Buffer) => {
      remote.pause();
      socket.send(Buffer.concat([Buffer.of(data), chunk]), () => remote.resume());
    });
    remote.once('error', (cause) => {
      const hint = `the ports of a sandbox pod are ports of this machine, so start a program that listens on port ${port}`;
      const text = `error forwarding port ${port} to pod ${pod}: ${cause.message}; ${hint}`;
      if (socket.readyState === socket.OPEN)
        socket.send(Buffer.concat([Buffer.of(error), Buffer.from(text)]));
      socket.close();
    });
    remote.once('end', () => socket.close());
    return remote;
  });
  socket.on('message', (message: Buffer) => {
    const channel = message[0] ?? 0;
    const remote = channel % 2 === 0 ? remotes[channel / 2] : undefined;
    if (!remote) return;
    remote.write(message.subarray(1));
    if (remote.writableLength > highWater) {
      socket.pause();
      remote.once('drain', () => socket.resume());
    }
  });
  socket.once('close', () => {
    clearInterval(looking);
    for (const remote of remotes) remote.destroySoon();
  });
  socket.on('error', () => socket.terminate());
}
