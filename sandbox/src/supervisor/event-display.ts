/**
 * Prints events to stderr. On a terminal, progress occupies one line that is rewritten; elsewhere a line is printed at
 * intervals.
 */
import { stripVTControlCharacters } from 'node:util';
import type { SandboxReporter } from './events.ts';
import { eventText } from './event-text.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

/** Interval of progress lines without a terminal: short enough to show activity, long enough for a log. */
const progressMs = 10_000;

type Terminal = {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number | undefined;
};

export function eventDisplay(output: Terminal, now: () => Monotonic): SandboxReporter {
  let shown = false;
  let toldAt = -Infinity;
  const clear = (): void => {
    if (shown) output.write('\r\u001B[K');
    shown = false;
  };
  return (event) => {
    const told = eventText(event);
    if (told === undefined) return;
    const text = told.text
      .split('\n')
      .map((line) => stripVTControlCharacters(line))
      .join('\n');
    if (!told.progress) {
      clear();
      toldAt = -Infinity;
      output.write(`${text}\n`);
    } else if (output.isTTY) {
      clear();
      // A line that wraps could not be erased.
      output.write(text.slice(0, (output.columns ?? 80) - 1));
      shown = true;
    } else if (now() - toldAt >= progressMs) {
      toldAt = now();
      output.write(`${text}\n`);
    }
  };
}
