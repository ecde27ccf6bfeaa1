/** Shows events on stderr: on a terminal, what goes on has one line that is rewritten; elsewhere a line now and then. */
import { stripVTControlCharacters } from 'node:util';
import type { SandboxReporter } from './events.ts';
import { eventText } from './event-text.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

/** Off a terminal: often enough to see that it goes on, seldom enough for a log. */
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
      // A line that wraps could not be taken back.
      output.write(text.slice(0, (output.columns ?? 80) - 1));
      shown = true;
    } else if (now() - toldAt >= progressMs) {
      toldAt = now();
      output.write(`${text}\n`);
    }
  };
}
