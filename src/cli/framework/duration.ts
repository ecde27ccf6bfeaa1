/** Durations in the notation of Kubernetes tools: `90s`, `2m`, `1h30m`. */
import { usageError } from './errors.ts';

type Units = Readonly<Record<string, number>>;
const unitMs: Units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const periodUnitMs: Units = { ...unitMs, d: 86_400_000 };

/**
 * @returns milliseconds, more than 0
 * @throws CliError of code USAGE
 */
export function parseDuration(text: string): number {
  return parse(text, unitMs, '30s, 2m, 1h30m');
}

/**
 * Parses a period in the past, which can also have days: `90d`.
 *
 * @returns milliseconds, more than 0
 * @throws CliError of code USAGE
 */
export function parsePeriod(text: string): number {
  return parse(text, periodUnitMs, '90d, 12h, 1d12h');
}

function parse(text: string, units: Units, examples: string): number {
  const parts = [...text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)/g)];
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ''] ?? NaN), 0);
  if (parts.map(([part]) => part).join('') !== text || !(total > 0))
    throw usageError(`"${text}" is not a duration`, `Pass a number and a unit: ${examples}.`);
  return total;
}

/** Formats at most the two largest units, like kubectl's AGE column: `45s`, `3m20s`, `5h`, `12d`. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return withRest(days, 'd', hours % 24, 'h');
  return days < 730 ? `${days}d` : withRest(Math.floor(days / 365), 'y', days % 365, 'd');
}

const withRest = (amount: number, unit: string, rest: number, restUnit: string): string =>
  rest === 0 ? `${amount}${unit}` : `${amount}${unit}${rest}${restUnit}`;

/** Formats a duration like `formatAge`, but with milliseconds below one second. */
export function formatDuration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)}ms` : formatAge(milliseconds);
}
