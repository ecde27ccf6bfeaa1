import { expect, it } from 'vitest';
import { createLogger } from './logger.ts';

function logged(error: unknown): Record<string, unknown> {
  const lines: string[] = [];
  createLogger({ level: 'info', write: (line) => void lines.push(line) }).error('A reconcile failed', {
    error,
  });
  return JSON.parse(lines[0] ?? '{}') as Record<string, unknown>;
}

it('the logger writes the type, the message and the cause of an error', () => {
  class OwnError extends Error {
    override readonly name = 'OwnError';
    readonly code = 'Own';
  }
  expect(logged(new OwnError('it broke', { cause: new TypeError('no such thing') }))).toMatchObject({
    level: 'error',
    msg: 'A reconcile failed',
    error: { type: 'OwnError', code: 'Own', message: expect.stringContaining('it broke: no such thing') },
  });
});

it('the logger writes a thrown value that is no Error, or an Error of another JavaScript realm', () => {
  const timeout = AbortSignal.abort().reason as unknown;
  expect(logged(timeout)).toMatchObject({ error: { message: 'This operation was aborted' } });
  expect(logged(new AggregateError([new Error('one')], 'several'))).toMatchObject({
    error: { message: expect.stringContaining('several') },
  });
  expect(logged({ message: 'like an error', status: 500 })).toMatchObject({
    error: { message: 'like an error' },
  });
  expect(logged('words')).toMatchObject({ error: 'words' });
  expect(logged({ reason: 'nobody knows' })).toMatchObject({ error: { reason: 'nobody knows' } });
});
