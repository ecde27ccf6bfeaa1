/**
 * Sends one request to the API server, with a deadline, retries and typed errors. All methods of the client use this
 * module.
 */
import { toError } from '../k8s/errors.ts';
import type { Connection } from './connection.ts';
import { KubeApiError, KubeUnreachableError, type KubeStatus } from './errors.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { sleep, systemTimer, type Random, type SetTimer } from './timing.ts';
import type { TransportResponse } from './connections.ts';
import { createTransport } from './transport.ts';
import type { Monotonic } from '../k8s/time.ts';

/**
 * `Warning` header of a response. It reports a deprecated API, an unknown field or a message of an admission policy.
 */
export type Warning = { readonly text: string; readonly method: string; readonly path: string };

/** Outcome of one attempt to send a request. `status` is undefined if no response arrived. */
export type RequestOutcome = {
  readonly method: string;
  /** Host and port of the API server. */
  readonly host: string;
  /** Path of the request without the query. */
  readonly path: string;
  /**
   * Time in milliseconds from the start of the attempt until the headers of the response arrived or the attempt failed.
   */
  readonly ms: number;
  readonly status?: number;
};

export type KubeClientOptions = {
  readonly userAgent?: string | undefined;
  /** Average number of requests per second, and size of a burst. Default: 50 and 100. */
  readonly qps?: number | undefined;
  readonly burst?: number | undefined;
  /**
   * Maximum time of one attempt in milliseconds, from sending the request until the last byte of the response arrives.
   * For a watch or another stream: until the headers arrive. Default: 30,000.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Default: `performance.now`. */
  readonly now?: (() => Monotonic) | undefined;
  /**
   * Source of randomness for retry delays, so that many clients do not retry at the same time. Default: delays are not
   * randomized.
   */
  readonly random?: Random | undefined;
  readonly setTimer?: SetTimer | undefined;
  readonly onWarning?: ((warning: Warning) => void) | undefined;
  /**
   * Called after each attempt to send a request, including retries and attempts that the server refused. Requests that
   * were aborted before they were sent are not reported.
   */
  readonly onAttempt?: ((attempt: RequestOutcome) => void) | undefined;
  /**
   * Called right before the first byte of a write is sent, after all delays. The function can throw to prevent the
   * write, for example if the process has lost its lease.
   */
  readonly beforeWrite?: (() => void) | undefined;
};

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export type Call = {
  readonly method: string;
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Whether the request can be sent twice without harm. */
  readonly repeatable: boolean;
  readonly write: boolean;
};

export type Answer = {
  readonly status: number;
  readonly headers: TransportResponse['headers'];
  readonly body: string;
};

/** Successful response whose body continues until one side ends it. */
export type Stream = {
  readonly body: AsyncIterable<Buffer>;
  readonly end: () => void;
  readonly wrapError: (error: unknown) => unknown;
};

export type Requester = {
  readonly server: string;
  /** Sends the request, with retries. Responses other than 2xx are returned. */
  readonly send: (call: Call) => Promise<Answer>;
  /** Like `send`, but throws `KubeApiError` for a response other than 2xx. Returns the parsed JSON body. */
  readonly ask: <R>(call: Call) => Promise<R>;
  /** Opens a stream. @throws KubeApiError for a response with a status other than 200 */
  readonly open: (call: Call) => Promise<Stream>;
  readonly close: () => Promise<void>;
};

/** Maximum number of retries of a request, as in client-go (`maxRetries`). */
const maxRetries = 10;
/**
 * Maximum `Retry-After` that the requester waits for. If the server requests a longer delay, the request fails, and the
 * caller has to back off.
 */
const longestRetryAfterMs = 30_000;
/**
 * Maximum number of times that a GET is sent again after its connection broke. A kept-alive connection breaks, for
 * example, if the server closes it just when the GET is sent.
 */
const maxReconnects = 2;

export function createRequester(connection: Connection, options: KubeClientOptions): Requester {
  const { server } = connection;
  const { host } = new URL(server);
  const now = options.now ?? (() => performance.now() as Monotonic);
  const setTimer = options.setTimer ?? systemTimer;
  const requestTimeoutMs = options.requestTimeoutMs ?? 30_000;
  const transport = createTransport(connection, now);
  const limiter = createRateLimiter({ qps: options.qps ?? 50, burst: options.burst ?? 100, now, setTimer });
  const closing = new AbortController();

  const timeoutError = (call: Call): KubeUnreachableError =>
    new KubeUnreachableError(
      'timeout',
      server,
      `the API server ${server} did not answer within ${requestTimeoutMs} ms (${call.method} ${call.path})`,
    );

  /**
   * Returns a controller that aborts when the caller's signal aborts, the client is closed or the deadline expires. The
   * abort reason is that of the first of these events.
   */
  const guardCall = (call: Call) => {
    const controller = new AbortController();
    const stop = (): void => controller.abort(call.signal?.reason);
    const stopClosing = (): void => controller.abort(closing.signal.reason);
    if (call.signal?.aborted) stop();
    if (closing.signal.aborted) stopClosing();
    call.signal?.addEventListener('abort', stop, { once: true });
    closing.signal.addEventListener('abort', stopClosing, { once: true });
    const cancelDeadline = setTimer(() => controller.abort(timeoutError(call)), requestTimeoutMs);
    return {
      controller,
      cancelDeadline,
      settle(): void {
        cancelDeadline();
        call.signal?.removeEventListener('abort', stop);
        closing.signal.removeEventListener('abort', stopClosing);
      },
      /**
       * Converts an error that occurred while a body was read. Returns the abort reason if the request was aborted.
       */
      wrapError: (error: unknown): unknown =>
        controller.signal.aborted ? controller.signal.reason : transport.wrapError(toError(error)),
    };
  };

  const dispatch = async (call: Call, signal: AbortSignal): Promise<TransportResponse> => {
    const { method, path } = call;
    const began = now();
    const outcome = (): RequestOutcome => ({ method, host, path, ms: now() - began });
    let response: TransportResponse;
    try {
      response = await transport.request({
        method,
        path: call.path + queryString(call.query),
        headers: {
          accept: 'application/json',
          'user-agent': options.userAgent ?? 'kube-runtime',
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...call.headers,
        },
        body:
          call.body === undefined || typeof call.body === 'string' ? call.body : JSON.stringify(call.body),
        signal,
        guard: call.write ? options.beforeWrite : undefined,
      });
    } catch (error) {
      if (error instanceof KubeUnreachableError && error.code !== 'closed') options.onAttempt?.(outcome());
      throw error;
    }
    options.onAttempt?.({ ...outcome(), status: response.status });
    for (const text of options.onWarning ? warningsOf(response.headers.warning) : [])
      options.onWarning?.({ text, method: call.method, path: call.path });
    return response;
  };

  const attempt = async (call: Call): Promise<Answer> => {
    const guarded = guardCall(call);
    try {
      const { status, headers, body } = await dispatch(call, guarded.controller.signal);
      return { status, headers, body: await textOf(body, guarded) };
    } finally {
      guarded.settle();
    }
  };

  const send = async (call: Call): Promise<Answer> => {
    let reconnects = 0;
    for (let retries = 0; ;) {
      await limiter.take(call.signal);
      let answer: Answer;
      try {
        answer = await attempt(call);
      } catch (error) {
        const broke = error instanceof KubeUnreachableError && error.code === 'reset';
        if (call.method !== 'GET' || !broke || reconnects >= maxReconnects) throw error;
        reconnects += 1;
        continue;
      }
      const waitMs = retryDelayMs(answer, call, options.random);
      if (waitMs === undefined || retries >= maxRetries) return answer;
      retries += 1;
      await sleep(setTimer, waitMs, call.signal);
    }
  };

  return {
    server,
    send,
    async ask<R>(call: Call): Promise<R> {
      const answer = await send(call);
      if (answer.status < 200 || answer.status > 299) throw apiError(answer, call);
      try {
        return JSON.parse(answer.body) as R;
      } catch (error) {
        throw new KubeUnreachableError(
          'protocol',
          server,
          `${server} is not a Kubernetes API server: its answer to ${call.method} ${call.path} is not JSON`,
          { cause: error },
        );
      }
    },
    async open(call) {
      await limiter.take(call.signal);
      const guarded = guardCall(call);
      try {
        const response = await dispatch(call, guarded.controller.signal);
        if (response.status === 200) {
          guarded.cancelDeadline();
          return {
            body: response.body,
            wrapError: guarded.wrapError,
            end() {
              guarded.settle();
              // Abort the request to close its connection, because the server does not end the body.
              guarded.controller.abort(new KubeUnreachableError('closed', server, 'the stream was ended'));
            },
          };
        }
        const body = await textOf(response.body, guarded);
        throw apiError({ status: response.status, headers: response.headers, body }, call);
      } catch (error) {
        guarded.settle();
        throw error;
      }
    },
    async close() {
      closing.abort(new KubeUnreachableError('closed', server, 'the client is closed'));
      await transport.close();
    },
  };
}

function textOf(
  body: TransportResponse['body'],
  { wrapError }: { readonly wrapError: (error: unknown) => unknown },
): Promise<string> {
  return body.text().catch((error: unknown) => {
    throw wrapError(error);
  });
}

function queryString(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/**
 * Delay that the server requests before a retry; undefined if the request must not be repeated. The server did not
 * process a request that it answered with 429, so even a create can be repeated. With any other status, the server may
 * have processed the request.
 */
function retryDelayMs(answer: Answer, call: Call, random: Random | undefined): number | undefined {
  const seconds = retryAfterSeconds(answer.headers);
  const overloaded = answer.status === 429;
  if (!overloaded && !(answer.status >= 500 && seconds !== undefined)) return undefined;
  if (
    !call.repeatable &&
    !(overloaded && call.write && call.method === 'POST' && !call.path.endsWith('/eviction'))
  )
    return undefined;
  const waitMs = (seconds ?? 1) * 1000;
  return waitMs > longestRetryAfterMs ? undefined : waitMs * (1 + 0.2 * (random?.() ?? 0));
}

function retryAfterSeconds(headers: TransportResponse['headers']): number | undefined {
  const value = headers['retry-after'];
  const seconds = typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

function apiError(answer: Answer, call: Call): KubeApiError {
  let status: KubeStatus = {};
  try {
    const parsed = JSON.parse(answer.body) as KubeStatus | null;
    if (parsed?.kind === 'Status') status = parsed;
  } catch {
    const text = answer.body.trim().slice(0, 200);
    if (text !== '') status = { message: text };
  }
  return new KubeApiError(
    { ...status, code: answer.status },
    {
      retryAfterSeconds: retryAfterSeconds(answer.headers),
      request: status.kind === 'Status' ? undefined : `${call.method} ${call.path}`,
    },
  );
}

/**
 * Parses `Warning` headers. A header contains one warning, such as `299 - "text"`, or several warnings separated by
 * commas (RFC 7234 §5.5). A response may have several such headers.
 */
function warningsOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  const texts: string[] = [];
  for (const value of Array.isArray(header) ? header : [header])
    for (const match of value.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g))
      texts.push((match[1] ?? '').replace(/\\(.)/g, '$1'));
  return texts;
}
