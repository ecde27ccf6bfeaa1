/**
 * The kubelet that the API server calls for the node that kwok simulates. The kubelet accepts only the API server's own
 * client certificate, because kubelet requests run programs on this machine:
 *
 * - the log of a pod is a file, see `pod-log.ts`;
 * - a program in a pod runs on this machine through `kon sandbox exec`, with the pod's identity. kwok handles streams, terminal
 * and size, but does not authenticate callers: it runs programs only for a secret pod name, which this module puts into the
 * request;
 * - the port of a pod is a port of this machine, see `forward-port.ts`.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import type { KeyPair } from '../cluster/certificates.ts';
import { exitStatuses } from './exit-status.ts';
import { forwardPorts } from './forward-port.ts';
import { ensurePodLog, logLine, parseLogQuery, podLogFile, readPodLog, type Container } from './pod-log.ts';
import type { Wall } from '../../../src/k8s/time.ts';

/** User name in the client certificate that the API server presents to kubelets. */
export const kubeletClient = 'kube-apiserver-kubelet-client';

export type FrontOptions = {
  readonly port: number;
  readonly tls: KeyPair;
  /** PEM of the certificate authority that issues client certificates. */
  readonly ca: string;
  /** Port of kwok's streaming server, and the only pod name in exec requests that kwok accepts. */
  readonly kwok: { readonly port: number; readonly execPod: string };
  /** Command that runs `kon` locally. */
  readonly self: readonly string[];
  /** Folder of the sandbox's logs. */
  readonly logs: string;
  /** Whether the pod exists. */
  readonly isThere: (pod: { readonly namespace: string; readonly name: string }) => Promise<boolean>;
  readonly now: () => Wall;
};

/** Listens on 127.0.0.1. Resolves with a function that stops the server. */
export async function startKubeletFront(options: FrontOptions): Promise<() => Promise<void>> {
  const { port, tls, ca } = options;
  const server = createServer(
    {
      cert: tls.certificate,
      key: tls.key,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    },
    (request, response) => {
      answer(request, response, options).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
        response.end(`${String(error)}\n`);
      });
    },
  );
  const webSockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'v4.channel.k8s.io' });
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const path = pathOf(request);
    if (!isApiServer(request)) refuse(socket, '403 Forbidden');
    else if (path[0] === 'exec') tunnelExec(request, socket, head, options);
    else if (path[0] === 'portForward' && request.headers.upgrade?.toLowerCase() === 'websocket')
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        const [, namespace = '', name = ''] = path;
        const isThere = (): Promise<boolean> => options.isThere({ namespace, name });
        forwardPorts(webSocket, { ports: portsOf(request), pod: name, isThere });
      });
    else refuse(socket, '501 Not Implemented');
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return async () => {
    for (const socket of sockets) socket.destroy();
    webSockets.close();
    server.close();
    await once(server, 'close');
  };
}

function isApiServer({ socket }: IncomingMessage): boolean {
  return (socket as TLSSocket).getPeerCertificate().subject?.CN === kubeletClient;
}

const urlOf = ({ url }: IncomingMessage): URL => new URL(url ?? '/', 'https://localhost');

const pathOf = (request: IncomingMessage): readonly string[] =>
  urlOf(request).pathname.split('/').slice(1).map(decodeURIComponent);

/** The API server repeats the parameter for each port, or puts all ports into one value. */
function portsOf(request: IncomingMessage): readonly number[] {
  const { searchParams } = urlOf(request);
  return [...searchParams.getAll('port'), ...searchParams.getAll('ports')]
    .flatMap((value) => value.split(','))
    .map(Number)
    .filter((port) => Number.isInteger(port) && port > 0 && port < 65_536);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: FrontOptions,
): Promise<void> {
  if (!isApiServer(request)) return void response.writeHead(403).end();
  const [what, namespace = '', pod = '', container = ''] = pathOf(request);
  if (request.method !== 'GET' || what !== 'containerLogs') return void response.writeHead(404).end();
  const { searchParams } = urlOf(request);
  if (searchParams.get('previous') === 'true')
    return void response
      .writeHead(400, { 'content-type': 'text/plain' })
      .end(`previous terminated container "${container}" in pod "${pod}" not found`);
  await sendLog({ namespace, pod, container }, searchParams, response, options);
}

async function sendLog(
  of: Container,
  searchParams: URLSearchParams,
  response: ServerResponse,
  { logs, isThere, now }: FrontOptions,
): Promise<void> {
  const { namespace, pod } = of;
  const file = podLogFile(logs, of);
  const hint = `No program runs in this pod. To run a program in place of the pod: kon sandbox exec ${pod} -n ${namespace} --log -- PROGRAM`;
  await ensurePodLog(file, logLine(now(), 'stdout', hint));
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  const query = parseLogQuery(searchParams, now());
  for await (const text of readPodLog(file, query, () => isThere({ namespace, name: pod }), gone.signal))
    if (!response.write(text)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  response.end();
}

/** Forwards the request to kwok, with the secret pod name without which kwok runs no program. */
function tunnelExec(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  { kwok, self }: FrontOptions,
): void {
  const [, namespace = '', pod = '', container = ''] = pathOf(request);
  const query = new URLSearchParams();
  const command: string[] = [];
  for (const [key, value] of urlOf(request).searchParams)
    if (key === 'command') command.push(value);
    else query.append(key, value);
  const inPod = ['sandbox', 'exec', pod, '-n', namespace, '-c', container, '--', ...command];
  for (const argument of [...self, ...inPod]) query.append('command', argument);
  const { execPod } = kwok;
  const upstream = connect({ port: kwok.port, host: '127.0.0.1' }, () => {
    const headers = request.rawHeaders
      .flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${request.rawHeaders[index + 1]}`] : []))
      .join('\r\n');
    upstream.write(
      `${request.method} /exec/${execPod}/${execPod}/main?${query.toString()} HTTP/1.1\r\n${headers}\r\n\r\n`,
    );
    upstream.write(head);
    upstream.pipe(exitStatuses()).pipe(socket).pipe(upstream);
  });
  upstream.on('error', () => socket.destroy());
  socket.once('close', () => upstream.destroy());
}

function refuse(socket: Socket, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
