/**
 * Structured log: each entry is one line of JSON with a constant message. Variable parts of a message are separate
 * fields.
 */
import { pino } from 'pino';
import type { LogFields, Logger } from '../kube/index.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** @param write writes one line of the log; the line includes its line break */
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
        // A serializer for errors is needed, since JSON.stringify renders an Error as an empty object.
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
