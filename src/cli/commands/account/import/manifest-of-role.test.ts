import { describe, expect, it } from 'vitest';
import { ownershipTags } from '../../../../identity/desired/ownership.ts';
import { facts, readOnly } from '../../../../identity/testing/simulated-world.ts';
import type { ObservedRole } from '../../../../identity/state/world.ts';
import { importRole } from './manifest-of-role.ts';

const host = facts.issuer.slice('https://'.length);
const trusting = (...subjects: string[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: facts.providerArn },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { StringEquals: { [`${host}:sub`]: subjects, [`${host}:aud`]: 'sts.amazonaws.com' } },
      },
    ],
  });
const role = (more: Partial<ObservedRole> = {}): ObservedRole => ({
  name: 'eksctl-main-payments',
  arn: 'arn:aws:iam::123456789012:role/eksctl-main-payments',
  id: 'AROAEXAMPLE',
  path: '/',
  trustPolicy: trusting('system:serviceaccount:production:payments'),
  attachedPolicyArns: [readOnly],
  inlinePolicyNames: [],
  maxSessionDuration: 7200,
  tags: {},
  ...more,
});
const nothing = { name: undefined, targets: [] };

describe('the import of an existing role', () => {
  it('creates an account for the ServiceAccount that the trust policy names', () => {
    expect(importRole(role(), facts, nothing)).toEqual({
      kind: 'sound',
      manifest: {
        apiVersion: 'k11n.dev/v1alpha1',
        kind: 'LinkedServiceAccount',
        metadata: { name: 'payments' },
        spec: {
          targets: ['production'],
          aws: {
            policyNames: ['aws/AmazonS3ReadOnlyAccess'],
            maxSessionDuration: 7200,
            roleName: 'eksctl-main-payments',
            adopt: true,
          },
          deletionPolicy: 'Retain',
        },
      },
      notes: [],
    });
  });

  it('reports the parts of the role that the account does not manage', () => {
    const trustPolicy = trusting(
      'system:serviceaccount:production:payments',
      'system:serviceaccount:tools:payments',
    );
    expect(importRole(role({ trustPolicy, inlinePolicyNames: ['extra'] }), facts, nothing)).toMatchObject({
      notes: [
        'The namespace tools is not a target. To add it: kon target create tools',
        'The inline policy extra stays on the role, and the account is not ready until a managed policy replaces the inline policy.',
      ],
    });
  });

  it('creates no account if the operator would delete inline policies of the role', () => {
    const inlinePolicyNames = ['extra', 'more'];
    const strict = { ...facts, strictInline: true };
    expect(importRole(role({ inlinePolicyNames }), strict, nothing)).toMatchObject({
      kind: 'unsound',
      problem: expect.stringContaining('would delete: extra, more'),
    });
    expect(importRole(role(), strict, nothing)).toMatchObject({ kind: 'sound' });
  });

  it('requires explicit targets if none of the namespaces that the role trusts is a target', () => {
    const outside = role({ trustPolicy: trusting('system:serviceaccount:tools:payments') });
    expect(importRole(outside, facts, nothing)).toMatchObject({
      kind: 'unsound',
      problem: expect.stringContaining(
        'admits tools/payments, but the namespaces are not targets of the cluster',
      ),
      next: [expect.stringContaining('kon target create tools'), expect.stringContaining('--target')],
    });
    const targets = ['staging'];
    expect(importRole(outside, facts, { name: undefined, targets })).toMatchObject({
      kind: 'sound',
      manifest: { spec: { targets } },
    });
  });

  it.each([
    [
      'of several ServiceAccounts',
      trusting('system:serviceaccount:production:x', 'system:serviceaccount:production:y'),
      /x, y/,
    ],
    ['of none', JSON.stringify({ Statement: [] }), /no ServiceAccount/],
  ])('requires an account name for a role %s', (_what, trustPolicy, problem) => {
    expect(importRole(role({ trustPolicy }), facts, nothing)).toMatchObject({
      kind: 'unsound',
      problem: expect.stringMatching(problem),
    });
    expect(importRole(role({ trustPolicy }), facts, { ...nothing, name: 'x' }).kind).toBe('sound');
  });

  it('refuses a role that belongs to another account', () => {
    const tags = ownershipTags({ ...facts, account: 'other', uid: 'u' });
    expect(importRole(role({ tags }), facts, nothing)).toMatchObject({
      kind: 'unsound',
      problem: expect.stringContaining('the account other on'),
    });
  });
});
