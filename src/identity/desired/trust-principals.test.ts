import { describe, expect, it } from 'vitest';
import { describePrincipal, admitsSubject, principalsOf, trustsProvider } from './trust-principals.ts';

const provider = 'arn:aws:iam::123456789012:oidc-provider/oidc.example';
const subject = 'system:serviceaccount:production:payments';
const document = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });
const web = (condition?: object, principal: object = { Federated: provider }): object => ({
  Effect: 'Allow',
  Principal: principal,
  Action: 'sts:AssumeRoleWithWebIdentity',
  ...(condition ? { Condition: condition } : {}),
});
const sub = (value: unknown): object => ({ 'oidc.example:sub': value });

describe('a subject', () => {
  it.each([
    ['by its name', document(web({ StringEquals: sub(subject) }))],
    ['by a list', document(web({ StringEquals: sub(['system:serviceaccount:other:x', subject]) }))],
    ['by a pattern', document(web({ StringLike: sub('system:serviceaccount:production:*') }))],
    ['by a key in another case', document(web({ StringEquals: { 'OIDC.example:SUB': subject } }))],
    ['by a set operator', document(web({ 'ForAnyValue:StringLike': sub('system:serviceaccount:*:pay*') }))],
    ['by a statement that names no subject', document(web({ StringEquals: { 'oidc.example:aud': 'x' } }))],
    ['by a statement without conditions', document(web())],
    ['by a negated operator', document(web({ StringNotEquals: sub('system:serviceaccount:a:b') }))],
    ['by the principal *', document({ Effect: 'Allow', Principal: '*', Action: 'sts:*' })],
    ['by one of several providers', document(web(undefined, { Federated: ['arn:other', provider] }))],
    ['by a single statement outside a list', JSON.stringify({ Statement: web() })],
    ['by a document that cannot be read', 'no JSON'],
  ])('is admitted %s', (_, policy) => {
    expect(admitsSubject(principalsOf(policy), provider, subject)).toBe(true);
  });

  it.each([
    ['another name', document(web({ StringEquals: sub('system:serviceaccount:production:other') }))],
    ['another provider', document(web({ StringEquals: sub(subject) }, { Federated: `${provider}2` }))],
    ['a denial', document({ ...web(), Effect: 'Deny' })],
    ['a service', document({ Effect: 'Allow', Principal: { Service: 'pods.eks.amazonaws.com' } })],
    [
      'a name with a dot for another character',
      document(web({ StringLike: sub(subject.replace('y', '.')) })),
    ],
  ])('is not admitted by %s', (_, policy) => {
    expect(admitsSubject(principalsOf(policy), provider, subject)).toBe(false);
  });
});

it('principals are described in readable form', () => {
  const policy = document(
    web({ StringEquals: sub(subject) }),
    web({ StringLike: sub('system:serviceaccount:*:x') }),
    web(),
    web({ StringEquals: sub(subject) }, { Federated: `${provider}2` }),
    { Effect: 'Allow', Principal: { AWS: ['arn:aws:iam::123456789012:root'], Service: 'ec2.amazonaws.com' } },
  );
  expect(principalsOf(policy).map((principal) => describePrincipal(principal, provider))).toEqual([
    'production/payments',
    'system:serviceaccount:*:x',
    'every ServiceAccount of the cluster',
    `production/payments of ${provider}2`,
    'principal {"AWS":"arn:aws:iam::123456789012:root"}',
    'principal {"Service":"ec2.amazonaws.com"}',
  ]);
});

it.each(['{}', '{"Statement":null}', '{"Statement":[null]}'])(
  'no principal is found in the document %s, which lacks a valid statement',
  (document) => {
    expect(principalsOf(document)).toEqual([]);
  },
);

describe('trustsProvider', () => {
  const allow = (principal: unknown, effect = 'Allow'): object => ({
    Effect: effect,
    Principal: principal,
    Action: 'sts:AssumeRoleWithWebIdentity',
  });

  it.each([
    ['the provider alone', document(allow({ Federated: provider }))],
    ['a statement outside a list', JSON.stringify({ Statement: allow({ Federated: provider }) })],
    [
      'the provider among others',
      document(allow({ Federated: ['cognito-identity.amazonaws.com', provider] })),
    ],
    [
      'the provider in the second statement',
      document(allow({ Service: 'ec2.amazonaws.com' }), allow({ Federated: provider })),
    ],
    ['the provider in escaped JSON', document(allow({ Federated: provider })).replaceAll('/', '\\/')],
    ['every federated principal', document(allow({ Federated: '*' }))],
    ['the principal *', document(allow('*'))],
    ['a document that cannot be read', `{"Federated": "${provider}"`],
  ])('is true for %s', (_what, trustPolicy) => {
    expect(trustsProvider(trustPolicy, provider)).toBe(true);
  });

  it.each([
    ['another provider', document(allow({ Federated: `${provider}B` }))],
    ['a service', document(allow({ Service: 'ec2.amazonaws.com' }))],
    ['a statement that denies', document(allow({ Federated: provider }, 'Deny'))],
    ['no statement', document()],
  ])('is false for %s', (_what, trustPolicy) => {
    expect(trustsProvider(trustPolicy, provider)).toBe(false);
  });
});
