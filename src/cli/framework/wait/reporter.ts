/** Shows progress on stderr: on a terminal, as a block that is redrawn; elsewhere, as one line per change. */
import type { Output } from '../context.ts';
import { paint, printable, type Style } from '../output/color.ts';
import type { ProgressLine } from './progress.ts';

export type Reporter = {
  update(headline: string, lines: readonly ProgressLine[]): void;
  /** Prints a note that stays above the redrawn block. */
  note(text: string): void;
  /** Leaves the last block in place, and stops redrawing. */
  end(): void;
  /**
   * Redraws the block for a failed wait: marks the line of each False condition as failed, and prints the condition's
   * whole message.
   */
  fail(): void;
};

/** @param prefix prefix of each line if the output is not a terminal. In this case, no headline is printed */
export function createReporter(output: Output, prefix = ''): Reporter {
  return output.redraws ? liveReporter(output) : lineReporter(output, prefix);
}

const marks: Readonly<Record<ProgressLine['status'], readonly [mark: string, style: Style]>> = {
  True: ['√', 'green'],
  False: ['·', 'yellow'],
  Unknown: ['·', 'dim'],
};

const failed = ['×', 'red'] as const;

function lineReporter(output: Output, prefix: string): Reporter {
  const reported = new Map<string, string>();
  return {
    update(_headline, lines) {
      for (const line of lines) {
        const text = `${line.label}: ${line.status === 'True' ? 'yes' : 'not yet'}, ${printable(line.message)} (${line.reason})`;
        if (reported.get(line.label) === text) continue;
        reported.set(line.label, text);
        output.write(`${prefix}${text}\n`);
      }
    },
    note: (text) => output.write(`${prefix}${text}\n`),
    end: () => undefined,
    // Prints nothing, because the error message that follows contains the reasons.
    fail: () => undefined,
  };
}

function liveReporter(output: Output): Reporter {
  let height = 0;
  let shown = '';
  let last: Parameters<Reporter['update']> | undefined;
  const clear = (): void => {
    // Moves to the first line of the block, and erases everything from there.
    if (height > 0) output.write(`\u001B[${height}A\u001B[J`);
    height = 0;
  };
  return {
    update(headline, lines) {
      last = [headline, lines];
      const width = widthOf(lines);
      const rows = [
        paint('bold', fit(headline, output.columns), output.color),
        ...lines.map((line) => {
          const [mark, style] = marks[line.status];
          const text = `${line.label.padEnd(width)}  ${flat(line.message)}`;
          return `  ${paint(style, mark, output.color)} ${fit(text, output.columns && output.columns - 4)}`;
        }),
      ];
      const block = `${rows.join('\n')}\n`;
      if (block === shown && height > 0) return;
      clear();
      output.write(block);
      shown = block;
      height = rows.length;
    },
    note(text) {
      clear();
      output.write(`${text}\n`);
    },
    end: () => {
      height = 0;
    },
    fail() {
      if (last === undefined || height === 0) return;
      const [headline, lines] = last;
      const width = widthOf(lines);
      const rows = lines.map(({ label, status, message }) => {
        const [mark, style] = status === 'False' ? failed : marks[status];
        return `  ${paint(style, mark, output.color)} ${label.padEnd(width)}  ${flat(message)}\n`;
      });
      clear();
      output.write(`${paint('bold', fit(headline, output.columns), output.color)}\n${rows.join('')}`);
    },
  };
}

const widthOf = (lines: readonly ProgressLine[]): number =>
  Math.max(...lines.map((line) => line.label.length), 0);

const flat = (message: string): string => printable(message).replaceAll(/\s+/g, ' ');

/** Truncates a line to the width of the terminal, because a wrapped line could not be redrawn in place. */
function fit(text: string, columns: number | undefined): string {
  return columns === undefined || text.length < columns
    ? text
    : `${text.slice(0, Math.max(0, columns - 2))}…`;
}
