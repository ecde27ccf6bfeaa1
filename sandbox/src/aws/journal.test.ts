import { describe, expect, it } from 'vitest';
import type { JournalEntry } from './journal.ts';
import { createJournal } from './journal.ts';

const entry = (action: string, service: JournalEntry['service'] = 'iam'): Omit<JournalEntry, 'sequence'> => ({
  time: 0,
  durationMs: 0,
  requestId: '',
  service,
  action,
  resource: '*',
  parameters: {},
  status: 200,
  changed: false,
});

describe('a journal', () => {
  it('discards its oldest entries, but keeps the sequence numbers and the counts of all calls', () => {
    const journal = createJournal(10);
    for (let index = 1; index <= 25; index += 1) journal.record(entry(index % 2 === 0 ? 'Even' : 'Odd'));
    const sequences = (filter?: Parameters<typeof journal.entries>[0]) =>
      journal.entries(filter).map(({ sequence }) => sequence);
    expect(journal.forgotten()).toBe(11);
    expect(sequences()).toEqual([12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
    expect(sequences({ since: 3, action: 'Even', limit: 3 })).toEqual([12, 14, 16]);
    expect(sequences({ since: 23 })).toEqual([24, 25]);
    expect(sequences({ service: 'sts' })).toEqual([]);
    expect(journal.counts()).toEqual({ 'iam:Odd': 13, 'iam:Even': 12 });
    expect(journal.last()).toBe(25);
  });
});
