/** Dedicated sockets to the API server for WebSockets. */
import type { Socket } from 'node:net';
import { addressOf, dial } from '../../http/index.ts';
import type { Connection, TlsMaterial } from '../connection.ts';

/** Opens a connected socket. @throws errors of sockets, TLS and proxies, or the signal's reason */
export function openSocket(
  connection: Pick<Connection, 'server' | 'proxyUrl'>,
  tls: TlsMaterial,
  signal: AbortSignal,
): Promise<Socket> {
  const server = new URL(connection.server);
  const { proxyUrl } = connection;
  return dial(
    { ...addressOf(server), tls: server.protocol === 'https:' ? tls : undefined, proxyUrl },
    signal,
  );
}

/**
 * Delays the error of a failed write until all received data are read. By default, Node.js destroys a socket, including
 * its unread data, as soon as a write fails. A write may fail although the server has sent everything, because a server
 * may close the connection after its last message without reading the remaining input.
 */
export function readToTheEnd(socket: Socket): void {
  type Done = (error?: Error | null) => void;
  const heldBack =
    (done: Done): Done =>
    (error) => {
      if (!error || socket.readableEnded || socket.destroyed) {
        done(error);
        return;
      }
      const finish = (): void => {
        socket.off('end', finish);
        socket.off('close', finish);
        done(error);
      };
      socket.on('end', finish);
      socket.on('close', finish);
    };
  const write = socket._write.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, heldBack(done));
  const writev = socket._writev?.bind(socket);
  if (writev) socket._writev = (chunks, done) => writev(chunks, heldBack(done));
}
