import { usageError } from '../../framework/errors.ts';

/** Parses `127.0.0.1:8080`, `[::1]:8080`, or `:8080` for all addresses. @throws CliError of code USAGE */
export function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):([0-9]{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535)
    throw usageError(
      `"${text}" is not an address`,
      'Pass HOST:PORT, for example 127.0.0.1:8080; port 0 uses a free port.',
    );
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
}

/**
 * Parses a Lease duration and returns milliseconds. The leader renews the Lease every 2/15 of the duration, and gives up
 * leadership after 2/3 of the duration without a renewal. With a duration below five seconds, even a slightly slow API server
 * would end the leadership.
 *
 * @throws CliError of code USAGE
 */
export function parseLeaseDuration(text: string): number {
  const seconds = Number(text);
  if (!/^[0-9]{1,3}$/.test(text) || seconds < 5 || seconds > 300)
    throw usageError(`"${text}" is not a Lease duration`, 'Pass whole seconds, from 5 to 300.');
  return seconds * 1000;
}
