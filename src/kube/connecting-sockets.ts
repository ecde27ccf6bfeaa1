/**
 * Connections that are being made, which end with the client that makes them. undici destroys those that it has, and lets
 * these go on until they time out: 10 s after the client was closed, and later where the process gets little time.
 */
import type { Socket } from 'node:net';

export type ConnectingSockets = {
  /** Destroys it at once when the others were destroyed already. */
  add(socket: Socket): void;
  /** It is made, and whoever has it now ends it. */
  delete(socket: Socket): void;
  destroy(): void;
};

export function createConnectingSockets(): ConnectingSockets {
  const sockets = new Set<Socket>();
  let isOver = false;
  return {
    add(socket) {
      if (isOver) socket.destroy();
      else sockets.add(socket.once('close', () => sockets.delete(socket)));
    },
    delete: (socket) => void sockets.delete(socket),
    destroy() {
      isOver = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}
