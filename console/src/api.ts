/** Requests to the server of the console. */
import type { WireError } from '../../src/cli/console/wire.ts';
import { authorization } from './session.ts';

export class ApiError extends Error {
  readonly code: string;
  readonly details: readonly string[];
  readonly next: readonly string[];

  constructor({ code, message, details, next }: WireError) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.details = details;
    this.next = next;
  }
}

const unreachable: WireError = {
  code: 'CONSOLE_UNREACHABLE',
  message: 'kon console does not answer',
  details: [],
  next: ['Start kon console again in the terminal, and open the link that the command prints.'],
};

/** @throws ApiError */
export async function request<T>(
  path: string,
  options: { method?: 'POST'; body?: Readonly<Record<string, unknown>>; signal?: AbortSignal } = {},
): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`/api/${path}`, {
      method: options.method ?? 'GET',
      headers: {
        ...authorization(),
        ...(options.method === 'POST' ? { 'content-type': 'application/json' } : {}),
      },
      ...(options.method === 'POST' ? { body: JSON.stringify(options.body ?? {}) } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(unreachable);
  }
  const value: unknown = await answer.json();
  if (!answer.ok) throw new ApiError(value as WireError);
  return value as T;
}

/** Yields the messages of a stream of server-sent events, until the connection ends. */
export async function* stream<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const answer = await fetch(`/api/${path}`, { headers: authorization(), signal });
  if (!answer.ok || !answer.body) throw new ApiError((await answer.json()) as WireError);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) if (event.startsWith('data: ')) yield JSON.parse(event.slice(6)) as T;
  }
}
