import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchesArn } from './arn.ts';
import { parsePolicyDocument } from './document.ts';
import { evaluateIdentity, evaluateTrust } from './evaluate.ts';
import type { EvaluationRequest, PolicyDocument, PolicySource } from './model.ts';
import { matchesGlyphs, plainGlyphs, resolvePattern } from './pattern.ts';

/** Texts from a small alphabet, so that generated patterns often match generated requests. */
const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '*', '?', '/'), maxLength: 8 });
const plainWord = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '/'), maxLength: 8 });
const action = fc.constantFrom('s3:GetObject', 's3:PutObject', 's3:ListBucket', 'iam:GetRole');
const actionPattern = fc.constantFrom('*', 's3:*', 's3:Get*', 'S3:PUTOBJECT', 's3:?istBucket', 'iam:*');
const resource = plainWord.map((path) => `arn:aws:s3:::b/${path}`);
const resourcePattern = fc.oneof(
  fc.constant('*'),
  word.map((path) => `arn:aws:s3:::b/${path}`),
  fc.constantFrom('arn:aws:s3:::*', 'arn:aws:s3:::b/${aws:username}*'),
);
const contextKey = fc.constantFrom('aws:username', 'aws:PrincipalTag/team', 's3:prefix');
const context = fc.dictionary(contextKey, fc.oneof(plainWord, fc.array(plainWord, { maxLength: 3 })), {
  maxKeys: 3,
});
const operator = fc
  .tuple(
    fc.constantFrom('', 'ForAllValues:', 'ForAnyValue:'),
    fc.constantFrom(
      'StringEquals',
      'StringNotEquals',
      'StringLike',
      'StringNotLike',
      'StringEqualsIgnoreCase',
    ),
    fc.constantFrom('', 'IfExists'),
  )
  .map((parts) => parts.join(''));
const condition = fc.dictionary(
  operator,
  fc.dictionary(contextKey, fc.array(word, { maxLength: 2 }), { maxKeys: 2 }),
  {
    maxKeys: 2,
  },
);

const statement = (effect: fc.Arbitrary<'Allow' | 'Deny'>): fc.Arbitrary<object> =>
  fc
    .tuple(
      effect,
      fc.boolean(),
      fc.boolean(),
      fc.array(actionPattern, { minLength: 1, maxLength: 2 }),
      resourcePattern,
      condition,
    )
    .map(([Effect, notAction, notResource, actions, resources, Condition]) => ({
      Effect,
      [notAction ? 'NotAction' : 'Action']: actions,
      [notResource ? 'NotResource' : 'Resource']: resources,
      Condition,
    }));
const anyEffect = fc.constantFrom('Allow' as const, 'Deny' as const);
const policy = (effect: fc.Arbitrary<'Allow' | 'Deny'>): fc.Arbitrary<PolicySource> =>
  fc.array(statement(effect), { minLength: 1, maxLength: 3 }).map((statements) => ({
    id: 'p',
    document: parse(statements),
  }));
const policies = fc.array(policy(anyEffect), { maxLength: 3 });
const request: fc.Arbitrary<EvaluationRequest> = fc.record({ action, resource, context });

function parse(statements: readonly object[]): PolicyDocument {
  const text = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  const result = parsePolicyDocument(text, 'identity');
  if (!result.ok) throw new Error(result.message);
  return result.document;
}
const everything = { id: 'all', document: parse([{ Effect: 'Allow', Action: '*', Resource: '*' }]) };
const denyEverything = { id: 'none', document: parse([{ Effect: 'Deny', Action: '*', Resource: '*' }]) };

/** Naive translation of a pattern into a regular expression. Serves as the oracle for the hand-written matcher. */
const asRegExp = (pattern: string): RegExp =>
  new RegExp(
    `^${Array.from(pattern, (character) =>
      character === '*' ? '[^]*' : character === '?' ? '[^]' : character.replace(/[\\^$.|+()[\]{}/]/, '\\$&'),
    ).join('')}$`,
    'u',
  );

describe('wildcards', () => {
  test('match like the equivalent regular expression', () => {
    const unit = fc.constantFrom('a', 'b', '*', '?', '.', '😀', '\n', '$');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), fc.string({ unit, maxLength: 12 }), (pattern, text) => {
        expect(matchesGlyphs(plainGlyphs(pattern), text)).toBe(asRegExp(pattern).test(text));
      }),
      { numRuns: 2000 },
    );
  });
  test('are necessary to match more than one text: a pattern without wildcards matches only the identical text', () => {
    fc.assert(
      fc.property(plainWord, plainWord, (pattern, text) => {
        expect(matchesGlyphs(plainGlyphs(pattern), text)).toBe(pattern === text);
      }),
    );
  });
  test('are literal characters in the value of a variable', () => {
    fc.assert(
      fc.property(word, word, (value, text) => {
        const resolved = resolvePattern('x${k}y', () => value);
        expect(resolved.ok && matchesGlyphs(resolved.glyphs, `x${text}y`)).toBe(value === text);
      }),
    );
  });
  test('match each segment of an ARN separately, and every ARN matches itself', () => {
    const segment = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 3 });
    const segments = fc.array(segment, { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(segments, segments, (pattern, given) => {
        const text = given.map((part) => part.replaceAll('*', 'c'));
        expect(matchesArn(plainGlyphs(text.join(':')), text.join(':'))).toBe(true);
        expect(matchesArn(plainGlyphs(pattern.join(':')), text.join(':'))).toBe(
          pattern.every((part, index) => asRegExp(part).test(text[index] ?? '')),
        );
      }),
    );
  });
});

describe('evaluation', () => {
  test('always denies if a statement denies', () => {
    fc.assert(
      fc.property(request, policies, (ask, identity) => {
        const decision = evaluateIdentity(ask, {
          identity: [...identity, everything, denyEverything],
        }).decision;
        expect(decision).toBe('explicitDeny');
        expect(evaluateIdentity(ask, { identity, boundary: [denyEverything] }).decision).toBe('explicitDeny');
        expect(evaluateIdentity(ask, { identity, session: [denyEverything] }).decision).toBe('explicitDeny');
      }),
    );
  });
  test('never removes access when an Allow statement is added', () => {
    fc.assert(
      fc.property(request, policies, policy(fc.constant('Allow')), (ask, identity, more) => {
        const before = evaluateIdentity(ask, { identity }).decision;
        const after = evaluateIdentity(ask, { identity: [...identity, more] }).decision;
        if (before !== 'implicitDeny') expect(after).toBe(before);
      }),
    );
  });
  test('never grants more when a Deny statement is added', () => {
    fc.assert(
      fc.property(request, policies, policy(fc.constant('Deny')), (ask, identity, more) => {
        const before = evaluateIdentity(ask, { identity }).decision;
        const after = evaluateIdentity(ask, { identity: [...identity, more] }).decision;
        if (before !== 'allowed') expect(after).not.toBe('allowed');
      }),
    );
  });
  test('never grants more access when a boundary or session policies are added', () => {
    fc.assert(
      fc.property(request, policies, policies, policies, (ask, identity, boundary, session) => {
        const { decision } = evaluateIdentity(ask, { identity, boundary, session });
        const each = [identity, boundary, session].map(
          (layer) => evaluateIdentity(ask, { identity: layer }).decision,
        );
        expect(decision).toBe(
          each.includes('explicitDeny')
            ? 'explicitDeny'
            : each.includes('implicitDeny')
              ? 'implicitDeny'
              : 'allowed',
        );
      }),
    );
  });
  test('does not depend on the order of policies and statements', () => {
    fc.assert(
      fc.property(request, policies, (ask, identity) => {
        const turned = identity.toReversed().map(({ id, document }) => ({
          id,
          document: { ...document, statements: document.statements.toReversed() },
        }));
        expect(evaluateIdentity(ask, { identity: turned }).decision).toBe(
          evaluateIdentity(ask, { identity }).decision,
        );
      }),
    );
  });
  test('names the deciding statements, and these statements alone give the same decision', () => {
    fc.assert(
      fc.property(request, policies, (ask, given) => {
        const identity = given.map((source, index) => ({ ...source, id: String(index) }));
        const { decision, by } = evaluateIdentity(ask, { identity });
        const named = identity.map(({ id, document }) => ({
          id,
          document: {
            ...document,
            statements: document.statements.filter((_, index) =>
              by.some((entry) => entry.policy === id && entry.statement === index),
            ),
          },
        }));
        expect(evaluateIdentity(ask, { identity: named }).decision).toBe(decision);
        expect(by.length > 0).toBe(decision !== 'implicitDeny');
      }),
    );
  });
  test('ignores the case of context keys and of actions', () => {
    fc.assert(
      fc.property(request, policies, (ask, identity) => {
        const shouted = Object.fromEntries(
          Object.entries(ask.context).map(([key, value]) => [key.toUpperCase(), value]),
        );
        expect(
          evaluateIdentity({ ...ask, action: ask.action.toLowerCase(), context: shouted }, { identity })
            .decision,
        ).toBe(evaluateIdentity(ask, { identity }).decision);
      }),
    );
  });
});

describe('the parser', () => {
  test('gives a result for any text and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json()),
        fc.constantFrom('identity' as const, 'trust' as const),
        (text, kind) => {
          expect(typeof parsePolicyDocument(text, kind).ok).toBe('boolean');
        },
      ),
    );
  });
  test('gives a result for any JSON in any element and never throws', () => {
    const element = fc.constantFrom(
      'Sid',
      'Effect',
      'Principal',
      'Action',
      'Resource',
      'Condition',
      'NotAction',
    );
    fc.assert(
      fc.property(
        fc.dictionary(element, fc.jsonValue()),
        fc.constantFrom('identity' as const, 'trust' as const),
        (broken, kind) => {
          const sound = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '*' } };
          const text = JSON.stringify({ Version: '2012-10-17', Statement: { ...sound, ...broken } });
          expect(typeof parsePolicyDocument(text, kind).ok).toBe('boolean');
        },
      ),
    );
  });
});

describe('a trust policy', () => {
  test('admits only subjects that it lists', () => {
    const subject = fc.string({ unit: fc.constantFrom('a', 'b', ':', '*', '?'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(subject, { minLength: 1, maxLength: 3 }), subject, (listed, asking) => {
        const provider = 'arn:aws:iam::111122223333:oidc-provider/issuer.example.com';
        const text = JSON.stringify({
          Version: '2012-10-17',
          Statement: {
            Effect: 'Allow',
            Principal: { Federated: provider },
            Action: 'sts:AssumeRoleWithWebIdentity',
            Condition: { StringEquals: { 'issuer.example.com:sub': listed } },
          },
        });
        const parsed = parsePolicyDocument(text, 'trust');
        expect(
          parsed.ok &&
            evaluateTrust(
              {
                action: 'sts:AssumeRoleWithWebIdentity',
                principal: { type: 'Federated', values: [provider] },
                context: { 'issuer.example.com:sub': asking },
              },
              parsed.document,
            ).decision,
        ).toBe(listed.includes(asking) ? 'allowed' : 'implicitDeny');
      }),
    );
  });
});
