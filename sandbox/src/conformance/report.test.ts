import { expect, test } from 'vitest';
import { cleanReport, countCalls, renderReport, type Report } from './report.ts';
import type { CallResult } from './run-scenario.ts';

const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
const secret = 'a-secret-of-forty-characters-that-is-long';

const call = (given: Partial<CallResult>): CallResult => ({
  operation: 'AssumeRole',
  status: 'equal',
  expected: { answer: {} },
  got: { answer: {} },
  differences: [],
  attempts: 1,
  settledMs: 0,
  ...given,
});

const calls = [
  call({
    expected: { answer: { Credentials: { SecretAccessKey: '<any text>' } } },
    got: {
      answer: {
        Credentials: { AccessKeyId: 'ASIAABCDEFGHIJKLMNOP', SecretAccessKey: 'raw', SessionToken: 'raw' },
      },
    },
  }),
  call({
    status: 'different',
    got: {
      error: 'AccessDenied',
      message: `User: arn:aws:iam::123456789012:user/me with ${token} | and ${secret}`,
    },
    differences: [`expected a successful response, got the key AKIAABCDEFGHIJKLMNOP`],
    attempts: 3,
    settledMs: 700,
  }),
  call({
    operation: 'GetObject',
    status: 'skipped',
    reason: 'an earlier call returned no credentials for the session',
  }),
];
const areas = [{ name: 'Roles', scenarios: [{ name: 'a role is assumed', calls }] }];
const report: Report = {
  run: 'aaaaaaaa',
  version: '1.0.0',
  startedAt: '2026-01-01T00:00:00.000Z',
  durationSeconds: 3,
  accountId: '123456789012',
  partition: 'aws',
  region: 'us-east-1',
  caller: 'arn:aws:iam::123456789012:user/me',
  interrupted: false,
  calls: countCalls(areas),
  areas,
  measurements: [{ id: 'a', question: 'How long?', answer: '3 ms', milliseconds: 3 }],
  quotas: { RolesQuota: 1000 },
  removed: 2,
  left: [],
};

test('access keys, tokens and the secrets that the caller passes are removed from every part of a report', () => {
  const text = JSON.stringify(cleanReport(report, { mask: false, secrets: [secret, 'short', ''] }));
  expect(text).not.toMatch(/AKIA|ASIA|eyJ|"raw"/);
  expect(text).not.toContain(secret);
  expect(text).toContain('"SecretAccessKey":"<any text>"');
  expect(text).toContain('arn:aws:iam::123456789012:user/me with <token> | and <removed>');
});

test('if masking is requested, a report contains neither the AWS account id nor the name of the caller', () => {
  const text = JSON.stringify(cleanReport(report, { mask: true, secrets: [] }));
  expect(text).not.toContain('123456789012');
  expect(text).not.toContain('user/me');
  expect(text).toContain('User: <caller> with <token>');
});

test('the text of a report counts the calls, lists the differences first, and keeps its tables intact', () => {
  const text = renderReport(cleanReport(report, { mask: false, secrets: [secret] }));
  expect(text).toContain('Calls: 1 equal to the scenario table, 1 different, 1 skipped.');
  expect(text).toContain(
    '- **Roles: a role is assumed**, AssumeRole\n  - expected a successful response, got the key <access key>',
  );
  expect(text.indexOf('## Differences')).toBeLessThan(text.indexOf('## Roles'));
  expect(text).toContain('| **no**, after 3 calls in 700 ms |');
  expect(text).toContain('| skipped: an earlier call returned no credentials for the session |');
  expect(text).toContain('<token> \\| and <removed>');
});
