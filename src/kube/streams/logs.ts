/** Reads a container's log as bytes, from the kubelet through the API server, until the log or the container ends. */
import type { Connection } from '../connection.ts';
import { createRequester, type KubeClientOptions } from '../requester.ts';
import { resourcePath } from '../resource.ts';
import { pods } from '../resources.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod */
export type LogRequest = {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly follow?: boolean;
  /** Reads the log of the container from before its last restart. */
  readonly previous?: boolean;
  /** Prefixes each line with its time (RFC 3339 with nanoseconds) and a space. */
  readonly timestamps?: boolean;
  readonly sinceSeconds?: number;
  /** Start time of the returned lines, in RFC 3339 with whole seconds. */
  readonly sinceTime?: string;
  readonly tailLines?: number;
  readonly signal: AbortSignal;
};

export type LogReader = {
  /** @throws KubeApiError, KubeUnreachableError, KubeConfigError, or the signal's reason */
  read(request: LogRequest): AsyncGenerator<Buffer>;
  close(): Promise<void>;
};

export function createLogReader(connection: Connection, options: KubeClientOptions = {}): LogReader {
  const { open, close } = createRequester(connection, options);
  return {
    async *read({ namespace, pod, container, signal, ...asked }) {
      const stream = await open({
        method: 'GET',
        path: resourcePath(pods, { namespace, name: pod, subresource: 'log' }),
        query: { container, ...asked },
        headers: { accept: '*/*' },
        signal,
        repeatable: true,
        write: false,
      });
      try {
        yield* stream.body;
      } catch (error) {
        throw stream.wrapError(error);
      } finally {
        stream.end();
      }
    },
    close,
  };
}
