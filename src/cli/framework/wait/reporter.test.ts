import { describe, expect, it } from 'vitest';
import type { Output } from '../context.ts';
import type { ProgressLine } from './progress.ts';
import { createReporter } from './reporter.ts';

function recorder(isTTY: boolean, columns?: number): { output: Output; text: () => string } {
  let written = '';
  return {
    output: { write: (text) => void (written += text), isTTY, columns, color: false, redraws: isTTY },
    text: () => written,
  };
}

const line = (status: ProgressLine['status'], message: string): ProgressLine => ({
  label: 'RoleSynced',
  status,
  reason: 'Some',
  message,
});

describe('createReporter without a terminal', () => {
  it('writes a line for each change, and none while nothing changes', () => {
    const { output, text } = recorder(false);
    const reporter = createReporter(output, 'account a: ');
    reporter.update('ignored', [line('False', 'soon')]);
    reporter.update('ignored', [line('False', 'soon')]);
    reporter.update('ignored', [line('True', 'done')]);
    expect(text()).toBe(
      'account a: RoleSynced: not yet, soon (Some)\naccount a: RoleSynced: yes, done (Some)\n',
    );
  });
});

describe('createReporter on a terminal', () => {
  it('redraws its block in place, and only when the block changed', () => {
    const { output, text } = recorder(true, 80);
    const reporter = createReporter(output);
    reporter.update('head', [line('False', 'soon')]);
    reporter.update('head', [line('False', 'soon')]);
    reporter.update('head', [line('True', 'done')]);
    reporter.end();
    expect(text()).toBe('head\n  · RoleSynced  soon\n\u001B[2A\u001B[Jhead\n  √ RoleSynced  done\n');
  });

  it('truncates lines that would wrap, because wrapped lines cannot be redrawn', () => {
    const { output, text } = recorder(true, 30);
    createReporter(output).update('a headline that is far too long for it', [line('False', 'x'.repeat(50))]);
    for (const row of text().trimEnd().split('\n')) expect(row.length).toBeLessThan(30);
  });

  it('marks the failed conditions at the end, with the full reason', () => {
    const { output, text } = recorder(true, 40);
    const reporter = createReporter({ ...output, color: true });
    const reason = '11 policies are listed, and IAM allows 10 on a role';
    reporter.update('head', [line('True', 'done'), line('False', reason), line('Unknown', 'later')]);
    const before = text().length;
    reporter.fail();
    reporter.end();
    expect(text().slice(before)).toBe(
      '\u001B[4A\u001B[J\u001B[1mhead\u001B[22m\n' +
        '  \u001B[32m√\u001B[39m RoleSynced  done\n' +
        `  \u001B[31m×\u001B[39m RoleSynced  ${reason}\n` +
        '  \u001B[2m·\u001B[22m RoleSynced  later\n',
    );
  });

  it('keeps the last block on the screen when the reporter ends, and prints earlier notes above that block', () => {
    const { output, text } = recorder(true, 80);
    const reporter = createReporter(output);
    reporter.update('head', []);
    reporter.note('patience');
    reporter.update('head', []);
    reporter.end();
    reporter.note('after');
    expect(text()).toBe('head\n\u001B[1A\u001B[Jpatience\nhead\nafter\n');
  });
});
