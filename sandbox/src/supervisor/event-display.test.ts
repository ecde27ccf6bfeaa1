import { expect, test } from 'vitest';
import { eventDisplay } from './event-display.ts';
import { duration } from './event-text.ts';
import type { SandboxEvent } from './events.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

function show(events: readonly SandboxEvent[], terminal: boolean): string {
  let written = '';
  let now = 0;
  const report = eventDisplay(
    {
      write: (text) => {
        written += text;
      },
      isTTY: terminal,
      columns: terminal ? 40 : undefined,
    },
    () => now as Monotonic,
  );
  for (const event of events) {
    report(event);
    if (event.kind === 'building') now += 4000;
  }
  return written;
}

const building = (packages: number): SandboxEvent => ({
  kind: 'building',
  binary: 'etcd',
  packages,
  elapsedMs: 65_000,
});

test('without a terminal, progress is printed every ten seconds', () => {
  const text = show([building(1), building(2), building(3), building(4)], false);
  expect(text.match(/\d+ packages/g)).toEqual(['1 packages', '4 packages']);
});

test('on a terminal, progress occupies one line that fits the width, and other messages replace this line', () => {
  const text = show([building(1), building(2), { kind: 'built', binary: 'etcd', elapsedMs: 70_000 }], true);
  expect(text.split('\r\u001B[K').map((line) => line.length)).toEqual([
    39,
    39,
    'Built etcd in 1 min 10 s\n'.length,
  ]);
  expect(text.endsWith('\r\u001B[KBuilt etcd in 1 min 10 s\n')).toBe(true);
});

test('a failed download is printed with its reason, and the end of a part of the sandbox with the last lines of the log of that part', () => {
  const text = show(
    [
      {
        kind: 'download-failed',
        binary: 'kubectl',
        url: 'https://dl.k8s.io/x',
        reason: 'the server responded with 404',
      },
      { kind: 'part-ended', part: 'kwok', message: 'kwok ended with code 1; the end of its log:\nno stages' },
    ],
    false,
  );
  expect(text).toBe(
    'kubectl could not be downloaded from https://dl.k8s.io/x: the server responded with 404\n' +
      'A part of the sandbox has ended. kwok ended with code 1; the end of its log:\nno stages\n',
  );
});

test.each([
  [4210, '4.2 s'],
  [12_400, '12 s'],
  [60_000, '1 min 0 s'],
])('%i ms is displayed as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
