/**
 * The port through which the runtime logs: a constant message and fields that vary, so that lines can be counted
 * and filtered. The host gives an adapter for its logger; none is needed in this folder.
 */
export type LogFields = Readonly<Record<string, unknown>>;

export type Logger = {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger which adds these fields to each of its lines. */
  with(fields: LogFields): Logger;
};

/** Drops everything; what components use when their host gives no logger. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLogger,
};
