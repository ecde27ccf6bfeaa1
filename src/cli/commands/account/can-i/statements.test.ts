import { expect, it } from 'vitest';
import { decidingStatements } from './statements.ts';

const allow = { Sid: 'Read', Effect: 'Allow', Action: ['s3:Get*'], Resource: 'arn:aws:s3:::b/*' };
const deny = { Effect: 'Deny', NotAction: 's3:*', Resource: '*' };
const document = JSON.stringify({ Version: '2012-10-17', Statement: [allow, deny] }, undefined, 2);
const read = (texts: readonly string[]): unknown[] => texts.map((text) => JSON.parse(text) as unknown);

it('decidingStatements finds the statement by effect, action and resource if IAM reports no position', () => {
  const asked = { action: 's3:getobject', resource: 'arn:aws:s3:::b/key' };
  expect(read(decidingStatements(document, { ...asked, decision: 'allowed' }))).toEqual([allow]);
  expect(decidingStatements(document, { ...asked, resource: 'x', decision: 'allowed' })).toEqual([]);
  expect(
    read(decidingStatements(document, { action: 'sqs:Send', resource: '*', decision: 'explicitDeny' })),
  ).toEqual([deny]);
  expect(decidingStatements(document, { ...asked, decision: 'explicitDeny' })).toEqual([]);
});

it.each([0, 1])(
  'decidingStatements finds the statement at the position that IAM reports, even if the reported columns are %i too high',
  (off) => {
    const lines = document.split('\n');
    const start = lines.findIndex((line) => line.includes('"Deny"'));
    const end = lines.findIndex((line, index) => index > start && line.trim() === '}');
    const at = {
      from: { line: start, column: (lines[start - 1]?.indexOf('{') ?? 0) + 1 + off },
      to: { line: end + 1, column: (lines[end]?.indexOf('}') ?? 0) + 1 + off },
    };
    const asked = { action: 's3:GetObject', resource: 'x', decision: 'allowed' } as const;
    expect(read(decidingStatements(document, asked, at))).toEqual([deny]);
  },
);
