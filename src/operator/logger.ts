/** Structured logs, a line of JSON each: a constant message and what varies as fields. */
import { pino } from 'pino';
import type { LogFields, Logger } from '../kube/index.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** @param write takes a line with its end */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly write: (line: string) => void;
}): Logger {
  const destination = { write: options.write };
  return adapt(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        // JSON.stringify shows nothing of an Error.
        serializers: { error: pino.stdSerializers.err },
        messageKey: 'msg',
      },
      destination,
    ),
  );
}

type Sink = Pick<pino.Logger, LogLevel | 'child'>;

function adapt(sink: Sink): Logger {
  const line =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      sink[level](fields, message);
    };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    with: (fields) => adapt(sink.child(fields)),
  };
}
