import { describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../../sandbox/src/aws/journal.ts';
import { attachmentGaps, foreignChanges } from './journal-claims.ts';

const operator = 'arn:aws:iam::1:user/operator';
const [a, b, c] = ['arn:a', 'arn:b', 'arn:c'] as const;
let sequence = 0;

const call = (
  time: number,
  action: string,
  policy?: string,
  more: Partial<JournalEntry> = {},
): JournalEntry => ({
  sequence: (sequence += 1),
  time,
  durationMs: 1,
  requestId: '',
  service: 'iam',
  action,
  resource: 'arn:aws:iam::1:role/konstellation/x',
  caller: operator,
  parameters: policy === undefined ? {} : { PolicyArn: policy },
  status: 200,
  changed: true,
  ...more,
});
const created = [call(0, 'CreateRole'), call(1, 'AttachRolePolicy', a), call(2, 'AttachRolePolicy', b)];
const gaps = (calls: readonly JournalEntry[], ...lists: [number, readonly string[] | undefined][]) =>
  attachmentGaps(
    [...created, ...calls],
    operator,
    new Map([['x', lists.map(([from, policyArns]) => ({ from, policyArns }))]]),
  );

describe('an attachment gap', () => {
  it('is reported when a policy that the account listed all the time is detached', () => {
    expect(gaps([call(100_000, 'DetachRolePolicy', a)], [0, [a, b]])).toHaveLength(1);
  });

  it('is reported when a policy is detached before its replacement is attached', () => {
    const swap: [number, readonly string[]][] = [
      [0, [a, b]],
      [90_000, [b, c]],
    ];
    const attach = (time: number): JournalEntry => call(time, 'AttachRolePolicy', c);
    expect(gaps([call(100_000, 'DetachRolePolicy', a), attach(100_001)], ...swap)).toHaveLength(1);
    expect(gaps([attach(100_000), call(100_001, 'DetachRolePolicy', a)], ...swap)).toEqual([]);
  });

  it('is not reported for an account that was deleted', () => {
    expect(gaps([call(100_000, 'DetachRolePolicy', a)], [0, [a, b]], [99_000, undefined])).toEqual([]);
  });

  it('is not reported if a recent spec required the detachment, but is reported if the last such spec is too old', () => {
    const back: [number, readonly string[]][] = [
      [0, [a, b]],
      [90_000, [b]],
      [95_000, [a, b]],
    ];
    expect(gaps([call(96_000, 'DetachRolePolicy', a)], ...back)).toEqual([]);
    expect(gaps([call(120_000, 'DetachRolePolicy', a)], ...back)).toHaveLength(1);
  });

  it('is not reported for a call that changed nothing, or for a call from a caller other than the operator', () => {
    const quiet = call(100_000, 'DetachRolePolicy', a, { changed: false });
    const other = call(100_000, 'DetachRolePolicy', a, { caller: 'arn:aws:iam::1:user/person' });
    expect(gaps([quiet, other], [0, [a, b]])).toEqual([]);
  });
});

it('a call counts as a foreign change when it changes a role of another owner', () => {
  const isOwn = (role: string): boolean => role.startsWith('kon-');
  const on = (role: string, more: Partial<JournalEntry> = {}): JournalEntry =>
    call(0, 'DeleteRole', undefined, { resource: `arn:aws:iam::1:role/${role}`, ...more });
  expect(
    foreignChanges([on('kon-a'), on('other'), on('third', { changed: false })], operator, isOwn),
  ).toEqual(['DeleteRole arn:aws:iam::1:role/other']);
});
