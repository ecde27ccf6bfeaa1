import { describe, expect, test } from 'vitest';
import type { LinkedServiceAccount } from '../api/index.ts';
import { identityGate, identityMark, roleOfMark, type IdentityGate } from './identity-gate.ts';
import { account, identityOf, otherRoleArn, roleArn, row } from './testing/fixtures.ts';

const same = identityOf().mark;
const another = identityOf(otherRoleArn).mark;

type Case = {
  readonly name: string;
  readonly account?: string;
  readonly resource?: LinkedServiceAccount;
  /**
   * Expected gate for three Deployments: without an identity, with another identity, and with the account's identity.
   */
  readonly expected: readonly [string, string, string];
};

const linked = row('production');
const unproven = row('production', { proven: false, message: 'AccessDenied' });
const unlinked = row('production', { linked: false, proven: false, message: 'foreign ServiceAccount' });

const table: readonly Case[] = [
  { name: 'the App names no account', expected: ['open', 'open', 'open'] },
  {
    name: 'the account does not exist',
    account: 'payments',
    expected: ['AccountNotFound', 'AccountNotFound', 'AccountNotFound'],
  },
  {
    name: 'the account is linked and proven',
    account: 'payments',
    resource: account([linked]),
    expected: ['open with role', 'open with role', 'open with role'],
  },
  {
    name: 'the account is linked, but not proven',
    account: 'payments',
    resource: account([unproven]),
    expected: ['IdentityNotProven', 'IdentityNotProven', 'open with role, IdentityNotProven'],
  },
  {
    name: 'the account is linked, and the AWS account has no OIDC provider',
    account: 'payments',
    resource: account([row('production', { proven: false, reason: 'OIDCProviderMissing' })]),
    expected: ['OIDCProviderMissing', 'OIDCProviderMissing', 'OIDCProviderMissing'],
  },
  {
    name: 'the account is linked, and the OIDC provider lacks the audience',
    account: 'payments',
    resource: account([row('production', { proven: false, reason: 'AudienceMissing' })]),
    expected: ['AudienceMissing', 'AudienceMissing', 'AudienceMissing'],
  },
  {
    name: 'the account is not linked',
    account: 'payments',
    resource: account([unlinked]),
    expected: ['AccountNotLinkedToTarget', 'AccountNotLinkedToTarget', 'AccountNotLinkedToTarget'],
  },
  {
    name: 'the account is proven according to its status, but not linked',
    account: 'payments',
    resource: account([row('production', { linked: false })]),
    expected: ['AccountNotLinkedToTarget', 'AccountNotLinkedToTarget', 'AccountNotLinkedToTarget'],
  },
  {
    name: 'the account has no status yet',
    account: 'payments',
    resource: account([]),
    expected: ['AccountNotLinkedToTarget', 'AccountNotLinkedToTarget', 'AccountNotLinkedToTarget'],
  },
  {
    name: 'the account is proven only in another target',
    account: 'payments',
    resource: account([row('staging')]),
    expected: ['AccountNotLinkedToTarget', 'AccountNotLinkedToTarget', 'AccountNotLinkedToTarget'],
  },
  {
    name: "the account's spec excludes the target, but its status still contains the link",
    account: 'payments',
    resource: account([linked], { only: ['staging'] }),
    expected: ['AccountExcludesTarget', 'AccountExcludesTarget', 'AccountExcludesTarget'],
  },
  {
    name: 'the account is being deleted',
    account: 'payments',
    resource: account([linked], { deleting: true }),
    expected: ['AccountDeleting', 'AccountDeleting', 'open with role, AccountDeleting'],
  },
  {
    name: 'the account is being deleted, and its link was removed',
    account: 'payments',
    resource: account([unlinked], { deleting: true }),
    expected: ['AccountDeleting', 'AccountDeleting', 'AccountDeleting'],
  },
  {
    name: 'the account is in quarantine',
    account: 'payments',
    resource: account([{ ...unproven, reason: 'Quarantined' }]),
    expected: ['Quarantined', 'Quarantined', 'Quarantined'],
  },
  {
    name: 'the account is in quarantine and is being deleted',
    account: 'payments',
    resource: account([{ ...unproven, reason: 'Quarantined' }], { deleting: true }),
    expected: ['Quarantined', 'Quarantined', 'Quarantined'],
  },
];

function summary(gate: IdentityGate): string {
  if (!gate.open) return gate.reason;
  return `open${gate.identity ? ' with role' : ''}${gate.warning ? `, ${gate.warning.reason}` : ''}`;
}

describe('identityGate', () => {
  test.each(table)(
    'decides for three deployed identities (none, another, the same): $name',
    ({ account: name, resource, expected }) => {
      const outcomes = [undefined, another, same].map((deployedMark) =>
        summary(
          identityGate({ account: name, linkedServiceAccount: resource, target: 'production', deployedMark }),
        ),
      );
      expect(outcomes).toEqual(expected);
    },
  );

  test("returns the identity in the target's status entry, whatever identity was deployed before", () => {
    const gate = identityGate({
      account: 'payments',
      linkedServiceAccount: account([row('production', { roleArn: otherRoleArn })]),
      target: 'production',
      deployedMark: same,
    });
    expect(gate).toEqual({ open: true, identity: identityOf(otherRoleArn) });
  });

  test("includes the message of the account's status entry for the target", () => {
    const gate = identityGate({
      account: 'payments',
      linkedServiceAccount: account([unproven]),
      target: 'production',
      deployedMark: undefined,
    });
    expect(gate).toMatchObject({
      message: 'account "payments" is not proven on target "production": AccessDenied',
    });
  });
});

describe('identityMark', () => {
  test('differs between roles and between audiences, and contains the role', () => {
    const mark = identityMark({ roleArn, audience: 'sts.amazonaws.com' });
    expect(mark).not.toBe(identityMark({ roleArn: otherRoleArn, audience: 'sts.amazonaws.com' }));
    expect(mark).not.toBe(identityMark({ roleArn, audience: 'other' }));
    expect(roleOfMark(mark)).toBe(roleArn);
  });
});
