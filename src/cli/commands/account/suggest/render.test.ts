import { describe, expect, it } from 'vitest';
import type { Suggestion } from '../../../permissions/suggestion.ts';
import { accountWith } from '../../../permissions/testing/suggestion-input.ts';
import { renderSuggestion, suggestionOf, type AccountSuggestion } from './render.ts';

const since = Date.parse('2027-01-01T00:00:00Z');
const arn = 'arn:aws:iam::123456789012:role/orders';
const account = accountWith({ policyNames: ['aws/Large', 'aws/Unused'] });
const advice = { reason: 'a reason', unusedServices: [] };
const smaller: Suggestion = {
  policies: [
    { ...advice, policy: 'aws/Large', advice: 'replace', by: 'aws/Small' },
    { ...advice, policy: 'aws/Unused', advice: 'remove' },
  ],
  statements: [],
  proposed: { aws: { policyNames: ['aws/Small'] }, deletionPolicy: 'Delete' },
};

const of = (
  lastAccessed: string | undefined,
  { suggestion = smaller, createdAt = '2026-01-01T00:00:00Z', period = '90d' } = {},
): AccountSuggestion =>
  suggestionOf({ account, period, since, roles: [{ arn, createdAt }], lastAccessed, suggestion });

describe('the output of kon account suggest', () => {
  it('ends with one command that replaces the policies', () => {
    const found = of('2027-01-02T00:00:00Z');
    expect(found.commands).toEqual([
      'kon account edit orders --remove-policy aws/Large --remove-policy aws/Unused --add-policy aws/Small',
    ]);
    const text = renderSuggestion(found, false);
    expect(text).toContain('Use of account orders since 2027-01-01:\naws/Large: replace, a reason\n');
    expect(text).toContain('-       - aws/Unused\n');
    expect(text).toContain('Consider before you save it:\n  IAM tracks management actions of some services.');
  });

  it('ends with a command that evaluates the same period again and writes the proposed statements to a file', () => {
    const suggestion: Suggestion = {
      ...smaller,
      statements: [{ statement: 'Jobs', advice: 'narrow', removedActions: ['sqs:*'] }],
    };
    const found = of('2027-01-02T00:00:00Z', { suggestion, period: '30d' });
    expect(found.commands[0]).toBe(
      "kon account suggest orders --since 30d -o jsonpath='{.proposed}' > orders.json",
    );
    expect(renderSuggestion(found, false)).toContain('\nJobs: narrow, without sqs:*\n');
  });

  it('suggests nothing for an account that was not used in the period, and reports when the account was last used', () => {
    const found = of('2026-12-01T00:00:00Z');
    expect(found).toMatchObject({ policies: [], commands: [] });
    expect(found.proposed).toBeUndefined();
    expect(renderSuggestion(found, false)).toBe(
      '‼ IAM reports no use of account "orders" since 2027-01-01; the last one was at 2026-12-01T00:00:00Z. Nothing is suggested; if no app needs the account: kon account delete orders\n',
    );
  });

  it('warns if the role is younger than the period', () => {
    const [warning] = of('2027-01-02T00:00:00Z', { createdAt: '2027-01-01T12:00:00Z' }).warnings;
    expect(warning).toBe(
      `the role ${arn} was created at 2027-01-01T12:00:00Z, so IAM reports its use for less than 90d`,
    );
    expect(of('2027-01-02T00:00:00Z').warnings).toEqual([]);
  });
});
