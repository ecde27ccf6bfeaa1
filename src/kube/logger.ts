/**
 * Logging interface. Each message is constant, and variable data are in the fields, so that lines can be counted and
 * filtered. The host program passes an adapter for its own logger.
 */
export type LogFields = Readonly<Record<string, unknown>>;

export type Logger = {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Returns a logger that adds these fields to each line. */
  with(fields: LogFields): Logger;
};

/** Logger that drops all lines: the default if the host program passes no logger. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLogger,
};
