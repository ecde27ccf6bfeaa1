import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePolicyDocument } from './document.ts';
import { evaluateIdentity } from './evaluate.ts';
import type { PolicySource, RequestContext } from './model.ts';
import { evaluateKnown, type KnownLayer } from './unknown-context.ts';

const keys = ['aws:PrincipalTag/team', 'aws:SourceVpce', 's3:prefix'] as const;
const value = fc.constantFrom('a', 'b', '');
const context = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 3 });
const operator = fc.constantFrom(
  'StringEquals',
  'StringNotEquals',
  'StringLike',
  'StringEqualsIfExists',
  'ForAllValues:StringEquals',
  'ForAnyValue:StringNotEquals',
);
const condition = fc.oneof(
  fc.constant({}),
  fc.dictionary(operator, fc.dictionary(fc.constantFrom(...keys), fc.constantFrom('a', '*')), { maxKeys: 2 }),
  fc.constant({ Null: { 'aws:SourceVpce': 'true' } }),
);
const statement = fc
  .tuple(
    fc.constantFrom('Allow', 'Allow', 'Deny'),
    fc.constantFrom('Action', 'NotAction'),
    fc.constantFrom('s3:GetObject', 's3:Put*', '*'),
    fc.constantFrom('Resource', 'NotResource'),
    fc.constantFrom('*', 'arn:aws:s3:::b/a', 'arn:aws:s3:::b/${aws:PrincipalTag/team}'),
    condition,
  )
  .map(([Effect, action, actions, resource, resources, Condition]) => ({
    Effect,
    [action]: actions,
    [resource]: resources,
    Condition,
  }));
const source: fc.Arbitrary<PolicySource> = fc
  .array(statement, { minLength: 1, maxLength: 3 })
  .map((statements) => {
    const parsed = parsePolicyDocument(
      JSON.stringify({ Version: '2012-10-17', Statement: statements }),
      'identity',
    );
    if (!parsed.ok) throw new Error(parsed.message);
    return { id: 'p', document: parsed.document };
  });
const sources = fc.array(source, { maxLength: 3 });
const boundary = fc.option(sources, { nil: undefined });
const question = fc.record({
  action: fc.constantFrom('s3:GetObject', 's3:PutObject'),
  resource: fc.constantFrom('arn:aws:s3:::b/a', 'arn:aws:s3:::b/b', '*'),
});
const complete = (list: readonly PolicySource[]): KnownLayer => ({ sources: list, isPartial: false });

function decide(
  asked: { readonly action: string; readonly resource: string },
  known: RequestContext,
  identity: readonly PolicySource[],
  limit: readonly PolicySource[] | undefined,
): ReturnType<typeof evaluateKnown> {
  return evaluateKnown(
    { ...asked, context: known },
    { identity: complete(identity), ...(limit ? { boundary: complete(limit) } : {}) },
  );
}

describe('the evaluation with unknown context keys', () => {
  test('gives an answer that holds for every value of the unknown keys', () => {
    fc.assert(
      fc.property(question, sources, boundary, context, context, (asked, identity, limit, known, rest) => {
        const { decision } = decide(asked, known, identity, limit);
        const full = { ...rest, ...known };
        const real = evaluateIdentity(
          { ...asked, context: full },
          { identity, ...(limit ? { boundary: limit } : {}) },
        );
        if (decision === 'allowed') expect(real.decision).toBe('allowed');
        if (decision === 'denied') expect(real.decision).not.toBe('allowed');
      }),
      { numRuns: 1000 },
    );
  });

  test('gives the same result as the evaluation of a request if no key is unknown', () => {
    fc.assert(
      fc.property(question, sources, boundary, (asked, identity, limit) => {
        const known = { 'aws:PrincipalTag/team': 'a', 'aws:SourceVpce': 'b', 's3:prefix': 'a' };
        const real = evaluateIdentity(
          { ...asked, context: known },
          { identity, ...(limit ? { boundary: limit } : {}) },
        );
        expect(decide(asked, known, identity, limit).decision).toBe(
          real.decision === 'allowed' ? 'allowed' : 'denied',
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('never denies because of a policy that could not be read', () => {
    fc.assert(
      fc.property(question, sources, source, (asked, read, unread) => {
        const partial = evaluateKnown(
          { ...asked, context: {} },
          { identity: { sources: read, isPartial: true } },
        );
        const all = decide(asked, {}, [...read, unread], undefined);
        if (partial.decision === 'denied') expect(all.decision).toBe('denied');
      }),
      { numRuns: 1000 },
    );
  });
});
