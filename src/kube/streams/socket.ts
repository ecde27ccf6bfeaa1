/** A socket to the API server for a WebSocket, which keeps it for itself. */
import type { Socket } from 'node:net';
import { addressOf, dial } from '../../http/index.ts';
import type { Connection, TlsMaterial } from '../connection.ts';

/** @throws what sockets, TLS and proxies throw, or the signal's reason */
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
 * Node destroys a socket as soon as it cannot be written to any more, and with it what has come and was not read yet. A
 * server that has said all closes the connection whether or not it has read all, and what it said last counts: so a failed
 * write is told only when there is nothing left to read.
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
      const tell = (): void => {
        socket.off('end', tell);
        socket.off('close', tell);
        done(error);
      };
      socket.on('end', tell);
      socket.on('close', tell);
    };
  const write = socket._write.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, heldBack(done));
  const writev = socket._writev?.bind(socket);
  if (writev) socket._writev = (chunks, done) => writev(chunks, heldBack(done));
}
