import { describe, expect, it } from 'vitest';
import {
  pressKey,
  renderPicker,
  startPicker,
  type Key,
  type PickerStep,
  type OfferedPolicy,
} from './picker.ts';

const policy = (name: string, origin: OfferedPolicy['origin'] = 'aws'): OfferedPolicy => ({
  name,
  origin,
  arn: `arn:aws:iam::${origin === 'aws' ? 'aws' : '1'}:policy/${name}`,
});
const policies = [
  policy('ledger', 'account'),
  policy('AmazonS3FullAccess'),
  policy('AmazonS3ReadOnlyAccess'),
  policy('AmazonSQSReadOnlyAccess'),
];
const keys: Readonly<Record<string, Key>> = {
  enter: { name: 'return', sequence: '\r' },
  tab: { name: 'tab', sequence: '\t' },
  escape: { name: 'escape', sequence: '\u001B' },
  down: { name: 'down', sequence: '\u001B[B' },
  back: { name: 'backspace', sequence: '\u007F' },
  interrupt: { name: 'c', ctrl: true, sequence: '\u0003' },
};
/** Presses keys in the picker. Each argument is the name of a key, or text to type. Stops when the picker ends. */
const press = (...given: readonly string[]): PickerStep => {
  let step: PickerStep = { kind: 'pick', state: startPicker(policies) };
  const all = given.flatMap((each) =>
    each in keys ? [keys[each]!] : Array.from(each, (sequence) => ({ sequence })),
  );
  for (const key of all) if (step.kind === 'pick') step = pressKey(step.state, key, policies);
  return step;
};
const picked = (...given: readonly string[]): unknown => {
  const step = press(...given);
  return step.kind === 'picked' ? step.policies.map(({ name }) => name) : step.kind;
};
const screen = (...given: readonly string[]): string => {
  const step = press(...given);
  if (step.kind !== 'pick') return step.kind;
  return renderPicker(step.state, { account: 'orders', columns: 60, color: false }).join('\n');
};

describe('pressKey', () => {
  it('takes the highlighted policy on Enter after a search or an arrow key', () => {
    expect(picked('s3ro', 'enter')).toEqual(['AmazonS3ReadOnlyAccess']);
    expect(picked('down', 'enter')).toEqual(['AmazonS3FullAccess']);
  });

  it('returns on Enter the policies that were chosen with Tab, and after another search also the highlighted policy', () => {
    expect(picked('s3ro', 'tab', 'enter')).toEqual(['AmazonS3ReadOnlyAccess']);
    expect(picked('s3ro', 'tab', 'escape', 'sqs', 'enter')).toEqual([
      'AmazonS3ReadOnlyAccess',
      'AmazonSQSReadOnlyAccess',
    ]);
  });

  it('ignores the highlighted policy on Enter if the user has not searched or moved, or if Tab has just removed the policy', () => {
    expect(picked('enter')).toEqual([]);
    expect(picked('s3ro', 'back', 'back', 'back', 'back', 'enter')).toEqual([]);
    expect(picked('s3ro', 'tab', 'tab', 'enter')).toBe('pick');
    expect(picked('s3ro', 'tab', 'sqs', 'enter')).toBe('pick');
  });

  it('goes back from a search to the list on Escape, and needs a second Escape to discard chosen policies', () => {
    expect(screen('s3ro', 'escape')).toContain('Search: _');
    expect(picked('escape')).toBe('cancelled');
    expect(screen('s3ro', 'tab', 'escape')).toContain('Chosen: AmazonS3ReadOnlyAccess');
    expect(screen('s3ro', 'tab', 'escape', 'escape')).toContain('Esc again discards 1 policy');
    expect(picked('s3ro', 'tab', 'escape', 'escape', 'escape')).toBe('cancelled');
    expect(screen('s3ro', 'tab', 'escape', 'escape', 'down', 'escape')).toContain('Esc again');
  });

  it('keeps a search text without a match when Enter is pressed', () => {
    expect(screen('zzz', 'enter')).toContain('Search: zzz_');
    expect(screen('zzz', 'enter')).toContain('No policy matches');
  });

  it('cancels on Ctrl-C in every state', () => {
    expect(picked('s3ro', 'tab', 'interrupt')).toBe('cancelled');
  });
});

describe('renderPicker', () => {
  it('shows the search, the chosen policies, the matches and the effect of each key', () => {
    expect(screen('s3', 'tab', 'down')).toBe(
      [
        'Policies of account "orders" (choose none to use an editor)',
        'Search: s3_',
        'Chosen: AmazonS3FullAccess',
        '  [x] AmazonS3FullAccess  arn:aws:iam::aws:policy/AmazonS3…',
        '> [ ] AmazonS3ReadOnlyAccess  arn:aws:iam::aws:policy/Amaz…',
        'Enter: create the account with AmazonS3ReadOnlyAccess and 1',
        '  policy. Tab: choose several. Esc: clear the search.',
      ].join('\n'),
    );
  });

  it('keeps every line shorter than the terminal, and the highlighted policy in view', () => {
    const many = Array.from({ length: 40 }, (_each, index) => policy(`Policy${index}`));
    let state = startPicker(many);
    for (let index = 0; index < 25; index += 1) {
      const step = pressKey(state, keys['down']!, many);
      if (step.kind === 'pick') ({ state } = step);
    }
    const lines = renderPicker(state, { account: 'a'.repeat(80), columns: 40, color: false });
    expect(lines.every((line) => line.length < 40)).toBe(true);
    expect(lines.filter((line) => line.startsWith('> '))).toEqual([expect.stringContaining('Policy25')]);
    expect(lines).toContain('      and 14 more');
  });
});
