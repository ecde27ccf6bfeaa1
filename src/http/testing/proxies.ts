/** Proxies on loopback. For tests only. */
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type LoopbackProxy = {
  readonly url: string;
  /** Destinations of the tunnels through this proxy, as `host:port`. */
  readonly targets: string[];
  close(): Promise<void>;
};

function join(client: Socket, upstream: Socket): void {
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
  client.pipe(upstream).pipe(client);
}

async function listen(server: Server, scheme: string, targets: string[]): Promise<LoopbackProxy> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    targets,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/**
 * Starts an HTTP proxy that creates tunnels with CONNECT. Without `loopbackPort`, a tunnel leads to the requested
 * destination. With `loopbackPort`, every tunnel leads to that port on loopback.
 */
export async function startHttpProxy(loopbackPort?: number): Promise<LoopbackProxy> {
  const targets: string[] = [];
  const server = createHttpServer();
  server.on('connect', (request, client: Socket) => {
    targets.push(request.url ?? '');
    const { hostname, port } = new URL(`http://${request.url}`);
    const upstream = connect(loopbackPort ?? Number(port), loopbackPort ? '127.0.0.1' : hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      join(client, upstream);
    });
    upstream.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
  });
  return listen(server, 'http', targets);
}

/** Starts a SOCKS 5 proxy (RFC 1928) without authentication, for IPv4 addresses and host names. */
export async function startSocksProxy(): Promise<LoopbackProxy> {
  const targets: string[] = [];
  const server = createServer((client) => {
    client.on('error', () => {});
    client.once('data', () => {
      client.write(Buffer.of(5, 0));
      client.once('data', (request: Buffer) => {
        const isName = request[3] === 3;
        const end = isName ? 5 + (request[4] ?? 0) : 8;
        const host = isName ? request.subarray(5, end).toString() : [...request.subarray(4, end)].join('.');
        const port = request.readUInt16BE(end);
        targets.push(`${host}:${port}`);
        const upstream = connect(port, host, () => {
          client.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
          join(client, upstream);
        });
        upstream.on('error', () => client.destroy());
      });
    });
  });
  return listen(server, 'socks5', targets);
}
