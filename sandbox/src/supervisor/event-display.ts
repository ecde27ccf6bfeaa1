/**
 * Prints events to stderr. On a terminal, progress is shown in one line that is rewritten; otherwise a progress line is
 * printed at intervals.
 */
import { stripVTControlCharacters } from 'node:util';
import type { SandboxReporter } from './events.ts';
import { eventText } from './event-text.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

/** Interval of progress lines without a terminal: short enough to show activity, long enough not to flood a log. */
const progressMs = 10_000;

type Terminal = {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number | undefined;
};

export function eventDisplay(output: Terminal, now: () => Monotonic): SandboxReporter {
  let shown = false;
  let reportedAt = -Infinity;
  const clear = (): void => {
    if (shown) output.write('\r\u001B[K');
    shown = false;
  };
  return (event) => {
    const reported = eventText(event);
    if (reported === undefined) return;
    const text = reported.text
      .split('\n')
      .map((line) => stripVTControlCharacters(line))
      .join('\n');
    if (!reported.progress) {
      clear();
      reportedAt = -Infinity;
      output.write(`${text}\n`);
    } else if (output.isTTY) {
      clear();
      // Cuts the line to the width of the terminal, because a line that wraps cannot be erased.
      output.write(text.slice(0, (output.columns ?? 80) - 1));
      shown = true;
    } else if (now() - reportedAt >= progressMs) {
      reportedAt = now();
      output.write(`${text}\n`);
    }
  };
}
